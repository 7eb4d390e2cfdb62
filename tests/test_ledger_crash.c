/*
 * Every operation of the disk fails once, or is the last before the power goes:
 * whatever was acknowledged is there afterwards, and every account adds up.
 * Where runs of keys and releases are written (lookup.h) the ledger has been
 * full before: of the operations that fail, most are of a run or of a merge.
 * SOAK=1 tries every operation; without it each row tries every fifth, each
 * row others.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_fault_vfs.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

enum {
    QUERIES = 10,
    BEFORE = 28, /* the eighth run, with which all are merged, comes soon */
    ALL = BEFORE + QUERIES,
    PRICE = 3,
    ARENA_CAP = 1 << 20,
    LIMIT = 1000,
    PAGES = 24,
    PAGES_OF_RUNS = 1, /* a run is eight pairs, and a charge is two */
    STRIDE = 5
};
#define LEASE_NS (UINT64_C(10) * 1000000000)
#define START_US (INT64_C(1760000400) * 1000000)

static const struct row {
    const char *name;
    struct fault_plan plan; /* `at` runs over every operation */
    enum fault_keep keep;
    bool holds; /* the promise; else a control that must break it */
    bool has_runs;
} rows[] = {
    { "power lost, nothing unsynced arrived",
      { .kind = FAULT_CRASH },
      KEEP_NOTHING,
      true,
      false },
    { "power lost, all unsynced arrived",
      { .kind = FAULT_CRASH },
      KEEP_ALL,
      true,
      false },
    { "power lost, torn", { .kind = FAULT_CRASH }, KEEP_SOME, true, false },
    { "an input/output error, then power lost",
      { .kind = FAULT_EIO },
      KEEP_NOTHING,
      true,
      false },
    { "an input/output error, then torn",
      { .kind = FAULT_EIO },
      KEEP_SOME,
      true,
      false },
    { "an input/output error, and the server starts again",
      { .kind = FAULT_EIO },
      KEEP_ALL,
      true,
      false },
    { "the disk is full, then power lost",
      { .kind = FAULT_ENOSPC },
      KEEP_NOTHING,
      true,
      false },
    { "the disk is full, and the server starts again",
      { .kind = FAULT_ENOSPC },
      KEEP_ALL,
      true,
      false },
    { "power lost while runs are written and merged",
      { .kind = FAULT_CRASH },
      KEEP_NOTHING,
      true,
      true },
    { "... torn", { .kind = FAULT_CRASH }, KEEP_SOME, true, true },
    { "an input/output error in them, and the server starts again",
      { .kind = FAULT_EIO },
      KEEP_ALL,
      true,
      true },
    { "the disk is full in them, then power lost",
      { .kind = FAULT_ENOSPC },
      KEEP_NOTHING,
      true,
      true },
    { "control: syncs that carry nothing lose charges",
      { .kind = FAULT_CRASH, .syncs_lie = true },
      KEEP_NOTHING,
      false,
      false },
    { "control: syncs that carry nothing, torn",
      { .kind = FAULT_CRASH, .syncs_lie = true },
      KEEP_SOME,
      false,
      false },
};

/* What the callers were told. */
enum told { TOLD_NOTHING, TOLD_CHARGED, TOLD_ANSWERED, TOLD_MISSED, TOLD_VOID };
struct query {
    char key[8], body[16];
    enum told told;
    bool tried_void; /* unacknowledged: it may have happened */
    struct ledger_id id;
};

struct trial {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    bool has_runs;
    struct query queries[ALL]; /* those of before first */
    int first;
};

static enum err_code trial_open(struct trial *t, struct ledger **l)
{
    struct err err;
    uint64_t found;
    const struct ledger_options o = { .path = t->dir.path,
                                      .clock = &t->clock.clock,
                                      .lease_ns = LEASE_NS,
                                      .checkpoint_pages =
                                          t->has_runs ? PAGES_OF_RUNS : PAGES };
    return ledger_open(l, &o, &found, &err);
}

static enum err_code ask(struct trial *t, struct ledger *l, struct query *q,
                         struct ledger_run *run)
{
    struct charge c;
    struct err err;
    charge_init(&c, "ann", q->key, q->key, PRICE, LIMIT);
    charge_add_quota(&c, LIMIT, 0);
    charge_add_quota(&c, LIMIT, 5);
    c.args.max_misses = c.args.max_misses_day = ALL;
    return ledger_charge(l, run, &c.args, &t->arena, &err);
}

/* Every fourth query is void, every fifth a miss, the rest are answered. */
static void resolve(struct trial *t, struct ledger *l, struct query *q,
                    const struct ledger_run *run)
{
    const long i = q - t->queries;
    struct err err;
    const uint8_t *answer = (const uint8_t *)q->body;
    size_t len = strlen(q->body);
    if (i % 4 == 3) {
        q->tried_void = true;
        if (ledger_void(l, run->id, run->fence, &err) == ERR_OK)
            q->told = TOLD_VOID;
    } else if (i % 5 == 4) {
        if (ledger_miss(l, run->id, run->fence, 0, &err) == ERR_OK)
            q->told = TOLD_MISSED;
    } else if (ledger_answer(l, run->id, run->fence, 0, &answer, &len,
                             &t->arena, &err) == ERR_OK)
        q->told = TOLD_ANSWERED;
}

