#include "tests/lib_history.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "clients/cli/history.h"

bool history_parse(struct history_text *out, const char *name)
{
    struct err err;
    *out = (struct history_text){ 0 };
    if (strncmp(name, "MIX_", 4) == 0)
        name += 4;
    while (*name) {
        /* A word ends before '_' and a capital. */
        size_t len = strcspn(name, "_");
        while (name[len] == '_' && !isupper((unsigned char)name[len + 1]))
            len += 1 + strcspn(name + len + 1, "_");
        if (out->n == 8 ||
            history_word_parse(&out->events[out->n], name, len, &err) != ERR_OK)
            return false;
        out->has_gauss |= out->events[out->n++].kind == DP_EVENT_GAUSS;
        name += len + (name[len] == '_');
    }
    return out->n > 0;
}

/* Half of the epsilons are multiples of 0.01, as people write them. */
static struct dp_event random_event(gsl_rng *r)
{
    struct dp_event e = {
        .kind = (enum dp_event_kind)(gsl_rng_get(r) % 4),
        .times = 1 + (uint64_t)exp(5 * gsl_rng_uniform(r)),
    };
    if (e.kind == DP_EVENT_GAUSS)
        e.sigma = exp(6 * gsl_rng_uniform(r));
    else
        e.eps = gsl_rng_get(r) % 2 ? (double)(1 + gsl_rng_get(r) % 60) / 100
                                   : exp(6 * gsl_rng_uniform(r) - 6);
    if (e.kind == DP_EVENT_APPROX)
        e.delta = 1e-18 * gsl_rng_uniform(r);
    return e;
}

size_t history_random(struct dp_event *out, size_t most, gsl_rng *r)
{
    const size_t n = 1 + gsl_rng_get(r) % most;
    for (size_t i = 0; i < n; i++)
        out[i] = random_event(r);
    return n;
}
