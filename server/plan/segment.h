#ifndef PLAN_SEGMENT_H
#define PLAN_SEGMENT_H

#include "server/policy/policy.h"
#include "server/query/request.h"

/*
 * Which people a question is about, as the policy's daily cap counts it: from
 * its text and the policy alone.
 *
 *   value   a column and a value that a condition compares it with:
 *           country = 'DE', age > 60, country IN ('DE', 'FR'), which is two
 *   column  a condition without a value, or with more than SEGMENT_VALUES of
 *           them; and a column that groups are made by
 *
 * Conditions are WHERE, ON, FILTER, CASE and comparisons, HAVING of
 * sub-queries, wherever they stand, through the names that sub-queries give to
 * columns and expressions.  Operators, order, NOT and what stands beside do not
 * matter, so that writing it another way, or adding to it, is no other segment:
 * a question about fewer people counts for each part of what picks them out.
 * Times and privacy keys pick out no segment.
 */
enum { SEGMENT_LEN = 16, SEGMENTS_MAX = 256, SEGMENT_VALUES = 16 };

struct segment {
    uint8_t hash[SEGMENT_LEN];
    const char *what; /* for people: "country = DE", "country" */
};
struct segments {
    struct segment v[SEGMENTS_MAX]; /* none twice */
    size_t n;
};

/* ERR_LIMIT: the arena is full. */
enum err_code segments_of(struct segments *out, const struct select *s,
                          const struct policy *p, const struct request *req,
                          struct arena *a, struct err *err) MUST_CHECK;

#endif
