/* Keys and releases by their prints: against a list, through steps, undone
 * transactions and starts; and what verify finds of damage. */
#include <endian.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/lookup.h"
#include "tests/table.h"

enum { TAIL = 64, PRINTS = 700, ROWS_MAX = 40000, ROUNDS = 3000 };

static void must(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static sqlite3 *new_file(void)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    must(db,
         "CREATE TABLE charges (seq INTEGER PRIMARY KEY, release_hash BLOB);"
         "CREATE TABLE keys (id INTEGER PRIMARY KEY, principal TEXT,"
         " key TEXT);"
         "CREATE TABLE pieces (id INTEGER PRIMARY KEY, release_hash BLOB);"
         "CREATE TABLE lookup_runs (id INTEGER PRIMARY KEY, level INTEGER,"
         " pairs INTEGER, keys INTEGER, charges INTEGER, pieces INTEGER);"
         "CREATE TABLE lookup_pages (id INTEGER PRIMARY KEY, data BLOB);");
    return db;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    return n;
}

/* A charge of the release that has this print, in table and lookup. */
static void add_charge(sqlite3 *db, struct lookup *l, uint64_t print)
{
    sqlite3_stmt *stmt;
    const uint64_t be = htobe64(print);
    assert_int_equal(
        sqlite3_prepare_v2(db, "INSERT INTO charges (release_hash) VALUES (?)",
                           -1, &stmt, NULL),
        SQLITE_OK);
    (void)sqlite3_bind_blob(stmt, 1, &be, sizeof be, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(
        lookup_add(l, LOOKUP_RELEASE, print, sqlite3_last_insert_rowid(db)),
        SQLITE_OK);
}

static void add_key(sqlite3 *db, struct lookup *l, int i)
{
    char sql[96], key[16];
    (void)snprintf(key, sizeof key, "k%d", i);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO keys (principal, key) VALUES ('ann', '%s')",
                   key);
    must(db, sql);
    assert_int_equal(lookup_add(l, LOOKUP_KEY, lookup_print_of_key("ann", key),
                                sqlite3_last_insert_rowid(db)),
                     SQLITE_OK);
}

/* Many have the same print, and runs of them fill pages. */
static uint64_t print_of(uint64_t i)
{
    return i < 2 ? i : i * UINT64_C(0x9e3779b97f4a7c15);
}

struct model {
    uint64_t print[ROWS_MAX]; /* of charge i + 1 */
    size_t n;
};

static void compare(struct lookup *l, const struct model *m, uint64_t print)
{
    struct lookup_cursor c = lookup_find(l, print);
    int64_t row;
    bool any = false;
    for (size_t i = m->n; i-- > 0;) {
        if (m->print[i] != print)
            continue;
        any = true;
        assert_int_equal(lookup_next(&c, &row), SQLITE_ROW);
        assert_int_equal(row, (int64_t)i + 1);
    }
    assert_int_equal(lookup_next(&c, &row), SQLITE_DONE);
    if (any)
        assert_true(lookup_may_have(l, print));
}

static void transact(sqlite3 *db, struct lookup *l, struct model *m)
{
    const size_t before = m->n;
    const int n = rand() % 40; /* NOLINT: a test's own, seeded */
    must(db, "BEGIN");
    for (int i = 0; i < n && m->n < ROWS_MAX; i++) {
        const uint64_t pick = (uint64_t)rand() % PRINTS;
        m->print[m->n] = print_of(rand() % 3 ? pick : pick % 2);
        (void)lookup_may_have(l, m->print[m->n]); /* perhaps not yet */
        add_charge(db, l, m->print[m->n]);
        assert_true(lookup_may_have(l, m->print[m->n++]));
    }
    if (rand() % 4) {
        must(db, "COMMIT");
        lookup_keep(l);
    } else {
        must(db, "ROLLBACK");
        lookup_undo(l);
        m->n = before;
    }
}

