/*
 * The processes that answer about the catalog: what a statement can do to them,
 * and what others notice of it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/engine/scratch.h"
#include "server/engine/scratch_error.h"
#include "server/engine/scratch_jail.h"
#include "server/engine/scratch_limits.h"
#include "server/engine/scratch_pool.h"
#include "server/engine/scratch_worker.h"
#include "tests/table.h"

enum { WAIT_MS = 1500, ARENA = 1 << 24 };

static struct scratch_pool *pool;
static struct scratch *mine, *other;

static struct scratch *scratch_of(struct scratch_pool *p, uint64_t owner,
                                  const char *script)
{
    struct scratch *s = scratch_new(p, owner, strdup(script));
    assert_non_null(s);
    return s;
}

/* The first cell, or the reason of the refusal, or the error's name. */
static const char *said(struct scratch *s, const char *sql, char *out,
                        size_t cap)
{
    const struct scratch_ask ask = { .sql = sql };
    struct scratch_rows rows;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, ARENA);
    const enum err_code code = scratch_ask(&rows, s, &ask, &a, &err);
    const char *text = code != ERR_OK
                           ? err.reason ? err.reason : err_info_of(code)->name
                       : rows.n_rows ? rows.cells[0]
                                     : "";
    (void)snprintf(out, cap, "%s", text ? text : "NULL");
    arena_fini(&a);
    return out;
}

static void expect(struct scratch *s, const char *sql, const char *want)
{
    char text[256];
    assert_string_equal(said(s, sql, text, sizeof text), want);
}

#define THIRTY(x) x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x
#define LONG_TEXT                                                              \
    "SELECT max(length(concat(" THIRTY("s,") THIRTY("s,") THIRTY("s,")         \
        THIRTY("s,") "s))) FROM (SELECT repeat(b, 4000) AS s FROM t, "         \
                     "range(3000)) x"

static const struct row {
    const char *name, *sql, *want;
} rows[] = {
    { "a value", "SELECT b FROM t ORDER BY a", "x" },
    { "no value", "SELECT NULL::text", "NULL" },
    { "no file is read", "SELECT * FROM read_text('/etc/passwd')",
      "catalog_cannot" },
    { "no file is written", "COPY t TO '/tmp/never'", "catalog_cannot" },
    { "no setting is changed", "SET memory_limit = '8GB'", "catalog_cannot" },
    { "a statement that never ends is late",
      "SELECT count(*) FROM range(10000000000) r(i), range(1000) s(j) WHERE "
      "hash(i * j) = 1",
      "catalog_late" },
    { "an answer of more rows than it may have", "SELECT * FROM range(200000)",
      "catalog_large" },
    { "an answer of more bytes than there is room for",
      "SELECT repeat('x', 6000000)", "catalog_large" },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    expect(mine, row->sql, row->want);
    expect(mine, "SELECT count(*) FROM t", "2");
}

static void a_statement_that_takes_all_memory_ends_alone(void **state)
{
    (void)state;
    if (scratch_jail_is_open())
        return; /* sanitizers need the memory themselves */
    expect(mine, LONG_TEXT, "catalog_memory");
    expect(mine, "SELECT count(*) FROM t", "2");
    expect(other, "SELECT count(*) FROM u", "1");
}

static void a_process_that_was_killed_is_replaced(void **state)
{
    int pids[SCRATCH_PROCESSES];
    (void)state;
    expect(mine, "SELECT 1", "1");
    scratch_pool_pids(pool, pids, SCRATCH_PROCESSES);
    for (size_t i = 0; i < SCRATCH_PROCESSES; i++)
        if (pids[i] > 0)
            assert_int_equal(kill(pids[i], SIGKILL), 0);
    (void)usleep(20000);
    expect(mine, "SELECT count(*) FROM t", "2");
    expect(other, "SELECT count(*) FROM u", "1");
}

static void of_many_databases_the_oldest_are_built_again(void **state)
{
    struct scratch *all[3 * SCRATCH_KEPT];
    char script[64], want[16];
    enum { N = sizeof all / sizeof all[0] };
    (void)state;
    for (int i = 0; i < N; i++) {
        (void)snprintf(script, sizeof script, "CREATE TABLE n AS SELECT %d", i);
        all[i] = scratch_of(pool, 1, script);
    }
    for (int i = 0; i < 2 * N; i++) {
        (void)snprintf(want, sizeof want, "%d", i * 7 % N);
        expect(all[i * 7 % N], "SELECT * FROM n", want);
    }
    for (int i = 0; i < N; i++)
        scratch_free(all[i]);
}

