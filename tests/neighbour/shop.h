#ifndef NEIGHBOUR_SHOP_H
#define NEIGHBOUR_SHOP_H

#include "tests/lib_engine.h"
#include "tests/neighbour/draw.h"

/*
 * Two folders of the same small, hostile shop: `with` holds everyone, `without`
 * lacks every row of one person in every table.  The policy is the same bytes
 * in both.  Rows hold NaN, infinities, extremes, NULLs, ties and texts that
 * look like SQL.
 */
struct shop {
    struct lib_files with, without;
};

enum { SHOP_PEOPLE = 9 };

extern const char SHOP_POLICY[];

/*
 * Write both; `person` (1..SHOP_PEOPLE) is the one removed.  Only people in the
 * bit set `keep` exist at all (bit p for person p), which is how a failure is
 * reduced.
 */
void shop_make(struct shop *out, struct draw *d, unsigned person,
               unsigned keep);
void shop_remove(const struct shop *s);

#endif
