#include <math.h>
#include <string.h>

#include "clients/cli/calc.h"
#include "clients/cli/number.h"
#include "dp/mechanism.h"
#include "dp/rng.h"

/* A decimal of at most six places as a fraction, exactly: 51.3 is 513/10. */
static bool scale_of(struct dp_mechanism *m, double scale)
{
    double num = scale;
    uint64_t den = 1;
    for (int places = 0; places <= 6; places++, den *= 10) {
        num = scale * (double)den;
        if (fabs(num - round(num)) <= 4e-16 * num && num < 0x1p53) {
            m->num = (uint64_t)round(num);
            m->den = den;
            dp_mechanism_reduce(m);
            return dp_mechanism_ok(m);
        }
    }
    return false;
}

static bool law_of(struct dp_mechanism *m, const char *name)
{
    static const struct {
        const char *name;
        enum dp_law law;
    } laws[] = { { "discrete-laplace", DP_DLAPLACE },
                 { "discrete-gaussian", DP_DGAUSS },
                 { "rounded-gaussian", DP_RGAUSS } };
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++)
        if (strcmp(name, laws[i].name) == 0) {
            m->law = laws[i].law;
            return true;
        }
    return false;
}

static void print_integer(FILE *out, dp_int v)
{
    char digits[48];
    size_t at = sizeof digits;
    dp_uint rest = v < 0 ? -(dp_uint)v : (dp_uint)v;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    (void)fprintf(out, "%s%s\n", v < 0 ? "-" : "", digits + at);
}

/* Noise on zeros, as every release draws it. */
static enum dp_status print_samples(FILE *out, const struct dp_mechanism *m,
                                    uint64_t count)
{
    enum { BATCH = 4096 };
    static const struct dp_exact zeros[BATCH];
    static struct dp_noisy noise[BATCH];
    gsl_rng *rng = dp_rng_system();
    enum dp_status status = DP_OK;
    while (status == DP_OK && count > 0 && !ferror(out)) {
        const size_t n = count < BATCH ? (size_t)count : BATCH;
        status = dp_mechanism_release(noise, zeros, n, m, rng);
        for (size_t i = 0; status == DP_OK && i < n; i++)
            print_integer(out, noise[i].v);
        count -= n;
    }
    gsl_rng_free(rng);
    return status;
}

int run_calc_sample(struct cli *cli)
{
    struct dp_mechanism m = { .den = 1 };
    if (!calc_has(cli, FLAG_LAW) || !calc_has(cli, FLAG_SCALE) ||
        !calc_has(cli, FLAG_SAMPLES))
        return EXIT_USAGE;
    if (!law_of(&m, cli->opt.law))
        return calc_refuse(cli,
                           "write discrete-laplace, discrete-gaussian "
                           "or rounded-gaussian",
                           "--law: no law '%.40s' to sample from",
                           cli->opt.law);
    if (!scale_of(&m, cli->opt.scale))
        return calc_refuse(cli,
                           "give at most six decimals, from 0.000001 to "
                           "1e12",
                           "--scale: %.17g is no scale that is sampled exactly",
                           cli->opt.scale);
    return calc_failed(cli, print_samples(cli->term.out, &m, cli->opt.samples),
                       "samples");
}
