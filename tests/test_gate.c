#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/engine.h"
#include "server/plan/gate.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_source.h"
#include "tests/table.h"

/*
 * Who does not count is as good as not there: the statement over all rows,
 * through the gate, gives the integers that the statement without a gate gives
 * over the rows of the people who count.  Here the gate is the table that a
 * server maintains for engines without functions of ours.
 */
enum { SECRET = 7 };

#define FILL                                                                   \
    "INSERT INTO src.buys SELECT CASE WHEN h % 17 = 0 THEN NULL ELSE i % 40 "  \
    "END, ['AT', 'DE', 'FR', 'XX'][1 + h % 4], ['a', 'b', 'c'][1 + (h // 5) "  \
    "% 3], 'city' || (h // 11) % 6, (h // 3) % 13 - 1, ((h // 7) % 50) / "     \
    "4.0 - 2, (h // 9) % 100, (h // 13) % 120, h % 2 = 0, DATE '2024-01-01' "  \
    "+ CAST(h % 91 AS INT), TIMESTAMP '2024-01-01 00:00:00' + "                \
    "INTERVAL (h % 2000) HOUR, 'n' || h % 5, 'home' || (i % 40) % 3 FROM "     \
    "(SELECT i, CAST(hash(i) % 1000000 AS BIGINT) AS h FROM range(600) "       \
    "t(i));"                                                                   \
    "INSERT INTO src.trips SELECT i % 45, 'city' || h % 6, (h // 3) % 23 - 1," \
    " DATE '2024-01-01' + CAST(h % 91 AS INT) FROM (SELECT i, CAST(hash('t' "  \
    "|| i) % 1000000 AS BIGINT) AS h FROM range(300) t(i));"                   \
    "INSERT INTO src.towns SELECT 'city' || i, i FROM range(6) t(i);"          \
    "CREATE TABLE counted AS SELECT CAST(i AS BIGINT) AS who FROM range(45) "  \
    "t(i) WHERE hash('yes' || i) % 3 > 0;"

static struct policy gated_shop;

static const struct asked {
    const char *name; /* the SQL itself */
} asked[] = {
#define ROW(sql, ...) { sql },
#include "tests/plan_expected.def"
#undef ROW
    { "SELECT land, COUNT(*) FROM buys GROUP BY land" },
    { "SELECT home, COUNT(DISTINCT who) FROM buys GROUP BY home" },
    { "SELECT COUNT(*) FROM trips WHERE km > (SELECT AVG(n) FROM buys)" },
    { "SELECT land, kind, COUNT(*) FROM buys GROUP BY GROUPING SETS ((land), "
      "(land, kind), ())" },
    { "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM buys" },
    { "SELECT COUNT(*) FROM buys b WHERE NOT EXISTS (SELECT 1 FROM trips t "
      "WHERE t.who = b.who)" },
    { "SELECT r, COUNT(*) FROM (SELECT who, LEAST(3, row_number() OVER "
      "(PARTITION BY who ORDER BY day, n)) AS r FROM buys) x GROUP BY r" },
};

struct two {
    struct plan_db all, some;
};
static struct two dbs;

static int open_two(void **state)
{
    (void)state;
    gated_shop = plan_shop;
    gated_shop.has_consent = true;
    gated_shop.consent_interval_s = 86400;
    plan_db_open(&dbs.all);
    plan_db_open(&dbs.some);
    plan_db_run(&dbs.all, FILL);
    plan_db_run(&dbs.some, FILL);
    plan_db_run(&dbs.all,
                "CREATE SCHEMA " GATE_SCHEMA ";"
                "CREATE VIEW " GATE_SCHEMA ".buys AS SELECT * FROM src.buys "
                "WHERE who IN (SELECT who FROM main.counted);"
                "CREATE VIEW " GATE_SCHEMA ".trips AS SELECT * FROM src.trips "
                "WHERE who IN (SELECT who FROM main.counted);");
    plan_db_run(&dbs.some,
                "DELETE FROM src.buys WHERE who NOT IN (FROM counted);"
                "DELETE FROM src.trips WHERE who NOT IN (FROM counted);");
    return 0;
}

static int close_two(void **state)
{
    (void)state;
    plan_db_close(&dbs.all);
    plan_db_close(&dbs.some);
    return 0;
}

static struct plan *planned(const char *sql, const struct policy *policy,
                            struct arena *a)
{
    const struct request req = { .purpose = "stats" };
    struct err err = { 0 };
    struct plan *plan = NULL;
    if (plan_sql(&plan, sql, &req, policy, a, &err) != ERR_OK)
        fail_msg("%s (%s)\n%s", err.msg, err.hint, sql);
    return plan;
}

