#ifndef PLAN_GUARD_H
#define PLAN_GUARD_H

/*
 * Functions that planner and engines agree on: of x (DOUBLE) where the test
 * holds, else NULL.  They make an operation total, and name their argument
 * once: DuckDB reads nullif(x, y) as CASE WHEN x = y THEN NULL ELSE x END, so
 * that a sum of n terms, each with a nullif of its own, is an expression of
 * 2^n; and so for its other macros.
 *
 *   G(id, name, test of x, value)
 */
#define GUARDS(G)                                                              \
    G(NUMBER, "halftone_number", !isnan(x), x)                                 \
    G(DIVISOR, "halftone_divisor", x != 0, x)                                  \
    G(FINITE, "halftone_finite", isfinite(x), x)                               \
    G(POSITIVE, "halftone_positive", x > 0, x)                                 \
    G(ROOTED, "halftone_rooted", x >= 0, x)                                    \
    /* Seconds of the years 1 to 9999. */                                      \
    G(YEARS, "halftone_years", x > -62135596801 && x < 253402300800, x)        \
    /* The nearest whole number, halves to the even one. */                    \
    G(ROUND, "halftone_round", true, rint(x))

#define GUARD_NUMBER   "halftone_number"
#define GUARD_DIVISOR  "halftone_divisor"
#define GUARD_FINITE   "halftone_finite"
#define GUARD_POSITIVE "halftone_positive"
#define GUARD_ROOTED   "halftone_rooted"
#define GUARD_ROUND    "halftone_round"
#define GUARD_YEARS    "halftone_years"

#define GUARD_ID(id, name, test, value) GUARD_ID_##id,
enum guard_id { GUARDS(GUARD_ID) GUARD_COUNT };
#undef GUARD_ID

#endif
