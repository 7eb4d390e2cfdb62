#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine/rollups.h"
#include "server/sql/sql.h"
#include "tests/lib_engine.h"
#include "tests/table.h"

/*
 * Forms of statements: questions that a rollup answers, asked with it and
 * without, and questions that the planner takes two ways for, give the same
 * integers over random rows, whatever the bounds; and what happens when a
 * rollup is not there.
 */
static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "cap: {rho: 10, delta: 1e-8}\n"
    "max_price: {rho: 5}\n"
    "default_price: {rho: 0.1}\n"
    "max_people: 1000000\n"
    "expected_size: 9\n"
    "purposes:\n"
    "  stats: {help: Figures., basis: legitimate_interest}\n"
    "tables:\n"
    "  buys:\n"
    "    from: %s.parquet\n"
    "    key: who\n"
    "    max_groups: 2\n"
    "    most_groups: 64\n"
    "    expected_rows: 400\n"
    "    max_rows: 3\n"
    "    columns:\n"
    "      who: %s\n"
    "      city: text\n"
    "      land: {type: text, domain: [AT, DE], other: else}\n"
    "      kind: {type: text, domain: [a, b, c]}\n"
    "      n: {type: int, range: [-2, 10]}\n"
    "      price: {type: double, range: [-1, 7.5], grid: 0.25}\n"
    "      total: {type: double, range: [-50, 100], grid: 1, person_clamp: "
    "[-10, 120]}\n"
    "      wide: {type: double, range: [0, 1e6], grid: 1e-2, person_clamp: "
    "[0, 1e9]}\n"
    "      at: {type: timestamp, range: [2024-01-01, 2024-01-09]}\n"
    "    rollups:\n"
    "      all_rows: {sum: [n, price, total, wide]%s}\n"
    "      by_city: {by: [city], sum: [n, price, total, wide]}\n"
    "      by_land: {by: [land], sum: [n]}\n"
    "      by_kind_city: {by: [kind, city], sum: [price]}\n"
    "      by_day: {by: [day(at)], sum: [n]}\n"
    "      by_day_land: {by: [day(at), land, n]}\n";

static struct lib_files files;
static struct arena arena; /* of a world */
static const uint8_t secret[32] = { 4, 2 };
static atomic_uint built, failed; /* on_built is on a thread of its own */
static _Atomic(const char *) failure;
static time_t told; /* when that of all_rows was */

static void make_rows(unsigned seed, const char *where)
{
    char sql[2048], text[256];
    const char *const all[] = { sql, text };
    struct lib_files more;
    (void)snprintf(
        sql, sizeof sql,
        "COPY (SELECT CASE WHEN h %% 31 = 0 THEN NULL ELSE who END AS who, "
        "%s FROM (SELECT i, hash(i, %u) AS h, CAST(hash(i, %u, 1) %% 9 AS "
        "BIGINT) AS who "
        "FROM range(400) r(i)) WHERE %s) TO '%s/int.parquet'",
        "CASE h % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'c' || h % 5 END AS "
        "city, "
        "CASE h // 7 % 6 WHEN 0 THEN NULL WHEN 1 THEN 'AT' WHEN 2 THEN 'DE' "
        "WHEN 3 THEN 'AA' WHEN 4 THEN 'B' ELSE 'XX' END AS land, "
        "CASE h // 11 % 6 WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'z' WHEN "
        "3 THEN 'aa' WHEN 4 THEN 'c' END AS kind, "
        "CASE h // 13 % 6 WHEN 0 THEN NULL ELSE CAST(h // 17 % 17 AS BIGINT) - "
        "4 END AS n, "
        "CASE h // 19 % 6 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE ELSE h // "
        "23 % 100 / 8.0 - 3 END AS price, "
        "CASE h // 29 % 6 WHEN 0 THEN NULL ELSE h // 23 % 200 - 70.0 END AS "
        "total, "
        "CASE h // 31 % 6 WHEN 0 THEN 'inf'::DOUBLE ELSE h // 23 % 2000000 / "
        "1.7 END AS wide, "
        "CASE h // 37 % 9 WHEN 0 THEN NULL ELSE TIMESTAMP '2023-12-31' + "
        "INTERVAL 1 hour * CAST(h // 41 % 260 AS BIGINT) END AS at",
        seed, seed, where, files.dir);
    (void)snprintf(text, sizeof text,
                   "COPY (SELECT * REPLACE ('p' || who AS who) FROM "
                   "'%s/int.parquet') TO '%s/text.parquet'",
                   files.dir, files.dir);
    lib_files_make(&more, all, 2);
    lib_files_remove(&more);
}

