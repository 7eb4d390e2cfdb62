#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/answer.h"
#include "clients/cli/dataset_word.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "clients/cli/text.h"

enum { PAGE_MAX = 1000, DEFAULT_LIMIT = 100, COLUMNS = 10 };

static struct grid_column HEADS[COLUMNS] = {
    { "charged", GRID_TEXT }, { "query_id", GRID_TEXT },
    { "dataset", GRID_TEXT }, { "principal", GRID_TEXT },
    { "purpose", GRID_TEXT }, { "state", GRID_TEXT },
    { "rho", GRID_NUMBER },   { "epsilon", GRID_NUMBER },
    { "delta", GRID_NUMBER }, { "sql", GRID_TEXT },
};

/* Charges as they come in, page by page. */
struct list {
    struct grid grid; /* the last column is shown with_sql only */
    size_t want;      /* rows */
};

/* Exact for programs, rounded up for people. */
static const char *price_text(uint64_t units, unsigned decimals,
                              bool for_people, struct arena *a)
{
    enum { DIGITS = 4 };
    return arena_strdup(a, for_people
                               ? number_scaled_up(units, decimals, DIGITS).s
                               : number_scaled(units, decimals).s);
}

/* A price is in rho or in epsilon, and what it is not in is not 0. */
static const char *priced(uint64_t units, uint64_t other, unsigned decimals,
                          bool for_people, struct arena *a)
{
    return units == 0 && other > 0 ? NULL
                                   : price_text(units, decimals, for_people, a);
}

static bool add(struct list *l, const Halftone__V1__Charge *c, bool for_people,
                struct arena *a)
{
    const char **cell = l->grid.cells + l->grid.n_rows++ * l->grid.n_columns;
    cell[0] = answer_time(c->charged_us, a);
    cell[1] = c->query_id;
    cell[2] = c->dataset;
    cell[3] = c->principal;
    cell[4] = c->purpose;
    cell[5] = c->state;
    cell[6] = priced(c->rho_pico, c->epsilon_nano, 12, for_people, a);
    cell[7] = priced(c->epsilon_nano, c->rho_pico, 9, for_people, a);
    cell[8] = price_text(c->delta_atto, 18, for_people, a);
    if (l->grid.n_columns == COLUMNS)
        cell[9] = for_people ? text_line(a, c->sql) : c->sql;
    return cell[0] && (cell[6] || cell[7]) && cell[8];
}

static enum err_code fetch(struct list *l, struct cli *cli,
                           struct client *client, struct err *err)
{
    Halftone__V1__ListChargesRequest request;
    halftone__v1__list_charges_request__init(&request);
    request.dataset = dataset_word(cli);
    request.with_sql = cli->opt.with_sql;
    while (l->grid.n_rows < l->want) {
        ProtobufCMessage *m;
        const size_t left = l->want - l->grid.n_rows;
        request.page_size = left < PAGE_MAX ? (uint32_t)left : PAGE_MAX;
        TRY(client_call(client, &METHOD_LIST_CHARGES, &request.base, &m,
                        cli->arena, err));
        const Halftone__V1__ListChargesReply *page =
            (const Halftone__V1__ListChargesReply *)m;
        for (size_t i = 0; i < page->n_charges && i < left; i++)
            if (!add(l, page->charges[i], cli->opt.format == FORMAT_TABLE,
                     cli->arena))
                return err_set(err, ERR_LIMIT, "there are too many charges");
        if (*page->next_page_token == '\0' || page->n_charges == 0)
            break;
        request.page_token = page->next_page_token;
    }
    return ERR_OK;
}

int run_charges(struct cli *cli)
{
    struct err err;
    struct client client;
    struct list l = { .grid = { .columns = HEADS,
                                .n_columns = COLUMNS - !cli->opt.with_sql },
                      .want = cli->opt.limit ? cli->opt.limit : DEFAULT_LIMIT };
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    l.grid.cells = ARENA_NEW_N(cli->arena, l.want * COLUMNS, const char *);
    if (!l.grid.cells) {
        (void)err_set(&err, ERR_LIMIT, "--limit is too large");
        return cli_misused(cli, &err);
    }
    if (fetch(&l, cli, &client, &err) != ERR_OK ||
        grid_print(&l.grid, cli->opt.format, &cli->term, cli->arena, &err) !=
            ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
