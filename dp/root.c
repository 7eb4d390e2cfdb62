#include "dp/root.h"

#include <math.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_roots.h>

#include "dp/init.h"

/* GSL's solver keeps its state behind a pointer: bind it to the scope. */
static void free_solver(gsl_root_fsolver **s)
{
    gsl_root_fsolver_free(*s);
}

enum dp_status dp_root(double *x, dp_root_fn *f, void *ctx, double lo,
                       double hi)
{
    enum { STEPS_MAX = 200 };
    dp_init();
    const double at_lo = f(lo, ctx), at_hi = f(hi, ctx);
    if (at_lo == 0 || at_hi == 0) {
        *x = at_lo == 0 ? lo : hi;
        return DP_OK;
    }
    __attribute__((cleanup(free_solver))) gsl_root_fsolver *s =
        gsl_root_fsolver_alloc(gsl_root_fsolver_brent);
    gsl_function g = { .function = f, .params = ctx };
    if (!s || gsl_root_fsolver_set(s, &g, lo, hi) != GSL_SUCCESS)
        return DP_ENOCONV;

    for (int i = 0; i < STEPS_MAX; i++) {
        if (gsl_root_fsolver_iterate(s) != GSL_SUCCESS)
            return DP_ENOCONV;
        const double a = gsl_root_fsolver_x_lower(s),
                     b = gsl_root_fsolver_x_upper(s);
        if (gsl_root_test_interval(a, b, 0, 4e-16) == GSL_SUCCESS ||
            f(gsl_root_fsolver_root(s), ctx) == 0) {
            *x = gsl_root_fsolver_root(s);
            return DP_OK;
        }
    }
    return DP_ENOCONV;
}
