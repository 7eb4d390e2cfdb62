/* The file: who may open it, what verify finds in it, and kill -9. */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, PRICE = 3, LIMIT = 1000000, KILLS = 20 };
#define LEASE_NS (UINT64_C(10) * 1000000000)
#define START_US (INT64_C(1760000400) * 1000000)

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    struct ledger *ledger;
};

static enum err_code world_open(struct world *w, struct err *err)
{
    uint64_t found;
    const struct ledger_options o = { .path = w->dir.path,
                                      .clock = &w->clock.clock,
                                      .lease_ns = LEASE_NS,
                                      .checkpoint_pages = 16 };
    return ledger_open(&w->ledger, &o, &found, err);
}

static void world_init(struct world *w)
{
    *w = (struct world){ 0 };
    ledger_dir_init(&w->dir);
    fake_clock_init(&w->clock, START_US);
    arena_init(&w->arena, ARENA_CAP);
}

static void world_fini(struct world *w)
{
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

/* Charges `key`, answers with the key's own text. */
static enum err_code ask(struct world *w, const char *key, bool answers)
{
    struct charge c;
    struct ledger_run run;
    struct err err;
    charge_init(&c, "ann", key, key, PRICE, LIMIT);
    charge_add_quota(&c, LIMIT, 0);
    TRY(ledger_charge(w->ledger, &run, &c.args, &w->arena, &err));
    const uint8_t *answer = (const uint8_t *)key;
    size_t len = strlen(key);
    if (run.verdict != LEDGER_CHARGED || !answers)
        return ERR_OK;
    return ledger_answer(w->ledger, run.id, run.fence, 0, &answer, &len,
                         &w->arena, &err);
}

/* What someone with the file in hand may do to it, triggers out of the way. */
static const struct tamper {
    const char *name, *sql;
    bool found; /* by verify */
} tampers[] = {
    { "nothing", "SELECT 1", false },
    { "spent lowered", "UPDATE counters SET rho_spent = rho_spent - 1", true },
    { "spent raised", "UPDATE counters SET rho_spent = rho_spent + 1", true },
    { "pending moved to spent",
      "UPDATE counters SET rho_spent = rho_spent + rho_pending,"
      " rho_pending = 0",
      true },
    { "a price lowered", "UPDATE charges SET rho = rho - 1 WHERE seq = 1",
      true },
    { "a charge deleted",
      "PRAGMA foreign_keys = OFF; DELETE FROM answers WHERE charge = 1;"
      "DELETE FROM keys WHERE charge = 1; DELETE FROM charges WHERE seq = 1",
      true },
    { "a charge made void",
      "UPDATE charges SET state = 3, resolved_us = 1 WHERE seq = 3", true },
    { "a limit raised without history",
      "UPDATE counters SET rho_limit = rho_limit + 1", true },
    { "taken past every limit",
      "UPDATE limits SET rho = 1; UPDATE counters SET rho_limit = 1", true },
    { "an answer removed before its time",
      "DELETE FROM answers WHERE charge = 1", true },
    { "an answer given to an open charge",
      "INSERT INTO answers VALUES (3, 9, x'00')", true },
    { "a route emptied", "DELETE FROM route_counters", true },
    { "another's key bound to an open charge",
      "INSERT INTO keys SELECT 9, 'eve', 'k', request_hash, 3 FROM keys LIMIT"
      " 1",
      true },
    { "a key bound to two charges",
      "INSERT INTO keys SELECT 9, principal, key, request_hash, 2 FROM keys"
      " WHERE charge = 1",
      true },
    { "the log's last leaf taken away",
      "PRAGMA foreign_keys = OFF; DELETE FROM log_leaves WHERE idx ="
      " (SELECT max(idx) FROM log_leaves)",
      true },
    { "an entry of the log rewritten",
      "UPDATE log_leaves SET entry = replace(entry, 'ann', 'bob')"
      " WHERE idx = (SELECT leaf FROM charges WHERE seq = 1)",
      true },
    { "an entry rewritten where no charge is",
      "UPDATE log_leaves SET entry = replace(entry, 'open', 'lost')"
      " WHERE idx = 0",
      true },
    { "a leaf's hash changed",
      "UPDATE log_leaves SET hash = randomblob(32) WHERE idx = 1", true },
    { "a charge that points to another's leaf",
      "UPDATE charges SET leaf = (SELECT leaf FROM charges WHERE seq = 2)"
      " WHERE seq = 1",
      true },
    { "a leaf of a charge that is not here",
      "INSERT INTO log_leaves SELECT max(idx) + 1, zeroblob(32), zeroblob(32),"
      " '{\"kind\":\"charge\"}' FROM log_leaves",
      true },
    { "a key bound to nothing",
      "PRAGMA foreign_keys = OFF; UPDATE keys SET charge = 99", true },
    { "a charge under another purpose",
      "UPDATE charges SET purpose = 'ads' WHERE seq = 1", true },
    { "a charge under another policy",
      "UPDATE charges SET policy_version = policy_version + 1 WHERE seq = 1",
      true },
    { "a charge by another name",
      "UPDATE charges SET id = zeroblob(16) WHERE seq = 1", true },
    { "a charge of a route that is not there",
      "PRAGMA foreign_keys = OFF; UPDATE charges SET route = 77 WHERE seq = 1",
      true },
    { "a charge of a start that is not there",
      "PRAGMA foreign_keys = OFF; UPDATE charges SET run_boot = 77 WHERE seq ="
      " 1",
      true },
    { "an answer that stays longer",
      "UPDATE answers SET expires_us = expires_us + 1", true },
    { "a text of no charge",
      "PRAGMA foreign_keys = OFF; INSERT INTO texts VALUES (99, 9, x'00')",
      true },
    { "a start settled that left a charge open", "UPDATE boots SET settled = 1",
      true },
    { "an account by another name",
      "UPDATE counters SET account = account || 'x' WHERE id = 1", true },
    { "a limit taken out of the history",
      "DELETE FROM limits WHERE id = (SELECT max(id) FROM limits)", true },
    { "a miss that nobody had",
      "INSERT INTO stumbles (charge, dataset, principal, shown_us) SELECT 1, "
      "'shop', 'ann', n FROM (SELECT 1 AS n UNION SELECT 2)",
      true },
    { "a piece of no charge",
      "PRAGMA foreign_keys = OFF; INSERT INTO pieces SELECT 1, 99, 0, "
      "zeroblob(32), zeroblob(32), 0, 1, 1, x'00', NULL, NULL",
      true },
    { "a salt of the log changed",
      "UPDATE log_leaves SET salt = zeroblob(32) WHERE idx = 1", true },
};

/* By a connection like the server's. */
static bool run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL),
        SQLITE_OK);
    const int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return rc == SQLITE_OK;
}

