#ifndef LEDGER_LOOKUP_FILE_H
#define LEDGER_LOOKUP_FILE_H

#include "server/ledger/lookup_run.h"

/*
 * The runs of lookup.h in their tables: reading, writing, merging.
 *
 * What changes the file does so in the transaction that the caller has open;
 * when that does not commit, what memory holds is of no use any more.
 */
struct sqlite3;
struct sqlite3_stmt;
struct lookup_merge;

enum lookup_sql {
    LOOKUP_READ,
    LOOKUP_WRITE,
    LOOKUP_DROP,
    LOOKUP_RUN_NEW,
    LOOKUP_RUN_DROP,
    LOOKUP_SQLS
};
struct lookup_file {
    struct sqlite3 *db; /* borrowed */
    struct sqlite3_stmt *stmts[LOOKUP_SQLS];
    struct lookup_run **runs; /* owned; the newest first */
    size_t n, cap;
    int64_t newest_id;
    struct lookup_merge *merge; /* owned; NULL: none is under way */
    int64_t *left_over;         /* owned: runs whose pages are to go */
    size_t n_left_over, left_over_cap;
};

/* All runs; what belongs to none is left over.  fini it all the same. */
int lookup_file_init(struct lookup_file *f, struct sqlite3 *db);
void lookup_file_fini(struct lookup_file *f);

/* Sorted pairs become the newest run; the newest rows of each kind. */
int lookup_file_add(struct lookup_file *f, const struct lookup_pair *pairs,
                    size_t n, const int64_t newest[LOOKUP_KINDS]);

/* The pairs of a page; *n = 0 behind the last one. */
int lookup_file_read(struct lookup_file *f, const struct lookup_run *run,
                     size_t page, struct lookup_pair out[LOOKUP_PAGE],
                     size_t *n);

/* Runs are to be merged, or pages to go; and a bounded part of that. */
bool lookup_file_has_work(const struct lookup_file *f);
int lookup_file_work(struct lookup_file *f);

#endif
