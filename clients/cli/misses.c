#include <halftone/v1/admin.pb-c.h>

#include "clients/cli/answer.h"
#include "clients/cli/dataset_word.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"

enum { COLUMNS = 6 };

/* One row for the dataset, one a principal of today, one a lift. */
static struct grid_column HEADS[COLUMNS] = {
    { "what", GRID_TEXT }, { "misses", GRID_NUMBER }, { "limit", GRID_NUMBER },
    { "at", GRID_TEXT },   { "by", GRID_TEXT },       { "reason", GRID_TEXT },
};

/* NULL: not of this kind of row. */
struct row {
    const char *what, *limit, *at, *by, *reason;
    uint64_t misses;
};

static bool add(struct grid *g, struct row r, struct arena *a)
{
    const char **cell = g->cells + g->n_rows++ * COLUMNS;
    cell[0] = r.what;
    cell[1] = arena_strdup(a, number_scaled(r.misses, 0).s);
    cell[2] = r.limit;
    cell[3] = r.at;
    cell[4] = r.by;
    cell[5] = r.reason;
    return cell[1] != NULL;
}

static const char *whole(uint64_t n, struct arena *a)
{
    return arena_strdup(a, number_scaled(n, 0).s);
}

static bool add_lift(struct grid *g, const Halftone__V1__Lift *lift,
                     struct arena *a)
{
    const struct row row = { .what = "lifted",
                             .misses = lift->lifted,
                             .at = answer_time(lift->at_us, a),
                             .by = lift->principal,
                             .reason = lift->reason };
    return row.at && add(g, row, a);
}

static enum err_code grid_of(struct grid *g, const Halftone__V1__Misses *m,
                             struct arena *a, struct err *err)
{
    const size_t n = 2 + m->n_today + m->n_lifts;
    const char *limit = whole(m->limit, a), *limit_day = whole(m->limit_day, a);
    *g = (struct grid){ .columns = HEADS,
                        .n_columns = COLUMNS,
                        .cells = ARENA_NEW_N(a, n * COLUMNS, const char *) };
    bool fits =
        g->cells && limit && limit_day &&
        add(g,
            (struct row){
                .what = "counted", .misses = m->counted, .limit = limit },
            a);
    for (size_t i = 0; fits && i < m->n_today; i++)
        fits = add(g,
                   (struct row){ .what = "today",
                                 .misses = m->today[i]->missed,
                                 .limit = limit_day,
                                 .by = m->today[i]->principal },
                   a);
    for (size_t i = 0; fits && i < m->n_lifts; i++)
        fits = add_lift(g, m->lifts[i], a);
    fits = fits &&
           add(g, (struct row){ .what = "ever", .misses = m->lifetime }, a);
    return fits ? ERR_OK : err_set(err, ERR_LIMIT, "there are too many rows");
}

static int ask(struct cli *cli, const struct client_method *method,
               const ProtobufCMessage *request)
{
    struct err err;
    struct client client;
    struct grid g;
    ProtobufCMessage *m;
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    client.once = true; /* a second lift would find nothing, and say so */
    if (client_call(&client, method, request, &m, cli->arena, &err) != ERR_OK ||
        grid_of(&g, (const Halftone__V1__Misses *)m, cli->arena, &err) !=
            ERR_OK ||
        grid_print(&g, cli->opt.format, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

int run_misses_show(struct cli *cli)
{
    Halftone__V1__GetMissesRequest request;
    halftone__v1__get_misses_request__init(&request);
    request.dataset = dataset_word(cli);
    return ask(cli, &METHOD_GET_MISSES, &request.base);
}

int run_misses_lift(struct cli *cli)
{
    struct err err;
    Halftone__V1__LiftMissesRequest request;
    halftone__v1__lift_misses_request__init(&request);
    request.dataset = dataset_word(cli);
    if (!request.dataset[0] || !cli->opt.reason) {
        (void)err_set(&err, ERR_INVALID, "a lift needs %s",
                      request.dataset[0] ? "a reason" : "the dataset's name");
        (void)err_hint(&err, "halftone misses lift DATASET --reason 'the disk "
                             "was slow, it is replaced'");
        return cli_misused(cli, &err);
    }
    request.reason = (char *)(uintptr_t)cli->opt.reason;
    return ask(cli, &METHOD_LIFT_MISSES, &request.base);
}
