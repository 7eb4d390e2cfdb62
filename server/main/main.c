/* halftoned: the server.  See --help and docs/config.md. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "dp/init.h"
#include "server/base/version.h"
#include "server/engine/scratch_worker.h"
#include "server/main/arguments.h"
#include "server/main/server.h"
#include "server/sql/sql.h"

enum { EXIT_USAGE = 2, CONFIG_ARENA = 4 << 20 };

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "halftoned: %s\n", err->msg);
    if (err->hint[0])
        (void)fprintf(stderr, "  hint: %s\n", err->hint);
    return err_info_of(err->code)->exit_code;
}

static int serve(const struct config *config, bool check)
{
    struct server *server;
    struct err err = { 0 };
    if (server_new(&server, config, &err) != ERR_OK)
        return fail(&err);
    const enum err_code code = check ? ERR_OK : server_run(server, &err);
    server_free(server);
    if (check)
        (void)puts("halftoned: everything is in order");
    return code == ERR_OK ? EXIT_SUCCESS : fail(&err);
}

static int start(const struct arguments *args)
{
    struct config *config;
    struct policy_report report = { 0 };
    struct err err = { 0 };
    struct arena arena;
    int status;
    /* Data that are written anew are nobody else's while they are; what is in
     * memory, keys too, is in no core dump, nor read by what else its user runs.
     */
    (void)umask(S_IRWXG | S_IRWXO);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    dp_init();
    sql_init();
    arena_init(&arena, CONFIG_ARENA);
    if (config_load(&config, args->config, &report, &arena, &err) != ERR_OK) {
        policy_report_print(stderr, &report, args->config);
        status = report.n > 0 ? err_info_of(err.code)->exit_code : fail(&err);
    } else {
        status = serve(config, args->check);
    }
    arena_fini(&arena);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments args;
    struct err err = { 0 };
    if (scratch_worker_is(argc, argv))
        return scratch_worker_main();
    if (arguments_read(&args, argc, (const char *const *)argv, &err) !=
        ERR_OK) {
        (void)fail(&err);
        return EXIT_USAGE;
    }
    if (args.help)
        arguments_help(stdout);
    else if (args.version)
        (void)printf("halftoned %s\n", halftone_version());
    else
        return start(&args);
    return EXIT_SUCCESS;
}
