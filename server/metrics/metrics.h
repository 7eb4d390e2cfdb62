#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Every number the server exposes, defined once in metrics.def.
 *
 * One set per process.  Any thread adds, another prints: each number is an
 * atomic of its own and nothing orders one against another.
 *
 * Never a metric per analyst, per dataset or per predicate, nor one that
 * depends on what the engine found (misses, rows, bytes of answers): an exact
 * count is itself data.
 */
struct metrics {
#define METRIC(name, type, help) _Atomic uint64_t name;
#include "server/metrics/metrics.def"
#undef METRIC
};
extern struct metrics metrics;

/* metrics_add(&metrics.requests_total, 1) */
static inline void metrics_add(_Atomic uint64_t *metric, uint64_t n)
{
    (void)atomic_fetch_add_explicit(metric, n, memory_order_relaxed);
}

/* Gauges only: what metrics_add added. */
static inline void metrics_sub(_Atomic uint64_t *gauge, uint64_t n)
{
    (void)atomic_fetch_sub_explicit(gauge, n, memory_order_relaxed);
}

static inline void metrics_set(_Atomic uint64_t *gauge, uint64_t value)
{
    atomic_store_explicit(gauge, value, memory_order_relaxed);
}

/* Prometheus text exposition format 0.0.4, names prefixed "halftone_". */
void metrics_print(const struct metrics *m, FILE *out);

#endif
