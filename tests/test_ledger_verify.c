/* What verify finds of what somebody with the ledger in hand changed by hand,
 * the sums made to match: in a file and in a database. */
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/bundle.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, PRICE = 3, LIMIT = 1000000, US = 1000000 };
#define START_US (INT64_C(1760000400) * US)
#define LEASE_NS (UINT64_C(10) * 1000000000)

/* The charges of make_ledger by their place, which is `seq` in either store. */
#define ANSWERED "1" /* under the key "a", with a quota */
#define VOIDED   "2" /* its key "v" was bound again, by RETRIED */
#define RETRIED  "3"
#define OPEN     "4" /* under the key "o" */
#define KEYLESS  "5"
/* and a bundle of two pieces */

#define NOT_BOUND "are not those that were charged"

/* So much is taken back from whatever a charge drew on. */
#define TAKEN_BACK(part, seq)                                                  \
    "UPDATE counters SET rho_" part " = rho_" part " - 3 WHERE id IN (SELECT"  \
    " counter FROM route_counters WHERE route = (SELECT route FROM charges"    \
    " WHERE seq = " seq "));"
#define LIMIT_NOTED(rho)                                                       \
    "INSERT INTO limits (counter, since_us, policy_version, rho, eps, delta)"  \
    " SELECT id, limit_since_us, policy_version, " rho ", eps_limit,"          \
    " delta_limit FROM counters WHERE id = 1;"

/* In words of both databases, no trigger in the way. */
static const struct tamper {
    const char *name, *sql;
    const char *says; /* of a finding; NULL: nothing is found */
} TAMPERS[] = {
    { "nothing", "SELECT 1", NULL },
    { "an answered charge made void, and what it cost taken back",
      "DELETE FROM answers WHERE charge = " ANSWERED ";"
      "UPDATE charges SET state = 3, expires_us = NULL WHERE seq = " ANSWERED
      ";" TAKEN_BACK("spent", ANSWERED),
      "is void, and no leaf tells of it" },
    { "an open charge made void",
      "UPDATE charges SET state = 3, resolved_us = charged_us WHERE seq = " OPEN
      ";" TAKEN_BACK("spent", OPEN),
      "is void, and no leaf tells of it" },
    { "a void charge made a miss, and paid",
      "UPDATE charges SET state = 2 WHERE seq = " VOIDED ";"
      "UPDATE counters SET rho_spent = rho_spent + 3 WHERE id IN (SELECT"
      " counter FROM route_counters WHERE route = (SELECT route FROM charges"
      " WHERE seq = " VOIDED "))",
      "tells that a charge went back, which did not" },
    { "a limit raised, and its history",
      LIMIT_NOTED("rho_limit * 2") "UPDATE counters SET rho_limit = rho_limit "
                                   "* 2 WHERE id = 1",
      "has a limit that no leaf tells of" },
    { "a limit that was lowered forgotten",
      "DELETE FROM limits WHERE rho = 999999;"
      "UPDATE counters SET rho_limit = 1000000 WHERE id = 1",
      "tells of a limit that is not in the history" },
    { "misses lifted by nobody",
      "INSERT INTO lifts (id, dataset, at_us, principal, reason, lifted)"
      " VALUES (7, 'shop', 5, 'sue', 'why', 1)",
      "its misses were lifted, and no leaf tells of it" },
    { "misses lifted for another reason",
      "UPDATE lifts SET reason = 'because' WHERE dataset = 'shop'",
      "its misses were lifted, and no leaf tells of it" },
    { "a policy of before that would count again",
      "UPDATE counters SET policy_version = 0 WHERE id = 1",
      "the limit in force is not the last one of its history" },
    { "an answer that is read longer than was charged",
      "UPDATE charges SET expires_us = expires_us + 1 WHERE seq = " ANSWERED ";"
      "UPDATE answers SET expires_us = expires_us + 1 WHERE charge = " ANSWERED,
      "its state is inconsistent" },
    { "... and the charge, too",
      "UPDATE charges SET keep_us = keep_us + 1, expires_us = expires_us + 1"
      " WHERE seq = " ANSWERED ";"
      "UPDATE answers SET expires_us = expires_us + 1 WHERE charge = " ANSWERED,
      NOT_BOUND },
    { "a piece that is read longer",
      "UPDATE pieces SET expires_us = expires_us + 1 WHERE place = 1;"
      "UPDATE piece_answers SET expires_us = expires_us + 1",
      "is kept for another time" },
    { "... and was charged for longer",
      "UPDATE pieces SET keep_us = keep_us + 1000000, expires_us = expires_us +"
      " 1000000; UPDATE piece_answers SET expires_us = expires_us + 1000000",
      NOT_BOUND },
    { "a key renamed", "UPDATE keys SET key = 'other' WHERE key = 'a'",
      NOT_BOUND },
    { "a key deleted", "DELETE FROM keys WHERE key = 'a'", NOT_BOUND },
    { "a key given to somebody else",
      "UPDATE keys SET principal = 'eve' WHERE key = 'a'", NOT_BOUND },
    { "two keys exchanged",
      "UPDATE keys SET key = 'x' WHERE key = 'a';"
      "UPDATE keys SET key = 'a' WHERE key = 'o';"
      "UPDATE keys SET key = 'o' WHERE key = 'x'",
      NOT_BOUND },
    { "a key where there was none",
      "UPDATE keys SET charge = " KEYLESS " WHERE key = 'a'", NOT_BOUND },
    { "the request of a key changed",
      "UPDATE keys SET request_hash = (SELECT release_hash FROM charges WHERE"
      " seq = " OPEN ") WHERE key = 'a'",
      NOT_BOUND },
    { "the release of a charge changed",
      "UPDATE charges SET release_hash = (SELECT release_hash FROM charges"
      " WHERE seq = " OPEN ") WHERE seq = " ANSWERED,
      NOT_BOUND },
    { "a charge of an analyst whose quota it no longer draws on",
      "UPDATE charges SET route = (SELECT id FROM routes WHERE name = '1')"
      " WHERE seq = " ANSWERED ";"
      "UPDATE counters SET rho_spent = rho_spent - 3 WHERE id = 2",
      NOT_BOUND },
    { "a quota for life that became a month's",
      "UPDATE counters SET window_s = 2592000 WHERE id = 2", NOT_BOUND },
    { "a piece of another release",
      "UPDATE pieces SET release_hash = (SELECT release_hash FROM charges WHERE"
      " seq = " OPEN ") WHERE place = 0",
      NOT_BOUND },
    { "days of a series moved",
      "UPDATE pieces SET to_us = to_us + 1 WHERE place = 1", NOT_BOUND },
    { "a piece of the next run changed",
      "UPDATE pieces SET what = release_hash WHERE place = 0", NOT_BOUND },
    { "a piece taken away",
      "DELETE FROM piece_answers; DELETE FROM pieces WHERE place = 1",
      NOT_BOUND },
    { "pieces of a charge that has none",
      "UPDATE pieces SET charge = " ANSWERED, NOT_BOUND },
    { "the secret of the bonds deleted", "DELETE FROM meta WHERE key = 'bond'",
      "the ledger's secret is gone" },
    { "the secret of the bonds changed",
      "UPDATE meta SET value = (SELECT release_hash FROM charges WHERE seq = 1)"
      " WHERE key = 'bond'",
      NOT_BOUND },
    { "more misses lifted than was told",
      "UPDATE lifts SET lifted = lifted + 1",
      "its misses were lifted, and no leaf tells of it" },
};

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    struct ledger *ledger;
};

