#include "server/ledger/lookup_file.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
    FAN = 8,         /* runs of a level that become one of the next */
    WORK_PAGES = 64, /* in one call */
    PAGE_BITS = 24,
    LIST_STEP = 16
};

static const char *const SQL[LOOKUP_SQLS] = {
    [LOOKUP_READ] = "SELECT data FROM lookup_pages WHERE id = ?",
    [LOOKUP_WRITE] = "INSERT INTO lookup_pages (id, data) VALUES (?, ?)",
    [LOOKUP_DROP] = "DELETE FROM lookup_pages WHERE id IN (SELECT id FROM"
                    " lookup_pages WHERE id >= ? AND id < ? LIMIT ?)",
    [LOOKUP_RUN_NEW] = "INSERT INTO lookup_runs (id, level, pairs, keys,"
                       " charges, pieces) VALUES (?, ?, ?, ?, ?, ?)",
    [LOOKUP_RUN_DROP] = "DELETE FROM lookup_runs WHERE id = ?",
};

/* Where one of the runs that are merged has got to. */
struct source {
    const struct lookup_run *run;
    struct lookup_pair pairs[LOOKUP_PAGE]; /* of the page before next_page */
    size_t next_page, at, n;
};
struct lookup_merge {
    struct source sources[FAN];
    struct lookup_run *out; /* owned until it is in the list */
    struct lookup_pair pairs[LOOKUP_PAGE];
    size_t n;
};

static int64_t page_id(int64_t run, size_t page)
{
    assert(page < (size_t)1 << PAGE_BITS);
    return (int64_t)((uint64_t)run << PAGE_BITS | page);
}

/* Bound parameters are numbers, but for a blob. */
static int run_numbers(struct lookup_file *f, enum lookup_sql sql,
                       const int64_t *numbers, int n)
{
    for (int i = 0; i < n; i++)
        (void)sqlite3_bind_int64(f->stmts[sql], i + 1, numbers[i]);
    (void)sqlite3_step(f->stmts[sql]);
    return sqlite3_reset(f->stmts[sql]);
}

static void run_free(struct lookup_run *r)
{
    if (r)
        lookup_run_fini(r);
    free(r);
}

static struct lookup_run *run_new(uint64_t n)
{
    struct lookup_run *r = calloc(1, sizeof *r);
    if (r && !lookup_run_init(r, n)) {
        run_free(r);
        return NULL;
    }
    return r;
}

/* At `place` in the list, the newest first. */
static int list_insert(struct lookup_file *f, struct lookup_run *r,
                       size_t place)
{
    if (f->n == f->cap) {
        struct lookup_run **more = realloc(
            f->runs, (f->cap + LIST_STEP) * sizeof(struct lookup_run *));
        if (!more)
            return SQLITE_NOMEM;
        f->runs = more;
        f->cap += LIST_STEP;
    }
    memmove(f->runs + place + 1, f->runs + place,
            (f->n - place) * sizeof(struct lookup_run *));
    f->runs[place] = r;
    f->n++;
    return SQLITE_OK;
}

static int leave_over(struct lookup_file *f, int64_t run)
{
    if (f->n_left_over == f->left_over_cap) {
        int64_t *more = realloc(f->left_over, (f->left_over_cap + LIST_STEP) *
                                                  sizeof(int64_t));
        if (!more)
            return SQLITE_NOMEM;
        f->left_over = more;
        f->left_over_cap += LIST_STEP;
    }
    f->left_over[f->n_left_over++] = run;
    return SQLITE_OK;
}

/* ---- pages ---- */

int lookup_file_read(struct lookup_file *f, const struct lookup_run *run,
                     size_t page, struct lookup_pair out[LOOKUP_PAGE],
                     size_t *n)
{
    sqlite3_stmt *stmt = f->stmts[LOOKUP_READ];
    *n = 0;
    if (page >= run->pages)
        return SQLITE_OK;
    (void)sqlite3_bind_int64(stmt, 1, page_id(run->id, page));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *n = lookup_page_parse(out, sqlite3_column_blob(stmt, 0),
                               (size_t)sqlite3_column_bytes(stmt, 0));
    const int rc = sqlite3_reset(stmt);
    return rc == SQLITE_OK && *n == 0 ? SQLITE_CORRUPT : rc;
}

