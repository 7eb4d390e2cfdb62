#ifndef ENGINE_VIEWS_H
#define ENGINE_VIEWS_H

#include "server/engine/source.h"
#include "server/engine/stamp.h"

/*
 * Make each table of the policy a view src."TABLE" that shows exactly the
 * policy's columns under the policy's names and types, after checking that the
 * source has them.  Where the policy asks for consent, also of each table of
 * people
 *
 *   counted."TABLE"      the rows of people who count (server/plan/gate.h)
 *   VIEWS_ROWS(I)        of table I, if DuckDB tells the place of a row: the
 *                        columns, halftone_file and halftone_row (BIGINT)
 *
 * counted."TABLE" asks by a row's place where the functions of duck_row.h say
 * that this can be done, so that no key is read; else by the key.
 */

/* Where the map of subjects is shown, if there is one: duck_gate.c reads it,
 * and no plan's statement names it. */
#define VIEWS_MAP "main.halftone_map"
/* A format of one size_t. */
#define VIEWS_ROWS "main.halftone_rows_%zu"

struct views {
    const char *const *files; /* every file the views read, in the arena */
    size_t n_files;
    /* The files of tables of people, the caller's: NULL unless the places of
     * all their rows are told. */
    struct stamp_paths *paths;
    /* As the database was before it was attached, the caller's; NULL: files are
     * opened by each statement. */
    struct stamp_look *attached;
};

/*
 * ERR_INVALID    a table or column is missing or cannot be what the policy
 *                says; message and hint name both sides, the place is the line
 *                of the policy
 * ERR_NOT_FOUND  a file cannot be opened
 * ERR_LIMIT      the arena is full
 */
enum err_code views_create(struct views *out, struct duck *d,
                           const struct policy *policy, struct arena *a,
                           struct err *err) MUST_CHECK;

#endif
