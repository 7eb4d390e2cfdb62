#include "clients/cli/estimate.h"

#include <math.h>

#include "clients/cli/grid.h"
#include "clients/cli/json.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "clients/cli/question.h"
#include "clients/cli/text.h"

typedef Halftone__V1__EstimateReply reply;

enum { RHO_DECIMALS = 12, EPS_DECIMALS = 9, DELTA_DECIMALS = 18, DIGITS = 4 };

/* An error that depends on the result is unknown beforehand: NULL. */
static const char *error_text(double d, bool for_people, struct arena *a)
{
    if (!isfinite(d))
        return for_people ? "depends on the result" : NULL;
    if (for_people && d == 0)
        return "exact";
    return for_people
               ? arena_printf(a, "\xc2\xb1%s",
                              number_grouped(number_people(d, DIGITS).s).s)
               : arena_strdup(a, number_shortest(d).s);
}

static enum err_code grid_of(struct grid *g, const reply *m, bool for_people,
                             struct arena *a, struct err *err)
{
    static struct grid_column columns[] = { { "column", GRID_TEXT },
                                            { "expected_error", GRID_NUMBER },
                                            { "mechanism", GRID_TEXT } };
    enum { N = sizeof columns / sizeof *columns };
    *g = (struct grid){ .columns = columns,
                        .n_columns = N,
                        .n_rows = m->n_columns,
                        .cells =
                            ARENA_NEW_N(a, m->n_columns * N, const char *) };
    if (!g->cells)
        return err_set(err, ERR_LIMIT, "the estimate is too large");
    for (size_t i = 0; i < m->n_columns; i++) {
        const Halftone__V1__EstimateColumn *c = m->columns[i];
        g->cells[N * i] = c->name;
        g->cells[N * i + 1] = error_text(c->expected_error, for_people, a);
        g->cells[N * i + 2] = c->mechanism;
    }
    return ERR_OK;
}

static void json_units(struct json *j, const char *key, bool counts,
                       uint64_t units, unsigned decimals)
{
    json_key(j, key);
    json_number(j, counts ? number_scaled(units, decimals).s : "null");
}

static void json_estimate(struct json *j, const reply *m)
{
    json_open(j, '{');
    json_key(j, "columns");
    json_open(j, '[');
    for (size_t i = 0; i < m->n_columns; i++) {
        json_open(j, '{');
        json_key(j, "name");
        json_text(j, m->columns[i]->name);
        json_key(j, "mechanism");
        json_text(j, m->columns[i]->mechanism);
        json_key(j, "expected_error");
        json_double(j, m->columns[i]->expected_error);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_key(j, "level");
    json_double(j, m->level);
    json_units(j, "rho", !m->pure, m->rho_pico, RHO_DECIMALS);
    json_key(j, "epsilon");
    json_double(j, m->epsilon);
    json_key(j, "delta");
    json_double(j, m->delta);
    json_units(j, "charged_delta", true, m->delta_atto, DELTA_DECIMALS);
    json_units(j, "charged_epsilon", m->pure, m->epsilon_nano, EPS_DECIMALS);
    json_units(j, "queries_left", true, m->queries_left, 0);
    json_key(j, "plan");
    json_text(j, m->plan);
    if (m->n_questions > 0) {
        json_key(j, "questions");
        json_open(j, '[');
        for (size_t i = 0; i < m->n_questions; i++) /* they have none */
            if (m->questions[i]->n_questions == 0)
                json_estimate(j, m->questions[i]);
        json_close(j, ']');
    }
    json_close(j, '}');
}

static void print_json(const reply *m, FILE *out, struct arena *a)
{
    struct json j = json_of(out, a);
    json_estimate(&j, m);
    (void)fputc('\n', out);
}

void estimate_print_price(const reply *m, FILE *out)
{
    if (m->queries_left == UINT64_MAX) { /* at a price of 0 */
        (void)fprintf(out, "would cost nothing\n");
        return;
    }
    if (m->pure)
        (void)fprintf(
            out, "would cost epsilon %s",
            number_scaled_up(m->epsilon_nano, EPS_DECIMALS, DIGITS).s);
    else
        (void)fprintf(out, "would cost rho %s (epsilon %s at delta %s)",
                      number_scaled_up(m->rho_pico, RHO_DECIMALS, DIGITS).s,
                      number_people(m->epsilon, DIGITS - 1).s,
                      number_people(m->delta, DIGITS - 1).s);
    (void)fprintf(out,
                  "; the budget covers %s such queries; nothing was charged\n",
                  number_grouped(number_scaled(m->queries_left, 0).s).s);
}

enum err_code estimate_print(struct cli *cli, const reply *m, struct err *err)
{
    struct grid g;
    FILE *out = cli->term.out;
    const bool for_people = cli->opt.format == FORMAT_TABLE;
    if (cli->opt.format == FORMAT_JSON) {
        print_json(m, out, cli->arena);
        return ERR_OK;
    }
    TRY(grid_of(&g, m, for_people, cli->arena, err));
    TRY(grid_print(&g, cli->opt.format, &cli->term, cli->arena, err));
    if (!for_people) {
        estimate_print_price(m, cli->term.err);
        return ERR_OK;
    }
    const char *plan = text_lines(cli->arena, m->plan);
    (void)fprintf(out, "\n%s%s", plan ? plan : "", plan && *plan ? "\n" : "");
    estimate_print_price(m, out);
    return ERR_OK;
}

int run_estimate(struct cli *cli)
{
    struct err err;
    struct question q;
    struct client client;
    ProtobufCMessage *got;
    if (question_of(&q, &cli->opt, cli->words, cli->n_words, false, cli->arena,
                    &err) != ERR_OK ||
        client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    client.doing = "estimating";
    Halftone__V1__EstimateRequest request;
    halftone__v1__estimate_request__init(&request);
    request.query = &q.message;
    if (client_call(&client, &METHOD_ESTIMATE, &request.base, &got, cli->arena,
                    &err) != ERR_OK)
        return cli_fail(cli, &err, q.sql);
    if (estimate_print(cli, (const reply *)got, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