/* The run's next page. */
static int write_page(struct lookup_file *f, struct lookup_run *run,
                      const struct lookup_pair *pairs, size_t n)
{
    uint8_t data[LOOKUP_PAGE_LEN];
    sqlite3_stmt *stmt = f->stmts[LOOKUP_WRITE];
    const size_t len = lookup_page_print(data, pairs, n);
    (void)sqlite3_bind_int64(stmt, 1, page_id(run->id, run->pages));
    (void)sqlite3_bind_blob(stmt, 2, data, (int)len, SQLITE_STATIC);
    lookup_run_note(run, pairs, n);
    (void)sqlite3_step(stmt);
    const int rc = sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return rc;
}

static int write_run(struct lookup_file *f, const struct lookup_run *r)
{
    int64_t numbers[3 + LOOKUP_KINDS] = { r->id, r->level, (int64_t)r->n };
    memcpy(numbers + 3, r->newest, sizeof r->newest);
    return run_numbers(f, LOOKUP_RUN_NEW, numbers, 3 + LOOKUP_KINDS);
}

int lookup_file_add(struct lookup_file *f, const struct lookup_pair *pairs,
                    size_t n, const int64_t newest[LOOKUP_KINDS])
{
    struct lookup_run *r = run_new(n);
    if (!r)
        return SQLITE_NOMEM;
    r->id = ++f->newest_id;
    memcpy(r->newest, newest, sizeof r->newest);
    int rc = SQLITE_OK;
    for (size_t at = 0; at < n && rc == SQLITE_OK; at += LOOKUP_PAGE)
        rc = write_page(f, r, pairs + at,
                        n - at < LOOKUP_PAGE ? n - at : LOOKUP_PAGE);
    if (rc == SQLITE_OK)
        rc = write_run(f, r);
    if (rc == SQLITE_OK)
        rc = list_insert(f, r, 0);
    if (rc != SQLITE_OK)
        run_free(r);
    return rc;
}

/* ---- merging ---- */

/* The oldest FAN runs of the lowest level that has as many: *first is where
 * they begin in the list. */
static bool find_mergeable(const struct lookup_file *f, size_t *first)
{
    for (size_t begin = 0, end; begin < f->n; begin = end) {
        end = begin;
        while (end < f->n && f->runs[end]->level == f->runs[begin]->level)
            end++;
        if (end - begin >= FAN) {
            *first = end - FAN;
            return true;
        }
    }
    return false;
}

static int next_page(struct lookup_file *f, struct source *s)
{
    s->at = 0;
    return lookup_file_read(f, s->run, s->next_page++, s->pairs, &s->n);
}

static void merge_free(struct lookup_merge *m)
{
    if (m)
        run_free(m->out);
    free(m);
}

static int merge_begin(struct lookup_file *f, size_t first)
{
    uint64_t n = 0;
    struct lookup_merge *m = calloc(1, sizeof *m);
    for (size_t i = 0; i < FAN; i++)
        n += f->runs[first + i]->n;
    if (m)
        m->out = run_new(n);
    if (!m || !m->out) {
        merge_free(m);
        return SQLITE_NOMEM;
    }
    m->out->id = ++f->newest_id;
    m->out->level = f->runs[first]->level + 1;
    memcpy(m->out->newest, f->runs[first]->newest, sizeof m->out->newest);
    f->merge = m;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < FAN && rc == SQLITE_OK; i++) {
        m->sources[i].run = f->runs[first + i];
        rc = next_page(f, &m->sources[i]);
    }
    return rc;
}

