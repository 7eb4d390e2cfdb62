#include "server/main/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/lib_engine.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * Private groups in pages of any size are the same release: over a real engine,
 * at prices so high that noise is next to none.  City i has 60 + i people for
 * i < 12; a thousand towns more have one each, and are shown by nothing.
 */
static const char DATA[] =
    "COPY (SELECT who, 'city' || right('0' || i, 2) AS city, who % 50 AS x "
    "FROM (SELECT i, 1000 * i + j AS who FROM range(12) c(i), range(72) p(j) "
    "WHERE j < 60 + i) UNION ALL SELECT 100000 + t, 'town' || t || repeat('-', "
    "100), 7 FROM range(1000) r(t)) TO '@/visits.parquet'";

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "cap: {rho: 100, delta: 1e-7}\n"
    "max_price: {rho: 100}\n"
    "max_people: 1000000\n"
    "purposes:\n"
    "  stats: {help: Figures., basis: legitimate_interest}\n"
    "tables:\n"
    "  visits:\n"
    "    from: visits.parquet\n"
    "    key: who\n"
    "    max_groups: 64\n"
    "    max_rows: 1\n"
    "    columns:\n"
    "      who: int\n"
    "      city: text\n"
    "      x: {type: int, range: [0, 49]}\n";

static struct lib_files files;
static struct arena lasting;
static struct engine *engine;
static struct policy *policy;
static size_t most_rows, statements; /* of a page that was handed over */

static void open_shop(const char *data, const struct engine_options *options)
{
    struct policy_report report = { 0 };
    struct err err = { 0 };
    char path[128];
    arena_init(&lasting, 1 << 22);
    lib_files_make(&files, &data, 1);
    (void)snprintf(path, sizeof path, "%s/shop.yaml", files.dir);
    if (policy_load_bytes(&policy, POLICY, strlen(POLICY), path, &report,
                          &lasting, &err))
        fail_msg("line %u: %s", report.mistakes[0].line,
                 report.mistakes[0].msg);
    if (engine_open(&engine, policy, options, &err))
        fail_msg("%s", err.msg);
}

static void close_shop(void)
{
    engine_close(engine);
    lib_files_remove(&files);
    arena_fini(&lasting);
}

static enum err_code statement(void *ctx, struct engine_result *out,
                               const struct plan *plan, struct arena *a,
                               struct err *err)
{
    static const uint8_t secret[32] = { 9 };
    static const atomic_int go;
    const enum err_code code =
        engine_run(engine, out, plan, secret, &go, a, err);
    (void)ctx;
    statements++;
    if (out->n_rows > most_rows)
        most_rows = out->n_rows;
    return code;
}

static const struct question {
    const char *name, *sql;
    size_t rows_most, text_most; /* 0: as planned */
    size_t first, n;             /* cities shown: first, first + 1, ... */
    size_t percentile;           /* output that is one; 0 = none */
    bool cut;
} questions[] = {
    { "counts and sums",
      "SELECT city, COUNT(DISTINCT who) FROM visits GROUP BY city", 0, 0, 0, 12,
      0, false },
    { "percentiles beside them",
      "SELECT city, COUNT(DISTINCT who), MEDIAN(x) FROM visits GROUP BY city",
      0, 0, 0, 12, 1, false },
    { "two histograms",
      "SELECT city, COUNT(DISTINCT who), MEDIAN(x) FILTER (WHERE city < 'd'), "
      "MEDIAN(x + 1) FROM visits GROUP BY city",
      0, 0, 0, 12, 2, false },
    { "the five with the most people, where no more fit",
      "SELECT city, COUNT(DISTINCT who), MEDIAN(x) FROM visits GROUP BY city",
      5, 0, 7, 5, 1, true },
    { "as many as their names allow, six bytes each",
      "SELECT city, COUNT(DISTINCT who) FROM visits GROUP BY city", 0, 18, 9, 3,
      0, true },
    { "the first two, picked",
      "SELECT city FROM visits GROUP BY city ORDER BY COUNT(DISTINCT who) DESC "
      "LIMIT 2",
      0, 0, 10, 2, 0, false },
};

