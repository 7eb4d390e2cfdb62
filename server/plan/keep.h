#ifndef PLAN_KEEP_H
#define PLAN_KEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What planner and engines agree on about keeping L0 groups a person.
 *
 *   code of a value     the first 64 bits of SHA-256(key || "c" || value)
 *   code of a group     of one key that of its value; of more, that of the keys
 *                       before with the last one's: mixed(x code + last), x
 *                       1 + the first 60 bits of SHA-256(key || "x")
 *   line of a person    a = 1 + the first 60 bits of SHA-256(key || "p" ||
 *                       person), b = the next 60
 *   place of a group    (a code + b) mod 2^61 - 1
 *
 * A person's groups stand in the order of their places, ties by group, and the
 * first L0 are kept.  b makes the place of any group uniform, and a that of any
 * two: a line through groups that are themselves hashes picks evenly, and no
 * two people alike.  What one person changes is bounded whatever the order. One
 * SHA-256 for each person and each group, not for each pair of them, is what
 * makes bounding no dearer than counting distinct people.
 *
 * Sums and products are modulo 2^61 - 1.  Two groups of several keys have one
 * code for one x in 2^60 at most, whatever they are; `mixed` (a bijection of 64
 * bits, MurmurHash3's last step) keeps codes of groups that share a key from
 * standing in one pattern on each line.
 *
 * `key` is the server's secret of 32 bytes followed by 32 zero bytes: one whole
 * block, so that its hash state is computed once.  `person` and `group` are
 * spelled as text that ends by itself:
 *
 *   integers  decimal digits and a comma      42,
 *   text      its length in bytes, a colon, its bytes      5:spain
 *   NULL      n
 *   dates, times and truths, as integers      days, microseconds since 1970,
 * 0/1
 */
/* Bytes of halftone_keep_*'s state: what one person takes while rows are read.
 */
static inline size_t keep_bytes(unsigned l0, unsigned sums)
{
    return 24 + (size_t)l0 * 16 * (1 + (size_t)sums);
}

#define KEEP_PRIME UINT64_C(2305843009213693951) /* 2^61 - 1 */

enum {
    KEEP_KEY_LEN = 64, /* bytes of the key */
    KEEP_L0_MAX = 32,  /* of halftone_keep_*: for larger ones halftone_many */
    KEEP_SUMS_MAX = 6,
    KEEP_MANY_MAX = 16, /* sums of halftone_many* */
    KEEP_NAME_MAX = 40, /* bytes of a function's name, its NUL included */
};

/* The code of a value, as UBIGINT: "halftone_code_t" of a VARCHAR, _i of a
 * BIGINT. */
static inline void keep_code_name(char out[KEEP_NAME_MAX], bool is_text)
{
    (void)snprintf(out, KEEP_NAME_MAX, "halftone_code_%c", is_text ? 't' : 'i');
}

/* The code of a group and one key more, of both their codes. */
#define KEEP_BOTH "halftone_both"

/* The place of a group by its code, as UBIGINT, for persons of text or not:
 * "halftone_place_i" of person and code. */
static inline void keep_place_name(char out[KEEP_NAME_MAX], bool person_text)
{
    (void)snprintf(out, KEEP_NAME_MAX, "halftone_place_%c",
                   person_text ? 't' : 'i');
}

/* One whose state grows: "halftone_values_i"; server/engine/duck_bound.h. */
static inline void keep_bound_name(char out[KEEP_NAME_MAX], const char *kind,
                                   bool person_text)
{
    (void)snprintf(out, KEEP_NAME_MAX, "%s_%c", kind, person_text ? 't' : 'i');
}

/* The aggregate: "halftone_keep_i_5_2". */
static inline void keep_name(char out[KEEP_NAME_MAX], bool person_text,
                             unsigned l0, unsigned sums)
{
    (void)snprintf(out, KEEP_NAME_MAX, "halftone_keep_%c_%u_%u",
                   person_text ? 't' : 'i', l0, sums);
}

#endif
