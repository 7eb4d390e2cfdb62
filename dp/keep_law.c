/* The optimal rule's chance for real parameters, in closed form; what is drawn
 * from is keep.c. */
#include "dp/keep.h"

#include <math.h>

/* Past this e^-eps' is nothing beside any delta'. */
static const long double EPS_MAX = 1000;

/*
 * Up to n1 the chance grows, delta' (1 + e^eps' + ... + e^((n-1) eps')); from
 * there what is left of 1 shrinks, y(n+1) = e^-eps' (y(n) - delta').  n1 is the
 * last n at which growing gives less (theorem 1 of the paper).
 */
enum dp_status dp_keep_law(double *chance, double eps, double delta,
                           uint32_t l0, uint64_t n)
{
    if (!(eps > 0 && isfinite(eps) && delta > 0 && delta < 1) || l0 < 1)
        return DP_EDOM;
    const long double e = fminl((long double)eps / l0, EPS_MAX),
                      d = (long double)delta / l0, q = expl(-e);
    const long double n1 =
        1 + floorl(logl((1 + (2 * d - 1) * q) / ((1 + q) * d)) / e);
    const long double grown = fminl((long double)n, n1);
    const long double at_n1 = d * (expm1l(grown * e) / expm1l(e));
    const long double m = (long double)n - grown;
    const long double left =
        expl(-m * e) * (1 - at_n1) + d * expm1l(-m * e) / expm1l(e);
    *chance = (double)(m == 0 ? at_n1 : 1 - fmaxl(left, 0));
    return DP_OK;
}
