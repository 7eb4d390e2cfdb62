#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/engine/duck_guard.h"
#include "server/engine/duck_keep.h"
#include "server/engine/duck_keys.h"
#include "server/engine/duck_row.h"
#include "server/engine/views.h"
#include "server/sql/sql.h"
#include "tests/lib_engine.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Who counts asked by the place of a row gives, bit for bit, what asking by its
 * key gives: over random decisions, and over files that are replaced before,
 * while and after a statement reads them.
 */
enum { PEOPLE = 400, WORDS = 512 / 64, TEXT = 1 << 16, ROUNDS = 12 };

/* ---- a gate whose people are numbered by the digits that end their keys ----
 */

struct people {
    struct gate gate;
    uint64_t bits[WORDS];
    bool inverts;
    unsigned n_pins;
    void (*on_pin)(void *ctx); /* NULL: nothing happens */
    void *ctx;
};

static uint32_t number(void *ctx, const char *key, size_t len, bool adds)
{
    uint32_t n = 0;
    size_t i = len;
    (void)ctx;
    (void)adds;
    while (i > 0 && key[i - 1] >= '0' && key[i - 1] <= '9')
        i--;
    for (; i < len; i++)
        n = (n * 10 + (uint32_t)(key[i] - '0')) % PEOPLE;
    return n;
}

static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    struct people *p = ctx;
    uint64_t *bits = malloc(sizeof p->bits);
    (void)purpose;
    assert_non_null(bits);
    memcpy(bits, p->bits, sizeof p->bits);
    p->n_pins++;
    *out = (struct gate_view){
        .bits = bits, .n = WORDS * 64, .inverts = p->inverts, .of = bits
    };
    if (p->on_pin)
        p->on_pin(p->ctx);
}

static void unpin(void *ctx, const struct gate_view *view)
{
    ((struct people *)ctx)->n_pins--;
    free(view->of);
}

static unsigned next(unsigned *seed)
{
    return (*seed = *seed * 1103515245u + 12345u) >> 8;
}

/* ---- sources ---- */

#define HEAD                                                                   \
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"               \
    "cap: {rho: 5, delta: 1e-9}\nmax_people: 1000\nslots: {first: 0}\n"        \
    "purposes: {p: {basis: consent}}\n"
#define COLUMNS(type)                                                          \
    "    key: k\n    max_groups: 2\n    max_rows: 3\n    columns:\n"           \
    "      k: {type: " type "}\n      g: {type: int, range: [0, 9]}\n"         \
    "      n: {type: int, range: [0, 9999]}\n"
#define TABLE(name, from, type)                                                \
    "  " name ":\n    from: " from "\n" COLUMNS(type)
/* A tenth of the rows are nobody's. */
#define ROWS(key, n)                                                           \
    "SELECT CASE WHEN h % 10 = 0 THEN NULL ELSE " key                          \
    " END AS k, CAST(h % 11 AS BIGINT) AS g, CAST(i AS BIGINT) AS n FROM "     \
    "(SELECT i, CAST(hash(i) % 100000 AS BIGINT) AS h FROM range(" #n          \
    ") t(i))"
#define INT_KEY  "CAST(h % 400 AS BIGINT)"
#define TEXT_KEY "'some-longer-name-' || h % 400"
#define UUID_KEY                                                               \
    "CAST(printf('00000000-0000-0000-0000-a%011d', h % 400) AS UUID)"
#define PARQUET(key, n, file)                                                  \
    "COPY (" ROWS(key, n) ") TO '@/" file "' (ROW_GROUP_SIZE 2048)"

