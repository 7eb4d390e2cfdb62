#include "tests/lib_history.h"

#include <math.h>

#include "clients/cli/history.h"

bool history_parse(struct history_text *out, const char *name)
{
    struct arena a;
    struct err err;
    struct dp_event *events;
    *out = (struct history_text){ 0 };
    arena_init(&a, 1 << 20);
    const bool ok =
        history_of_words(&events, &out->n, &name, 1, &a, &err) == ERR_OK &&
        out->n <= sizeof out->events / sizeof *out->events;
    for (size_t i = 0; ok && i < out->n; i++) {
        out->events[i] = events[i];
        out->has_gauss |= events[i].kind == DP_EVENT_GAUSS;
    }
    arena_fini(&a);
    return ok;
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
