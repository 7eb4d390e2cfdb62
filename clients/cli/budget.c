#include <halftone/v1/halftone.pb-c.h>

#include <string.h>

#include "clients/cli/dataset_word.h"
#include "clients/cli/grid.h"
#include "clients/cli/json.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "clients/cli/text.h"

typedef Halftone__V1__Budget reply;

enum { RHO_DECIMALS = 12, EPS_DECIMALS = 9, DELTA_DECIMALS = 18, DIGITS = 4 };

/* The unit that counts under the dataset's notion. */
struct amount {
    uint64_t cap, spent, remaining;
    unsigned decimals;
    const char *unit;
};

static struct amount amount_of(const reply *b)
{
    if (b->pure)
        return (struct amount){ b->cap_epsilon_nano, b->spent_epsilon_nano,
                                b->remaining_epsilon_nano, EPS_DECIMALS,
                                "epsilon" };
    return (struct amount){ b->cap_rho_pico, b->spent_rho_pico,
                            b->remaining_rho_pico, RHO_DECIMALS, "rho" };
}

/* ---- for people ---- */

static void print_bar(FILE *out, const struct amount *m)
{
    enum { CELLS = 24 };
    const double share = m->cap ? (double)m->spent / (double)m->cap : 1;
    /* A little spent shows, and so does a little left. */
    unsigned full = (unsigned)(share * CELLS);
    full = full == 0 && m->spent > 0 ? 1 : full;
    full = full >= CELLS && m->remaining > 0 ? CELLS - 1 : full;
    for (unsigned i = 0; i < CELLS; i++)
        (void)fputs(i < full ? "\xe2\x96\x88" : "\xe2\x96\x91", out);
    (void)fprintf(out, " %.3g %% spent\n", 100 * share);
}

/* Each sentence on lines of its own. */
static void print_odds(FILE *out, const char *odds)
{
    enum { WIDTH = 76, INDENT = 4 };
    while (*odds) {
        const char *end = strstr(odds, ". ");
        char line[1024];
        const size_t len = end ? (size_t)(end - odds) + 1 : strlen(odds);
        (void)snprintf(line, sizeof line, "%.*s", (int)len, odds);
        (void)fputs("  ", out);
        text_wrap(out, line, WIDTH, INDENT);
        odds += len + (end != NULL);
    }
}

static void print_table(struct cli *cli, const reply *b)
{
    FILE *out = cli->term.out;
    const struct amount m = amount_of(b);
    const bool color = cli->term.out_color;
    const char *name = text_line(cli->arena, b->dataset);
    const char *odds = text_lines(cli->arena, b->odds);
    const char *quota = text_line(cli->arena, b->quota);
    (void)fprintf(out, "%s%s%s  ", terminal_style(color, STYLE_BOLD),
                  name ? name : "", terminal_style(color, STYLE_PLAIN));
    print_bar(out, &m);
    (void)fprintf(out, "  spent  %s %s of %s\n", m.unit,
                  number_scaled_up(m.spent, m.decimals, DIGITS).s,
                  number_scaled_down(m.cap, m.decimals, DIGITS).s);
    (void)fprintf(out, "  left   %s %s\n", m.unit,
                  number_scaled_down(m.remaining, m.decimals, DIGITS).s);
    if (!b->pure)
        (void)fprintf(out, "  shown  epsilon %s of %s at delta %s\n",
                      number_people(b->spent_epsilon, DIGITS - 1).s,
                      number_people(b->cap_epsilon, DIGITS - 1).s,
                      number_people(b->delta, DIGITS - 1).s);
    if (b->cap_delta_atto > 0)
        (void)fprintf(
            out, "  delta  %s of %s spent\n",
            number_scaled_up(b->spent_delta_atto, DELTA_DECIMALS, DIGITS).s,
            number_scaled_down(b->cap_delta_atto, DELTA_DECIMALS, DIGITS).s);
    if (quota && *quota)
        (void)fprintf(
            out, "  quota  %s %s left of %s\n", m.unit,
            number_scaled_down(b->quota_remaining, m.decimals, DIGITS).s,
            quota);
    if (odds && *odds)
        print_odds(out, odds);
}

/* ---- for programs ---- */