static const struct source_of {
    const char *name, *policy;
    const char *make[6];
    bool has_u, by_row;
} sources[] = {
    { "text in a Parquet file",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t.parquet", "text"),
      { PARQUET(TEXT_KEY, 9000, "t.parquet") },
      .by_row = true },
    { "whole numbers in a Parquet file",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t.parquet", "int"),
      { PARQUET(INT_KEY, 9000, "t.parquet") },
      .by_row = true },
    { "UUIDs in a Parquet file",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t.parquet", "uuid"),
      { PARQUET(UUID_KEY, 9000, "t.parquet") },
      .by_row = true },
    { "several files, one without rows, and a second table",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t*.parquet", "text")
          TABLE("u", "u.parquet", "text"),
      { PARQUET(TEXT_KEY, 3000, "t1.parquet"),
        PARQUET(TEXT_KEY, 0, "t2.parquet"),
        PARQUET(TEXT_KEY, 5000, "t3.parquet"),
        PARQUET(TEXT_KEY, 700, "u.parquet") },
      .has_u = true,
      .by_row = true },
    { "a map of pseudonyms",
      HEAD "consent: {map: {from: map.parquet, key: k, subject: s}}\n"
           "tables:\n" TABLE("t", "t.parquet", "int"),
      { PARQUET(INT_KEY, 9000, "t.parquet"),
        "COPY (SELECT i AS k, 'mail' || (399 - i) AS s FROM range(300) t(i) "
        "UNION ALL SELECT 7, 'mail5') TO '@/map.parquet'" },
      .by_row = true },
    { "tables of a DuckDB file, from which rows were deleted",
      HEAD "source: duckdb\ndatabase: s.db\nconsent: {}\ntables:\n" TABLE(
          "t", "t", "text") TABLE("u", "deep.u", "text"),
      { "ATTACH '@/s.db' AS s", "CREATE TABLE s.t AS " ROWS(TEXT_KEY, 9000),
        "DELETE FROM s.t WHERE n % 7 = 0 OR n BETWEEN 3000 AND 5000",
        "CREATE SCHEMA s.deep; CREATE TABLE s.deep.u AS " ROWS(TEXT_KEY, 700),
        "DETACH s" },
      .has_u = true,
      .by_row = true },
    { "a view of a DuckDB file: by keys",
      HEAD "source: duckdb\ndatabase: s.db\nconsent: {}\ntables:\n" TABLE(
          "t", "v", "text"),
      { "ATTACH '@/s.db' AS s; USE s", "CREATE TABLE t AS " ROWS(TEXT_KEY, 900),
        "CREATE VIEW v AS SELECT * FROM t; USE memory; DETACH s" },
      .by_row = false },
    { "a table with a column named rowid: by keys",
      HEAD "source: duckdb\ndatabase: s.db\nconsent: {}\ntables:\n" TABLE(
          "t", "t", "text"),
      { "ATTACH '@/s.db' AS s",
        "CREATE TABLE s.t AS SELECT *, 7::BIGINT AS ROWID FROM (" ROWS(TEXT_KEY,
                                                                       900) ")",
        "DETACH s" },
      .by_row = false },
    { "CSV: by keys",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t.csv", "text"),
      { "COPY (" ROWS(TEXT_KEY, 900) ") TO '@/t.csv' (HEADER)" },
      .by_row = false },
    { "one table of two in CSV: by keys",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t.parquet", "text")
          TABLE("u", "u.csv", "text"),
      { PARQUET(TEXT_KEY, 3000, "t.parquet"),
        "COPY (" ROWS(TEXT_KEY, 700) ") TO '@/u.csv' (HEADER)" },
      .has_u = true },
    { "folders whose names tell a column: by keys",
      HEAD "consent: {}\ntables:\n" TABLE("t", "t/*/*.parquet", "text"),
      { "COPY (SELECT *, n % 3 AS y FROM (" ROWS(
          TEXT_KEY, 900) ")) TO '@/t' (FORMAT parquet, PARTITION_BY (y))" },
      .by_row = false },
};

/* ---- the engine's parts ---- */

struct world {
    struct lib_files files;
    struct arena a;
    struct people people;
    struct policy *policy;
    struct duck duck;
    struct duck_gate *gate;
    struct views views;
    struct duck_keep_key key;
    struct duck_heap heap;
    duckdb_connection con;
};

/* Files are left alone for as long as it takes to tell. */
static void rest(void)
{
    const struct timespec nap = { .tv_nsec = 3 * STAMP_YOUNG_MS * 500000L };
    (void)nanosleep(&nap, NULL);
}