static void drop_triggers(const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    char sql[4096] = "";
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT name FROM sqlite_schema"
                                        " WHERE type = 'trigger'",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const size_t len = strlen(sql);
        (void)snprintf(sql + len, sizeof sql - len, "DROP TRIGGER %s;",
                       (const char *)sqlite3_column_text(stmt, 0));
    }
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_true(run_sql(path, sql));
}

/* Two answered charges and an open one. */
static void make_ledger(struct world *w)
{
    struct err err;
    world_init(w);
    assert_int_equal(world_open(w, &err), ERR_OK);
    assert_int_equal(ask(w, "a", true), ERR_OK);
    assert_int_equal(ask(w, "b", true), ERR_OK);
    assert_int_equal(ask(w, "c", false), ERR_OK);
    ledger_close(w->ledger);
}

static void ignore_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static void keep_line(void *ctx, const char *line)
{
    (void)snprintf(ctx, 128, "%s", line);
}

static void check_summary(void **state)
{
    struct world w;
    struct err err;
    char last[128] = "";
    (void)state;
    world_init(&w);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    assert_int_equal(ask(&w, "a", true), ERR_OK);
    ledger_close(w.ledger);
    assert_int_equal(ledger_verify(w.dir.path, keep_line, last, &err), ERR_OK);
    assert_non_null(
        strstr(last, "ok: 1 charge (0 open, 0 missed, 0 void) on "));
    assert_non_null(strstr(last, ", 0 findings"));
    world_fini(&w);
}

static void check_tamper(void **state)
{
    const struct tamper *row = *state;
    struct world w;
    struct err err;
    make_ledger(&w);
    drop_triggers(w.dir.path);
    assert_true(run_sql(w.dir.path, row->sql));
    assert_int_equal(ledger_verify(w.dir.path, ignore_line, NULL, &err),
                     row->found ? ERR_INTERNAL : ERR_OK);
    world_fini(&w);
}