static void compare(const struct plan *gated, const struct plan *plain)
{
    char *a = plan_db_answer(&dbs.all, gated, SECRET);
    char *b = plan_db_answer(&dbs.some, plain, SECRET);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void check_same(void **state)
{
    const struct asked *row = *state;
    struct arena a;
    arena_init(&a, 1 << 24);
    const struct plan *gated = planned(row->name, &gated_shop, &a);
    const struct plan *plain = planned(row->name, &plan_shop, &a);
    assert_true(gated->gated && !plain->gated);
    assert_int_equal(gated->price.rho_pico, plain->price.rho_pico);
    for (size_t i = 0; i < plan_releases(gated); i++) {
        struct plan g = *plan_release(gated, i), p = *plan_release(plain, i);
        if (!plan_runs(&g) || g.n_measures + g.n_hists == 0)
            continue;
        if (g.n_before > 0) {
            plan_db_bind(&dbs.all, &g, gated, &a);
            plan_db_bind(&dbs.some, &p, plain, &a);
        }
        if (g.n_measures > 0)
            compare(&g, &p);
        for (size_t h = 0; h < g.n_hists; h++) {
            struct plan gh = g, ph = p;
            gh.sql = g.hists[h].sql;
            ph.sql = p.hists[h].sql;
            gh.spare_sql = g.hists[h].spare_sql;
            ph.spare_sql = p.hists[h].spare_sql;
            compare(&gh, &ph);
        }
    }
    arena_fini(&a);
}

/* ---- the engine ---- */

/* A gate whose people are numbered by the digits that end their keys. */
struct test_gate {
    struct gate gate;
    uint64_t bits[16];
    uint32_t n_bits; /* whole words */
    bool inverts;
    unsigned known;   /* numbers below it are given without `adds` */
    unsigned n_asked; /* keys that were not mapped */
    unsigned n_pins;
};

static uint32_t number(void *ctx, const char *key, size_t len, bool adds)
{
    struct test_gate *g = ctx;
    uint32_t n = 0;
    size_t i = len;
    while (i > 0 && key[i - 1] >= '0' && key[i - 1] <= '9')
        i--;
    for (; i < len; i++)
        n = (n * 10 + (uint32_t)(key[i] - '0')) % 1000;
    __atomic_add_fetch(&g->n_asked, !adds, __ATOMIC_RELAXED);
    g->known = adds && n >= g->known ? n + 1 : g->known;
    return n;
}

static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    struct test_gate *g = ctx;
    uint64_t *bits = malloc(sizeof g->bits); /* a view never changes */
    (void)purpose;
    assert_non_null(bits);
    memcpy(bits, g->bits, sizeof g->bits);
    g->n_pins++;
    *out = (struct gate_view){
        .bits = bits, .n = g->n_bits, .inverts = g->inverts, .of = bits
    };
}

static void unpin(void *ctx, const struct gate_view *view)
{
    struct test_gate *g = ctx;
    free(view->of);
    g->n_pins--;
}

static void gate_init(struct test_gate *g)
{
    *g =
        (struct test_gate){ .gate = { g, number, pin, unpin }, .n_bits = 1024 };
}

/* Number `n` counts, or not. */
static void set(struct test_gate *g, unsigned n, bool counts)
{
    const uint64_t bit = UINT64_C(1) << n % 64;
    g->bits[n / 64] = counts ? g->bits[n / 64] | bit : g->bits[n / 64] & ~bit;
}

static const char POLICY[] =
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"
    "cap: {rho: 5, delta: 1e-9}\nmax_people: 1000\nslots: {first: 0}\nconsent: "
    "{}\n"
    "purposes: {p: {basis: consent}}\n"
    "tables:\n  t:\n    from: t.parquet\n    key: k\n    max_groups: 1\n"
    "    max_rows: 1\n    columns:\n      k: {type: %s}\n"
    "      g: {type: int, range: [0, 9]}\n";

/* People 0..299, two rows each. */
#define ROWS(key, n)                                                           \
    "COPY (SELECT " key                                                        \
    " AS k, CAST(i % 10 AS BIGINT) AS g FROM (SELECT i // "                    \
    "2 AS i FROM range(" #n ") r(i))) TO '@/t.parquet'"

static const struct keyed {
    const char *name, *type, *rows, *more; /* more: 100 people follow */
} keyed[] = {
    { "whole numbers close together", "int", ROWS("CAST(i AS BIGINT)", 600),
      ROWS("CAST(i AS BIGINT)", 800) },
    { "whole numbers far apart", "int",
      ROWS("CAST(i * 1000000007000 + i AS BIGINT)", 600),
      ROWS("CAST(i * 1000000007000 + i AS BIGINT)", 800) },
    { "negative numbers", "int", ROWS("CAST(-i AS BIGINT)", 600),
      ROWS("CAST(-i AS BIGINT)", 800) },
    { "text", "text", ROWS("'who:' || i", 600), ROWS("'who:' || i", 800) },
    { "long text", "text", ROWS("repeat('x', 300) || ' ' || i", 600),
      ROWS("repeat('x', 300) || ' ' || i", 800) },
    { "UUIDs", "uuid",
      ROWS("CAST(printf('00000000-0000-0000-0000-a%011d', i) AS UUID)", 600),
      ROWS("CAST(printf('00000000-0000-0000-0000-a%011d', i) AS UUID)", 800) },
};