static void on_built(void *ctx, const char *dataset, const char *rollup,
                     const char *class_name)
{
    (void)ctx;
    assert_string_equal(dataset, "shop");
    assert_non_null(rollup);
    built++;
    if (strcmp(rollup, "all_rows") == 0)
        told = time(NULL);
    failed += class_name != NULL;
    if (class_name)
        atomic_store(&failure, class_name);
}

/* A server's view of the data: `more` stands in the rollup all_rows. */
struct world {
    const struct policy *policy;
    struct engine *engine;
};

static void open_gated(struct world *w, const char *key, const char *more,
                       uint64_t memory, const struct gate *gate)
{
    struct engine_options options = { .built = on_built,
                                      .secret = secret,
                                      .threads = 2,
                                      .gate = gate,
                                      .memory_limit = memory };
    struct policy_report report = { 0 };
    struct policy *p = NULL;
    struct err err = { 0 };
    char text[4096], path[128];
    atomic_store(&built, 0);
    atomic_store(&failed, 0);
    failure = NULL;
    (void)snprintf(text, sizeof text, POLICY, key, key, more);
    (void)snprintf(path, sizeof path, "%s/shop.yaml", files.dir);
    if (policy_load_bytes(&p, text, strlen(text), path, &report, &arena, &err))
        fail_msg("line %u: %s", report.mistakes[0].line, err.msg);
    p->has_consent = gate != NULL;
    p->consent_interval_s = gate ? 60 : 0;
    if (engine_open(&w->engine, p, &options, &err))
        fail_msg("%s", err.msg);
    w->policy = p;
}

static void open_world(struct world *w, const char *key, const char *more,
                       uint64_t memory)
{
    open_gated(w, key, more, memory, NULL);
}

static struct plan *planned_as(const struct world *w, const char *sql,
                               struct ask_bounds bounds, bool portable,
                               struct arena *a)
{
    struct request *req = ARENA_NEW(a, struct request);
    struct select *tree = NULL;
    struct plan *plan = NULL;
    struct err err = { 0 };
    assert_non_null(req);
    *req = (struct request){ .purpose = "stats",
                             .bounds = bounds,
                             .portable = portable };
    assert_int_equal(sql_parse(&tree, sql, strlen(sql), a, &err), ERR_OK);
    if (plan_query(&plan, req, tree, w->policy, a, &err) != ERR_OK)
        fail_msg("%s: %s", sql, err.msg);
    return plan;
}

static struct plan *planned(const struct world *w, const char *sql,
                            struct ask_bounds bounds, struct arena *a)
{
    return planned_as(w, sql, bounds, false, a);
}

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rows as sorted lines, in the arena. */
static const char *answer(const struct world *w, const struct plan *p,
                          struct arena *a)
{
    static const atomic_int go;
    struct engine_result r = { 0 };
    struct err err = { 0 };
    assert_int_equal(engine_run(w->engine, &r, p, secret, &go, a, &err),
                     ERR_OK);
    char **lines = ARENA_NEW_N(a, r.n_rows + 1, char *);
    char *all = arena_alloc(a, 65536, 1);
    assert_true(lines && all);
    for (size_t i = 0; i < r.n_rows; i++) {
        struct writer line = writer_of(arena_alloc(a, 512, 1), 512);
        for (size_t k = 0; k < p->n_keys; k++) {
            value_print(&line, &r.keys[i * p->n_keys + k]);
            writer_str(&line, "|");
        }
        for (size_t m = 0; m < p->n_measures; m++)
            writer_printf(&line, "%lld|",
                          (long long)r.measures[i * p->n_measures + m].touched);
        assert_non_null(writer_cstr(&line));
        lines[i] = (char *)line.data;
    }
    qsort(lines, r.n_rows, sizeof *lines, by_line);
    struct writer out = writer_of(all, 65536);
    for (size_t i = 0; i < r.n_rows; i++)
        writer_printf(&out, "%s\n", lines[i]);
    assert_non_null(writer_cstr(&out));
    return all;
}