/* The source of the least pair; NULL at the end. */
static struct source *least(struct lookup_merge *m)
{
    struct source *best = NULL;
    for (size_t i = 0; i < FAN; i++) {
        struct source *s = &m->sources[i];
        if (s->n > 0 && (!best || lookup_pair_precedes(&s->pairs[s->at],
                                                       &best->pairs[best->at])))
            best = s;
    }
    return best;
}

/* One page of the new run, or less at its end. */
static int merge_page(struct lookup_file *f, struct lookup_merge *m)
{
    int rc = SQLITE_OK;
    m->n = 0;
    while (m->n < LOOKUP_PAGE && rc == SQLITE_OK) {
        struct source *s = least(m);
        if (!s)
            break;
        m->pairs[m->n++] = s->pairs[s->at++];
        if (s->at == s->n)
            rc = next_page(f, s);
    }
    return rc == SQLITE_OK && m->n > 0 ? write_page(f, m->out, m->pairs, m->n)
                                       : rc;
}

/* The new run takes the place of those it was made of. */
static int merge_end(struct lookup_file *f, struct lookup_merge *m)
{
    size_t first = 0;
    while (f->runs[first] != m->sources[0].run)
        first++;
    int rc = write_run(f, m->out);
    for (size_t i = 0; i < FAN && rc == SQLITE_OK; i++) {
        struct lookup_run *old = f->runs[first + i];
        rc = run_numbers(f, LOOKUP_RUN_DROP, &old->id, 1);
        if (rc == SQLITE_OK)
            rc = leave_over(f, old->id);
    }
    if (rc != SQLITE_OK)
        return rc;
    for (size_t i = 0; i < FAN; i++)
        run_free(f->runs[first + i]);
    f->runs[first] = m->out;
    m->out = NULL;
    memmove(f->runs + first + 1, f->runs + first + FAN,
            (f->n - first - FAN) * sizeof(struct lookup_run *));
    f->n -= FAN - 1;
    merge_free(m);
    f->merge = NULL;
    return SQLITE_OK;
}

static int drop_pages(struct lookup_file *f)
{
    const int64_t run = f->left_over[f->n_left_over - 1];
    const int64_t numbers[] = { page_id(run, 0), page_id(run + 1, 0),
                                WORK_PAGES };
    const int rc = run_numbers(f, LOOKUP_DROP, numbers, 3);
    if (rc == SQLITE_OK && sqlite3_changes(f->db) < WORK_PAGES)
        f->n_left_over--;
    return rc;
}

bool lookup_file_has_work(const struct lookup_file *f)
{
    size_t first;
    return f->merge || f->n_left_over > 0 || find_mergeable(f, &first);
}

int lookup_file_work(struct lookup_file *f)
{
    size_t first;
    int rc = f->n_left_over > 0 ? drop_pages(f) : SQLITE_OK;
    if (rc == SQLITE_OK && !f->merge && find_mergeable(f, &first))
        rc = merge_begin(f, first);
    for (int i = 0; f->merge && rc == SQLITE_OK && i < WORK_PAGES; i++) {
        rc = merge_page(f, f->merge);
        if (rc == SQLITE_OK && f->merge->n < LOOKUP_PAGE)
            rc = merge_end(f, f->merge);
    }
    return rc;
}

/* ---- opening ---- */

/* Its pages, which have to be all there and in order. */
static int load_run(struct lookup_file *f, struct lookup_run *r,
                    sqlite3_stmt *pages)
{
    struct lookup_pair pairs[LOOKUP_PAGE], last = { 0 };
    uint64_t n = 0;
    int rc;
    (void)f;
    (void)sqlite3_bind_int64(pages, 1, page_id(r->id, 0));
    (void)sqlite3_bind_int64(pages, 2, page_id(r->id + 1, 0));
    while ((rc = sqlite3_step(pages)) == SQLITE_ROW) {
        const size_t here =
            lookup_page_parse(pairs, sqlite3_column_blob(pages, 1),
                              (size_t)sqlite3_column_bytes(pages, 1));
        if (here == 0 || n + here > r->n ||
            sqlite3_column_int64(pages, 0) != page_id(r->id, r->pages) ||
            (n > 0 && !lookup_pair_precedes(&last, &pairs[0])))
            break;
        lookup_run_note(r, pairs, here);
        last = pairs[here - 1];
        n += here;
    }
    (void)sqlite3_reset(pages);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        return rc;
    return n == r->n ? SQLITE_OK : SQLITE_CORRUPT;
}