static void open_source(struct lib_source *o, const struct keyed *row,
                        struct test_gate *g)
{
    char text[2048];
    (void)snprintf(text, sizeof text, POLICY, row->type);
    lib_source_open(o, text, &row->rows, 1, &g->gate);
}

static void check_keys(void **state)
{
    struct test_gate g;
    struct lib_source o;
    gate_init(&g);
    for (unsigned i = 0; i < 1000; i += 3)
        set(&g, i, true);
    open_source(&o, *state, &g);
    assert_int_equal(g.known, 300);
    assert_int_equal(lib_source_people(&o), 100);
    assert_int_equal(g.n_asked, 0); /* all were mapped */
    set(&g, 6, false);              /* the next statement sees it */
    assert_int_equal(lib_source_people(&o), 99);
    g.inverts = true;
    assert_int_equal(lib_source_people(&o), 201);
    g.n_bits = 128; /* of those past a view nobody said no */
    assert_int_equal(lib_source_people(&o), 300 - 42);
    g.n_bits = 1024;
    set(&g, 299, true);
    assert_int_equal(lib_source_people(&o), 200);
    g.inverts = false;
    for (unsigned i = 0; i < 300; i++) {
        set(&g, i, i % 7 == 0);
        if (i % 50 == 0)
            (void)lib_source_people(&o);
    }
    assert_int_equal(lib_source_people(&o), 43);
    lib_source_close(&o);
    assert_int_equal(g.n_pins, 0); /* what an engine keeps it gives back */
}

static void check_later(void **state)
{
    const struct keyed *row = *state;
    struct test_gate g;
    struct lib_source o;
    gate_init(&g);
    for (unsigned i = 0; i < 1000; i += 4)
        set(&g, i, true);
    open_source(&o, row, &g);
    struct lib_files other;
    lib_files_make(&other, &row->more, 1);
    char from[128], to[128];
    (void)snprintf(from, sizeof from, "%s/t.parquet", other.dir);
    (void)snprintf(to, sizeof to, "%s/t.parquet", o.files.dir);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(lib_source_people(&o),
                     100); /* 400 people, of which 100 unmapped */
    assert_true(g.n_asked > 0);
    engine_refresh(o.engine);
    g.n_asked = 0;
    assert_int_equal(lib_source_people(&o), 100);
    assert_int_equal(g.n_asked, 0);
    lib_files_remove(&other);
    lib_source_close(&o);
}

/* The data's keys are pseudonyms; the map says whose.  Person i is
 * "mail<i>", key 7 is two people's, and from 250 on nobody is in the map. */
static void check_map(void **state)
{
    static const char *const sql[] = {
        ROWS("CAST(i * 3 AS BIGINT)", 600),
        "COPY (SELECT i * 3 AS pseudonym, 'mail' || i AS email FROM range(250) "
        "t(i) UNION ALL SELECT 21, 'mail8') TO '@/map.parquet'"
    };
    static char text[2048];
    struct test_gate g;
    struct lib_source o;
    (void)state;
    gate_init(&g);
    for (unsigned i = 0; i < 1000; i++)
        set(&g, i, i != 5);
    (void)snprintf(text, sizeof text, POLICY, "int");
    char *hole = strstr(text, "consent: {}");
    char rest[2048];
    (void)snprintf(rest, sizeof rest, "%s", hole + strlen("consent: {}"));
    (void)snprintf(
        hole, sizeof text - (size_t)(hole - text),
        "consent: {map: {from: map.parquet, key: pseudonym, subject: "
        "email}}%s",
        rest);
    lib_source_open(&o, text, sql, 2, &g.gate);
    assert_int_equal(lib_source_people(&o),
                     250 - 2); /* 5 said no, 7 is two people's */
    assert_int_equal(g.n_asked, 0);
    /* Where all count but who said no: nobody's rows are nobody's. */
    for (unsigned i = 0; i < 1000; i++)
        set(&g, i, i == 5);
    g.inverts = true;
    assert_int_equal(lib_source_people(&o), 250 - 2);
    lib_source_close(&o);
}

static void check_nobody(void **state)
{
    struct test_gate g;
    struct lib_source o;
    (void)state;
    gate_init(&g);
    open_source(&o, &keyed[0], &g);
    assert_int_equal(lib_source_people(&o), 0);
    lib_source_close(&o);
}

int main(void)
{
    const struct CMUnitTest rest[] = {
        cmocka_unit_test(check_map),
        cmocka_unit_test(check_nobody),
    };
    struct CMUnitTest same[sizeof asked / sizeof asked[0]];
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        same[i] = (struct CMUnitTest){ .name = asked[i].name,
                                       .test_func = check_same,
                                       .initial_state =
                                           (void *)(uintptr_t)&asked[i] };
    sql_init();
    int failed = cmocka_run_group_tests_name("who does not count is not there",
                                             same, open_two, close_two);
    failed += RUN_ROWS(keyed, check_keys);
    failed += RUN_ROWS(keyed, check_later);
    failed += cmocka_run_group_tests_name("gate", rest, NULL, NULL);
    return failed;
}