static const struct question {
    const char *name;   /* the question itself */
    const char *rollup; /* that answers it; NULL: the rows do */
} questions[] = {
    { "SELECT COUNT(*) FROM buys", "all_rows" },
    { "SELECT COUNT(DISTINCT who), COUNT(*), SUM(n), SUM(price), SUM(total), "
      "SUM(wide), COUNT(n) FROM buys",
      "all_rows" },
    { "SELECT city, COUNT(*) FROM buys GROUP BY city", "by_city" },
    { "SELECT city, COUNT(DISTINCT who), COUNT(*), SUM(n), SUM(price), "
      "SUM(total), SUM(wide) FROM buys GROUP BY city",
      "by_city" },
    { "SELECT city, AVG(n), SUM(n), AVG(price), AVG(total), SUM(total), "
      "AVG(wide), COUNT(price), COUNT(wide) FROM buys GROUP BY city",
      "by_city" },
    { "SELECT city AS c, SUM(n) / COUNT(*) FROM shop.buys AS b GROUP BY 1 "
      "HAVING COUNT(*) > 3 ORDER BY 2 LIMIT 4",
      "by_city" },
    { "SELECT land, COUNT(*), SUM(n) FROM buys GROUP BY land", "by_land" },
    { "SELECT kind, city, COUNT(*), SUM(price) FROM buys GROUP BY kind, city",
      "by_kind_city" },
    { "SELECT date_trunc('day', at), COUNT(*), AVG(n) FROM buys GROUP BY 1",
      "by_day" },
    { "SELECT date_trunc('days', at), land, n, COUNT(*) FROM buys GROUP BY 1, "
      "2, 3",
      "by_day_land" },
    { "SELECT city, COUNT(*) FROM buys WHERE n > 2 GROUP BY city", NULL },
    /* Filters of the rollup's own groups. */
    { "SELECT city, COUNT(*) FROM buys WHERE city <> 'c2' GROUP BY city",
      "by_city" },
    { "SELECT city, COUNT(*), SUM(n), AVG(price) FROM buys WHERE city IN "
      "('c2', 'c3') AND upper(city) > 'C2' GROUP BY city",
      "by_city" },
    { "SELECT city, COUNT(DISTINCT who), SUM(total) FROM buys WHERE city IS "
      "NULL OR length(city) > 1 GROUP BY city",
      "by_city" },
    { "SELECT COUNT(*), SUM(n), COUNT(wide) FROM buys WHERE city = 'c2'",
      "by_city" },
    { "SELECT COUNT(DISTINCT who), AVG(n) FROM buys WHERE 'c4' = city", NULL },
    { "SELECT COUNT(*) FROM buys WHERE city IN ('c2', 'c4')", NULL },
    { "SELECT city, COUNT(*) FILTER (WHERE city = 'c2'), SUM(n) FILTER (WHERE "
      "city <> 'c2'), COUNT(DISTINCT who) FILTER (WHERE city IS NULL), "
      "COUNT(*) "
      "FROM buys GROUP BY city",
      "by_city" },
    { "SELECT city, COUNT(price) FILTER (WHERE city > 'c2'), AVG(price) FILTER "
      "(WHERE city > 'c2') FROM buys WHERE city <> 'c3' GROUP BY city",
      "by_city" },
    { "SELECT land, COUNT(*) FROM buys WHERE land = 'AT' GROUP BY land",
      "by_land" },
    { "SELECT land, COUNT(*) FROM buys WHERE land IN ('AT', 'DE') GROUP BY "
      "land",
      "by_land" },
    { "SELECT COUNT(*), SUM(n) FROM buys WHERE land = 'DE'", "by_land" },
    { "SELECT COUNT(*) FROM buys WHERE land = 'XX'", NULL }, /* of the others */
    { "SELECT COUNT(*) FROM buys WHERE land = 'else'", NULL },
    { "SELECT land, COUNT(*) FROM buys WHERE land <> 'AT' GROUP BY land",
      NULL }, /* NULL is one of the others, and not let through */
    { "SELECT land, COUNT(*) FILTER (WHERE land = 'AT') FROM buys GROUP BY "
      "land",
      "by_land" },
    { "SELECT land, COUNT(*) FILTER (WHERE land <> 'AT') FROM buys GROUP BY "
      "land",
      NULL },
    { "SELECT city, COUNT(*), SUM(price) FROM buys WHERE kind = 'a' GROUP BY "
      "city",
      "by_kind_city" },
    { "SELECT kind, COUNT(*) FROM buys WHERE city = 'c2' GROUP BY kind",
      "by_kind_city" },
    { "SELECT COUNT(*), COUNT(*) FILTER (WHERE kind = 'b') FROM buys WHERE "
      "kind "
      "= 'b' AND city = 'c3'",
      "by_kind_city" },
    { "SELECT kind, city, COUNT(*) FROM buys WHERE kind IN ('a', 'b') GROUP BY "
      "kind, city",
      "by_kind_city" },
    { "SELECT city, COUNT(*) FROM buys WHERE kind = 'z' GROUP BY city",
      NULL }, /* outside the domain: it is in no group */
    { "SELECT date_trunc('day', at), COUNT(*), SUM(n) FROM buys WHERE at >= "
      "'2024-01-03' AND at < '2024-01-06' GROUP BY 1",
      "by_day" },
    { "SELECT date_trunc('day', at), COUNT(*) FROM buys WHERE at >= "
      "'2024-01-03 12:00' GROUP BY 1",
      "by_day" }, /* bounds are widened to whole days */
    { "SELECT date_trunc('day', at), COUNT(*) FILTER (WHERE date_trunc('day', "
      "at) = '2024-01-04') FROM buys WHERE date_trunc('day', at) <> "
      "'2024-01-05' GROUP BY 1",
      "by_day" },
    { "SELECT date_trunc('day', at), land, n, COUNT(*) FROM buys WHERE n < 5 "
      "AND land IN ('AT', 'DE') AND at < '2024-01-07' GROUP BY 1, 2, 3",
      "by_day_land" },
    { "SELECT date_trunc('day', at), n, COUNT(*) FROM buys WHERE land = 'AT' "
      "GROUP BY 1, 2",
      "by_day_land" },
    { "SELECT land, n, COUNT(*) FROM buys WHERE date_trunc('day', at) = "
      "'2024-01-04' GROUP BY 1, 2",
      NULL }, /* units name no value */
    { "SELECT city, COUNT(*) FILTER (WHERE n > 2) FROM buys GROUP BY city",
      NULL },
    { "SELECT city, COUNT(DISTINCT kind) FROM buys GROUP BY city", NULL },
    { "SELECT city, STDDEV_POP(n) FROM buys GROUP BY city", NULL },
    { "SELECT city, SUM(n * 2) FROM buys GROUP BY city", NULL },
    { "SELECT city, COUNT(land) FROM buys GROUP BY city", NULL },
    { "SELECT land, SUM(price) FROM buys GROUP BY land", NULL },
    { "SELECT city, kind, COUNT(*) FROM buys GROUP BY city, kind",
      "by_kind_city" },
    { "SELECT n, date_trunc('day', at), land, COUNT(*) FROM buys GROUP BY n, "
      "land, 2",
      "by_day_land" },
    { "SELECT n, date_trunc('day', at), COUNT(*) FROM buys WHERE land = 'AT' "
      "GROUP BY 1, 2",
      "by_day_land" },
    { "SELECT kind, COUNT(*) FROM buys GROUP BY kind", NULL },
    { "SELECT date_trunc('week', at), COUNT(*) FROM buys GROUP BY 1", NULL },
    { "SELECT city, COUNT(*) FROM (SELECT * FROM buys WHERE n > 2) AS b GROUP "
      "BY city",
      NULL },
    { "SELECT city, COUNT(*) FROM (SELECT * FROM buys LIMIT 2) AS b GROUP BY "
      "city",
      NULL },
    { "SELECT b.city, COUNT(*) FROM buys AS b JOIN buys AS c ON b.who = c.who "
      "GROUP BY b.city",
      NULL },
    { "SELECT city, MEDIAN(n) FROM buys GROUP BY city", NULL },
};

