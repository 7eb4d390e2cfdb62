#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/cli.h"
#include "clients/cli/grid.h"
#include "clients/cli/join.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"

enum { COLUMNS = 5 };

static struct grid_column HEADS[COLUMNS] = {
    { "dataset", GRID_TEXT },
    { "notion", GRID_TEXT },
    { "policy_version", GRID_NUMBER },
    { "purposes", GRID_TEXT },
    { "help", GRID_TEXT },
};

static enum err_code grid_of(struct grid *g,
                             const Halftone__V1__ListDatasetsReply *m,
                             struct arena *a, struct err *err)
{
    *g = (struct grid){ .columns = HEADS,
                        .n_columns = COLUMNS,
                        .cells = ARENA_NEW_N(a, m->n_datasets * COLUMNS,
                                             const char *) };
    for (size_t i = 0; g->cells && i < m->n_datasets; i++) {
        const Halftone__V1__Dataset *d = m->datasets[i];
        const char **cell = g->cells + g->n_rows++ * COLUMNS;
        cell[0] = d->name;
        cell[1] = d->notion;
        cell[2] = arena_strdup(a, number_scaled(d->policy_version, 0).s);
        cell[3] = join(d->purposes, d->n_purposes, ", ", a);
        cell[4] = d->help;
        if (!cell[2] || !cell[3])
            return err_set(err, ERR_LIMIT, "there are too many datasets");
    }
    return g->cells ? ERR_OK
                    : err_set(err, ERR_LIMIT, "there are too many datasets");
}

int run_datasets(struct cli *cli)
{
    struct err err;
    struct client client;
    struct grid g;
    ProtobufCMessage *m;
    Halftone__V1__ListDatasetsRequest request;
    halftone__v1__list_datasets_request__init(&request);
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, &METHOD_LIST_DATASETS, &request.base, &m,
                    cli->arena, &err) != ERR_OK ||
        grid_of(&g, (const Halftone__V1__ListDatasetsReply *)m, cli->arena,
                &err) != ERR_OK ||
        grid_print_long(&g, cli->opt.format, &cli->term, cli->arena, &err) !=
            ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
