#include "server/ledger/lookup.h"

#include <assert.h>
#include <endian.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit/sha256.h"
#include "server/ledger/lookup_file.h"

enum {
    BUCKETS = 65536,
    STEPS = 32,   /* of a merge, while the tail fills */
    SPARE = 1024, /* pairs of a batch that come when it is full */
    NONE = 0,     /* of a chain: pairs count from 1 */
    RADIX_BITS = 11,
    RADIX = 1 << RADIX_BITS,
    HEAD_DIGITS = 3 /* 33 bits of a print, for some 2^15 pairs */
};

/* What is in no run yet. */
struct tail {
    struct lookup_pair *pairs; /* owned; in the order they came */
    struct lookup_pair *spare; /* owned; as many, to sort them */
    uint32_t *older; /* owned: the one before in its bucket, or NONE */
    uint32_t newest[BUCKETS];
    size_t n, kept, cap;
    int64_t rows[LOOKUP_KINDS],
        kept_rows[LOOKUP_KINDS]; /* the newest of each kind */
};

struct lookup {
    struct tail tail;
    struct lookup_file file;
    size_t stepped;  /* pairs of the tail at the last step */
    uint64_t absent; /* a print that was nowhere, ... */
    size_t absent_n; /* ... when the tail had so many pairs */
    bool has_absent;
};

/* ---- prints ---- */

static uint64_t head_of(const uint8_t *hash)
{
    uint64_t print;
    memcpy(&print, hash, sizeof print);
    return be64toh(print);
}

uint64_t lookup_print_of_key(const char *principal, const char *key)
{
    uint8_t hash[SHA256_LEN];
    sha256_of(hash, principal, strlen(principal) + 1, key, strlen(key));
    return head_of(hash);
}

/* Of the same release as a charge and as a piece there are two. */
uint64_t lookup_print_of_release(enum lookup_kind kind, const void *hash,
                                 size_t len)
{
    const uint64_t print = len >= sizeof(uint64_t) ? head_of(hash) : 0;
    return kind == LOOKUP_PIECE ? ~print : print;
}

/* ---- the tail ---- */

static uint32_t *bucket_of(struct tail *t, uint64_t print)
{
    return &t->newest[print % BUCKETS];
}

static bool reserve(struct tail *t)
{
    if (t->n < t->cap)
        return true;
    const size_t cap = t->cap ? 2 * t->cap : LOOKUP_TAIL + SPARE;
    struct lookup_pair *pairs = realloc(t->pairs, cap * sizeof *pairs);
    if (pairs)
        t->pairs = pairs;
    struct lookup_pair *spare = realloc(t->spare, cap * sizeof *spare);
    if (spare)
        t->spare = spare;
    uint32_t *older = realloc(t->older, cap * sizeof *older);
    if (older)
        t->older = older;
    if (!pairs || !spare || !older || cap > UINT32_MAX)
        return false;
    t->cap = cap;
    return true;
}

int lookup_add(struct lookup *l, enum lookup_kind kind, uint64_t print,
               int64_t row)
{
    struct tail *t = &l->tail;
    if (!reserve(t))
        return SQLITE_NOMEM;
    uint32_t *bucket = bucket_of(t, print);
    t->pairs[t->n] = (struct lookup_pair){ print, row };
    t->older[t->n] = *bucket;
    *bucket = (uint32_t)++t->n;
    t->rows[kind] = row;
    return SQLITE_OK;
}

void lookup_keep(struct lookup *l)
{
    struct tail *t = &l->tail;
    t->kept = t->n;
    memcpy(t->kept_rows, t->rows, sizeof t->rows);
}

void lookup_undo(struct lookup *l)
{
    struct tail *t = &l->tail;
    while (t->n > t->kept) {
        t->n--;
        *bucket_of(t, t->pairs[t->n].print) = t->older[t->n];
    }
    memcpy(t->rows, t->kept_rows, sizeof t->rows);
    l->has_absent = false;
}

/* By RADIX_BITS of the print, the others' order kept, turned round at first: of
 * equal prints the newest row comes first. */
