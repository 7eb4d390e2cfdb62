#include <grpc/health/v1/health.pb-c.h>

#include "clients/cli/cli.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"

int run_health(struct cli *cli)
{
    struct err err;
    struct client client;
    ProtobufCMessage *m;
    Grpc__Health__V1__HealthCheckRequest request;
    grpc__health__v1__health_check_request__init(&request);
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, &METHOD_HEALTH, &request.base, &m, cli->arena,
                    &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    const bool serving =
        ((const Grpc__Health__V1__HealthCheckResponse *)m)->status ==
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
    static struct grid_column columns[] = { { "target", GRID_TEXT },
                                            { "status", GRID_TEXT } };
    const char *cells[] = { client.target.authority,
                            serving ? "serving" : "not serving" };
    const struct grid g = {
        .columns = columns, .n_columns = 2, .cells = cells, .n_rows = 1
    };
    if (cli->opt.format == FORMAT_TABLE)
        (void)fprintf(cli->term.out, "%s is %s\n", cells[0], cells[1]);
    else if (grid_print(&g, cli->opt.format, &cli->term, cli->arena, &err) !=
             ERR_OK)
        return cli_fail(cli, &err, NULL);
    return serving ? 0 : err_info_of(ERR_UNAVAILABLE)->exit_code;
}