/* One who asks as much as he can, from many threads. */
static atomic_bool stops;
static atomic_int running, ended;

static void *crowd(void *arg)
{
    char text[256];
    (void)arg;
    atomic_fetch_add(&running, 1);
    while (!atomic_load(&stops)) {
        (void)said(mine,
                   "SELECT count(*) FROM range(10000000000) r(i) WHERE hash(i) "
                   "= 1",
                   text, sizeof text);
        atomic_fetch_add(&ended, 1);
    }
    return NULL;
}

static void an_owner_who_takes_all_he_can_leaves_others_a_process(void **state)
{
    enum { THREADS = 6 };
    pthread_t threads[THREADS];
    (void)state;
    atomic_store(&stops, false);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd, NULL), 0);
    while (atomic_load(&running) < THREADS)
        (void)usleep(1000);
    (void)usleep(50000);
    int at_once = 0; /* and not when one of the crowd has ended */
    for (int i = 0; i < 10; i++) {
        const int before = atomic_load(&ended);
        expect(other, "SELECT count(*) FROM u", "1");
        at_once += atomic_load(&ended) == before;
        (void)usleep(10000);
    }
    assert_true(at_once >= 5);
    atomic_store(&stops, true);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    expect(mine, "SELECT count(*) FROM t", "2");
}

static void a_program_that_is_none_is_an_error(void **state)
{
    static const char *const programs[] = { "/nowhere", "/bin/false",
                                            "/bin/echo" };
    (void)state;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        struct scratch_pool *p = scratch_pool_new(programs[i], WAIT_MS);
        struct scratch *s = scratch_of(p, 1, "");
        expect(s, "SELECT 1", "internal");
        expect(s, "SELECT 1", "internal");
        scratch_free(s);
        scratch_pool_free(p);
    }
}

static void a_script_that_is_none_is_an_error(void **state)
{
    struct scratch *s = scratch_of(pool, 1, "CREATE nothing");
    (void)state;
    expect(s, "SELECT 1", "internal");
    scratch_free(s);
    expect(mine, "SELECT count(*) FROM t", "2");
}

/* ---- what DuckDB says ---- */

static const struct told {
    const char *name, *message, *reason, *text;
} told[] = {
    { "a column is named",
      "Binder Error: Referenced column \"a\" not found in FROM clause!\n"
      "Candidate bindings: \"b\"",
      "catalog_column",
      "There is no column \"a\" in what the statement reads." },
    { "a name of the rewriter's is not told",
      "Binder Error: Referenced table \"with0__\" not found!", "catalog_cannot",
      NULL },
    { "a text of the statement's is no kind of error",
      "Conversion Error: Could not convert string 'division by zero' to INT32",
      "catalog_value", NULL },
    { "an unknown word is none of ours",
      "IO Error: Cannot open \"/etc/passwd\"", "catalog_cannot", NULL },
    { "nothing", "", "catalog_cannot", NULL },
};

static void check_told(void **state)
{
    const struct told *row = *state;
    struct err err = { 0 };
    assert_int_not_equal(scratch_error(&err, row->message), ERR_OK);
    assert_string_equal(err.reason, row->reason);
    assert_null(strstr(err.msg, "Error"));
    assert_null(strstr(err.msg, "/etc"));
    assert_null(strstr(err.msg, "__"));
    if (row->text)
        assert_string_equal(err.msg, row->text);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest single[] = {
        cmocka_unit_test(a_statement_that_takes_all_memory_ends_alone),
        cmocka_unit_test(a_process_that_was_killed_is_replaced),
        cmocka_unit_test(of_many_databases_the_oldest_are_built_again),
        cmocka_unit_test(an_owner_who_takes_all_he_can_leaves_others_a_process),
        cmocka_unit_test(a_program_that_is_none_is_an_error),
        cmocka_unit_test(a_script_that_is_none_is_an_error),
    };
    if (scratch_worker_is(argc, argv))
        return scratch_worker_main();
    pool = scratch_pool_new("/proc/self/exe", WAIT_MS);
    assert_non_null(pool);
    mine = scratch_of(pool, 1,
                      "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b UNION ALL "
                      "SELECT 2, 'y'");
    other = scratch_of(pool, 2, "CREATE TABLE u AS SELECT 1 AS a");
    int failed = RUN_ROWS(rows, check_row);
    failed += RUN_ROWS(told, check_told);
    failed += cmocka_run_group_tests(single, NULL, NULL);
    scratch_free(mine);
    scratch_free(other);
    scratch_pool_free(pool);
    return failed;
}