static struct world ints, texts; /* the key as BIGINT and as VARCHAR */

static void same_integers(void **state)
{
    const struct question *q = *state;
    const struct world *const worlds[] = { &ints, &texts };
    for (size_t w = 0; w < 2; w++)
        for (uint32_t l0 = 1; l0 <= 4; l0++)
            for (uint32_t linf = 1; linf <= 9; linf += 4) {
                struct arena a;
                arena_init(&a, 16 << 20);
                const struct ask_bounds bounds = { .max_groups = l0,
                                                   .max_rows = linf };
                struct plan *p = planned(worlds[w], q->name, bounds, &a);
                assert_string_equal(p->rollup ? p->rollup->name : "none",
                                    q->rollup ? q->rollup : "none");
                if (p->rollup) {
                    const char *with = answer(worlds[w], p, &a);
                    p->rollup = NULL;
                    assert_string_equal(with, answer(worlds[w], p, &a));
                    assert_true(strlen(with) > 1);
                }
                arena_fini(&a);
            }
}

/* The same question in words that the planner takes another way for. */
static const struct pair {
    const char *name, *other;
    bool has_form; /* the first is answered by numbers that stand for values */
} pairs[] = {
    { "SELECT k, COUNT(*) FROM (SELECT who, MIN(land) AS k FROM buys GROUP BY "
      "who) AS b GROUP BY k",
      "SELECT k, COUNT(*) FROM (SELECT who, MIN(land) AS k FROM buys WHERE n "
      "IS NULL OR n > -99 GROUP BY who) AS b GROUP BY k",
      true },
    { "SELECT k, COUNT(*), COUNT(DISTINCT who) FROM (SELECT who, MIN(kind) AS "
      "k FROM buys GROUP BY who) AS b GROUP BY k",
      "SELECT k, COUNT(*), COUNT(DISTINCT who) FROM (SELECT who, MIN(kind) AS "
      "k FROM (SELECT who, kind FROM buys) AS c GROUP BY who) AS b GROUP BY k",
      true },
    { "SELECT k, COUNT(*) FROM (SELECT who, MAX(kind) AS k FROM buys GROUP BY "
      "who) AS b GROUP BY k",
      "SELECT k, COUNT(*) FROM (SELECT who, MAX(kind) AS k FROM buys WHERE n "
      "IS NULL OR n > -99 GROUP BY who) AS b GROUP BY k",
      false },
    { "SELECT city, COUNT(DISTINCT who), COUNT(*), SUM(n), AVG(price), "
      "SUM(total) FROM buys GROUP BY city",
      "SELECT city, COUNT(DISTINCT who), COUNT(*), SUM(n), AVG(price), "
      "SUM(total) FROM (SELECT * FROM buys) AS b GROUP BY city",
      false },
    { "SELECT kind, city, n, COUNT(n), SUM(n) FROM buys GROUP BY 1, 2, 3",
      "SELECT kind, city, n, COUNT(n), SUM(n) FROM (SELECT * FROM buys) AS b "
      "GROUP BY 1, 2, 3",
      false },
    { "SELECT land, date_trunc('day', at), COUNT(*) FILTER (WHERE n > 2), "
      "SUM(wide) FROM buys WHERE n < 9 GROUP BY 1, 2",
      "SELECT land, date_trunc('day', at), COUNT(*) FILTER (WHERE n > 2), "
      "SUM(wide) FROM (SELECT * FROM buys) AS b WHERE n < 9 GROUP BY 1, 2",
      false },
};