static int load_row(struct lookup_file *f, sqlite3_stmt *row,
                    sqlite3_stmt *pages)
{
    const int64_t n = sqlite3_column_int64(row, 2);
    struct lookup_run *r = run_new(n > 0 ? (uint64_t)n : 0);
    if (!r)
        return SQLITE_NOMEM;
    r->id = sqlite3_column_int64(row, 0);
    r->level = (unsigned)sqlite3_column_int(row, 1);
    for (int i = 0; i < LOOKUP_KINDS; i++)
        r->newest[i] = sqlite3_column_int64(row, 3 + i);
    if (f->newest_id < r->id)
        f->newest_id = r->id;
    int rc = load_run(f, r, pages);
    if (rc == SQLITE_OK)
        rc = list_insert(f, r, f->n);
    if (rc != SQLITE_OK)
        run_free(r);
    return rc;
}

static int load_runs(struct lookup_file *f)
{
    sqlite3_stmt *row = NULL, *pages = NULL;
    int rc =
        sqlite3_prepare_v2(f->db,
                           "SELECT id, level, pairs, keys, charges, pieces FROM"
                           " lookup_runs ORDER BY keys + charges + pieces"
                           " DESC",
                           -1, &row, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(f->db,
                                "SELECT id, data FROM lookup_pages WHERE"
                                " id >= ? AND id < ? ORDER BY id",
                                -1, &pages, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW)
        rc = load_row(f, row, pages);
    (void)sqlite3_finalize(row);
    (void)sqlite3_finalize(pages);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool is_run(const struct lookup_file *f, int64_t id)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->runs[i]->id == id)
            return true;
    return false;
}

/* Pages of a merge that was cut short, or of runs it was made of. */
static int find_left_over(struct lookup_file *f)
{
    sqlite3_stmt *stmt = NULL;
    int64_t from = 0;
    int rc = sqlite3_prepare_v2(f->db,
                                "SELECT id FROM lookup_pages WHERE id >= ?"
                                " ORDER BY id LIMIT 1",
                                -1, &stmt, NULL);
    while (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(stmt, 1, from);
        if (sqlite3_step(stmt) != SQLITE_ROW)
            break;
        const int64_t run = sqlite3_column_int64(stmt, 0) >> PAGE_BITS;
        rc = is_run(f, run) ? SQLITE_OK : leave_over(f, run);
        if (f->newest_id < run)
            f->newest_id = run;
        from = page_id(run + 1, 0);
        (void)sqlite3_reset(stmt);
    }
    const int end = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? end : rc;
}

int lookup_file_init(struct lookup_file *f, struct sqlite3 *db)
{
    *f = (struct lookup_file){ .db = db };
    int rc = SQLITE_OK;
    for (int i = 0; i < LOOKUP_SQLS && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(db, SQL[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &f->stmts[i], NULL);
    if (rc == SQLITE_OK)
        rc = load_runs(f);
    return rc == SQLITE_OK ? find_left_over(f) : rc;
}

void lookup_file_fini(struct lookup_file *f)
{
    for (int i = 0; i < LOOKUP_SQLS; i++)
        (void)sqlite3_finalize(f->stmts[i]);
    for (size_t i = 0; i < f->n; i++)
        run_free(f->runs[i]);
    free(f->runs);
    merge_free(f->merge);
    free(f->left_over);
    *f = (struct lookup_file){ .db = NULL };
}