/* What the file's own rules refuse, triggers in place. */
static const struct refused {
    const char *name, *sql;
} refusals[] = {
    { "spent never falls", "UPDATE counters SET rho_spent = rho_spent - 1" },
    { "no charge passes the limit",
      "UPDATE counters SET rho_pending = rho_limit + 1" },
    { "no amount is negative", "UPDATE counters SET rho_pending = -1" },
    { "a price never changes", "UPDATE charges SET rho = 0" },
    { "a charge is resolved once",
      "UPDATE charges SET state = 2, expires_us = NULL WHERE seq = 1" },
    { "an open charge has no answer",
      "INSERT INTO answers VALUES (3, 9, x'00')" },
    { "an answer never changes", "UPDATE answers SET answer = x'00'" },
    { "a charge is never deleted", "DELETE FROM charges" },
    { "a counter is never deleted", "DELETE FROM counters" },
    { "a key is never deleted", "DELETE FROM keys" },
    { "a key stays with its charge",
      "UPDATE keys SET charge = 3 WHERE charge = 1" },
    { "a key never changes", "UPDATE keys SET request_hash = zeroblob(32)" },
    { "history never changes", "UPDATE limits SET rho = 0" },
    { "a route never changes", "DELETE FROM route_counters" },
    { "the log never changes", "UPDATE log_leaves SET entry = ''" },
    { "the log never shrinks",
      "DELETE FROM log_leaves WHERE idx = (SELECT max(idx) FROM log_leaves)" },
    { "the log has no gap",
      "INSERT INTO log_leaves VALUES (99, zeroblob(32), zeroblob(32), '{}')" },
    { "a charge keeps its leaf", "UPDATE charges SET leaf = 0 WHERE seq = 3" },
    { "a fence never falls", "UPDATE charges SET runs = 0 WHERE seq = 3" },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct world w;
    make_ledger(&w);
    assert_false(run_sql(w.dir.path, row->sql));
    assert_true(ledger_verifies(w.dir.path));
    world_fini(&w);
}

