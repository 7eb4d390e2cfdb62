#include "clients/cli/calc.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dp/convert.h"
#include "dp/dlaplace.h"
#include "dp/gauss.h"
#include "dp/keep.h"
#include "dp/select.h"

/* `x` to 12 digits, and moved by units of the last one. */
static double rounded(double x, int units)
{
    char text[32];
    if (units != 0 && x != 0 && isfinite(x))
        x += units * pow(10, floor(log10(fabs(x))) - 11);
    (void)snprintf(text, sizeof text, "%.11e", x);
    return strtod(text, NULL);
}

int calc_print(struct cli *cli, double x, enum calc_rounding rounding)
{
    /* The last bits of x are its own rounding: 0.30000000000000004 is 0.3. */
    const double slack = 2e-15 * fabs(x);
    double shown = rounded(x, 0);
    if (rounding == CALC_UP && shown < x - slack)
        shown = rounded(x, 1);
    if (rounding == CALC_DOWN && shown > x + slack)
        shown = rounded(x, -1);
    (void)fprintf(cli->term.out, "%.12g\n", shown);
    return 0;
}

int calc_refuse(struct cli *cli, const char *hint, const char *fmt, ...)
{
    struct err err;
    char msg[sizeof err.msg];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    (void)err_set(&err, ERR_INVALID, "%s", msg);
    (void)err_hint(&err, "%s", hint);
    return cli_misused(cli, &err);
}

bool calc_has(struct cli *cli, enum flag_id id)
{
    char hint[96];
    if (cli->opt.source[id] == FROM_ARGS)
        return true;
    (void)snprintf(hint, sizeof hint, "see halftone %s --help",
                   cli->command->name);
    (void)calc_refuse(cli, hint, "halftone %s needs --%s", cli->command->name,
                      flag_of(id)->name);
    return false;
}

int calc_failed(struct cli *cli, enum dp_status status, const char *what)
{
    switch (status) {
    case DP_OK:
        return 0;
    case DP_EDOM:
        return calc_refuse(cli,
                           "epsilon and rho above 0, delta and alpha "
                           "between 0 and 1",
                           "%s: a number is outside its range", what);
    case DP_ERANGE:
        return calc_refuse(cli, "try less extreme numbers",
                           "%s: the result is out of range", what);
    case DP_ENOCONV:
        break;
    }
    struct err err;
    (void)err_set(&err, ERR_INTERNAL, "%s: no result was found", what);
    return cli_fail(cli, &err, NULL);
}

/* Print what a dp/ function found, or why it found nothing. */
static int answer(struct cli *cli, enum dp_status status, double x,
                  enum calc_rounding rounding, const char *what)
{
    return status == DP_OK ? calc_print(cli, x, rounding)
                           : calc_failed(cli, status, what);
}

int run_calc_gaussian_sigma(struct cli *cli)
{
    double sigma = 0;
    if (!calc_has(cli, FLAG_EPSILON) || !calc_has(cli, FLAG_DELTA))
        return EXIT_USAGE;
    const enum dp_status status =
        dp_gauss_sigma(&sigma, cli->opt.epsilon, cli->opt.delta, 1);
    return answer(cli, status, sigma, CALC_UP, "sigma");
}

int run_calc_zcdp_epsilon(struct cli *cli)
{
    double eps = 0;
    if (!calc_has(cli, FLAG_RHO) || !calc_has(cli, FLAG_DELTA))
        return EXIT_USAGE;
    const enum dp_status status =
        dp_eps_of_rho(&eps, cli->opt.rho, cli->opt.delta);
    return answer(cli, status, eps, CALC_UP, "epsilon");
}

int run_calc_zcdp_rho(struct cli *cli)
{
    double rho = 0;
    if (!calc_has(cli, FLAG_EPSILON) || !calc_has(cli, FLAG_DELTA))
        return EXIT_USAGE;
    const enum dp_status status =
        dp_rho_of_eps(&rho, cli->opt.epsilon, cli->opt.delta);
    return answer(cli, status, rho, CALC_DOWN, "rho");
}

/* Least k >= 0 with P[|X| > k] = 2 P[X > k] <= alpha, X discrete Laplace. */
static double discrete_half_width(double eps, double alpha)
{
    const long double t = 1 / (long double)eps, ln_alpha = logl(alpha);
    const long double guess =
        t * (logl(2) - ln_alpha - log1pl(expl(-(long double)eps))) - 1;
    double k = fmax(0, floor((double)guess) - 1);
    while (dp_dlaplace_log_tail(t, (dp_uint)k) + logl(2) > ln_alpha)
        k++;
    return k;
}

int run_calc_laplace_interval(struct cli *cli)
{
    const double eps = cli->opt.epsilon, alpha = cli->opt.alpha;
    if (!calc_has(cli, FLAG_EPSILON) || !calc_has(cli, FLAG_ALPHA))
        return EXIT_USAGE;
    if (!(alpha > 0) || eps < 1e-12)
        return calc_failed(cli, DP_EDOM, "half width");
    if (!cli->opt.discrete)
        return calc_print(cli, -log(alpha) / eps, CALC_UP);
    (void)fprintf(cli->term.out, "%.0f\n", discrete_half_width(eps, alpha));
    return 0;
}

/* The Gaussian's delta is shared: half for its noise, half for its threshold.
 */
static enum dp_status gaussian_threshold(double *above, const struct options *o)
{
    double sigma;
    const enum dp_status status =
        dp_gauss_sigma(&sigma, o->epsilon, o->delta / 2, sqrt(o->l0));
    return status == DP_OK
               ? dp_threshold_gaussian(above, sigma, o->delta / 2, o->l0)
               : status;
}

int run_calc_selection_threshold(struct cli *cli)
{
    const struct options *o = &cli->opt;
    double t = 0;
    enum dp_status status;
    if (!calc_has(cli, FLAG_LAW) || !calc_has(cli, FLAG_EPSILON) ||
        !calc_has(cli, FLAG_DELTA) || !calc_has(cli, FLAG_L0))
        return EXIT_USAGE;
    if (strcmp(o->law, "laplace") == 0)
        status = dp_threshold_laplace(&t, o->epsilon, o->delta, o->l0);
    else if (strcmp(o->law, "discrete-laplace") == 0)
        status = dp_threshold_dlaplace(&t, o->epsilon, o->delta, o->l0);
    else if (strcmp(o->law, "gaussian") == 0)
        status = gaussian_threshold(&t, o);
    else
        return calc_refuse(cli, "write laplace, discrete-laplace or gaussian",
                           "--law: no law '%.40s'", o->law);
    return answer(cli, status, t, CALC_UP, "threshold");
}

int run_calc_selection_keep(struct cli *cli)
{
    const struct options *o = &cli->opt;
    double chance = 0;
    if (!calc_has(cli, FLAG_EPSILON) || !calc_has(cli, FLAG_DELTA) ||
        !calc_has(cli, FLAG_L0) || !calc_has(cli, FLAG_N))
        return EXIT_USAGE;
    const enum dp_status status =
        dp_keep_law(&chance, o->epsilon, o->delta, o->l0, o->n);
    return answer(cli, status, chance, CALC_DOWN, "chance");
}