static void open_ledger(struct world *w)
{
    struct err err;
    uint64_t found;
    const struct ledger_options o = { .path = w->dir.path,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns = LEASE_NS };
    assert_int_equal(ledger_open(&w->ledger, &o, &found, &err), ERR_OK);
}

static struct ledger_run ask(struct world *w, const char *key,
                             const char *release, uint64_t limit,
                             uint64_t policy_version)
{
    struct charge c;
    struct ledger_run run;
    struct err err;
    charge_init(&c, "ann", key, release, PRICE, limit);
    charge_add_quota(&c, LIMIT, 0);
    c.args.policy_version = policy_version;
    atomic_fetch_add(&w->clock.wall_us, US);
    assert_int_equal(ledger_charge(w->ledger, &run, &c.args, &w->arena, &err),
                     ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    return run;
}

static void answer(struct world *w, const struct ledger_run *run)
{
    const uint8_t *bytes = (const uint8_t *)"there";
    size_t len = 5;
    struct err err;
    assert_int_equal(ledger_answer(w->ledger, run->id, run->fence, 0, &bytes,
                                   &len, &w->arena, &err),
                     ERR_OK);
}

static void ask_bundle(struct world *w)
{
    uint8_t hash[2][LEDGER_HASH_LEN], series[LEDGER_HASH_LEN];
    struct ledger_piece pieces[2];
    struct ledger_piece_answer answers[2];
    const uint8_t *whole = (const uint8_t *)"whole";
    size_t len = 5;
    struct charge c;
    struct ledger_run run;
    struct err err;
    uint64_t rung;
    memset(series, 's', sizeof series);
    for (size_t i = 0; i < 2; i++) {
        memset(hash[i], 'p' + (int)i, LEDGER_HASH_LEN);
        pieces[i] =
            (struct ledger_piece){ .want = { .release_hash = hash[i],
                                             .series_hash = i ? series : NULL,
                                             .to_us = (int64_t)i },
                                   .keep_s = 1000,
                                   .what = (const uint8_t *)"w",
                                   .what_len = i };
        answers[i] = (struct ledger_piece_answer){ (uint32_t)i, whole, len };
    }
    charge_init(&c, "ann", "bundle", "all", PRICE, LIMIT - 1);
    c.args.policy_version = 2;
    assert_int_equal(ledger_charge_bundle(w->ledger, &run, &c.args, pieces, 2,
                                          1 << 30, &rung, &w->arena, &err),
                     ERR_OK);
    assert_int_equal(ledger_answer_bundle(w->ledger, run.id, run.fence, 0,
                                          answers, 2, &whole, &len, &w->arena,
                                          &err),
                     ERR_OK);
}

/* Who charged reads it again, free, under another key. */
static void share(struct world *w, const char *key)
{
    struct charge c;
    struct ledger_run run;
    struct err err;
    charge_init(&c, "ann", key, "one", PRICE, LIMIT - 1);
    c.args.policy_version = 2;
    c.args.reuse_for_s = 100;
    assert_int_equal(ledger_charge(w->ledger, &run, &c.args, &w->arena, &err),
                     ERR_OK);
    assert_int_equal(run.verdict, LEDGER_ANSWERED);
}

static void make_ledger(struct world *w)
{
    struct err err;
    uint64_t lifted;
    *w = (struct world){ 0 };
    ledger_dir_init(&w->dir);
    fake_clock_init(&w->clock, START_US);
    arena_init(&w->arena, ARENA_CAP);
    open_ledger(w);
    struct ledger_run run = ask(w, "a", "one", LIMIT, 1);
    answer(w, &run);
    run = ask(w, "v", "two", LIMIT, 1);
    assert_int_equal(ledger_void(w->ledger, run.id, run.fence, &err), ERR_OK);
    run = ask(w, "v", "two", LIMIT - 1, 2);
    answer(w, &run);
    (void)ask(w, "o", "three", LIMIT - 1, 2);
    run = ask(w, "", "four", LIMIT - 1, 2);
    assert_int_equal(ledger_miss(w->ledger, run.id, run.fence, 0, &err),
                     ERR_OK);
    assert_int_equal(
        ledger_lift(w->ledger, &lifted, "shop", "sue", "why", &err), ERR_OK);
    ask_bundle(w);
    share(w, "another key");
    ledger_close(w->ledger);
    atomic_fetch_add(&w->clock.wall_us, US);
    open_ledger(w); /* what was open is spent */
    ledger_close(w->ledger);
}

static void world_fini(struct world *w)
{
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static void must_run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void change_file(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_stmt *stmt;
    char *list = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT group_concat('DROP TRIGGER ' || name, ';')"
                           " FROM sqlite_schema WHERE type = 'trigger'",
                           -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    list = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    must_run(db, list);
    sqlite3_free(list);
    must_run(db, sql);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void change_database(const char *sql)
{
    char text[2048];
    const int n = snprintf(text, sizeof text,
                           "SET search_path = halftone; SET"
                           " session_replication_role = replica; %s",
                           sql);
    assert_in_range(n, 1, sizeof text - 1);
    postgres_run(text);
}

struct heard {
    const char *wanted;
    int n;
};

static void listen(void *ctx, const char *line)
{
    struct heard *h = ctx;
    if (h->wanted && strstr(line, h->wanted))
        h->n++;
    else
        printf("    %s\n", line);
}

static void check_tamper(const struct tamper *row)
{
    struct world w;
    struct err err;
    struct heard heard = { .wanted = row->says };
    make_ledger(&w);
    if (ledger_is_shared(w.dir.path))
        change_database(row->sql);
    else
        change_file(w.dir.path, row->sql);
    assert_int_equal(ledger_verify(w.dir.path, listen, &heard, &err),
                     row->says ? ERR_INTERNAL : ERR_OK);
    assert_true(!row->says || heard.n > 0);
    world_fini(&w);
}

static void check_file(void **state)
{
    ledger_dirs_in_postgres(false);
    check_tamper(*state);
}

static void check_database(void **state)
{
    ledger_dirs_in_postgres(true);
    check_tamper(*state);
}

int main(void)
{
    return RUN_ROWS(TAMPERS, check_file) | RUN_ROWS(TAMPERS, check_database);
}
