/* Several questions for one charge. */
#include <string.h>

#include "clients/cli/answer.h"
#include "clients/cli/answer_json.h"
#include "clients/cli/estimate.h"
#include "clients/cli/methods.h"
#include "clients/cli/question.h"
#include "clients/cli/text.h"

typedef Halftone__V1__BatchReply reply;

/* The first line of a statement. */
static const char *heading(const char *sql, struct arena *a)
{
    enum { SHOWN = 60 };
    const size_t len = strcspn(sql, "\r\n");
    const char *line =
        arena_printf(a, "%.*s%s", (int)(len < SHOWN ? len : SHOWN), sql,
                     sql[len] || len > SHOWN ? " ..." : "");
    return line ? text_line(a, line) : NULL;
}

static void print_heading(struct cli *cli, const struct questions *q, size_t i)
{
    FILE *out = cli->term.out;
    const bool color = cli->term.out_color;
    const char *line = heading(q->titles[i], cli->arena);
    (void)fprintf(out, "%s%s%zu of %zu: %s%s\n", i ? "\n" : "",
                  terminal_style(color, STYLE_BOLD), i + 1,
                  q->message.n_queries, line ? line : "",
                  terminal_style(color, STYLE_PLAIN));
}

static void print_json(const reply *m, FILE *out, struct arena *a)
{
    (void)fputs("{\"answers\":[", out);
    for (size_t i = 0; i < m->n_answers; i++) {
        (void)fputs(i ? "," : "", out);
        answer_print_json(m->answers[i], out, a);
    }
    (void)fputs("],\"receipt\":", out);
    answer_print_receipt(m->receipt, out, a);
    (void)fputs("}\n", out);
}

static void print_total(struct cli *cli, const reply *m)
{
    const bool for_people = cli->opt.format == FORMAT_TABLE;
    FILE *out = for_people ? cli->term.out : cli->term.err;
    const char *line = answer_receipt(m->receipt, cli->arena);
    if (line)
        (void)fprintf(out, "%sall %zu: %s\n", for_people ? "\n" : "",
                      m->n_answers, line);
}

static enum err_code check(const reply *m, const struct questions *q,
                           struct err *err)
{
    if (m->n_answers != q->message.n_queries || !m->receipt)
        return err_set(err, ERR_INTERNAL,
                       "the server's answer is of another shape");
    for (size_t i = 0; i < m->n_answers; i++)
        TRY(answer_check(m->answers[i], err));
    return ERR_OK;
}

static enum err_code print(struct cli *cli, const reply *m,
                           const struct questions *q, struct err *err)
{
    TRY(check(m, q, err));
    if (cli->opt.format == FORMAT_JSON) {
        print_json(m, cli->term.out, cli->arena);
        return ERR_OK;
    }
    for (size_t i = 0; i < m->n_answers; i++) {
        if (cli->opt.format == FORMAT_TABLE)
            print_heading(cli, q, i);
        else if (i > 0)
            (void)fputs("\r\n", cli->term.out); /* between two tables */
        TRY(answer_print(m->answers[i], cli->opt.format, &cli->term, cli->arena,
                         err));
    }
    print_total(cli, m);
    return ERR_OK;
}

static enum err_code print_estimate(struct cli *cli, const struct questions *q,
                                    const Halftone__V1__EstimateReply *m,
                                    struct err *err)
{
    if (m->n_questions != q->message.n_queries)
        return err_set(err, ERR_INTERNAL,
                       "the server's answer is of another shape");
    if (cli->opt.format == FORMAT_JSON)
        return estimate_print(cli, m, err);
    for (size_t i = 0; i < m->n_questions; i++) {
        if (cli->opt.format == FORMAT_TABLE)
            print_heading(cli, q, i);
        TRY(estimate_print(cli, m->questions[i], err));
    }
    FILE *out = cli->opt.format == FORMAT_TABLE ? cli->term.out : cli->term.err;
    (void)fprintf(out, "\nall %zu: ", m->n_questions);
    estimate_print_price(m, out);
    return ERR_OK;
}

static int estimate(struct cli *cli, struct client *client, struct questions *q)
{
    struct err err;
    ProtobufCMessage *got;
    Halftone__V1__EstimateRequest request;
    halftone__v1__estimate_request__init(&request);
    request.batch = &q->message;
    client->doing = "estimating";
    if (client_call(client, &METHOD_ESTIMATE, &request.base, &got, cli->arena,
                    &err) != ERR_OK)
        return cli_fail(cli, &err, q->sql);
    if (print_estimate(cli, q, (const Halftone__V1__EstimateReply *)got,
                       &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

int run_batch(struct cli *cli)
{
    struct err err;
    struct questions q = { .sql = NULL };
    struct client client;
    ProtobufCMessage *got;
    if (questions_of(&q, &cli->opt, cli->words, cli->n_words, cli->arena,
                     &err) != ERR_OK) {
        (void)cli_fail(cli, &err, q.sql);
        return EXIT_USAGE;
    }
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (cli->opt.estimate)
        return estimate(cli, &client, &q);
    client.doing = "asking";
    if (client_call(&client, &METHOD_BATCH, &q.message.base, &got, cli->arena,
                    &err) != ERR_OK) {
        if (client.reached)
            question_hint_at_key(&err, q.message.idempotency_key);
        return cli_fail(cli, &err, q.sql);
    }
    if (print(cli, (const reply *)got, &q, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
