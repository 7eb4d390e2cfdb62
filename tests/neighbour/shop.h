#ifndef NEIGHBOUR_SHOP_H
#define NEIGHBOUR_SHOP_H

#include "server/consent/fold.h"
#include "tests/lib_engine.h"
#include "tests/neighbour/draw.h"

/*
 * Folders of the same small, hostile shop: `without` is the smallest; each of
 * its neighbours `with` holds every row of one person more, in every table, and
 * its rows stand in another order.  Rows hold NaN, infinities, extremes, NULLs,
 * ties and texts that look like SQL.  The policy is the same bytes for all, and
 * which one it is follows from the draw: all notions, with and without a least
 * audience, rollups and a register of consent, which of the person has events
 * exactly where the rows are.
 *
 * Rows are kept, so that a failure can be told with as few as possible.
 */
enum {
    SHOP_PEOPLE = 12,
    SHOP_NEIGHBOURS = 4, /* a question to one costs less than to two alone */
    SHOP_CELLS = 11,
    SHOP_ROWS_MAX = 1200,
    SHOP_EVENTS_MAX = 128
};

/* The tables of the grammar, or those of tests/plan_refused.def. */
enum shop_tables { SHOP_OF_GRAMMAR, SHOP_OF_LISTS };

/* Where a policy's rows are.  Parquet files are opened, and planned for, again
 * with every statement: most shops are tables of a DuckDB file, for speed.  A
 * PostgreSQL (pgshop.h) has to be asked for. */
enum shop_source { SHOP_IN_DUCKDB, SHOP_IN_PARQUET, SHOP_IN_POSTGRESQL };

struct shop_row {
    uint8_t table;                 /* of shop_table() */
    uint8_t person;                /* 0 = rows of nobody */
    bool gone;                     /* left out everywhere */
    const char *cells[SHOP_CELLS]; /* SQL; static */
};

/* A decision about the purpose, in the order of time. */
/* Beside the states of a decision: the person is erased. */
#define SHOP_ERASED CONSENT_STATES
struct shop_event {
    uint8_t person; /* 1..SHOP_PEOPLE */
    enum consent_state state;
};

struct shop {
    struct lib_files without, with[SHOP_NEIGHBOURS];
    const char *policy; /* of Parquet files; shop_policy_of() */
    bool has_databases; /* of pgshop.h */
    enum shop_source source;
    unsigned person[SHOP_NEIGHBOURS]; /* that one has more, 1..SHOP_PEOPLE */
    size_t n;                         /* neighbours, at least 1 */
    struct shop_row rows[SHOP_ROWS_MAX];
    size_t n_rows;
    struct shop_event events[SHOP_EVENTS_MAX]; /* of the register, if any */
    size_t n_events;
    enum shop_tables which;
};

/* The most ordinary of the policies: zcdp, no least audience. */
extern const char SHOP_POLICY[];
enum { SHOP_ROLLED = 4, SHOP_ASKED, SHOP_OBJECTED, SHOP_POLICIES };
/* 0 <= i < SHOP_POLICIES; SHOP_POLICY is the first. */
const char *shop_policy(unsigned i);
extern const char SHOP_LISTS_POLICY[];

/*
 * Draw policy, people and rows; make folders, empty.  The tables are those of
 * the grammar, or those of tests/plan_refused.def and plan_expected.def: buys,
 * trips, towns (tests/lib_plan.h).
 */
void shop_draw(struct shop *out, struct draw *d, enum shop_tables which);

/* The same without rows, with one neighbour, who has person 1 more; then row by
 * row: cells are SQL, static, as many as the table has. */
void shop_empty(struct shop *out, enum shop_tables which, const char *policy);
void shop_add(struct shop *s, size_t table, unsigned person,
              const char *const *cells);

/* The policy's bytes for the shop's source; the caller frees. */
char *shop_policy_of(const struct shop *s);

/* Write the files of all sides from the rows that are not gone. */
void shop_write(struct shop *s);

/* Is somebody of neighbour `side` (s->n: of `without`)? */
bool shop_has(const struct shop *s, size_t side, unsigned person);

/* Adds a decision, drawn; NULL when there is no room for more. */
const struct shop_event *shop_decide(struct shop *s, struct draw *d);

/* Only neighbour `i` is left, as the first; of the others' people all rows are
 * gone. */
void shop_keep(struct shop *s, size_t i);
void shop_remove(const struct shop *s);

/* Names and number of columns of table i of either kind, its key left out; NULL
 * past the last. */
const char *shop_table(size_t i, size_t *n_cells);
const char *shop_column(size_t table, size_t cell);

#endif
