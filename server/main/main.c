/* halftoned: the server.  See --help and docs/config.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/base/version.h"
#include "server/main/server.h"
#include "server/sql/sql.h"

enum { EXIT_USAGE = 2, CONFIG_ARENA = 4 << 20 };

static const char HELP[] =
    "Usage: halftoned --config FILE [--check]\n"
    "\n"
    "Answers aggregate questions over gRPC with calibrated noise and charges\n"
    "each to a privacy budget.\n"
    "\n"
    "  --config FILE  what to serve and where (docs/config.md)\n"
    "  --check        read every file it names, say what is wrong, and exit\n"
    "  --version      print the version and exit\n"
    "  --help         print this and exit\n"
    "\n"
    "SIGTERM drains and stops; SIGHUP reads certificates, policies and\n"
    "principals again.\n";

struct arguments {
    const char *config;
    bool check;
};

/* 0 to go on, or 1 + the exit status. */
static int read_arguments(struct arguments *out, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(HELP, stdout);
            return 1 + EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--version") == 0) {
            (void)printf("halftoned %s\n", halftone_version());
            return 1 + EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--check") == 0) {
            out->check = true;
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            out->config = argv[++i];
        } else {
            (void)fprintf(stderr,
                          "halftoned: unknown or incomplete option "
                          "'%s'; try --help\n",
                          argv[i]);
            return 1 + EXIT_USAGE;
        }
    }
    if (out->config)
        return 0;
    (void)fputs("halftoned: --config FILE is needed; try --help\n", stderr);
    return 1 + EXIT_USAGE;
}

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

int main(int argc, char **argv)
{
    struct arguments args = { 0 };
    const int stop = read_arguments(&args, argc, argv);
    if (stop)
        return stop - 1;

    dp_init();
    sql_init();
    struct config *config;
    struct policy_report report = { 0 };
    struct err err = { 0 };
    struct arena arena;
    arena_init(&arena, CONFIG_ARENA);
    int status;
    if (config_load(&config, args.config, &report, &arena, &err) != ERR_OK) {
        policy_report_print(stderr, &report, args.config);
        status = fail(&err);
    } else {
        status = serve(config, args.check);
    }
    arena_fini(&arena);
    return status;
}
