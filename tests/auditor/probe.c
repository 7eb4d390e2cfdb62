/*
 * probe PORT TOKEN AT_ONCE <QUESTIONS    when does each answer come?
 * probe same ALPHA A B <ANSWERS          do answers A and B come alike?
 * probe differ ALPHA A B <ANSWERS        or not?
 *
 * A question is a line LABEL<tab>DATASET<tab>RHO<tab>SQL (RHO 0: the policy's
 * price); they are asked in order, AT_ONCE at a time over one connection, and
 * timed at the client from the first byte of the question to the last of the
 * answer.  An answer is a line LABEL<tab>STATUS<tab>MICROSECONDS.
 *
 * Alike is judged by the two-sample test of Kolmogorov and Smirnov on equally
 * many of both: of equal distributions it says otherwise with probability ALPHA
 * at most (Wei and Dudley 2012, arXiv:1107.5356: P[D > d] <= e exp(-n d^2) for
 * samples of n each).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_sort.h>

#include "halftone/v1/halftone.pb-c.h"
#include "tests/auditor/pipe.h"

enum { LINES_MAX = 1 << 16, LINE_CAP = 4096, FIELDS = 4 };

/* ---- asking ---- */

struct probe {
    char *line[LINES_MAX]; /* owned; tabs are ends of strings */
    char *field[LINES_MAX][FIELDS];
    int status[LINES_MAX];
    uint64_t took_ns[LINES_MAX];
    size_t n;
    uint8_t message[LINE_CAP];
};

static int fail(const char *what)
{
    (void)fprintf(stderr, "probe: %s\n", what);
    return EXIT_FAILURE;
}

/* Cut at tabs; false unless there are just so many fields. */
static bool cut(char **field, size_t fields, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < fields; i++) {
        char *tab = strchr(line, '\t');
        field[i] = line;
        if (!tab)
            return i + 1 == fields;
        *tab = '\0';
        line = tab + 1;
    }
    return false;
}

static void ask(void *ctx, size_t call, const uint8_t **msg, size_t *len)
{
    static char purpose[] = "care";
    struct probe *p = ctx;
    Halftone__V1__QueryRequest r = HALFTONE__V1__QUERY_REQUEST__INIT;
    Halftone__V1__Ask ask = HALFTONE__V1__ASK__INIT;
    ask.rho = strtod(p->field[call][2], NULL);
    r.dataset = p->field[call][1];
    r.purpose = purpose;
    if (ask.rho > 0) {
        ask.kind_case = HALFTONE__V1__ASK__KIND_RHO;
        r.ask = &ask;
    }
    r.question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
    r.sql = p->field[call][3];
    *len = halftone__v1__query_request__pack(&r, p->message);
    *msg = p->message;
}

static void take(void *ctx, const struct pipe_reply *reply)
{
    struct probe *p = ctx;
    p->status[reply->call] = reply->status;
    p->took_ns[reply->call] = reply->took_ns;
}

static int run(char **argv)
{
    static struct probe p;
    char line[LINE_CAP / 2];
    while (p.n < LINES_MAX && fgets(line, sizeof line, stdin)) {
        p.line[p.n] = strdup(line);
        if (!p.line[p.n] || !cut(p.field[p.n], FIELDS, p.line[p.n]))
            return fail("a line is LABEL, DATASET, RHO, SQL between tabs");
        p.n++;
    }
    const struct pipe pipe = { .port = (uint16_t)strtol(argv[1], NULL, 10),
                               .token = argv[2],
                               .path = "/halftone.v1.Halftone/Query",
                               .at_once = (unsigned)strtol(argv[3], NULL, 10),
                               .ask = ask,
                               .reply = take,
                               .ctx = &p };
    if (pipe.at_once < 1 || pipe.at_once > PIPE_CALLS_MAX)
        return fail("AT_ONCE is out of range");
    pipe_run(&pipe, p.n);
    for (size_t i = 0; i < p.n; i++) {
        printf("%s\t%d\t%.0f\n", p.field[i][0], p.status[i],
               (double)p.took_ns[i] / 1e3);
        free(p.line[i]);
    }
    return EXIT_SUCCESS;
}

/* ---- comparing ---- */

struct sample {
    double took[LINES_MAX];
    size_t n;
};

/* The largest difference of the two empirical distributions. */
static double distance(const struct sample *a, const struct sample *b)
{
    double d = 0;
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        const double at = fmin(a->took[i], b->took[j]);
        while (i < a->n && a->took[i] <= at)
            i++;
        while (j < b->n && b->took[j] <= at)
            j++;
        d = fmax(d, fabs((double)i / (double)a->n - (double)j / (double)b->n));
    }
    return d;
}

static int compare(char **argv, bool wants_same)
{
    static struct sample a, b;
    char line[LINE_CAP], *field[3];
    const double alpha = strtod(argv[2], NULL);
    while (fgets(line, sizeof line, stdin)) {
        if (!cut(field, 3, line))
            return fail("a line is LABEL, STATUS, MICROSECONDS between tabs");
        struct sample *s = strcmp(field[0], argv[3]) == 0   ? &a
                           : strcmp(field[0], argv[4]) == 0 ? &b
                                                            : NULL;
        if (s && s->n < LINES_MAX)
            s->took[s->n++] = strtod(field[2], NULL);
    }
    if (a.n < 8 || a.n != b.n || !(alpha > 0) || alpha >= 1)
        return fail("both need equally many answers, eight or more");
    gsl_sort(a.took, 1, a.n);
    gsl_sort(b.took, 1, b.n);
    const double d = distance(&a, &b);
    const double most = sqrt((1 - log(alpha)) / (double)a.n);
    printf("note %-8s %zu answers each, medians %.1f and %.1f ms, distance "
           "%.3f, told apart above %.3f (alpha %g)\n",
           argv[3], a.n, a.took[a.n / 2] / 1e3, b.took[b.n / 2] / 1e3, d, most,
           alpha);
    return (d <= most) == wants_same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return run(argv);
    if (argc == 5 && strcmp(argv[1], "same") == 0)
        return compare(argv, true);
    if (argc == 5 && strcmp(argv[1], "differ") == 0)
        return compare(argv, false);
    return fail("usage: see the head of tests/auditor/probe.c");
}
