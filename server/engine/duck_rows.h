#ifndef ENGINE_DUCK_ROWS_H
#define ENGINE_DUCK_ROWS_H

#include "server/engine/duck.h"
#include "server/engine/gate.h"
#include "server/engine/stamp.h"

/*
 * Whose row is it: rows of a dataset's tables by their place in the file or
 * table they are read from, mapped once for some bytes of theirs.
 *
 *   new --add_file...--> begin --note: row by row, any thread--> end
 *
 * After end nothing changes, and any thread reads.  A row is of one person, or
 * of nobody: its key is NULL, or in no map of subjects.  Places of all files of
 * all tables follow one another.
 *
 * Memory: 4 bytes a row, and 4 for each person up to the highest number in the
 * data; while rows are noted 4 more a row.
 */
struct duck_rows;

/* Of tables 0 .. n_tables - 1, each yet without rows, and of the files at
 * `paths`, borrowed for life, as they were at `look`, which is its own from now
 * on, even when it fails.  One reference.  NULL: no memory. */
struct duck_rows *duck_rows_new(size_t n_tables,
                                const struct stamp_paths *paths,
                                struct stamp_look *look);
struct duck_rows *duck_rows_keep(struct duck_rows *r);
void duck_rows_drop(struct duck_rows *r); /* NULL is allowed */

/* The next file of the table has n rows; tables come in order.  False: there
 * are too many rows, or no memory. */
bool duck_rows_add_file(struct duck_rows *r, size_t table, uint64_t n);
/* False: more than `most` bytes are needed, or there is no memory. */
bool duck_rows_begin(struct duck_rows *r, uint64_t most);
/* A row is number's; GATE_NOBODY: nobody's.  False: there is no such row. */
bool duck_rows_note(struct duck_rows *r, size_t table, int64_t file,
                    int64_t row, uint32_t number);
/* From numbers by row to rows by number.  False: no memory, or more than `most`
 * is needed. */
bool duck_rows_end(struct duck_rows *r, uint64_t most);

const struct stamp_paths *duck_rows_paths(const struct duck_rows *r);
const struct stamp_look *duck_rows_look(const struct duck_rows *r);

/* Of all tables. */
uint64_t duck_rows_n(const struct duck_rows *r);

/* Places of a file's rows: first, first + 1, ... */
struct duck_rows_file {
    uint64_t first, n;
};
/* False: the table has no such file. */
bool duck_rows_file_of(struct duck_rows_file *out, const struct duck_rows *r,
                       size_t table, int64_t file);

/* The places of a person's rows. */
struct duck_rows_hers {
    const uint32_t *v; /* borrowed */
    size_t n;
};
uint32_t duck_rows_people(const struct duck_rows *r); /* numbers below it */
struct duck_rows_hers duck_rows_of(const struct duck_rows *r, uint32_t number);

#endif
