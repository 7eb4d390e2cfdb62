/* What the planner describes, as the accountants see it. */
#include <math.h>

#include "dp/event.h"

enum dp_status dp_event_of_vector(struct dp_event *out,
                                  const struct dp_vector_release *v)
{
    if (!dp_mechanism_ok(&v->noise) || v->noise.law == DP_DGAUSS ||
        v->linf == 0 || v->l0 == 0)
        return DP_EDOM;
    const long double scale =
        (long double)v->noise.num / (long double)v->noise.den;

    /* Rounded towards what tells more. */
    struct dp_event e = { .times = 1 };
    if (v->noise.law == DP_RGAUSS) {
        e.kind = DP_EVENT_GAUSS;
        e.sigma = nextafter((double)(scale / dp_vector_l2(v)), 0);
    } else {
        e.kind = DP_EVENT_RESPONSE;
        e.eps = nextafter((double)((long double)v->linf / scale), HUGE_VAL);
        e.times = v->l0;
    }
    if (!dp_event_ok(&e))
        return DP_EDOM;
    *out = e;
    return DP_OK;
}
