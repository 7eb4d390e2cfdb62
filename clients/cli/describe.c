#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/cell.h"
#include "clients/cli/dataset_word.h"
#include "clients/cli/grid.h"
#include "clients/cli/join.h"
#include "clients/cli/json.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "clients/cli/text.h"

typedef Halftone__V1__Dataset dataset;
typedef Halftone__V1__Table table;
typedef Halftone__V1__TableColumn column;

enum { SHOWN_KEYS = 6 };

/* ---- what is public about a column, in words ---- */

static const char *domain_text(const column *c, bool all, struct arena *a)
{
    const size_t n =
        all || c->n_domain <= SHOWN_KEYS ? c->n_domain : SHOWN_KEYS;
    char **texts = ARENA_NEW_N(a, n, char *);
    for (size_t i = 0; texts && i < n; i++) {
        const char *key = cell_text(c->domain[i], a);
        texts[i] = arena_strdup(a, key ? key : "NULL");
        if (!texts[i])
            return NULL;
    }
    const char *listed = texts ? join(texts, n, ", ", a) : NULL;
    if (!listed || n == c->n_domain)
        return listed;
    return arena_printf(a, "%s, and %zu more", listed, c->n_domain - n);
}

static bool is_of_times(const column *c)
{
    return strcmp(c->type, "timestamp") == 0 || strcmp(c->type, "date") == 0;
}

/* One end of a range: a number, or the time that it stands for. */
static const char *end_text(const column *c, double end, struct arena *a)
{
    static const int64_t DAY_US = INT64_C(86400000000);
    char text[64];
    struct writer w = writer_of(text, sizeof text);
    struct value v = { .type = VALUE_TIMESTAMP, .i = (int64_t)end };
    if (!is_of_times(c))
        return arena_strdup(a, number_shortest(end).s);
    if (strcmp(c->type, "date") == 0)
        v = (struct value){ .type = VALUE_DATE, .i = v.i / DAY_US };
    value_print(&w, &v);
    return writer_cstr(&w) ? arena_strdup(a, text) : NULL;
}

static const char *range_text(const column *c, struct arena *a)
{
    if (c->n_domain > 0)
        return domain_text(c, false, a);
    if (!c->has_range)
        return "";
    const char *lo = end_text(c, c->lo, a), *hi = end_text(c, c->hi, a);
    return lo && hi ? arena_printf(a, "%s to %s", lo, hi) : NULL;
}

/* ---- table and csv: a row for each column of each table ---- */

static struct grid_column HEADS[] = {
    { "table", GRID_TEXT }, { "column", GRID_TEXT }, { "type", GRID_TEXT },
    { "key", GRID_TEXT },   { "public", GRID_TEXT }, { "help", GRID_TEXT },
};
enum { COLUMNS = sizeof HEADS / sizeof *HEADS };

static enum err_code grid_of(struct grid *g, const table *const *tables,
                             size_t n_tables, struct arena *a, struct err *err)
{
    size_t rows = 0;
    for (size_t t = 0; t < n_tables; t++)
        rows += tables[t]->n_columns;
    *g = (struct grid){ .columns = HEADS,
                        .n_columns = COLUMNS,
                        .cells = ARENA_NEW_N(a, rows * COLUMNS, const char *) };
    bool ok = g->cells != NULL;
    for (size_t t = 0; ok && t < n_tables; t++)
        for (size_t c = 0; ok && c < tables[t]->n_columns; c++) {
            const column *col = tables[t]->columns[c];
            const char **cell = g->cells + g->n_rows++ * COLUMNS;
            cell[0] = tables[t]->name;
            cell[1] = col->name;
            cell[2] = col->type;
            cell[3] = col->is_privacy_key ? "person" : "";
            cell[4] = range_text(col, a);
            cell[5] = col->help;
            ok = cell[4] != NULL;
        }
    return ok ? ERR_OK : err_set(err, ERR_LIMIT, "the schema is too large");
}

static void print_head(struct cli *cli, const dataset *d)
{
    FILE *out = cli->term.out;
    const bool color = cli->term.out_color;
    const char *name = text_line(cli->arena, d->name);
    const char *help = text_line(cli->arena, d->help);
    const char *listed = join(d->purposes, d->n_purposes, ", ", cli->arena);
    const char *purposes = listed ? text_line(cli->arena, listed) : NULL;
    const char *notion = text_line(cli->arena, d->notion);
    (void)fprintf(out, "%s%s%s%s%s\n", terminal_style(color, STYLE_BOLD),
                  name ? name : "", terminal_style(color, STYLE_PLAIN),
                  help && *help ? ": " : "", help ? help : "");
    (void)fprintf(out, "notion %s, policy version %s; purposes: %s\n",
                  notion ? notion : "", number_scaled(d->policy_version, 0).s,
                  purposes && *purposes ? purposes : "none");
}

