/* halftone consent erase and erasure; erasures list, run and confirm. */
#include <halftone/v1/admin.pb-c.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/answer.h"
#include "clients/cli/consent.h"
#include "clients/cli/dataset_word.h"
#include "clients/cli/erase.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"

static char *text_of(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

static const char *when(int64_t us, struct arena *a)
{
    return us ? answer_time(us, a) : NULL;
}

static const char *whole(uint64_t n, struct arena *a)
{
    return arena_strdup(a, number_scaled(n, 0).s);
}

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "there are too many rows");
}

/* ---- of one person: a row for each place ---- */

enum { PLACE_COLUMNS = 10, LIST_COLUMNS = 11, COUNT_COLUMNS = 7 };
static struct grid_column PLACE_HEADS[PLACE_COLUMNS] = {
    { "dataset", GRID_TEXT },     { "engine", GRID_TEXT },
    { "by", GRID_TEXT },          { "state", GRID_TEXT },
    { "suppressed", GRID_TEXT },  { "due", GRID_TEXT },
    { "done", GRID_TEXT },        { "verified", GRID_TEXT },
    { "found_again", GRID_TEXT }, { "late", GRID_BOOL },
};

static enum err_code
print_erasure(struct cli *cli, const ProtobufCMessage *reply, struct err *err)
{
    const Halftone__V1__Erasure *m = (const void *)reply;
    struct arena *a = cli->arena;
    struct grid g = { .columns = PLACE_HEADS,
                      .n_columns = PLACE_COLUMNS,
                      .cells = ARENA_NEW_N(a, (m->n_places + 1) * PLACE_COLUMNS,
                                           const char *) };
    if (!g.cells)
        return full(err);
    for (; g.n_rows < m->n_places; g.n_rows++) {
        const Halftone__V1__ErasurePlace *p = m->places[g.n_rows];
        const char **cell = g.cells + g.n_rows * PLACE_COLUMNS;
        cell[0] = p->dataset[0] ? p->dataset : NULL;
        cell[1] = p->engine;
        cell[2] = p->by;
        cell[3] = p->state;
        cell[4] = when(m->suppressed_us, a);
        cell[5] = when(m->deadline_us, a);
        cell[6] = when(p->done_us, a);
        cell[7] = when(p->verified_us, a);
        cell[8] = when(p->found_us, a);
        cell[9] = p->late ? "true" : "false";
    }
    TRY(grid_print(&g, cli->opt.format, &cli->term, a, err));
    if (cli->opt.format != FORMAT_TABLE)
        return ERR_OK;
    (void)fprintf(cli->term.out,
                  "\nno release since %s counts this person; answers of before "
                  "may be read\nagain until %s\n",
                  when(m->suppressed_us, a), when(m->answers_until_us, a));
    if (m->back_us)
        (void)fprintf(cli->term.out,
                      "came back on %s, for what was said yes to "
                      "since\n",
                      when(m->back_us, a));
    return ERR_OK;
}