/* Rows of one seed; every form gives the same integers over them. */
static void forms_agree(void **state)
{
    const struct pair *q = *state;
    for (unsigned seed = 20; seed < 26; seed++) {
        make_rows(seed, seed % 2 ? "true" : "i < 40");
        for (size_t w = 0; w < 2; w++) {
            const struct world *world = w ? &texts : &ints;
            const struct ask_bounds usual = { 0 };
            struct arena a;
            arena_init(&a, 16 << 20);
            struct plan *one = planned(world, q->name, usual, &a);
            struct plan *two = planned_as(world, q->other, usual, true, &a);
            one->rollup = NULL;
            assert_int_equal(strstr(one->sql, "WITH numbered AS") != NULL,
                             q->has_form);
            assert_null(strstr(two->sql, "WITH numbered AS"));
            assert_string_not_equal(one->sql, two->sql);
            assert_string_equal(answer(world, one, &a), answer(world, two, &a));
            arena_fini(&a);
        }
    }
}

/* Bounded in one pass, and by the window that any engine can run. */
static const struct kept {
    const char *name;
    const char *names; /* how groups get their names in one pass; NULL: it is
                          the window that answers */
} kepts[] = {
    { "SELECT city, COUNT(DISTINCT who), SUM(n) FROM buys GROUP BY city",
      "any_value(k0) AS k0 FROM placed" },
    { "SELECT city, COUNT(*) FROM (SELECT * FROM buys) AS b GROUP BY city",
      "FROM (SELECT 0, k0 FROM named)" },
    { "SELECT city, COUNT(*) FROM (SELECT who, city FROM buys WHERE n > 2) AS "
      "b GROUP BY city",
      "FROM (SELECT 0, k0 FROM named)" },
    { "SELECT upper(city), n, COUNT(*) FROM (SELECT who, city, n FROM buys) AS "
      "b GROUP BY 1, 2",
      "named" },
    { "SELECT b.city, COUNT(*), SUM(c.n) FROM buys AS b JOIN buys AS c ON "
      "b.who = c.who GROUP BY b.city",
      "named" },
    { "SELECT c.city, COUNT(*), SUM(b.n) FROM buys AS b LEFT JOIN buys AS c ON "
      "b.who = c.who AND c.n > b.n GROUP BY 1",
      "ON FALSE" },
    { "SELECT coalesce(c.city, 'none'), COUNT(*) FROM buys AS b LEFT JOIN buys "
      "AS c ON b.who = c.who AND c.n > 6 GROUP BY 1",
      "ON FALSE" },
    { "SELECT b.land, c.kind, COUNT(*), SUM(b.n) FROM buys AS b JOIN buys AS c "
      "ON b.who = c.who GROUP BY 1, 2",
      "(VALUES" },
    { "SELECT land, COUNT(*), COUNT(n) FROM buys GROUP BY land", "(VALUES" },
    { "SELECT date_trunc('day', at), n > 3, COUNT(*) FROM buys GROUP BY 1, 2",
      "(VALUES" },
    { "SELECT land, n, COUNT(*) FROM buys WHERE n < 5 GROUP BY 1, 2",
      "(VALUES" },
    { "SELECT kind, city, COUNT(*) FROM (SELECT who, kind, city FROM buys "
      "UNION "
      "ALL SELECT who, kind, 'x' FROM buys) AS b GROUP BY 1, 2",
      "named" },
    { "SELECT b.city, c.city, COUNT(*) FROM buys AS b JOIN buys AS c ON b.who "
      "= c.who GROUP BY 1, 2",
      "FROM placed GROUP BY 1" }, /* keys of two relations */
    { "SELECT b.city, c.city, COUNT(*) FROM buys AS b JOIN (SELECT who, city, "
      "MAX(n) AS n FROM buys GROUP BY who, city) AS c ON b.who = c.who GROUP "
      "BY "
      "1, 2",
      NULL }, /* ... one of which groups */
    { "SELECT city, COUNT(*) FROM (SELECT who, city, MAX(n) AS n FROM buys "
      "GROUP BY who, city) AS b GROUP BY city",
      NULL }, /* groups again */
};