static void sort_by(struct tail *t, unsigned shift, bool turns)
{
    uint32_t at[RADIX + 1] = { 0 };
    for (size_t i = 0; i < t->n; i++)
        at[(t->pairs[i].print >> shift) % RADIX + 1]++;
    for (size_t r = 1; r < RADIX; r++)
        at[r] += at[r - 1];
    for (size_t i = 0; i < t->n; i++) {
        const struct lookup_pair *p = &t->pairs[turns ? t->n - 1 - i : i];
        t->spare[at[(p->print >> shift) % RADIX]++] = *p;
    }
    struct lookup_pair *sorted = t->spare;
    t->spare = t->pairs;
    t->pairs = sorted;
}

/* By the head of the print, in which few are equal; what is left is near its
 * place.  Comparing all with all took a tenth of the ledger's time. */
static void sort(struct tail *t)
{
    for (unsigned shift = 64 - HEAD_DIGITS * RADIX_BITS; shift < 64;
         shift += RADIX_BITS)
        sort_by(t, shift, shift == 64 - HEAD_DIGITS * RADIX_BITS);
    for (size_t i = 1; i < t->n; i++) {
        const struct lookup_pair p = t->pairs[i];
        size_t at = i;
        for (; at > 0 && lookup_pair_precedes(&p, &t->pairs[at - 1]); at--)
            t->pairs[at] = t->pairs[at - 1];
        t->pairs[at] = p;
    }
}

/* All of it, as a run. */
static int flush(struct lookup *l)
{
    struct tail *t = &l->tail;
    assert(t->n == t->kept);
    sort(t);
    const int rc = lookup_file_add(&l->file, t->pairs, t->n, t->rows);
    memset(t->newest, 0, sizeof t->newest);
    t->n = t->kept = l->stepped = 0;
    l->has_absent = false;
    return rc;
}

/* ---- steps ---- */

bool lookup_is_due(const struct lookup *l, size_t tail_pairs)
{
    const struct tail *t = &l->tail;
    return t->n >= tail_pairs || (t->n - l->stepped > tail_pairs / STEPS &&
                                  lookup_file_has_work(&l->file));
}

int lookup_step(struct lookup *l, size_t tail_pairs)
{
    sqlite3 *db = l->file.db;
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    if (l->tail.n >= tail_pairs) {
        rc = flush(l);
    } else {
        l->stepped = l->tail.n;
        rc = lookup_file_work(&l->file);
    }
    return rc == SQLITE_OK ? sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) : rc;
}

/* ---- finding ---- */

static bool is_in_tail(struct tail *t, uint64_t print)
{
    uint32_t i = *bucket_of(t, print);
    while (i != NONE && t->pairs[i - 1].print != print)
        i = t->older[i - 1];
    return i != NONE;
}

/* Three statements ask for the same release. */
bool lookup_may_have(struct lookup *l, uint64_t print)
{
    const struct lookup_file *f = &l->file;
    if (l->has_absent && l->absent == print && l->absent_n == l->tail.n)
        return false;
    for (size_t i = 0; i < f->n; i++)
        lookup_run_fetch(f->runs[i], print);
    if (is_in_tail(&l->tail, print))
        return true;
    for (size_t i = 0; i < f->n; i++)
        if (lookup_run_may_have(f->runs[i], print))
            return true;
    l->has_absent = true;
    l->absent = print;
    l->absent_n = l->tail.n;
    return false;
}

struct lookup_cursor lookup_find(struct lookup *l, uint64_t print)
{
    struct lookup_cursor c; /* but for its rows */
    c.lookup = l;
    c.print = print;
    c.tail = *bucket_of(&l->tail, print);
    c.run = c.page = c.at = c.n = 0;
    c.in_run = false;
    return c;
}

/* The page's rows with the print; the run goes on behind it when the last pair
 * still has it. */
static void take_rows(struct lookup_cursor *c, const struct lookup_pair *pairs,
                      size_t n)
{
    c->at = c->n = 0;
    for (size_t i = 0; i < n; i++)
        if (pairs[i].print == c->print)
            c->rows[c->n++] = pairs[i].row;
    c->in_run = n > 0 && pairs[n - 1].print <= c->print;
}

/* The next page that can have the print; false: there is none. */
static bool next_page(struct lookup_cursor *c, int *rc)
{
    struct lookup_pair pairs[LOOKUP_PAGE];
    const struct lookup_file *file = &c->lookup->file;
    size_t n;
    if (c->in_run)
        c->page++;
    else {
        while (c->run < file->n &&
               !lookup_run_may_have(file->runs[c->run], c->print))
            c->run++;
        if (c->run == file->n)
            return false;
        c->page = lookup_run_page(file->runs[c->run], c->print);
    }
    *rc = lookup_file_read(&c->lookup->file, file->runs[c->run], c->page, pairs,
                           &n);
    take_rows(c, pairs, *rc == SQLITE_OK ? n : 0);
    c->run += !c->in_run;
    return *rc == SQLITE_OK;
}