static void check_open(void **state)
{
    struct world w, second;
    struct err err;
    struct stat st;
    (void)state;
    make_ledger(&w);
    assert_int_equal(stat(w.dir.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_int_equal(world_open(&w, &err), ERR_OK);
    second = w; /* the same path */
    assert_int_equal(world_open(&second, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "in use by another server"));
    assert_true(ledger_verifies(w.dir.path)); /* readers need no lock */
    ledger_close(w.ledger);

    assert_true(run_sql(w.dir.path, "PRAGMA user_version = 99"));
    assert_int_equal(world_open(&w, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "schema 99"));
    assert_true(run_sql(w.dir.path, "PRAGMA application_id = 7"));
    assert_int_equal(world_open(&w, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "not a ledger"));
    assert_int_equal(ledger_verify(w.dir.path, ignore_line, NULL, &err),
                     ERR_INVALID);

    (void)snprintf(w.dir.path, sizeof w.dir.path, "/nonexistent/ledger.db");
    assert_int_equal(world_open(&w, &err), ERR_NOT_FOUND);
    assert_int_equal(ledger_verify(w.dir.path, ignore_line, NULL, &err),
                     ERR_NOT_FOUND);
    world_fini(&w);
}

/* The file of a server that knew no lifts, and bound no charge. */
static void check_older(void **state)
{
    struct world w;
    struct err err;
    uint64_t lifted;
    (void)state;
    world_init(&w);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    ledger_close(w.ledger);
    ledger_make_old(w.dir.path, 3);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    assert_int_equal(ledger_lift(w.ledger, &lifted, "shop", "sue", "why", &err),
                     ERR_INVALID);
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    assert_false(run_sql(w.dir.path, "INSERT INTO log_leaves (idx, hash, salt,"
                                     " entry) SELECT max(idx) + 2, hash, salt,"
                                     " entry FROM log_leaves"));
    /* ... and one whose log grew by a trigger. */
    ledger_make_old(w.dir.path, 10);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    assert_true(run_sql(w.dir.path,
                        "INSERT INTO lifts VALUES (1, 'shop', 1, 'sue', 'why', "
                        "1)"));
    assert_false(run_sql(w.dir.path, "DELETE FROM lifts"));
    assert_false(run_sql(w.dir.path, "UPDATE lifts SET reason = 'none'"));
    assert_true(run_sql(w.dir.path, "INSERT INTO log_leaves (idx, hash, salt,"
                                    " entry) SELECT max(idx) + 1, hash, salt,"
                                    " entry FROM log_leaves"));
    assert_false(run_sql(w.dir.path, "INSERT INTO log_leaves (idx, hash, salt,"
                                     " entry) SELECT max(idx) + 2, hash, salt,"
                                     " entry FROM log_leaves"));
    world_fini(&w);
}

/* One server a file, by whatever name it came to it. */
static void check_names(void **state)
{
    struct world w, second;
    struct err err;
    (void)state;
    make_ledger(&w);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    second = w;
    char *other = second.dir.path;
    (void)snprintf(other, sizeof second.dir.path, "%s/other", w.dir.dir);

    assert_int_equal(symlink(w.dir.path, other), 0);
    assert_int_equal(world_open(&second, &err), ERR_UNAVAILABLE);
    assert_int_equal(unlink(other), 0);

    assert_int_equal(link(w.dir.path, other), 0);
    assert_int_equal(world_open(&second, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.msg, "2 hard links"));

    /* No link, and no lock beside it: as if it were mounted there. */
    assert_int_equal(unlink(w.dir.path), 0);
    assert_int_equal(world_open(&second, &err), ERR_UNAVAILABLE);
    assert_int_equal(rename(other, w.dir.path), 0);
    ledger_close(w.ledger);

    /* SQLite keeps the log beside the file, not beside the link. */
    struct stat st;
    assert_int_equal(symlink(w.dir.path, other), 0);
    assert_int_equal(chmod(other, 0644), 0); /* as cp would have put it back */
    assert_int_equal(world_open(&second, &err), ERR_OK);
    assert_int_equal(stat(other, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    ledger_close(second.ledger);
    assert_true(ledger_verifies(w.dir.path));
    world_fini(&w);
}

static void check_list(void **state)
{
    struct world w;
    struct err err;
    struct ledger_row *rows;
    const char *next;
    size_t n;
    (void)state;
    make_ledger(&w);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    assert_int_equal(ledger_list(w.ledger, &rows, &n, &next, "shop", NULL, "",
                                 2, false, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].state, LEDGER_OPEN);
    assert_int_equal(rows[1].state, LEDGER_DONE);
    assert_string_equal(next, ledger_id_hex(rows[1].id).text);
    assert_int_equal(ledger_list(w.ledger, &rows, &n, &next, "shop", "ann",
                                 next, 2, false, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(next, "");
    assert_int_equal(rows[0].price.rho_pico, PRICE);
    assert_int_equal(ledger_list(w.ledger, &rows, &n, &next, "shop", "eve", "",
                                 9, false, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(ledger_list(w.ledger, &rows, &n, &next, "shop", NULL,
                                 "zzz", 9, false, &w.arena, &err),
                     ERR_INVALID);
    ledger_close(w.ledger);
    world_fini(&w);
}

static void check_messages(void **state)
{
    struct world w;
    struct charge c;
    struct ledger_run run;
    struct err err;
    (void)state;
    make_ledger(&w);
    assert_int_equal(world_open(&w, &err), ERR_OK);

    charge_init(&c, "ann", "", "x", UINT64_C(1500000000000), LIMIT);
    assert_int_equal(ledger_charge(w.ledger, &run, &c.args, &w.arena, &err),
                     ERR_BUDGET);
    assert_string_equal(err.msg, "The dataset's budget does not cover this "
                                 "query: it costs rho 1.5, and 0.000000999991 "
                                 "is left.");
    assert_non_null(strstr(err.hint, "At most rho 0.000000999991 fits"));

    charge_init(&c, "ann", "", "x", 20, LIMIT);
    charge_add_quota(&c, 10, 0);
    assert_int_equal(ledger_charge(w.ledger, &run, &c.args, &w.arena, &err),
                     ERR_BUDGET);
    assert_non_null(strstr(err.msg, "Your quota"));

    charge_init(&c, "ann", "", "x", 20, LIMIT);
    charge_add_quota(&c, 10, 60);
    assert_int_equal(ledger_charge(w.ledger, &run, &c.args, &w.arena, &err),
                     ERR_BUDGET);
    assert_non_null(strstr(err.msg, "The quota of purpose reporting"));
    assert_non_null(strstr(err.msg, "in this window"));
    ledger_close(w.ledger);
    world_fini(&w);
}

/* Asks for many keys: those of before are answered, the others charged. */
static void ask_many(struct world *w, int n, int known)
{
    struct charge c;
    struct ledger_run run;
    struct err err;
    char key[16];
    for (int i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "m%d", i);
        charge_init(&c, "ann", key, key, PRICE, LIMIT);
        assert_int_equal(ledger_find(w->ledger, &run, "ann", key,
                                     c.args.request_hash, &w->arena, &err),
                         ERR_OK);
        assert_int_equal(run.verdict,
                         i < known ? LEDGER_ANSWERED : LEDGER_UNKNOWN);
        assert_int_equal(ask(w, key, true), ERR_OK);
        /* The same release, without a key: found, and free. */
        charge_init(&c, "bob", "", key, PRICE, LIMIT);
        c.args.reuse_for_s = 1000;
        assert_int_equal(
            ledger_charge(w->ledger, &run, &c.args, &w->arena, &err), ERR_OK);
        assert_int_equal(run.verdict, LEDGER_ANSWERED);
        arena_reset(&w->arena);
    }
}

/* Keys and releases are found across runs (a log of 16 pages makes a run of 128
 * of them), starts, and the upgrade of a file that had them in B-trees. */
static void check_found(void **state)
{
    enum { FEW = 100, MANY = 700, MORE = 900 };
    struct world w;
    struct err err;
    (void)state;
    world_init(&w);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    ask_many(&w, FEW, 0);
    ledger_close(w.ledger);
    ledger_make_old(w.dir.path, 8);
    assert_int_equal(world_open(&w, &err), ERR_OK);
    ask_many(&w, MANY, FEW);
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    assert_int_equal(world_open(&w, &err), ERR_OK);
    ask_many(&w, MORE, MANY);
    assert_true(ledger_verifies(w.dir.path)); /* beside the server */
    ledger_close(w.ledger);
    drop_triggers(w.dir.path);
    assert_true(run_sql(w.dir.path,
                        "DELETE FROM lookup_runs WHERE id = (SELECT min(id)"
                        " FROM lookup_runs)"));
    assert_int_equal(ledger_verify(w.dir.path, ignore_line, NULL, &err),
                     ERR_INTERNAL);
    world_fini(&w);
}

/* The child: charge and answer for ever, telling each through the pipe. */
static void charge_for_ever(struct world *w, int out, int round)
{
    struct err err;
    char key[32];
    if (world_open(w, &err) != ERR_OK)
        _exit(2);
    for (int i = 0;; i++) {
        (void)snprintf(key, sizeof key, "k%d-%d", round, i);
        arena_reset(&w->arena);
        if (ask(w, key, true) != ERR_OK || write(out, &i, sizeof i) < 0)
            _exit(3);
    }
}

/* One life: how many answers were acknowledged before SIGKILL. */
static int live_and_die(struct world *w, int round)
{
    int fds[2], told = 0, i, status;
    assert_int_equal(pipe(fds), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        charge_for_ever(w, fds[1], round);
    (void)close(fds[1]);
    /* Dies somewhere between two acknowledgements, later each round. */
    while (told <= round && read(fds[0], &i, sizeof i) == sizeof i)
        told = i + 1;
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(fds[0], &i, sizeof i) == sizeof i)
        told = i + 1;
    (void)close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return told;
}

static void check_told(struct world *w, int round, int told)
{
    struct err err;
    assert_true(ledger_verifies(w->dir.path));
    assert_int_equal(world_open(w, &err), ERR_OK);
    for (int i = 0; i < told; i++) {
        struct charge c;
        struct ledger_run run;
        char key[32];
        (void)snprintf(key, sizeof key, "k%d-%d", round, i);
        charge_init(&c, "ann", key, key, PRICE, LIMIT);
        assert_int_equal(ledger_find(w->ledger, &run, "ann", key,
                                     c.args.request_hash, &w->arena, &err),
                         ERR_OK);
        assert_int_equal(run.verdict, LEDGER_ANSWERED);
        assert_int_equal(run.answer_len, strlen(key));
        assert_memory_equal(run.answer, key, strlen(key));
        arena_reset(&w->arena);
    }
    ledger_close(w->ledger);
}

static void check_kill(void **state)
{
    struct world w;
    int total = 0;
    (void)state;
    world_init(&w);
    for (int round = 0; round < KILLS; round++) {
        const int told = live_and_die(&w, round);
        check_told(&w, round, told);
        total += told;
    }
    assert_true(total >= KILLS);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_open),     cmocka_unit_test(check_older),
        cmocka_unit_test(check_found),    cmocka_unit_test(check_names),
        cmocka_unit_test(check_list),     cmocka_unit_test(check_summary),
        cmocka_unit_test(check_messages), cmocka_unit_test(check_kill),
    };
    return RUN_ROWS(tampers, check_tamper) + RUN_ROWS(refusals, check_refused) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