static void one_pass_agrees(void **state)
{
    static const uint32_t l0s[] = { 1, 2, 3, 9, 20 };
    const struct kept *q = *state;
    for (unsigned seed = 40; seed < 42; seed++) {
        make_rows(seed, seed % 2 ? "true" : "i < 40");
        for (size_t i = 0; i < sizeof l0s / sizeof l0s[0]; i++) {
            const struct world *world = i % 2 ? &texts : &ints;
            const struct ask_bounds bounds = { .max_groups = l0s[i],
                                               .max_rows = 2 };
            struct arena a;
            arena_init(&a, 16 << 20);
            struct plan *one = planned_as(world, q->name, bounds, false, &a);
            struct plan *two = planned_as(world, q->name, bounds, true, &a);
            one->rollup = two->rollup = NULL;
            const char *keep = strstr(one->sql, "halftone_keep_");
            if (!keep)
                keep = strstr(one->sql, "halftone_many");
            if (q->names && (one->l0 < 3 || one->selects)) {
                assert_non_null(keep);
                assert_non_null(strstr(one->sql, q->names));
            }
            if (!q->names)
                assert_null(keep);
            assert_null(strstr(two->sql, "halftone_keep_"));
            if (one->n_measures > 0)
                assert_string_equal(answer(world, one, &a),
                                    answer(world, two, &a));
            arena_fini(&a);
        }
    }
}

static int make_worlds(void **state)
{
    (void)state;
    make_rows(7, "true");
    open_world(&ints, "int", "", 0);
    open_world(&texts, "text", "", 0);
    return engine_settle(ints.engine) && engine_settle(texts.engine) ? 0 : 1;
}

static int close_worlds(void **state)
{
    (void)state;
    engine_close(ints.engine);
    engine_close(texts.engine);
    return 0;
}

/* ---- what happens to it ---- */

static const char BY_CITY[] =
    "SELECT city, COUNT(*), SUM(n) FROM buys GROUP BY city";

/* The rollup's answer changes when it is built again, not with the file. */
static void a_refresh_reads_the_data_again(void **state)
{
    struct world w;
    struct arena a;
    (void)state;
    arena_init(&a, 16 << 20);
    make_rows(1, "true");
    open_world(&w, "int", "", 0);
    assert_true(engine_settle(w.engine));
    assert_int_equal(built, 6);
    struct plan *p = planned(&w, BY_CITY, (struct ask_bounds){ 0 }, &a);
    const char *before = answer(&w, p, &a);
    make_rows(2, "true");
    assert_string_equal(answer(&w, p, &a), before);
    engine_refresh(w.engine);
    assert_true(engine_settle(w.engine));
    const char *after = answer(&w, p, &a);
    assert_string_not_equal(after, before);
    p->rollup = NULL;
    assert_string_equal(answer(&w, p, &a), after);
    assert_int_equal(built, 12);
    engine_close(w.engine);
    arena_fini(&a);
}

