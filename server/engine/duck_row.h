#ifndef ENGINE_DUCK_ROW_H
#define ENGINE_DUCK_ROW_H

#include "server/engine/duck_gate.h"
#include "server/engine/duck_rows.h"

/*
 * Who counts, asked by a row's place instead of its key, inside DuckDB: for the
 * views of views.h.
 *
 *   halftone_by_row() -> BOOLEAN         may it be asked so, in this statement
 *   halftone_row_I(row) -> UTINYINT      1: the row's person counts; table I,
 *                                        of one file
 *   halftone_place_I(file, row)          the same, of several
 *   halftone_note_I(file, row, key)      duck_row_map's: whose row it is
 *
 * A statement is bound under its pin, and halftone_by_row folds to a constant
 * there: what remains of it asks by one of the two alone.  A row that was not
 * there when rows were mapped makes the pin say so (duck_gate_holds).
 */
#define DUCK_BY_ROW "halftone_by_row()"
/* The table's place in the policy follows. */
#define DUCK_ROW   "halftone_row_"
#define DUCK_PLACE "halftone_place_"
#define DUCK_NOTE  "halftone_note_"

/*
 * Register them for the policy's tables of people: right after duck_gate_open,
 * for DuckDB loses what is registered while a statement streams.
 * ERR_INTERNAL, ERR_LIMIT.
 */
enum err_code duck_row_register(struct duck *d, struct duck_gate *g,
                                const struct policy *policy,
                                struct err *err) MUST_CHECK;

/*
 * Read every row of VIEWS_ROWS and say whose it is.  `paths` are borrowed for
 * the life of *out; `attached` is NULL or as in views.h.  *out has one
 * reference.
 */
enum duck_row_mapped {
    DUCK_ROW_MAPPED,
    DUCK_ROW_YOUNG, /* the files changed just now: try again in a moment */
    DUCK_ROW_NOT    /* they changed meanwhile, or are not those that DuckDB has
                       open; they need more than `most` bytes; it failed */
};
struct duck_row_mapping {
    duckdb_connection con; /* pinned for nothing else */
    struct duck_gate *gate;
    struct duck_keys *keys; /* a reference of the caller's; or NULL */
    const struct policy *policy;
    const struct stamp_paths *paths;
    const struct stamp_look *attached;
    uint64_t most;
};
enum duck_row_mapped duck_row_map(struct duck_rows **out,
                                  const struct duck_row_mapping *m);

#endif
