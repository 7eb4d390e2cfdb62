/*
 * audit PORT TOKEN ANSWERS [all|quick] [holds|refuted]
 *
 * Asks a running server (tests/system/auditor.sh sets it up) the same questions
 * about two datasets of which one has one person more, ANSWERS times each, and
 * bounds from below what the answers tell the two apart by (dp/audit.h).  The
 * bound must stay below what the receipts say was paid; with `refuted`, of a
 * server whose noise is too small, it must not.
 *
 * The bound of a row is above the server's true epsilon with probability ALPHA
 * at most, whatever the server does.  An answer of many numbers is first made
 * one: by weights learnt from answers that are not audited (score.h).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/audit.h"
#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/init.h"
#include "tests/auditor/pipe.h"
#include "tests/auditor/question.h"
#include "tests/auditor/score.h"
#include "tests/lib_rng.h"

#define ALPHA 1e-6

enum { AT_ONCE = 32, MESSAGE_CAP = 2048, SEED = 2026 };

/* ---- asking ---- */

/* Answers to one question about both datasets, each turned into a number. */
struct asking {
    const struct question *question;
    struct scorer *scorer;
    bool learns;
    size_t per_side;
    int64_t *outcome[2]; /* per_side each, unless it learns */
    size_t got[2];
    struct question_price price; /* of the first answer */
    uint8_t message[MESSAGE_CAP];
};

/* Sides alternate, so that no drift of the machine tells them apart.  Each call
 * has a key of its own, so that none is answered from another's answer. */
static void ask(void *ctx, size_t call, const uint8_t **msg, size_t *len)
{
    struct asking *a = ctx;
    char key[64];
    (void)snprintf(key, sizeof key, "%.40s %c%zu", a->question->name,
                   a->learns ? 'l' : 'a', call);
    *len = question_pack(a->question, (int)(call % 2), key, a->message,
                         sizeof a->message);
    *msg = a->message;
}

static _Noreturn void stop(const char *name, const char *what)
{
    printf("FAILED %s: %s\n", name, what);
    exit(EXIT_FAILURE);
}

static void take(void *ctx, const struct pipe_reply *reply)
{
    struct asking *a = ctx;
    const int side = (int)(reply->call % 2);
    if (reply->status != 0)
        stop(a->question->name, reply->what);
    Halftone__V1__QueryReply *answer =
        halftone__v1__query_reply__unpack(NULL, reply->len, reply->msg);
    if (!answer || !answer->receipt)
        stop(a->question->name, "the answer cannot be read");
    const struct question_price price = question_price_of(answer->receipt);
    if (a->got[0] + a->got[1] == 0)
        a->price = price;
    if (price.rho_pico != a->price.rho_pico ||
        price.eps_nano != a->price.eps_nano ||
        price.delta_atto != a->price.delta_atto)
        stop(a->question->name, "two answers cost differently");
    if (answer->receipt->cached)
        stop(a->question->name, "an answer was served twice");
    if (a->learns)
        scorer_learn(a->scorer, side, answer);
    else
        a->outcome[side][a->got[side]] = scorer_outcome(a->scorer, answer);
    a->got[side]++;
    halftone__v1__query_reply__free_unpacked(answer, NULL);
}

/* ---- auditing ---- */

static int64_t draw(int neighbour, gsl_rng *rng, void *ctx)
{
    struct asking *a = ctx;
    (void)rng;
    if (a->got[neighbour] == 0)
        stop(a->question->name, "too few answers");
    return a->outcome[neighbour][--a->got[neighbour]];
}

/* What the price promises at a delta: that of the price and `a little`. */
static double claim_of(const struct question *q, struct question_price p,
                       double *delta)
{
    const double rho = (double)p.rho_pico * 1e-12;
    double eps = (double)p.eps_nano * 1e-9;
    enum dp_status status = DP_OK;
    *delta = (double)p.delta_atto * 1e-18;
    if (q->notion == DP_ZCDP)
        status = dp_eps_of_rho(&eps, rho, q->delta);
    else if (q->notion == DP_GDP)
        status = dp_gauss_eps(&eps, sqrt(2 * rho), q->delta);
    if (q->notion != DP_PURE)
        *delta += q->delta;
    if (status != DP_OK)
        stop(q->name, "the price has no epsilon");
    return eps;
}

struct run {
    struct pipe pipe;
    size_t answers;
    bool refuted; /* what is wanted */
    int failed;
};

static void ask_all(struct run *run, struct asking *a, size_t per_side)
{
    a->per_side = per_side;
    a->got[0] = a->got[1] = 0;
    run->pipe.ctx = a;
    pipe_run(&run->pipe, 2 * per_side);
}

static void audit(struct run *run, const struct question *q, gsl_rng *rng)
{
    const size_t n = run->answers;
    struct asking a = { .question = q, .learns = true };
    a.scorer = scorer_new();
    ask_all(run, &a, n / 8 + 50);
    scorer_settle(a.scorer);

    a.learns = false;
    for (int side = 0; side < 2; side++)
        if (!(a.outcome[side] = calloc(n, sizeof *a.outcome[side])))
            stop(q->name, "no memory");
    ask_all(run, &a, n);

    struct dp_audit_finding found;
    double delta;
    const double eps = claim_of(q, a.price, &delta);
    const struct dp_audit how = {
        .draw = draw, .ctx = &a, .trials = n, .delta = delta, .alpha = ALPHA
    };
    if (dp_audit(&found, &how, rng) != DP_OK)
        stop(q->name, "outside the auditor's domain");
    const bool holds = found.eps <= eps;
    run->failed |= holds == run->refuted;
    printf(
        "%s %s%s\nnote %-44s %zu answers on each, paid epsilon %.3f at delta "
        "%.3g, at least %.3f\n",
        holds != run->refuted ? "ok" : "FAILED", q->name,
        run->refuted ? ", planted, is caught" : "", q->name, n, eps, delta,
        found.eps);
    (void)fflush(stdout);
    free(a.outcome[0]);
    free(a.outcome[1]);
    scorer_free(a.scorer);
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: audit PORT TOKEN ANSWERS all|quick|NAME "
                          "holds|scale|threshold\n");
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return usage();
    const long port = strtol(argv[1], NULL, 10);
    const long answers = strtol(argv[3], NULL, 10);
    if (port < 1 || port > UINT16_MAX || answers < 2 ||
        (size_t)answers > DP_AUDIT_TRIALS_MAX)
        return usage();
    dp_init();
    struct run run = {
        .pipe = { .port = (uint16_t)port,
                  .token = argv[2],
                  .path = "/halftone.v1.Halftone/Query",
                  .at_once = AT_ONCE,
                  .ask = ask,
                  .reply = take },
        .answers = (size_t)answers,
        .refuted = strcmp(argv[5], "holds") != 0,
    };
    gsl_rng *rng = test_rng_new(SEED);
    size_t asked = 0;
    for (size_t i = 0; i < question_count(); i++) {
        const struct question *q = question_at(i);
        if (!question_is_of(q, argv[4], argv[5]))
            continue;
        audit(&run, q, rng);
        asked++;
    }
    gsl_rng_free(rng);
    return asked > 0 && !run.failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