static void work(struct trial *t, int from, int to)
{
    struct ledger *l;
    if (trial_open(t, &l) != ERR_OK)
        return;
    for (int i = from; i < to; i++) {
        struct query *q = &t->queries[i];
        struct ledger_run run;
        atomic_fetch_add(&t->clock.wall_us, 1000000);
        if (ask(t, l, q, &run) != ERR_OK || run.verdict != LEDGER_CHARGED)
            continue;
        q->id = run.id;
        q->told = TOLD_CHARGED;
        resolve(t, l, q, &run);
        /* Failed once, failed for good. */
        if (ledger_failed(l))
            assert_int_equal(ask(t, l, q, &run), ERR_UNAVAILABLE);
    }
    ledger_close(l);
}

static void ignore_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

/* The same key again, after the restart. */
static bool is_kept(struct trial *t, struct ledger *l, struct query *q)
{
    struct ledger_run run = { 0 };
    const enum err_code code = ask(t, l, q, &run);
    const bool same = memcmp(&run.id, &q->id, sizeof run.id) == 0;
    switch (q->told) {
    case TOLD_NOTHING:
    case TOLD_VOID:
        return code == ERR_OK || code == ERR_MISS;
    case TOLD_MISSED:
        return code == ERR_MISS;
    case TOLD_CHARGED:
        return code == ERR_MISS || (code == ERR_OK && (same || q->tried_void));
    case TOLD_ANSWERED:
        return code == ERR_OK && same && run.verdict == LEDGER_ANSWERED &&
               run.answer_len == strlen(q->body) &&
               memcmp(run.answer, q->body, run.answer_len) == 0;
    }
    return false;
}

static bool spent_covers(struct trial *t, struct ledger *l)
{
    struct ledger_balance balance;
    struct err err;
    const struct ledger_account_spec account = { "dataset/shop", { 0 }, 0 };
    uint64_t least = 0;
    for (int i = t->first; i < ALL; i++)
        if (t->queries[i].told != TOLD_NOTHING && !t->queries[i].tried_void)
            least += PRICE;
    return ledger_balance(l, &balance, &account, &err) == ERR_OK &&
           balance.spent.rho_pico >= least;
}

static bool promise_holds(struct trial *t)
{
    struct ledger *l;
    struct err err;
    if (trial_open(t, &l) != ERR_OK)
        return false;
    bool kept = spent_covers(t, l);
    for (int i = t->first; i < ALL; i++)
        kept = is_kept(t, l, &t->queries[i]) && kept;
    ledger_close(l);
    return kept &&
           ledger_verify(t->dir.path, ignore_line, NULL, &err) == ERR_OK;
}

/* How far the runs on the disk were merged, if any are there. */
static int merged(const struct trial *t)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(t->dir.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(
                         db, "SELECT coalesce(max(level), -1) FROM lookup_runs",
                         -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int level = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return level;
}

/* One life with a fault at operation `at`, then a second life; *count is how
 * many operations the first had. */
static bool try_at(const struct row *row, uint64_t at, uint64_t *count)
{
    struct trial t = { .has_runs = row->has_runs,
                       .first = row->has_runs ? 0 : BEFORE };
    struct fault_plan plan = row->plan;
    plan.at = at;
    ledger_dir_init(&t.dir);
    fake_clock_init(&t.clock, START_US);
    arena_init(&t.arena, ARENA_CAP);
    for (int i = 0; i < ALL; i++) {
        (void)snprintf(t.queries[i].key, sizeof t.queries[i].key, "k%d", i);
        (void)snprintf(t.queries[i].body, sizeof t.queries[i].body, "body %d",
                       i);
    }
    fault_vfs_install();
    work(&t, t.first, BEFORE);
    if (row->has_runs)
        assert_int_equal(merged(&t), 0);
    fault_vfs_plan(plan);
    work(&t, BEFORE, ALL);
    *count = fault_vfs_count();
    if (row->has_runs && plan.at == 0)
        assert_int_equal(merged(&t), 1);
    fault_vfs_crash(row->keep, at);
    const bool holds = promise_holds(&t);
    fault_vfs_remove();
    arena_fini(&t.arena);
    ledger_dir_fini(&t.dir);
    return holds;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct row calm = { .keep = KEEP_NOTHING, .has_runs = row->has_runs };
    const uint64_t stride = getenv("SOAK") ? 1 : STRIDE;
    uint64_t total, count, broken = 0;
    assert_true(try_at(&calm, 0, &total));
    assert_true(total > 100); /* the sweep sees real work */
    for (uint64_t at = 1 + (uint64_t)(row - rows) % stride; at <= total;
         at += stride) {
        const bool holds = try_at(row, at, &count);
        if (!holds && row->holds)
            print_message("broken at operation %llu of %llu\n",
                          (unsigned long long)at, (unsigned long long)total);
        broken += !holds;
    }
    assert_int_equal(broken == 0, row->holds);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
