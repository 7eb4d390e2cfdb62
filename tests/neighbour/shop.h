#ifndef NEIGHBOUR_SHOP_H
#define NEIGHBOUR_SHOP_H

#include "tests/lib_engine.h"
#include "tests/neighbour/draw.h"

/*
 * Two folders of the same small, hostile shop: `with` holds everyone, `without`
 * lacks every row of one person in every table, and its rows stand in another
 * order.  Rows hold NaN, infinities, extremes, NULLs, ties and texts that look
 * like SQL.  The policy is the same bytes for both, and which one it is follows
 * from the draw: all notions, with and without a least audience and rollups.
 *
 * Rows are kept, so that a failure can be told with as few as possible.
 */
enum { SHOP_PEOPLE = 9, SHOP_CELLS = 11, SHOP_ROWS_MAX = 1200 };

/* The tables of the grammar, or those of tests/plan_refused.def. */
enum shop_tables { SHOP_OF_GRAMMAR, SHOP_OF_LISTS };

struct shop_row {
    uint8_t table;                 /* of shop_table() */
    uint8_t person;                /* 0 = rows of nobody */
    bool gone;                     /* left out of both sides */
    const char *cells[SHOP_CELLS]; /* SQL; static */
};

struct shop {
    struct lib_files with, without;
    const char *policy;
    unsigned person; /* the one removed, 1..SHOP_PEOPLE */
    struct shop_row rows[SHOP_ROWS_MAX];
    size_t n_rows;
    enum shop_tables which;
};

/* The most ordinary of the policies: zcdp, no least audience. */
extern const char SHOP_POLICY[];
enum { SHOP_ROLLED = 4, SHOP_POLICIES };
/* 0 <= i < SHOP_POLICIES; SHOP_POLICY is the first. */
const char *shop_policy(unsigned i);
extern const char SHOP_LISTS_POLICY[];

/*
 * Draw policy, person and rows; make folders, empty.  The tables are those of
 * the grammar, or those of tests/plan_refused.def and plan_expected.def: buys,
 * trips, towns (tests/lib_plan.h).
 */
void shop_draw(struct shop *out, struct draw *d, enum shop_tables which);

/* The same without rows, and person 1 removed; then row by row: cells are SQL,
 * static, as many as the table has. */
void shop_empty(struct shop *out, enum shop_tables which, const char *policy);
void shop_add(struct shop *s, size_t table, unsigned person,
              const char *const *cells);

/* Write the files of both sides from the rows that are not gone. */
void shop_write(const struct shop *s);
void shop_remove(const struct shop *s);

/* Names and number of columns of table i of either kind, its key left out; NULL
 * past the last. */
const char *shop_table(size_t i, size_t *n_cells);
const char *shop_column(size_t table, size_t cell);

#endif