static enum duck_row_mapped map_within(struct world *w, uint64_t most)
{
    struct duck_rows *rows = NULL;
    struct duck_keys *keys = duck_gate_keys(w->gate);
    duckdb_connection con;
    assert_int_equal(duckdb_connect(w->duck.db, &con), DuckDBSuccess);
    const enum duck_row_mapped done = duck_row_map(
        &rows, &(struct duck_row_mapping){ .con = con,
                                           .gate = w->gate,
                                           .keys = keys,
                                           .policy = w->policy,
                                           .paths = w->views.paths,
                                           .attached = w->views.attached,
                                           .most = most });
    if (done == DUCK_ROW_MAPPED)
        assert_true(duck_gate_take_rows(w->gate, rows, keys));
    duck_rows_drop(rows);
    duck_keys_drop(keys);
    duckdb_disconnect(&con);
    return done;
}

static enum duck_row_mapped map(struct world *w)
{
    return map_within(w, 1 << 20);
}

static void open_world(struct world *w, const struct source_of *s)
{
    char path[128];
    struct policy_report report = { 0 };
    struct err err = { 0 };
    size_t n = 0;
    *w = (struct world){ .key = { { 1 } } };
    w->people.gate = (struct gate){ &w->people, number, pin, unpin };
    w->heap.most = 1 << 28;
    while (n < 6 && s->make[n])
        n++;
    lib_files_make(&w->files, s->make, n);
    arena_init(&w->a, 1 << 25);
    (void)snprintf(path, sizeof path, "%s/s.yaml", w->files.dir);
    const struct engine_options options = { .threads = 2 };
    if (policy_load_bytes(&w->policy, s->policy, strlen(s->policy), path,
                          &report, &w->a, &err) != ERR_OK ||
        duck_open(&w->duck, &options, &err) != ERR_OK ||
        duck_keep_register(&w->duck, &w->key, &w->heap, &err) != ERR_OK ||
        duck_guard_register(&w->duck, &err) != ERR_OK ||
        duck_gate_open(&w->gate, &w->duck, &w->people.gate, &err) != ERR_OK ||
        duck_row_register(&w->duck, w->gate, w->policy, &err) != ERR_OK ||
        views_create(&w->views, &w->duck, w->policy, &w->a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_true(duck_gate_map(w->gate, &w->duck, w->policy));
    assert_int_equal(duckdb_connect(w->duck.db, &w->con), DuckDBSuccess);
    assert_int_equal(w->views.paths != NULL, s->by_row);
    rest();
    if (s->by_row)
        assert_int_equal(map(w), DUCK_ROW_MAPPED);
}

static void close_world(struct world *w)
{
    duckdb_disconnect(&w->con);
    duck_close(&w->duck);
    duck_gate_close(w->gate);
    stamp_paths_free(w->views.paths);
    free(w->views.attached);
    assert_int_equal(w->people.n_pins, 0);
    arena_fini(&w->a);
    lib_files_remove(&w->files);
}

/* ---- questions ---- */

static const char *planned(struct world *w, const char *question)
{
    const struct request req = { .purpose = "p" };
    struct err err = { 0 };
    struct plan *plan;
    if (plan_sql(&plan, question, &req, w->policy, &w->a, &err) != ERR_OK)
        fail_msg("%s (%s)\n%s", err.msg, err.hint, question);
    assert_true(plan->gated);
    return plan->sql;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Every row as text, sorted. */
static void run(char out[TEXT], struct world *w, const char *sql)
{
    static char lines[1024][256];
    duckdb_result r;
    if (duckdb_query(w->con, sql, &r) != DuckDBSuccess)
        fail_msg("%s\n%s", duckdb_result_error(&r), sql);
    const idx_t n = duckdb_row_count(&r), width = duckdb_column_count(&r);
    assert_true(n < 1024);
    for (idx_t i = 0; i < n; i++) {
        struct writer line = writer_of(lines[i], sizeof lines[i]);
        for (idx_t c = 0; c < width; c++) {
            char *text = duckdb_value_varchar(&r, c, i);
            writer_printf(&line, "%s|", text ? text : "NULL");
            duckdb_free(text);
        }
        assert_true(writer_cstr(&line));
    }
    duckdb_destroy_result(&r);
    qsort(lines, n, sizeof lines[0], by_text);
    struct writer all = writer_of(out, TEXT);
    for (idx_t i = 0; i < n; i++)
        writer_printf(&all, "%s\n", lines[i]);
    assert_true(writer_cstr(&all));
}

/* As the engine does: by rows if they are there, and again if they moved. */
static void ask(char out[TEXT], struct world *w, const char *sql, bool by_row,
                bool *was_by_row)
{
    struct duck_pin held;
    duck_gate_pin(&held, w->gate, w->con, &w->policy->purposes[0], by_row);
    *was_by_row = held.rows != NULL;
    run(out, w, sql);
    if (!duck_gate_holds(&held)) {
        *was_by_row = false;
        run(out, w, sql);
        assert_true(duck_gate_holds(&held));
    }
    duck_gate_unpin(&held, w->gate);
}

static void compare(struct world *w, const char *question, bool by_row)
{
    static char want[TEXT], got[TEXT];
    const char *sql = planned(w, question);
    bool was;
    ask(want, w, sql, false, &was);
    assert_false(was);
    ask(got, w, sql, true, &was);
    assert_int_equal(was, by_row);
    assert_string_equal(want, got);
}

static const char *const of_one[] = {
    "SELECT COUNT(DISTINCT k) FROM t",
    "SELECT g, COUNT(*), SUM(n) FROM t GROUP BY g",
    "SELECT g, COUNT(*) FROM t WHERE n > 8000 GROUP BY g",
    "SELECT COUNT(*), SUM(n) FROM t WHERE n BETWEEN 4000 AND 4100 OR g = 3",
    "SELECT c, COUNT(*) FROM (SELECT k, LEAST(5, COUNT(*)) AS c FROM t GROUP "
    "BY k) x GROUP BY c",
    "SELECT COUNT(*) FROM t a JOIN (SELECT k, MIN(n) AS least FROM t GROUP BY "
    "k) b ON a.k = b.k WHERE a.n > b.least",
    "SELECT r, COUNT(*) FROM (SELECT k, LEAST(3, row_number() OVER (PARTITION "
    "BY k ORDER BY n)) AS r FROM t) x GROUP BY r",
};
static const char *const of_two[] = {
    "SELECT t.g, COUNT(*) FROM t JOIN u ON t.k = u.k GROUP BY t.g",
    "SELECT COUNT(*) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.k = t.k)",
};

static void check_same(void **state)
{
    const struct source_of *s = *state;
    static struct world w;
    unsigned seed = 5;
    open_world(&w, s);
    for (unsigned round = 0; round < ROUNDS; round++) {
        w.people.inverts = round % 5 == 4;
        for (unsigned i = next(&seed) % (round ? 9 : 4 * PEOPLE); i > 0; i--) {
            const unsigned who = next(&seed) % PEOPLE;
            w.people.bits[who / 64] ^= UINT64_C(1) << who % 64;
        }
        const size_t one = round % (sizeof of_one / sizeof of_one[0]);
        compare(&w, of_one[one], s->by_row);
        if (s->has_u)
            compare(&w, of_two[round % 2], s->by_row);
    }
    close_world(&w);
}

/* ---- files that do not stay ---- */

/* Half of the people, and another order of their rows in a file of that size.
 */
static void open_half(struct world *w)
{
    open_world(w, &sources[0]);
    for (unsigned i = 0; i < PEOPLE; i += 2)
        w->people.bits[i / 64] |= UINT64_C(1) << i % 64;
}

static const char *at(const struct world *w, const char *name)
{
    return lib_files_path(&w->files, name);
}

static void do_exec(struct world *w, const char *sql)
{
    assert_true(duck_exec(&w->duck, lib_files_path(&w->files, sql)));
}

static const char shuffled[] = "COPY (SELECT k, g, 8999 - n AS n FROM (" ROWS(
    TEXT_KEY, 9000) ") s ORDER BY s.n DESC) TO '@/other.parquet'";

/* What is asked moves with who is counted. */
static const char question[] = "SELECT COUNT(*), SUM(n) FROM t WHERE n < 500";

/* Each is done while the statement is about to be bound, after the look. */
static void put_other(void *ctx)
{
    const struct world *w = ctx;
    assert_int_equal(rename(at(w, "@/other.parquet"), at(w, "@/t.parquet")), 0);
}

static void put_and_back(void *ctx)
{
    const struct world *w = ctx;
    assert_int_equal(rename(at(w, "@/t.parquet"), at(w, "@/kept")), 0);
    assert_int_equal(link(at(w, "@/other.parquet"), at(w, "@/t.parquet")), 0);
    assert_int_equal(rename(at(w, "@/kept"), at(w, "@/t.parquet")), 0);
}

static void folder_and_back(void *ctx)
{
    const struct world *w = ctx;
    char away[96];
    (void)snprintf(away, sizeof away, "%s.away", w->files.dir);
    assert_int_equal(rename(w->files.dir, away), 0);
    assert_int_equal(rename(away, w->files.dir), 0);
}

static void write_into(void *ctx)
{
    const struct world *w = ctx;
    struct stat was;
    char command[512];
    assert_int_equal(stat(at(w, "@/t.parquet"), &was), 0);
    (void)snprintf(command, sizeof command, "cat %s > %s",
                   at(w, "@/other.parquet"), at(w, "@/t.parquet"));
    assert_int_equal(system(command), 0);
    const struct timespec times[2] = { was.st_atim, was.st_mtim };
    assert_int_equal(utimensat(AT_FDCWD, at(w, "@/t.parquet"), times, 0), 0);
}

static void touch(void *ctx)
{
    const struct world *w = ctx;
    assert_int_equal(chmod(at(w, "@/t.parquet"), 0640), 0);
}

static const struct change {
    const char *name;
    void (*change)(void *ctx);
    bool maps; /* again, after keys are mapped anew */
} changes[] = {
    { "another file takes its place", put_other, true },
    { "another takes its place, and goes", put_and_back, true },
    { "its folder goes, and comes back", folder_and_back, true },
    { "it is written in place, and its time put back", write_into, true },
    { "it is touched", touch, true },
};

static void check_change(void **state)
{
    const struct change *row = *state;
    static struct world w;
    static char want[TEXT], got[TEXT];
    bool by_row, unused;
    open_half(&w);
    do_exec(&w, shuffled);
    rest();
    const char *sql = planned(&w, question);
    compare(&w, question, true);
    w.people.on_pin = row->change;
    w.people.ctx = &w;
    ask(got, &w, sql, true, &by_row);
    w.people.on_pin = NULL;
    ask(want, &w, sql, false, &unused);
    assert_string_equal(want, got);
    assert_false(by_row);
    /* The next statement knows before it begins; a folder is where it was. */
    rest();
    compare(&w, question, row->change == folder_and_back);
    assert_true(duck_gate_map(w.gate, &w.duck, w.policy));
    compare(&w, question, false); /* rows are of the keys before */
    assert_int_equal(map(&w), DUCK_ROW_MAPPED);
    compare(&w, question, true);
    close_world(&w);
}

/* A link turned to another file and back leaves both as they were. */
static void turn_link(void *ctx)
{
    const struct world *w = ctx;
    assert_int_equal(unlink(at(w, "@/t.parquet")), 0);
    assert_int_equal(symlink("other.parquet", at(w, "@/t.parquet")), 0);
}

static void turn_link_back(const struct world *w)
{
    assert_int_equal(unlink(at(w, "@/t.parquet")), 0);
    assert_int_equal(symlink("kept.parquet", at(w, "@/t.parquet")), 0);
}

static void check_link(void **state)
{
    static struct world w;
    static char want[TEXT], got[TEXT];
    struct duck_pin held;
    char kept[128];
    (void)state;
    open_half(&w);
    do_exec(&w, shuffled);
    (void)snprintf(kept, sizeof kept, "%s", at(&w, "@/kept.parquet"));
    assert_int_equal(rename(at(&w, "@/t.parquet"), kept), 0);
    assert_int_equal(symlink("kept.parquet", at(&w, "@/t.parquet")), 0);
    rest();
    assert_true(duck_gate_map(w.gate, &w.duck, w.policy));
    (void)map(&w);
    const char *sql = planned(&w, question);
    w.people.on_pin = turn_link;
    w.people.ctx = &w;
    duck_gate_pin(&held, w.gate, w.con, &w.policy->purposes[0], true);
    w.people.on_pin = NULL;
    run(got, &w, sql);
    turn_link_back(&w);
    const bool used = held.rows && duck_gate_holds(&held);
    duck_gate_unpin(&held, w.gate);
    turn_link(&w);
    bool by_row;
    ask(want, &w, sql, false, &by_row);
    if (used)
        assert_string_equal(want, got);
    assert_false(used);
    close_world(&w);
}

/* A file that changed just now could change again and show the same time. */
static void check_young(void **state)
{
    static struct world w;
    (void)state;
    open_half(&w);
    touch(&w);
    assert_int_equal(map(&w), DUCK_ROW_YOUNG);
    rest();
    assert_int_equal(map(&w), DUCK_ROW_MAPPED);
    compare(&w, question, true);
    close_world(&w);
}

static void check_memory(void **state)
{
    static struct world w;
    (void)state;
    open_half(&w);
    assert_true(duck_gate_map(w.gate, &w.duck, w.policy));
    assert_int_equal(map_within(&w, UINT64_C(8) * 9000 - 1), DUCK_ROW_NOT);
    assert_int_equal(map_within(&w, UINT64_C(8) * 9000), DUCK_ROW_NOT);
    compare(&w, question, false);
    assert_int_equal(map_within(&w, UINT64_C(8) * 9000 + 4 * (PEOPLE + 1)),
                     DUCK_ROW_MAPPED);
    compare(&w, question, true);
    close_world(&w);
}

/* DuckDB keeps the database open that it attached, whatever its name is now. */
static void check_database(void **state)
{
    static struct world w;
    char kept[128], copy[512];
    (void)state;
    open_world(&w, &sources[5]);
    w.people.bits[1] = 0x5555;
    compare(&w, of_one[1], true);
    (void)snprintf(kept, sizeof kept, "%s", at(&w, "@/kept.db"));
    assert_int_equal(rename(at(&w, "@/s.db"), kept), 0);
    (void)snprintf(copy, sizeof copy, "cp %s %s", kept, at(&w, "@/s.db"));
    assert_int_equal(system(copy), 0);
    rest();
    compare(&w, of_one[1], false);
    assert_int_equal(map(&w), DUCK_ROW_NOT);
    close_world(&w);
}

/* Through the engine: replaced under a run, people are those of the new file.
 */
static void check_engine(void **state)
{
    static const uint8_t secret[32] = { 1 };
    static struct world w;
    const struct request req = { .purpose = "p" };
    struct engine *e;
    struct plan *plan;
    struct err err = { 0 };
    atomic_int stop;
    (void)state;
    open_half(&w);
    do_exec(&w, shuffled);
    rest();
    atomic_init(&stop, 0);
    const struct engine_options options = { .gate = &w.people.gate };
    assert_int_equal(engine_open(&e, w.policy, &options, &err), ERR_OK);
    assert_true(engine_settle(e));
    assert_int_equal(plan_sql(&plan, question, &req, w.policy, &w.a, &err),
                     ERR_OK);
    struct engine_result before = { 0 }, after = { 0 }, again = { 0 };
    assert_int_equal(engine_run(e, &before, plan, secret, &stop, &w.a, &err),
                     ERR_OK);
    w.people.on_pin = put_other;
    w.people.ctx = &w;
    assert_int_equal(engine_run(e, &after, plan, secret, &stop, &w.a, &err),
                     ERR_OK);
    w.people.on_pin = NULL;
    rest();
    engine_refresh(e);
    assert_true(engine_settle(e));
    assert_int_equal(engine_run(e, &again, plan, secret, &stop, &w.a, &err),
                     ERR_OK);
    /* The other file has other rows below 500. */
    assert_true(before.measures[0].touched != after.measures[0].touched);
    assert_true(after.measures[0].touched == again.measures[0].touched);
    engine_close(e);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest rest_of[] = {
        cmocka_unit_test(check_link),   cmocka_unit_test(check_young),
        cmocka_unit_test(check_memory), cmocka_unit_test(check_database),
        cmocka_unit_test(check_engine),
    };
    sql_init();
    int failed = RUN_ROWS(sources, check_same);
    failed += RUN_ROWS(changes, check_change);
    failed += cmocka_run_group_tests_name("rows", rest_of, NULL, NULL);
    return failed;
}
