#ifndef PLAN_TALLY_H
#define PLAN_TALLY_H

#include "dp/value.h"
#include "server/query/tree.h"

/*
 * An aggregate of public values: of rows of an answer, which are noisy, so that
 * nothing about it is private.  Means what PostgreSQL 15 means: NULLs are left
 * out; sums of whole numbers are whole, NULL past 64 bits; over no values all
 * but counts are NULL.
 *
 *   struct tally t = tally_of(AGG_SUM, VALUE_INT);
 *   tally_add(&t, &v); ...
 *   result = tally_result(&t);
 *
 * Percentiles and counts of different values need all at once:
 * tally_sorted().
 */
struct tally {
    enum agg_kind kind;
    enum value_type type; /* of the values */
    struct value most;    /* MIN, MAX: so far */
    dp_int whole;
    double real;         /* sum */
    double mean, square; /* of the values, and of their distance to it */
    int64_t n;
};

static inline struct tally tally_of(enum agg_kind kind, enum value_type type)
{
    return (struct tally){ .kind = kind, .type = type };
}

void tally_add(struct tally *t, const struct value *v);
/* Adds all that `more` holds, of the same kind and type. */
void tally_join(struct tally *t, const struct tally *more);
struct value tally_result(const struct tally *t);

/* Sorts `values`, which holds no NULL. */
struct tally_whole {
    enum agg_kind kind;
    bool distinct;   /* COUNT */
    double fraction; /* PERCENTILE_* */
};
struct value tally_sorted(const struct tally_whole *t, struct value *values,
                          size_t n);

#endif