static void print_csv(struct cli *cli, const reply *b, bool head)
{
    static struct grid_column columns[] = {
        { "dataset", GRID_TEXT },       { "unit", GRID_TEXT },
        { "cap", GRID_NUMBER },         { "spent", GRID_NUMBER },
        { "remaining", GRID_NUMBER },   { "cap_delta", GRID_NUMBER },
        { "spent_delta", GRID_NUMBER }, { "remaining_delta", GRID_NUMBER },
    };
    enum { N = sizeof columns / sizeof *columns };
    const struct amount m = amount_of(b);
    const struct number_text t[] = {
        number_scaled(m.cap, m.decimals),
        number_scaled(m.spent, m.decimals),
        number_scaled(m.remaining, m.decimals),
        number_scaled(b->cap_delta_atto, DELTA_DECIMALS),
        number_scaled(b->spent_delta_atto, DELTA_DECIMALS),
        number_scaled(b->remaining_delta_atto, DELTA_DECIMALS),
    };
    const char *cells[N] = { b->dataset, m.unit, t[0].s, t[1].s,
                             t[2].s,     t[3].s, t[4].s, t[5].s };
    const struct grid g = {
        .columns = columns, .n_columns = N, .cells = cells, .n_rows = 1
    };
    if (head)
        grid_print_csv(&g, cli->term.out);
    else
        grid_print_csv_rows(&g, cli->term.out);
}

static void json_units(struct json *j, const char *key, bool counts,
                       uint64_t units, unsigned decimals)
{
    json_key(j, key);
    json_number(j, counts ? number_scaled(units, decimals).s : "null");
}

static void print_json(struct cli *cli, const reply *b)
{
    const bool pure = b->pure, quota = *b->quota != '\0';
    const unsigned decimals = amount_of(b).decimals;
    struct json j = json_of(cli->term.out, cli->arena);
    json_open(&j, '{');
    json_key(&j, "dataset");
    json_text(&j, b->dataset);
    json_key(&j, "notion");
    json_text(&j, b->notion);
    json_units(&j, "cap_rho", !pure, b->cap_rho_pico, RHO_DECIMALS);
    json_units(&j, "spent_rho", !pure, b->spent_rho_pico, RHO_DECIMALS);
    json_units(&j, "remaining_rho", !pure, b->remaining_rho_pico, RHO_DECIMALS);
    json_key(&j, "cap_epsilon");
    json_double(&j, b->cap_epsilon);
    json_key(&j, "spent_epsilon");
    json_double(&j, b->spent_epsilon);
    json_units(&j, "remaining_epsilon", pure, b->remaining_epsilon_nano,
               EPS_DECIMALS);
    json_key(&j, "delta");
    json_double(&j, b->delta);
    json_units(&j, "cap_delta", true, b->cap_delta_atto, DELTA_DECIMALS);
    json_units(&j, "spent_delta", true, b->spent_delta_atto, DELTA_DECIMALS);
    json_units(&j, "remaining_delta", true, b->remaining_delta_atto,
               DELTA_DECIMALS);
    json_key(&j, "odds");
    json_text(&j, b->odds);
    json_key(&j, "quota");
    if (quota)
        json_text(&j, b->quota);
    else
        json_null(&j);
    json_units(&j, "quota_remaining", quota, b->quota_remaining, decimals);
    json_close(&j, '}');
    (void)fputc('\n', cli->term.out);
}

/* ---- now, or again and again ---- */

struct watch {
    struct cli *cli;
    unsigned shown; /* budgets printed so far */
};

static enum err_code print(struct watch *w, const reply *b, struct err *err)
{
    struct cli *cli = w->cli;
    const bool first = w->shown++ == 0;
    switch (cli->opt.format) {
    case FORMAT_TABLE:
        /* On a terminal the new state takes the place of the old one. */
        if (cli->opt.watch && cli->term.out_live)
            (void)fputs("\x1b[H\x1b[2J", cli->term.out);
        else if (!first)
            (void)fputc('\n', cli->term.out);
        print_table(cli, b);
        break;
    case FORMAT_CSV:
        print_csv(cli, b, first);
        break;
    case FORMAT_JSON:
        print_json(cli, b);
        break;
    }
    if (fflush(cli->term.out) != 0)
        return err_set(err, ERR_INTERNAL, "cannot write the output");
    return ERR_OK;
}

static enum err_code on_budget(void *ctx, ProtobufCMessage *m, struct err *err)
{
    return print(ctx, (const reply *)m, err);
}

static enum err_code watch(struct watch *w, struct client *client,
                           struct err *err)
{
    Halftone__V1__WatchBudgetRequest request;
    halftone__v1__watch_budget_request__init(&request);
    request.dataset = dataset_word(w->cli);
    return client_stream(client, &METHOD_WATCH_BUDGET, &request.base, on_budget,
                         w, w->cli->arena, err);
}

static enum err_code once(struct watch *w, struct client *client,
                          struct err *err)
{
    ProtobufCMessage *m;
    Halftone__V1__GetBudgetRequest request;
    halftone__v1__get_budget_request__init(&request);
    request.dataset = dataset_word(w->cli);
    TRY(client_call(client, &METHOD_GET_BUDGET, &request.base, &m,
                    w->cli->arena, err));
    return print(w, (const reply *)m, err);
}

int run_budget(struct cli *cli)
{
    struct err err;
    struct client client;
    struct watch w = { .cli = cli };
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    const enum err_code code =
        cli->opt.watch ? watch(&w, &client, &err) : once(&w, &client, &err);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}