static void check_rows(const struct question *q, const struct plan *p,
                       const struct plan_noisy *out)
{
    bool seen[12] = { false };
    assert_int_equal(out->n_rows, q->n);
    assert_int_equal(out->cut, q->cut);
    for (size_t i = 0; i < out->n_rows; i++) {
        const struct value *key = &out->keys[i * p->n_keys];
        assert_int_equal(key->text.len, 6);
        const size_t city = strtoul(key->text.s + 4, NULL, 10);
        assert_in_range(city, q->first, q->first + q->n - 1);
        assert_false(seen[city]);
        seen[city] = true;
        const struct dp_noisy *m = &out->measures[i * plan_width(p)];
        if (!p->top.on)
            assert_in_range((long)m[p->people].v, 56 + city, 64 + city);
        for (size_t k = 0; k < q->percentile; k++) /* of 60 and some in 0..49 */
            assert_in_range((long)m[p->n_measures + k].v, 15, 34);
    }
}

static void check(void **state)
{
    /* 1,012 groups; histograms of about 600 and 1,600 rows */
    static const size_t pages[] = { 0, 1, 3, 64, 1000, 1100 };
    const struct question *q = *state;
    const struct request req = {
        .purpose = "stats",
        .ask = { ASK_RHO, .price = 90 },
        .bounds.max_groups = q->n == 2 ? 64 : 1, /* picks are for many groups */
    };
    gsl_rng *rng = test_rng_new(3);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        const struct pages_run run = { .statement = statement,
                                       .rng = rng,
                                       .page_rows = pages[i] };
        struct plan_noisy out = { 0 };
        struct select *tree = NULL;
        struct plan *p = NULL;
        struct arena a;
        struct err err = { 0 };
        arena_init(&a, 1 << 24);
        assert_int_equal(sql_parse(&tree, q->sql, strlen(q->sql), &a, &err),
                         ERR_OK);
        if (plan_query(&p, &req, tree, policy, &a, &err))
            fail_msg("%s", err.msg);
        assert_true(p->selects && p->rows_most > 1000);
        assert_int_equal(p->top.on, q->n == 2);
        p->rows_most = q->rows_most ? q->rows_most : p->rows_most;
        p->text_most = q->text_most ? q->text_most : p->text_most;
        most_rows = statements = 0;
        if (pages_release(&out, &run, p, &a, &err))
            fail_msg("%s", err.msg);
        assert_int_equal(statements, 1 + p->n_hists);
        assert_true(pages[i] == 0 || most_rows <= pages[i]);
        check_rows(q, p, &out);
        arena_fini(&a);
    }
    gsl_rng_free(rng);
}

/* What the pages are for: it is a miss, and nothing is left. */
static enum err_code broken(void *ctx, struct engine_result *out,
                            const struct plan *plan, struct arena *a,
                            struct err *err)
{
    (void)statement(ctx, out, plan, a, err);
    return err_set(err, ERR_MISS, "the engine failed");
}

static void an_engine_that_fails_half_way_is_a_miss(void **state)
{
    static const char sql[] = "SELECT city, COUNT(*) FROM visits GROUP BY city";
    const struct request req = { .purpose = "stats" };
    const struct pages_run run = { .statement = broken,
                                   .rng = test_rng_new(1),
                                   .page_rows = 10 };
    struct plan_noisy out = { 0 };
    struct select *tree = NULL;
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    (void)state;
    arena_init(&a, 1 << 24);
    assert_int_equal(sql_parse(&tree, sql, strlen(sql), &a, &err), ERR_OK);
    assert_int_equal(plan_query(&p, &req, tree, policy, &a, &err), ERR_OK);
    assert_int_equal(pages_release(&out, &run, p, &a, &err), ERR_MISS);
    assert_int_equal(out.n_rows, 0);
    arena_fini(&a);
    gsl_rng_free(run.rng);
}