int run_consent_erase(struct cli *cli)
{
    struct err err;
    Halftone__V1__ConsentEvent event;
    Halftone__V1__EraseRequest m;
    if (consent_event_of(&event, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    halftone__v1__erase_request__init(&m);
    m.dataset = event.dataset;
    m.subject = event.subject;
    m.asked_us = event.at_us;
    return consent_ask(cli, &METHOD_ERASE, &m.base, print_erasure);
}

int run_consent_erasure(struct cli *cli)
{
    struct err err;
    Halftone__V1__GetErasureRequest m;
    halftone__v1__get_erasure_request__init(&m);
    if (consent_subject(&m.subject, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    m.dataset = text_of(cli->opt.dataset);
    return consent_ask(cli, &METHOD_ERASURE, &m.base, print_erasure);
}

/* ---- of a dataset ---- */

static struct grid_column LIST_HEADS[LIST_COLUMNS] = {
    { "number", GRID_NUMBER },    { "asked", GRID_TEXT },
    { "due", GRID_TEXT },         { "state", GRID_TEXT },
    { "by", GRID_TEXT },          { "list", GRID_NUMBER },
    { "handed_over", GRID_TEXT }, { "done", GRID_TEXT },
    { "verified", GRID_TEXT },    { "found_again", GRID_TEXT },
    { "late", GRID_BOOL },
};

static void put_row(const char **cell, const Halftone__V1__Erasure *e,
                    struct arena *a)
{
    const Halftone__V1__ErasurePlace *p = e->places[0];
    cell[0] = whole(e->number, a);
    cell[1] = when(e->asked_us, a);
    cell[2] = when(e->deadline_us, a);
    cell[3] = e->back_us ? "came back" : p->state;
    cell[4] = p->by;
    cell[5] = p->list ? whole(p->list, a) : NULL;
    cell[6] = when(p->handed_us, a);
    cell[7] = when(p->done_us, a);
    cell[8] = when(p->verified_us, a);
    cell[9] = when(p->found_us, a);
    cell[10] = p->late ? "true" : "false";
}

static enum err_code add_page(struct grid *g, size_t *cap,
                              const Halftone__V1__ErasureList *page,
                              struct arena *a, struct err *err)
{
    if (g->n_rows + page->n_erasures > *cap) {
        const size_t more = 2 * (g->n_rows + page->n_erasures);
        const char **cells = ARENA_NEW_N(a, more * LIST_COLUMNS, const char *);
        if (!cells)
            return full(err);
        if (g->n_rows)
            memcpy(cells, g->cells, g->n_rows * LIST_COLUMNS * sizeof cells[0]);
        g->cells = cells;
        *cap = more;
    }
    for (size_t i = 0; i < page->n_erasures; i++)
        if (page->erasures[i]->n_places > 0)
            put_row(g->cells + LIST_COLUMNS * g->n_rows++, page->erasures[i],
                    a);
    return ERR_OK;
}

/* Page after page. */
static enum err_code read_list(struct grid *g, Halftone__V1__ErasureCounts **n,
                               struct cli *cli, struct client *client,
                               struct err *err)
{
    Halftone__V1__ListErasuresRequest m;
    size_t cap = 0, got = 1;
    halftone__v1__list_erasures_request__init(&m);
    m.dataset = dataset_word(cli);
    while (got > 0) {
        ProtobufCMessage *reply;
        TRY(client_call(client, &METHOD_LIST_ERASURES, &m.base, &reply,
                        cli->arena, err));
        const Halftone__V1__ErasureList *page = (const void *)reply;
        TRY(add_page(g, &cap, page, cli->arena, err));
        got = page->n_erasures;
        if (got > 0)
            m.after = page->erasures[got - 1]->number;
        *n = page->counts;
    }
    return ERR_OK;
}

int run_erasures_list(struct cli *cli)
{
    struct err err;
    struct client client;
    struct grid g = { .columns = LIST_HEADS, .n_columns = LIST_COLUMNS };
    Halftone__V1__ErasureCounts *n = NULL;
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (read_list(&g, &n, cli, &client, &err) != ERR_OK ||
        grid_print(&g, cli->opt.format, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    if (n && cli->opt.format == FORMAT_TABLE)
        (void)fprintf(cli->term.out, "\n%s late\n",
                      n->late ? whole(n->late, cli->arena) : "none is");
    return 0;
}

static struct grid_column COUNT_HEADS[COUNT_COLUMNS] = {
    { "dataset", GRID_TEXT },       { "suppressed", GRID_AMOUNT },
    { "handed_over", GRID_AMOUNT }, { "done", GRID_AMOUNT },
    { "verified", GRID_AMOUNT },    { "late", GRID_AMOUNT },
    { "was_there", GRID_BOOL },
};

static enum err_code
print_counts(struct cli *cli, const ProtobufCMessage *reply, struct err *err)
{
    const Halftone__V1__ErasureCounts *m = (const void *)reply;
    struct arena *a = cli->arena;
    const char *cells[COUNT_COLUMNS] = { m->dataset,
                                         whole(m->suppressed, a),
                                         whole(m->handed_over, a),
                                         whole(m->done, a),
                                         whole(m->verified, a),
                                         whole(m->late, a),
                                         m->was_there ? "true" : "false" };
    const struct grid g = { .columns = COUNT_HEADS,
                            .n_columns = COUNT_COLUMNS,
                            .cells = cells,
                            .n_rows = 1 };
    return grid_print(&g, cli->opt.format, &cli->term, a, err);
}

int run_erasures_run(struct cli *cli)
{
    Halftone__V1__RunErasuresRequest m;
    halftone__v1__run_erasures_request__init(&m);
    m.dataset = dataset_word(cli);
    return consent_ask(cli, &METHOD_RUN_ERASURES, &m.base, print_counts);
}

int run_erasures_confirm(struct cli *cli)
{
    struct err err;
    struct erase_list list;
    Halftone__V1__ConfirmErasuresRequest m;
    if (erase_list_read(&list, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    halftone__v1__confirm_erasures_request__init(&m);
    m.dataset = text_of(cli->opt.dataset);
    m.note = list.note;
    return consent_ask(cli, &METHOD_CONFIRM_ERASURES, &m.base, print_counts);
}
