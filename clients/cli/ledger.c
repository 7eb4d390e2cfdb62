#include "server/ledger/ledger.h"

#include "clients/cli/cli.h"
#include "clients/cli/text.h"

static void say(void *ctx, const char *line)
{
    struct cli *cli = ctx;
    const char *safe = text_line(cli->arena, line);
    (void)fprintf(cli->term.out, "%s\n", safe ? safe : "");
}

int run_ledger_verify(struct cli *cli)
{
    struct err err;
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "there is no ledger to verify");
        (void)err_hint(&err, "usage: halftone ledger verify FILE");
        return cli_misused(cli, &err);
    }
    if (ledger_verify(cli->words[0], say, cli, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    (void)fprintf(cli->term.out, "%s: every invariant holds\n", cli->words[0]);
    return 0;
}