static void print_table_head(struct cli *cli, const table *t)
{
    const char *name = text_line(cli->arena, t->name);
    const char *help = text_line(cli->arena, t->help);
    (void)fprintf(cli->term.out, "\n%s%s%s  %s%s%s\n",
                  terminal_style(cli->term.out_color, STYLE_BOLD),
                  name ? name : "",
                  terminal_style(cli->term.out_color, STYLE_PLAIN),
                  t->owned ? "rows belong to persons" : "public",
                  help && *help ? ": " : "", help ? help : "");
    if (t->owned && t->bounds)
        (void)fprintf(cli->term.out,
                      "one person counts in at most %u group%s, with at most "
                      "%u row%s in each\n",
                      t->bounds->max_groups,
                      t->bounds->max_groups == 1 ? "" : "s",
                      t->bounds->max_rows, t->bounds->max_rows == 1 ? "" : "s");
}

static enum err_code print_table(struct cli *cli, const dataset *d,
                                 struct err *err)
{
    struct grid g;
    print_head(cli, d);
    for (size_t t = 0; t < d->n_tables; t++) {
        const table *one = d->tables[t];
        TRY(grid_of(&g, &one, 1, cli->arena, err));
        print_table_head(cli, one);
        /* The table's name stands above: leave out its column. */
        for (size_t i = 0; i < g.n_rows * (COLUMNS - 1); i++)
            g.cells[i] =
                g.cells[i / (COLUMNS - 1) * COLUMNS + i % (COLUMNS - 1) + 1];
        g.columns = HEADS + 1;
        g.n_columns = COLUMNS - 1;
        TRY(grid_print_table(&g, &cli->term, cli->arena, err));
    }
    return ERR_OK;
}

/* ---- json ---- */

static void json_named(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

static void json_column(struct json *j, const column *c, struct arena *a)
{
    json_open(j, '{');
    json_named(j, "name", c->name);
    json_named(j, "type", c->type);
    json_named(j, "help", c->help);
    json_key(j, "is_privacy_key");
    json_bool(j, c->is_privacy_key);
    json_key(j, "domain");
    if (c->n_domain > 0)
        json_open(j, '[');
    else
        json_null(j);
    for (size_t i = 0; i < c->n_domain; i++) {
        const char *key = cell_text(c->domain[i], a);
        json_text(j, key ? key : "");
    }
    if (c->n_domain > 0)
        json_close(j, ']');
    json_key(j, "range");
    if (c->has_range) {
        const char *lo = end_text(c, c->lo, a), *hi = end_text(c, c->hi, a);
        json_open(j, '[');
        if (is_of_times(c)) {
            json_text(j, lo ? lo : "");
            json_text(j, hi ? hi : "");
        } else {
            json_double(j, c->lo);
            json_double(j, c->hi);
        }
        json_close(j, ']');
    } else {
        json_null(j);
    }
    json_close(j, '}');
}

static void json_table(struct json *j, const table *t, struct arena *a)
{
    json_open(j, '{');
    json_named(j, "name", t->name);
    json_named(j, "help", t->help);
    json_key(j, "owned");
    json_bool(j, t->owned);
    json_key(j, "max_groups");
    json_number(j, number_scaled(t->bounds ? t->bounds->max_groups : 0, 0).s);
    json_key(j, "max_rows");
    json_number(j, number_scaled(t->bounds ? t->bounds->max_rows : 0, 0).s);
    json_key(j, "columns");
    json_open(j, '[');
    for (size_t c = 0; c < t->n_columns; c++)
        json_column(j, t->columns[c], a);
    json_close(j, ']');
    json_close(j, '}');
}

static void print_json(struct cli *cli, const dataset *d)
{
    struct json j = json_of(cli->term.out, cli->arena);
    json_open(&j, '{');
    json_named(&j, "name", d->name);
    json_named(&j, "help", d->help);
    json_named(&j, "notion", d->notion);
    json_key(&j, "policy_version");
    json_number(&j, number_scaled(d->policy_version, 0).s);
    json_key(&j, "purposes");
    json_open(&j, '[');
    for (size_t i = 0; i < d->n_purposes; i++)
        json_text(&j, d->purposes[i]);
    json_close(&j, ']');
    json_key(&j, "tables");
    json_open(&j, '[');
    for (size_t t = 0; t < d->n_tables; t++)
        json_table(&j, d->tables[t], cli->arena);
    json_close(&j, ']');
    json_close(&j, '}');
    (void)fputc('\n', cli->term.out);
}

static enum err_code print(struct cli *cli, const dataset *d, struct err *err)
{
    struct grid g;
    switch (cli->opt.format) {
    case FORMAT_TABLE:
        return print_table(cli, d, err);
    case FORMAT_CSV:
        TRY(grid_of(&g, (const table *const *)d->tables, d->n_tables,
                    cli->arena, err));
        grid_print_csv(&g, cli->term.out);
        return ERR_OK;
    case FORMAT_JSON:
        print_json(cli, d);
        return ERR_OK;
    }
    return ERR_OK;
}

int run_describe(struct cli *cli)
{
    struct err err;
    struct client client;
    ProtobufCMessage *m;
    Halftone__V1__DescribeDatasetRequest request;
    halftone__v1__describe_dataset_request__init(&request);
    request.dataset = dataset_word(cli);
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, &METHOD_DESCRIBE_DATASET, &request.base, &m,
                    cli->arena, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    const dataset *d = ((const Halftone__V1__DescribeDatasetReply *)m)->dataset;
    if (!d)
        (void)err_set(&err, ERR_INTERNAL, "the server's reply is empty");
    if (!d || print(cli, d, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