/*
 * One who groups by texts of which there are as many as rows, 2 KB each, is
 * answered (with nothing): the engine keeps to its limit, and we to a page.
 */
enum { HOSTILE_MB = 128, BOUND_MB = 350, LONG = 2000 };
static const char HOSTILE[] =
    "COPY (SELECT i AS who, 'c' || i AS city, i % 50 AS x "
    "FROM range(300000) r(i)) TO '@/visits.parquet'";
static const char *engine_failure = "";

static void note_failure(void *ctx, const char *class_name)
{
    (void)ctx;
    engine_failure = class_name;
}

/* Of this process, since it was last told to forget. */
static size_t peak_mb(void)
{
    char line[256];
    size_t kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtoul(line + 6, NULL, 10);
    assert_non_null(f);
    (void)fclose(f);
    return kb / 1024;
}

static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    assert_true(f && fputs("5", f) >= 0 && fclose(f) == 0);
}

static const struct hostile {
    const char *name;
    const char *before, *after; /* around a long text; NULL: there is none */
    bool may_miss;              /* the engine has not the memory, and says so */
} hostiles[] = {
    { "a text for each row", "SELECT city, COUNT(*) FROM visits GROUP BY city",
      NULL, false },
    { "long ones", "SELECT city || '", "', COUNT(*) FROM visits GROUP BY 1",
      true },
    { "long ones, and percentiles of them", "SELECT city || '",
      "', MEDIAN(x) FROM visits GROUP BY 1", true },
    { "the first ten of such texts", "SELECT city || '",
      "' FROM visits GROUP BY 1 ORDER BY COUNT(*) DESC "
      "LIMIT 10",
      true },
};

static void check_hostile(void **state)
{
    const struct hostile *h = *state;
    const struct request req = { .purpose = "stats" };
    const struct pages_run run = { .statement = statement,
                                   .rng = test_rng_new(1) };
    struct plan_noisy out = { 0 };
    struct select *tree = NULL;
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    char sql[LONG + 256], text[LONG] = "";
    memset(text, '-', sizeof text - 1);
    (void)snprintf(sql, sizeof sql, "%s%s%s", h->before, h->after ? text : "",
                   h->after ? h->after : "");
    arena_init(&a, 1 << 26);
    if (sql_parse(&tree, sql, strlen(sql), &a, &err) ||
        plan_query(&p, &req, tree, policy, &a, &err))
        fail_msg("%s", err.msg);
    forget_peak();
    const size_t before = peak_mb();
    const enum err_code code = pages_release(&out, &run, p, &a, &err);
    if (code != ERR_OK && h->may_miss)
        assert_string_equal(engine_failure, "out_of_memory");
    else if (code != ERR_OK)
        fail_msg("%s: %s", err.msg, engine_failure);
    assert_int_equal(out.n_rows, 0);
    /* Pages given back meanwhile can leave the peak below what was there. */
    const size_t after = peak_mb(), took = after > before ? after - before : 0;
    (void)printf("%zu MB, %s\n", took, code == ERR_OK ? "answered" : "a miss");
    assert_in_range(took, 0, BOUND_MB);
    arena_fini(&a);
    gsl_rng_free(run.rng);
}

int main(void)
{
    const struct CMUnitTest more[] = {
        cmocka_unit_test(an_engine_that_fails_half_way_is_a_miss),
    };
    dp_init();
    sql_init();
    open_shop(DATA, &(struct engine_options){ .threads = 1 });
    int failed = RUN_ROWS(questions, check);
    failed += cmocka_run_group_tests_name("test_pages", more, NULL, NULL);
    close_shop();
    const struct engine_options limited = { .threads = 1,
                                            .memory_limit = (uint64_t)HOSTILE_MB
                                                            << 20,
                                            .temp_dir = "/tmp",
                                            .failed = note_failure };
    open_shop(HOSTILE, &limited);
    failed += RUN_ROWS(hostiles, check_hostile);
    close_shop();
    return failed;
}