static void a_build_that_fails_leaves_the_rows(void **state)
{
    struct world w;
    struct arena a;
    char path[128];
    (void)state;
    arena_init(&a, 16 << 20);
    make_rows(3, "true");
    open_world(&w, "int", "", 0);
    assert_true(engine_settle(w.engine));
    struct plan *p = planned(&w, BY_CITY, (struct ask_bounds){ 0 }, &a);
    const char *before = answer(&w, p, &a);
    (void)snprintf(path, sizeof path, "%s/int.parquet", files.dir);
    assert_int_equal(remove(path), 0);
    engine_refresh(w.engine);
    assert_false(engine_settle(w.engine));
    assert_int_equal(failed, 6);
    assert_non_null(failure);
    make_rows(3, "true");
    assert_string_equal(answer(&w, p, &a), before); /* from the rows */
    make_rows(4, "true");
    assert_string_not_equal(answer(&w, p, &a), before);
    engine_refresh(w.engine); /* and it recovers */
    assert_true(engine_settle(w.engine));
    engine_close(w.engine);
    arena_fini(&a);
}

static void a_rollup_that_takes_its_time_shows_then(void **state)
{
    enum { TAKES = 3 }; /* s: a busy machine builds it by then */
    struct world w;
    (void)state;
    make_rows(5, "true");
    const time_t start = time(NULL);
    open_world(&w, "int", ", takes: 3 s", 0);
    assert_true(engine_settle(w.engine));
    assert_int_equal(built, 6);
    assert_true(told - start >= TAKES - 1); /* clocks of whole seconds */
    engine_close(w.engine);
}

static void closing_ends_a_build(void **state)
{
    struct world w;
    (void)state;
    make_rows(5, "true");
    told = 0;
    open_world(&w, "int", ", takes: 1 h, refresh: 1 day", 0);
    engine_close(w.engine);
    assert_true(built < 6 && told == 0);
}

static void explain_says_so(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 16 << 20);
    const struct ask_bounds usual = { 0 };
    const struct plan *p = planned(
        &ints,
        "EXPLAIN (PRIVACY) SELECT city, COUNT(*) FROM buys GROUP BY city",
        usual, &a);
    assert_non_null(strstr(p->text, "  from a rollup, "));
    assert_non_null(
        strstr(p->rollup_sql, "roll.\"buys.by_city\" WHERE g <= 2"));
    p = planned(&ints,
                "EXPLAIN (PRIVACY) SELECT city, COUNT(*) FROM buys WHERE n > 1 "
                "GROUP BY city",
                usual, &a);
    assert_non_null(strstr(p->text, "  no rollup: it filters rows"));
    arena_fini(&a);
}

/* People who do not consent are left out of every form of it. */
static void consent_is_asked_of_people(void **state)
{
    static const struct {
        const char *sql, *from;
    } asked[] = {
        { "SELECT COUNT(*) FROM buys", "\"buys.all_rows\" WHERE halftone_" },
        { "SELECT city, COUNT(*) FROM buys GROUP BY city",
          " WHERE g <= 2 AND halftone_" },
        { "SELECT city, COUNT(*) FROM buys WHERE city IN ('c2', 'c3') GROUP BY "
          "city",
          " FROM found WHERE halftone_" },
        { "SELECT city, COUNT(*) FROM buys WHERE city <> 'c2' GROUP BY city",
          " FROM ranked WHERE q <= 2 AND halftone_" },
        { "SELECT city, COUNT(*) FILTER (WHERE city = 'c2') FROM buys GROUP BY "
          "city",
          " FROM found WHERE g <= 2 AND halftone_" },
    };
    struct policy gated = *ints.policy;
    const struct world w = { .policy = &gated };
    (void)state;
    gated.has_consent = true;
    gated.consent_interval_s = 60;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct arena a;
        arena_init(&a, 16 << 20);
        const struct plan *p =
            planned(&w, asked[i].sql, (struct ask_bounds){ 0 }, &a);
        if (!strstr(p->rollup_sql, asked[i].from))
            fail_msg("%s", p->rollup_sql);
        arena_fini(&a);
    }
}

/* ---- people who change their minds ---- */

enum { NUMBERS = 256 };
static uint64_t says_yes[NUMBERS / 64];