int lookup_next(struct lookup_cursor *c, int64_t *row)
{
    struct lookup *l = c->lookup;
    int rc = SQLITE_OK;
    while (c->tail != NONE) {
        const struct lookup_pair *pair = &l->tail.pairs[c->tail - 1];
        c->tail = l->tail.older[c->tail - 1];
        if (pair->print == c->print) {
            *row = pair->row;
            return SQLITE_ROW;
        }
    }
    while (c->at == c->n)
        if (!next_page(c, &rc))
            return rc == SQLITE_OK ? SQLITE_DONE : rc;
    *row = c->rows[c->at++];
    return SQLITE_ROW;
}

/* ---- opening ---- */

static const char *const TABLE_SQL[] = {
    [LOOKUP_KEY] = "SELECT id, principal, key FROM keys WHERE id > ?"
                   " ORDER BY id LIMIT ?",
    [LOOKUP_RELEASE] = "SELECT seq, release_hash FROM charges WHERE seq > ?"
                       " ORDER BY seq LIMIT ?",
    [LOOKUP_PIECE] = "SELECT id, release_hash FROM pieces WHERE id > ?"
                     " ORDER BY id LIMIT ?",
};

static uint64_t print_of_row(sqlite3_stmt *row, enum lookup_kind kind)
{
    if (kind != LOOKUP_KEY) {
        const void *hash = sqlite3_column_blob(row, 1);
        const int len = sqlite3_column_bytes(row, 1);
        return lookup_print_of_release(kind, hash, (size_t)len);
    }
    const char *principal = (const char *)sqlite3_column_text(row, 1);
    const char *key = (const char *)sqlite3_column_text(row, 2);
    return lookup_print_of_key(principal ? principal : "", key ? key : "");
}

int lookup_each_row(struct sqlite3 *db, enum lookup_kind kind, int64_t after,
                    int64_t limit, lookup_row_fn *each, void *ctx)
{
    sqlite3_stmt *row = NULL;
    int rc = sqlite3_prepare_v2(db, TABLE_SQL[kind], -1, &row, NULL);
    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_bind_int64(row, 1, after);
    (void)sqlite3_bind_int64(row, 2, limit);
    while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW)
        rc = each(ctx, kind, print_of_row(row, kind),
                  sqlite3_column_int64(row, 0));
    (void)sqlite3_finalize(row);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int add_row(void *ctx, enum lookup_kind kind, uint64_t print,
                   int64_t row)
{
    return lookup_add(ctx, kind, print, row);
}

static int read_tail(struct lookup *l)
{
    struct tail *t = &l->tail;
    const struct lookup_file *f = &l->file;
    if (f->n > 0)
        memcpy(t->rows, f->runs[0]->newest, sizeof t->rows);
    int rc = SQLITE_OK;
    do {
        for (enum lookup_kind k = LOOKUP_KEY; k <= LOOKUP_PIECE; k++)
            if (rc == SQLITE_OK)
                rc = lookup_each_row(f->db, k, t->rows[k], LOOKUP_TAIL, add_row,
                                     l);
        lookup_keep(l);
        if (rc != SQLITE_OK || t->n < LOOKUP_TAIL)
            return rc;
        do /* there may be millions */
            rc = lookup_step(l, LOOKUP_TAIL);
        while (rc == SQLITE_OK && lookup_file_has_work(f));
    } while (rc == SQLITE_OK);
    return rc;
}

int lookup_open(struct lookup **out, struct sqlite3 *db)
{
    struct lookup *l = calloc(1, sizeof *l);
    if (!l)
        return SQLITE_NOMEM;
    int rc = lookup_file_init(&l->file, db);
    if (rc == SQLITE_OK)
        rc = read_tail(l);
    if (rc == SQLITE_OK)
        *out = l;
    else
        lookup_close(l);
    return rc;
}

void lookup_close(struct lookup *l)
{
    if (!l)
        return;
    lookup_file_fini(&l->file);
    free(l->tail.pairs);
    free(l->tail.spare);
    free(l->tail.older);
    free(l);
}
