/*
 * build/halftone: ask a Halftone server from the command line.
 * commands.c lists what it can do; each command is a file of its own.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/cli.h"
#include "clients/cli/config.h"
#include "server/base/version.h"

enum { ARENA_CAP = 1 << 30 };

static const char *environment(const char *name)
{
    return getenv(name);
}

/* Did whoever reads leave, as head does when it has enough? */
static bool nobody_reads(FILE *out)
{
    struct pollfd p = { .fd = fileno(out) };
    return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/* Everything printed arrived: a full disk must not look like success.  Without
 * a reader it ends as other programs of a pipe do. */
static int close_output(struct cli *cli, int code)
{
    struct err err;
    if (fflush(cli->term.out) == 0 && !ferror(cli->term.out))
        return code;
    if (code != 0)
        return code;
    if (nobody_reads(cli->term.out)) {
        (void)signal(SIGPIPE, SIG_DFL);
        (void)raise(SIGPIPE);
    }
    (void)err_set(&err, ERR_INTERNAL, "cannot write the output");
    return cli_fail(cli, &err, NULL);
}

static int unknown_command(struct cli *cli)
{
    if (cli->opt.n_args == 0) {
        help_print(cli->term.err, NULL);
        return EXIT_USAGE;
    }
    if (cli->opt.n_args == 1 &&
        help_print_family(cli->opt.help ? cli->term.out : cli->term.err,
                          cli->opt.args[0]))
        return cli->opt.help ? 0 : EXIT_USAGE;
    return help_unknown(cli, cli->opt.args, cli->opt.n_args);
}

static int run(struct cli *cli)
{
    struct err err;
    const char *warning;
    const struct command *command = cli->command;
    if (config_apply(&cli->opt, environment, &warning, cli->arena, &err) !=
        ERR_OK)
        return cli_misused(cli, &err);
    if (warning)
        cli_note(cli, warning);
    cli->term = terminal_of(stdout, stderr, cli->opt.no_color);
    if (options_check_groups(&cli->opt, command->groups, command->name, &err) !=
        ERR_OK)
        return cli_misused(cli, &err);
    if (cli->n_words > command->most_words) {
        (void)err_set(&err, ERR_INVALID, "one word too many: '%.60s'",
                      cli->words[command->most_words]);
        (void)err_hint(&err, "usage: halftone %s %s", command->name,
                       command->words);
        return cli_misused(cli, &err);
    }
    return command->run(cli);
}

static int dispatch(struct cli *cli, int argc, const char *const *argv)
{
    struct err err;
    size_t used = 0;
    cli->term = terminal_of(stdout, stderr, false);
    if (options_parse(&cli->opt, argc, argv, &err) != ERR_OK)
        return cli_misused(cli, &err);
    cli->term = terminal_of(stdout, stderr, cli->opt.no_color);
    if (cli->opt.version) {
        (void)printf("halftone %s\n", halftone_version());
        return 0;
    }
    cli->command = command_find(cli->opt.args, cli->opt.n_args, &used);
    if (cli->opt.help && (cli->command || cli->opt.n_args == 0)) {
        help_print(cli->term.out, cli->command);
        return 0;
    }
    if (!cli->command)
        return unknown_command(cli);
    cli->words = cli->opt.args + used;
    cli->n_words = cli->opt.n_args - used;
    return run(cli);
}

int main(int argc, char **argv)
{
    struct cli cli = { 0 };
    struct arena arena;
    (void)signal(SIGPIPE, SIG_IGN);
    arena_init(&arena, ARENA_CAP);
    cli.arena = &arena;
    const int code = dispatch(&cli, argc, (const char *const *)argv);
    const int closed = close_output(&cli, code);
    arena_fini(&arena);
    return closed;
}
