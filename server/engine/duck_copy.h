#ifndef ENGINE_DUCK_COPY_H
#define ENGINE_DUCK_COPY_H

#include <sys/stat.h>

#include "server/engine/source.h"

/* What duck_rewrite.c does to files, and asks of DuckDB. */

/* `to` is what `from` is, which *was it.  ERR_UNAVAILABLE. */
enum err_code duck_copy_file(const char *to, const char *from, struct stat *was,
                             struct err *err) MUST_CHECK;

/* `fresh` is on the disk, with the owner, group and mode that *was has.
 * ERR_UNAVAILABLE. */
enum err_code duck_settle(const char *fresh, const struct stat *was,
                          struct err *err) MUST_CHECK;

/*
 * What was settled takes the place of `file`, at once and without a wait for
 * the disk.  ERR_UNAVAILABLE: `file` is not what it *was any more, or the disk
 * failed; it stays.
 */
enum err_code duck_replace(const char *file, const char *fresh,
                           const struct stat *was, struct err *err) MUST_CHECK;

/* ... durably, after this.  ERR_UNAVAILABLE: the disk failed. */
enum err_code duck_keep_name(const char *file, struct err *err) MUST_CHECK;

/* A statement of one row and column; false when it fails, or the value is NULL
 * or false. */
bool duck_count(uint64_t *out, struct duck *d, const char *sql);
bool duck_is_true(struct duck *d, const char *sql);
/* NULL likewise. */
const char *duck_text(struct duck *d, const char *sql, struct arena *a);

/* Attached databases with the same objects, and as many rows in each table. */
bool duck_same_database(struct duck *d, const char *one, const char *other,
                        struct arena *a);

bool duck_is_parquet(const char *path);
/* Of a path or pattern; false when nothing matches or one visit was false. */
bool duck_each_match(const char *pattern, bool (*visit)(const char *path));

#endif
