#include "dp/notion.h"

#include <math.h>

#include "dp/convert.h"
#include "dp/gauss.h"
#include "dp/mills.h"

enum dp_law dp_notion_law(enum dp_notion notion)
{
    return notion == DP_PURE  ? DP_DLAPLACE
           : notion == DP_GDP ? DP_RGAUSS
                              : DP_DGAUSS;
}

const char *dp_notion_unit_name(enum dp_notion notion)
{
    return notion == DP_PURE ? "epsilon" : "rho";
}

uint64_t dp_notion_units(enum dp_notion notion, struct dp_price price)
{
    return notion == DP_PURE ? price.eps_nano : price.rho_pico;
}

struct dp_price dp_notion_price(enum dp_notion notion, uint64_t units)
{
    return notion == DP_PURE ? (struct dp_price){ .eps_nano = units }
                             : (struct dp_price){ .rho_pico = units };
}

double dp_notion_unit(enum dp_notion notion)
{
    return notion == DP_PURE ? DP_NANO : DP_PICO;
}

enum dp_status dp_notion_eps(double *eps, enum dp_notion notion,
                             struct dp_price price, double delta)
{
    const double main =
        (double)dp_notion_units(notion, price) * dp_notion_unit(notion);
    if (notion == DP_PURE || main == 0) {
        *eps = main;
        return DP_OK;
    }
    /* The product above and the root below are off by an ulp each. */
    const double up = main * (1 + 0x1p-51);
    return notion == DP_GDP ? dp_gauss_eps(eps, sqrt(2 * up), delta)
                            : dp_eps_of_rho(eps, up, delta);
}

enum dp_status dp_notion_of_eps(double *main, enum dp_notion notion, double eps,
                                double delta)
{
    if (!(eps > 0))
        return DP_EDOM;
    if (notion == DP_PURE) {
        *main = eps;
        return DP_OK;
    }
    if (notion == DP_ZCDP)
        return dp_rho_of_eps(main, eps, delta);
    double mu;
    const enum dp_status status = dp_gauss_mu(&mu, eps, delta);
    if (status == DP_OK)
        *main = mu * mu / 2 * (1 - 0x1p-51);
    return status;
}

static const long double QUARTER_PI =
    0.785398163397448309615660845819875721049L;

/*
 * ln P[Z > u] is concave and falls, so Newton's steps from where it lies below
 * the target, as it does at u^2/2 = -target, stay there: each u is an upper
 * bound of the quantile.
 */
long double dp_notion_gdp_of_pure(long double eps)
{
    enum { STEPS = 60 };
    if (eps < 1e-5L)
        return QUARTER_PI * eps * eps; /* dp/notion.md, 4 */
    const long double target = eps > 1000 ? -eps : -log1pl(expl(eps));
    long double u = sqrtl(-2 * target);
    for (int i = 0; i < STEPS; i++) {
        const long double mills = dp_mills(u);
        const long double below =
            target - dp_mills_log_density(u) - logl(mills);
        if (!(below > 1e-16L * -target))
            break;
        u -= below * mills;
    }
    /* mu = 2 u; the 1e-13 is for the rounding of what was compared. */
    return 2 * u * u * (1 + 1e-13L);
}