static void decide(unsigned person, bool yes)
{
    const uint64_t bit = UINT64_C(1) << person % 64;
    if (yes)
        says_yes[person / 64] |= bit;
    else
        says_yes[person / 64] &= ~bit;
}

/* A key is its own number. */
static uint32_t number_of(void *ctx, const char *name, size_t len, bool adds)
{
    uint32_t n = 0;
    (void)ctx, (void)adds;
    for (size_t i = 0; i < len; i++)
        n = n * 10 + (uint32_t)(name[i] - '0');
    return n < NUMBERS ? n : GATE_NOBODY;
}

static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    uint64_t *bits = malloc(sizeof says_yes);
    (void)ctx;
    assert_non_null(bits);
    memcpy(bits, says_yes, sizeof says_yes);
    *out = (struct gate_view){ .bits = bits,
                               .n = purpose ? NUMBERS : 0,
                               .of = bits };
}

static void unpin(void *ctx, const struct gate_view *view)
{
    (void)ctx;
    free(view->of);
}

static const char *from_both(const struct world *w, const char *sql,
                             struct arena *a)
{
    struct plan *p = planned(w, sql, (struct ask_bounds){ 0 }, a);
    assert_non_null(p->rollup);
    const char *rolled = answer(w, p, a);
    p->rollup = NULL;
    assert_string_equal(answer(w, p, a), rolled);
    return rolled;
}

/* A withdrawal counts from the next question on, in a rollup that was built
 * before as in the rows, and a yes too. */
static void a_withdrawal_counts_at_once(void **state)
{
    static const char *const asked[] = {
        BY_CITY,
        "SELECT COUNT(*), COUNT(DISTINCT who) FROM buys",
        "SELECT city, COUNT(*) FROM buys WHERE city IN ('c2', 'c3') GROUP BY "
        "city",
    };
    const struct gate gate = { NULL, number_of, pin, unpin };
    struct world w;
    (void)state;
    make_rows(9, "true");
    for (unsigned person = 0; person < NUMBERS; person++)
        decide(person, person % 3 != 0);
    open_gated(&w, "int", "", 0, &gate);
    assert_true(engine_settle(w.engine));
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct arena a;
        arena_init(&a, 16 << 20);
        const char *before = from_both(&w, asked[i], &a);
        for (unsigned person = 1; person < NUMBERS; person += 3)
            decide(person, false);
        assert_string_not_equal(from_both(&w, asked[i], &a), before);
        for (unsigned person = 1; person < NUMBERS; person += 3)
            decide(person, true);
        assert_string_equal(from_both(&w, asked[i], &a), before);
        arena_fini(&a);
    }
    engine_close(w.engine);
}

int main(void)
{
    enum {
        N = sizeof questions / sizeof questions[0],
        PAIRS = sizeof pairs / sizeof pairs[0],
        KEPTS = sizeof kepts / sizeof kepts[0],
        OTHERS = 7
    };
    static const struct CMUnitTest others[OTHERS] = {
        cmocka_unit_test(explain_says_so),
        cmocka_unit_test(consent_is_asked_of_people),
        cmocka_unit_test(a_withdrawal_counts_at_once),
        cmocka_unit_test(a_refresh_reads_the_data_again),
        cmocka_unit_test(a_build_that_fails_leaves_the_rows),
        cmocka_unit_test(a_rollup_that_takes_its_time_shows_then),
        cmocka_unit_test(closing_ends_a_build),
    };
    struct CMUnitTest tests[N + PAIRS + KEPTS + OTHERS];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = questions[i].name,
            .test_func = same_integers,
            .initial_state = (void *)(uintptr_t)&questions[i],
        };
    for (size_t i = 0; i < PAIRS; i++)
        tests[N + i] = (struct CMUnitTest){
            .name = pairs[i].name,
            .test_func = forms_agree,
            .initial_state = (void *)(uintptr_t)&pairs[i],
        };
    for (size_t i = 0; i < KEPTS; i++)
        tests[N + PAIRS + i] = (struct CMUnitTest){
            .name = kepts[i].name,
            .test_func = one_pass_agrees,
            .initial_state = (void *)(uintptr_t)&kepts[i],
        };
    memcpy(tests + N + PAIRS + KEPTS, others,
           sizeof others); /* they change the files */
    sql_init();
    arena_init(&arena, 64 << 20);
    lib_files_make(&files, NULL, 0);
    const int rc =
        cmocka_run_group_tests_name(__FILE__, tests, make_worlds, close_worlds);
    lib_files_remove(&files);
    arena_fini(&arena);
    return rc;
}
