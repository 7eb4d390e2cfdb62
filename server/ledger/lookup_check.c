#include <sqlite3.h>
#include <string.h>

#include "server/ledger/lookup.h"
#include "server/ledger/lookup_file.h"

/* Sums of what each pair mixes to: equal when the sets are, but for a chance of
 * 2^-64 that nobody can aim at without the file in hand. */
struct sums {
    uint64_t sum;
    int64_t upto[LOOKUP_KINDS]; /* the newest rows that runs know of */
};

static uint64_t mix(uint64_t print, int64_t row)
{
    uint64_t h = print ^ (uint64_t)row * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

static int add_row(void *ctx, enum lookup_kind kind, uint64_t print,
                   int64_t row)
{
    struct sums *s = ctx;
    if (row > s->upto[kind])
        return SQLITE_DONE;
    s->sum += mix(print, row);
    return SQLITE_OK;
}

static int take_runs(struct sums *s, struct lookup_file *f)
{
    struct lookup_pair pairs[LOOKUP_PAGE];
    size_t n;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < f->n && rc == SQLITE_OK; i++)
        for (size_t page = 0; page < f->runs[i]->pages && rc == SQLITE_OK;
             page++) {
            rc = lookup_file_read(f, f->runs[i], page, pairs, &n);
            for (size_t k = 0; k < n; k++)
                s->sum -= mix(pairs[k].print, pairs[k].row);
        }
    if (f->n > 0)
        memcpy(s->upto, f->runs[0]->newest, sizeof s->upto);
    return rc;
}

const char *lookup_check(struct sqlite3 *db)
{
    struct lookup_file file;
    struct sums s = { 0 };
    int rc = lookup_file_init(&file, db);
    if (rc == SQLITE_OK)
        rc = take_runs(&s, &file);
    for (enum lookup_kind k = LOOKUP_KEY; k <= LOOKUP_PIECE; k++)
        if (rc == SQLITE_OK)
            rc = lookup_each_row(db, k, 0, -1, add_row, &s);
    lookup_file_fini(&file);
    if (rc == SQLITE_CORRUPT)
        return "a page is not there, or not in order";
    if (rc != SQLITE_OK)
        return sqlite3_errstr(rc);
    return s.sum == 0 ? NULL
                      : "it does not have just the keys and releases "
                        "that are in the file";
}
