#include <string.h>

#include "clients/cli/calc.h"
#include "clients/cli/history.h"
#include "dp/account.h"

static bool accountant_of(enum dp_accountant *out, const char *name)
{
    static const char *const NAMES[] = {
        [DP_BY_PURE] = "pure", [DP_BY_RDP] = "rdp", [DP_BY_ZCDP] = "zcdp",
        [DP_BY_GDP] = "gdp",   [DP_BY_PLD] = "pld",
    };
    for (unsigned i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (enum dp_accountant)i;
            return true;
        }
    return false;
}

/* Why no epsilon is finite. */
static int no_epsilon(struct cli *cli, enum dp_accountant by,
                      const struct dp_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (by == DP_BY_PURE && events[i].kind == DP_EVENT_GAUSS)
            return calc_refuse(cli, "ask rdp, zcdp, gdp or pld",
                               "a Gaussian has no epsilon without a delta of "
                               "its own: --accountant pure cannot add it up");
    return calc_refuse(cli, "give a larger --delta",
                       "the ledger's own deltas leave nothing of --delta");
}

int run_calc_compose(struct cli *cli)
{
    struct err err;
    enum dp_accountant by;
    struct dp_event *events;
    size_t n = 0;
    double eps = 0;
    if (!calc_has(cli, FLAG_ACCOUNTANT))
        return EXIT_USAGE;
    if (!accountant_of(&by, cli->opt.accountant))
        return calc_refuse(cli, "write pure, rdp, zcdp, gdp or pld",
                           "--accountant: no accountant '%.40s'",
                           cli->opt.accountant);
    if (by != DP_BY_PURE && !calc_has(cli, FLAG_DELTA))
        return EXIT_USAGE;
    if (history_of_words(&events, &n, cli->words, cli->n_words, cli->arena,
                         &err) != ERR_OK)
        return cli_misused(cli, &err);
    const enum dp_status status =
        dp_account_eps(&eps, by, events, n, cli->opt.delta);
    if (status == DP_ERANGE)
        return no_epsilon(cli, by, events, n);
    return status == DP_OK ? calc_print(cli, eps, CALC_UP)
                           : calc_failed(cli, status, "epsilon");
}
