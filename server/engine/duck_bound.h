#ifndef ENGINE_DUCK_BOUND_H
#define ENGINE_DUCK_BOUND_H

#include "server/engine/duck_groups.h"

/*
 * Bounding inside DuckDB in one pass, where duck_keep.h's states of one size
 * would be too large or cannot hold what is kept: aggregates that, grouped by
 * person, keep the L0 groups that stand first (plan/keep.h), and in each
 *
 *   halftone_many_P_SUMS(person, l0, 0, code, x0 BIGINT, ...)
 *       sums, as duck_keep.h does        -> LIST(STRUCT(code, a0 HUGEINT, ...))
 *   halftone_values_P(person, l0, most, code, value UBIGINT)
 *       the `most` different values that stand first on the person's line, NULL
 *       where there is none; a1 of one of each group's
 *                             -> LIST(STRUCT(code, a0 UBIGINT, a1 BOOLEAN))
 *   halftone_evenly_P(person, l0, most, code, v BIGINT, start UBIGINT)
 *       `most` of the rows that have a v, evenly in the order of v
 *                                        -> LIST(STRUCT(code, a0 BIGINT))
 *
 * P is the person's type, i (BIGINT) or t (VARCHAR); code is UBIGINT; l0 and
 * most are INTEGER, constants above 0.  A NULL x, value or v adds nothing but
 * the group is one of the person's all the same; a row without a person or a
 * code takes no part.
 *
 * States grow on the heap with what people have.  When that has no more, the
 * statement fails with the words of DUCK_BOUND_FULL, and a window, which DuckDB
 * can move to disk, has to do the same.
 */
#define DUCK_BOUND_FULL "halftone keeps no more in memory"

enum { DUCK_BOUND_COLUMNS = 16 }; /* of a kind, beside the code */

/* A column that is written. */
struct duck_bound_out {
    void *data;
    duckdb_vector of;
};

/* One kind; its groups begin with struct duck_group. */
struct duck_bound_kind {
    const char *name; /* "halftone_values" */
    unsigned n_in, n_out;
    duckdb_type in[DUCK_BOUND_COLUMNS], out[DUCK_BOUND_COLUMNS];
    size_t bytes;                                      /* of a group */
    void (*drop)(void *group, struct duck_heap *heap); /* or NULL */
    /* Row `row` of the kind's own columns, n_in of them, joins the group.
     * False: the heap has no more. */
    bool (*add)(void *group, struct duck_groups *g,
                const struct duck_column *in, unsigned n_in, idx_t row);
    /* Another state's group joins this one. */
    bool (*merge)(void *group, const void *other, struct duck_groups *g,
                  unsigned n_in);
    /* Rows that the group becomes; and they are written from `at` on. */
    size_t (*count)(const struct duck_groups *g, const void *group);
    void (*put)(const struct duck_bound_out *out, size_t at,
                const struct duck_groups *g, void *group, unsigned n_out);
};

/* duck_items.c; duck_sums.c, one for each number of sums. */
extern const struct duck_bound_kind duck_values_kind, duck_evenly_kind;
struct duck_bound_kind duck_sums_kind(unsigned n);

/*
 * Call right after duckdb_open, as duck_order_register; key and heap outlive
 * the database.  ERR_INTERNAL names the function that DuckDB refused.
 */
enum err_code duck_bound_register(struct duck *d,
                                  const struct duck_keep_key *key,
                                  struct duck_heap *heap,
                                  struct err *err) MUST_CHECK;

#endif