/* What is found is the list, newest first, whatever became of it meanwhile. */
static void test_model(void **state)
{
    static struct model m;
    struct lookup *l;
    (void)state;
    sqlite3 *db = new_file();
    srand(7);
    assert_int_equal(lookup_open(&l, db), SQLITE_OK);
    for (int round = 0; round < ROUNDS; round++) {
        transact(db, l, &m);
        if (lookup_is_due(l, TAIL))
            assert_int_equal(lookup_step(l, TAIL), SQLITE_OK);
        if (rand() % 100 == 0) { /* perhaps in the middle of a merge */
            lookup_close(l);
            assert_int_equal(lookup_open(&l, db), SQLITE_OK);
        }
        compare(l, &m, print_of((uint64_t)rand() % (PRINTS + 9)));
        compare(l, &m, print_of((uint64_t)rand() % 2));
    }
    assert_null(lookup_check(db));
    assert_true(number(db, "SELECT max(level) FROM lookup_runs") >= 2);
    /* What was merged is gone, but for what was merged last. */
    assert_true(number(db, "SELECT count(*) FROM lookup_pages") <
                3 * number(db, "SELECT sum(pairs) / 250 + count(*) FROM"
                               " lookup_runs"));
    lookup_close(l);
    (void)sqlite3_close(db);
}

/* A file without runs gets them: of more rows than memory keeps. */
static void test_made_anew(void **state)
{
    struct lookup *l;
    int64_t row;
    (void)state;
    sqlite3 *db = new_file();
    assert_int_equal(lookup_open(&l, db), SQLITE_OK);
    must(db, "BEGIN");
    for (int i = 0; i < 2 * LOOKUP_TAIL; i++)
        add_key(db, l, i);
    must(db, "COMMIT");
    lookup_close(l);
    assert_int_equal(number(db, "SELECT count(*) FROM lookup_runs"), 0);
    assert_int_equal(lookup_open(&l, db), SQLITE_OK);
    assert_true(number(db, "SELECT count(*) FROM lookup_runs") > 0);
    assert_null(lookup_check(db));
    for (int i = 0; i < 2 * LOOKUP_TAIL; i += 1000) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        struct lookup_cursor c =
            lookup_find(l, lookup_print_of_key("ann", key));
        assert_int_equal(lookup_next(&c, &row), SQLITE_ROW);
        assert_int_equal(row, i + 1);
    }
    /* Few that are not there pass the filters. */
    int passed = 0;
    for (int i = 0; i < 10000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "n%d", i);
        passed += lookup_may_have(l, lookup_print_of_key("ann", key));
    }
    assert_true(passed < 200);
    lookup_close(l);
    (void)sqlite3_close(db);
}

/* Texts of two parts that read alike have different prints. */
static void test_prints(void **state)
{
    char longer[900];
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_true(lookup_print_of_key("a", "bc") !=
                lookup_print_of_key("ab", "c"));
    assert_true(lookup_print_of_key("", "a") != lookup_print_of_key("a", ""));
    assert_true(lookup_print_of_key("a", longer) !=
                lookup_print_of_key("b", longer));
    assert_true(lookup_print_of_key("a", longer) !=
                lookup_print_of_key("a", longer + 1));
}

static const struct damage {
    const char *name, *sql;
    bool is_found, opens;
} damages[] = {
    { "none", "SELECT 1", false, true },
    { "a page is gone",
      "DELETE FROM lookup_pages WHERE id = (SELECT min(id)"
      " FROM lookup_pages)",
      true, false },
    { "a page is cut", "UPDATE lookup_pages SET data = x'00'", true, false },
    { "a page is the one of another",
      "UPDATE lookup_pages SET data = (SELECT data FROM lookup_pages ORDER BY"
      " id DESC LIMIT 1)",
      true, false },
    { "a run is forgotten",
      "DELETE FROM lookup_runs WHERE id = (SELECT min(id) FROM lookup_runs)",
      true, true },
    { "a key was changed behind its back",
      "UPDATE keys SET key = 'other' WHERE id = 1", true, true },
    { "a charge was changed behind its back",
      "UPDATE charges SET release_hash = zeroblob(32) WHERE seq = 1", true,
      true },
};

static void check_damage(void **state)
{
    const struct damage *row = *state;
    struct lookup *l;
    sqlite3 *db = new_file();
    assert_int_equal(lookup_open(&l, db), SQLITE_OK);
    for (int i = 0; i < 5 * TAIL; i++) {
        add_key(db, l, i);
        add_charge(db, l, print_of((uint64_t)i + 2));
        lookup_keep(l);
        if (lookup_is_due(l, TAIL))
            assert_int_equal(lookup_step(l, TAIL), SQLITE_OK);
    }
    lookup_close(l);
    must(db, row->sql);
    assert_int_equal(lookup_check(db) != NULL, row->is_found);
    assert_int_equal(lookup_open(&l, db),
                     row->opens ? SQLITE_OK : SQLITE_CORRUPT);
    if (row->opens)
        lookup_close(l);
    (void)sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_made_anew),
        cmocka_unit_test(test_prints),
    };
    return RUN_ROWS(damages, check_damage) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
