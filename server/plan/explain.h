#ifndef PLAN_EXPLAIN_H
#define PLAN_EXPLAIN_H

#include "server/plan/plan.h"

/*
 * What EXPLAIN (PRIVACY) and Estimate say of a plan's noise: each measure with
 * what it is, what one person changes, its law and its part of the price; each
 * column with the measures it is computed from and how wrong it may be.
 * Functions of the plan.
 */
void explain_noise(struct writer *w, const struct plan *p);

/* Column `i` of the answer in the end, `after` included: how it is made, NULL
 * when the arena is full ... */
const char *explain_mechanism(const struct plan *p, size_t i, struct arena *a);
/* ... and the half width of its interval at the plan's level, as far as that is
 * known beforehand, else NaN; 0 where there is no noise in it. */
double explain_error(const struct plan *p, size_t i);

/* explain_sql.c: an engine's statement in lines that people can read. */
void explain_sql(struct writer *w, const char *sql);

/* The output of a release that passes through all SELECTs around it as column
 * `i` of the answer; NULL when it is computed there. */
const struct plan_output *explain_origin(const struct plan *p, size_t i);

/* The group key that an output shows which is one. */
size_t explain_key(const struct typed *e);

#endif
