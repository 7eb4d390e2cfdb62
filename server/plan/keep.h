#ifndef PLAN_KEEP_H
#define PLAN_KEEP_H

#include <stdbool.h>
#include <stdio.h>

/*
 * What planner and engines agree on about keeping L0 groups a person.
 *
 * A person's groups are ordered by SHA-256(key || "g" || person || group), ties
 * by group, and the first L0 are kept.  `key` is the server's secret of 32
 * bytes followed by 32 zero bytes: one whole block, so that its hash state is
 * computed once.  `person` and `group` are spelled as text that ends by itself:
 *
 *   integers  decimal digits and a comma      42,
 *   text      its length in bytes, a colon, its bytes      5:spain
 *   NULL      n
 *   dates, times and truths, as integers      days, microseconds since 1970,
 * 0/1
 */
enum {
    KEEP_KEY_LEN = 64, /* bytes of the key */
    KEEP_L0_MAX = 8,   /* of halftone_keep_*: larger limits use a window */
    KEEP_SUMS_MAX = 6,
    KEEP_NAME_MAX = 40, /* bytes of a function's name, its NUL included */
};

#define KEEP_CODE "halftone_code"

/* The aggregate for persons, and groups of one key, of text or not:
 * "halftone_keep_is_5_2". */
static inline void keep_name(char out[KEEP_NAME_MAX], bool person_text,
                             bool group_text, unsigned l0, unsigned sums)
{
    (void)snprintf(out, KEEP_NAME_MAX, "halftone_keep_%c%c_%u_%u",
                   person_text ? 't' : 'i', group_text ? 't' : 's', l0, sums);
}

/*
 * The first 64 bits of the hash that orders a person's groups, as UBIGINT:
 * halftone_order_PG(person, group VARCHAR), types as above:
 * "halftone_order_is".
 */
static inline void keep_order_name(char out[KEEP_NAME_MAX], bool person_text,
                                   bool group_text)
{
    (void)snprintf(out, KEEP_NAME_MAX, "halftone_order_%c%c",
                   person_text ? 't' : 'i', group_text ? 't' : 's');
}

#endif
