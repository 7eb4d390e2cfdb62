/* Grouping sets that are added up from another's noisy cells. */
#include "server/plan/plan.h"

#include <math.h>
#include <string.h>

#include "dp/init.h"
#include "server/main/noise.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * By hand, L0 2 (1 without keys), kind and ok of two values: m sets that pay
 * cost m times the sum of L0 of each, and c L0' for one added up from c cells a
 * row. `from` says of each set whose cells it takes: its place, or - by itself.
 */
static const struct row {
    const char *name, *sql, *from;
    struct ask ask;
    bool pure;
} rows[] = {
    { "a cube of two: 4 (2 + 2 + 2 + 1) by themselves, 2 + 4 + 4 + 8 added up",
      "SELECT kind, ok, COUNT(*) FROM buys GROUP BY CUBE (kind, ok)",
      "-000",
      { 0 },
      false },
    { "wherever the cells stand",
      "SELECT kind, ok, COUNT(*) FROM buys GROUP BY GROUPING SETS ((), (kind), "
      "(kind, ok), (ok))",
      "22-2",
      { 0 },
      false },
    { "two levels: 3 (2 + 2 + 1), or 2 (2 + 4 + 1)",
      "SELECT kind, ok, COUNT(*) FROM buys GROUP BY ROLLUP (kind, ok)",
      "-0-",
      { 0 },
      false },
    { "four values: 2 (2 + 1) by themselves, 2 + 8 added up",
      "SELECT land, COUNT(*) FROM buys GROUP BY ROLLUP (land)",
      "--",
      { 0 },
      false },
    { "sums, means and spreads",
      "SELECT kind, ok, SUM(n), AVG(price), STDDEV(price) FROM buys GROUP BY "
      "CUBE (kind, ok)",
      "-000",
      { 0 },
      false },
    { "people are in more than one cell",
      "SELECT kind, ok, COUNT(DISTINCT who) FROM buys GROUP BY CUBE (kind, ok)",
      "----",
      { 0 },
      false },
    { "people who are in one cell by construction",
      "SELECT k, b, COUNT(DISTINCT who) FROM (SELECT who, MIN(n) IS NULL AS k, "
      "MAX(free) IS NULL AS b FROM buys GROUP BY who) x GROUP BY CUBE (k, b)",
      "-000",
      { .kind = ASK_RHO, .price = 0.02 },
      false },
    { "different values",
      "SELECT kind, ok, COUNT(DISTINCT n) FROM buys GROUP BY CUBE (kind, ok)",
      "----",
      { 0 },
      false },
    { "a percentile",
      "SELECT kind, ok, COUNT(*), MEDIAN(n) FROM buys GROUP BY CUBE (kind, ok)",
      "----",
      { 0 },
      false },
    { "cells that are selected",
      "SELECT city, ok, COUNT(*) FROM buys GROUP BY CUBE (city, ok)",
      "----",
      { 0 },
      false },
    { "an accuracy",
      "SELECT kind, ok, COUNT(*) FROM buys GROUP BY CUBE (kind, ok)",
      "----",
      { .kind = ASK_ACCURACY_ABS, .half_width = 100 },
      false },
    { "Laplace noise",
      "SELECT kind, ok, COUNT(*) FROM buys GROUP BY CUBE (kind, ok)",
      "----",
      { 0 },
      true },
    { "noise too small for the law of its sum",
      "SELECT kind, ok, COUNT(*) FROM buys GROUP BY CUBE (kind, ok)",
      "----",
      { .kind = ASK_RHO, .price = 0.5 },
      false },
};

static struct plan *planned(const char *sql, const struct request *req,
                            bool pure, struct arena *a)
{
    struct err err = { 0 };
    struct plan *p = NULL;
    if (plan_sql(&p, sql, req, pure ? &plan_shop_pure : &plan_shop, a, &err) !=
        ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    return p;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct request req = { .purpose = "stats",
                                 .ask = row->ask,
                                 .bounds = { .max_rows =
                                                 row->ask.price > 0 ? 1 : 0 } };
    char from[9] = "";
    struct arena a;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(row->sql, &req, row->pure, &a);
    for (size_t i = 0; i < p->n_parts; i++)
        from[i] =
            p->parts[i]->adds_up ? (char)('0' + p->parts[i]->cells_of) : '-';
    assert_string_equal(from, row->from);
    arena_fini(&a);
}

/* One release has the whole price: sigma = 3 sqrt(2 / 0.2) = 9.487, and rows of
 * c cells have that times sqrt(c). */
static void cells_have_the_whole_price(void **state)
{
    static const double cells[] = { 1, 2, 2, 4 };
    const struct request req = { .purpose = "stats" };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned(
        "EXPLAIN (PRIVACY) SELECT kind, ok, COUNT(*) FROM buys GROUP BY "
        "CUBE (kind, ok)",
        &req, false, &a);
    for (size_t i = 0; i < 4; i++) {
        const struct dp_mechanism *m = &p->parts[i]->measures[0].noise;
        const double sigma = (double)m->num / (double)m->den;
        assert_true(fabs(sigma / (9.486833 * sqrt(cells[i])) - 1) < 1e-4);
        assert_int_equal(p->parts[i]->sql[0] == '\0', i > 0);
    }
    assert_true(p->price.rho_pico == p->parts[0]->price.rho_pico);
    assert_in_range(p->price.rho_pico, UINT64_C(99900000000),
                    UINT64_C(100000000000));
    assert_non_null(strstr(p->text, "cells of grouping set 1, 4 a row, free"));
    arena_fini(&a);
}

static const char *text_of(const struct value *v, char *room, size_t n)
{
    struct writer w = writer_of(room, n);
    value_print(&w, v);
    return writer_cstr(&w) ? room : "";
}

/* Cells 10, 20, 30, 40: rows by kind 30, 70, by ok 40, 60, and 100 +- 37. */
static void totals_are_sums(void **state)
{
    static const long long cells[] = { 10, 20, 30, 40 };
    static const char *const want[] = { "10", "20", "30", "40", "30",
                                        "70", "40", "60", "100" };
    const struct request req = { .purpose = "stats" };
    struct plan_noisy each[4] = { { 0 } }, all;
    struct reply_table table = { 0 };
    struct err err = { 0 };
    struct value keys[8];
    struct dp_noisy measures[4];
    struct arena a;
    char room[32];
    (void)state;
    arena_init(&a, 1 << 22);
    const struct plan *p = planned("SELECT kind, ok, COUNT(*) AS c FROM buys "
                                   "GROUP BY CUBE (kind, ok)",
                                   &req, false, &a);
    for (int i = 0; i < 4; i++) {
        keys[2 * i] = value_text(i < 2 ? "a" : "b", 1);
        keys[2 * i + 1] = (struct value){ .type = VALUE_BOOL, .b = i % 2 };
        measures[i].v = cells[i];
    }
    each[0] =
        (struct plan_noisy){ .keys = keys, .measures = measures, .n_rows = 4 };
    assert_int_equal(plan_gather(&all, p, each, &a, &err), ERR_OK);
    assert_int_equal(all.n_rows, 4);
    assert_int_equal(plan_finish(&table, p, &all, &a, &err), ERR_OK);
    assert_int_equal(table.n_rows, 9);
    for (size_t i = 0; i < 9; i++)
        assert_string_equal(text_of(&table.cells[i * 3 + 2], room, sizeof room),
                            want[i]);
    assert_true(table.intervals[8 * 3 + 2].lo == 63 &&
                table.intervals[8 * 3 + 2].hi == 137);
    arena_fini(&a);
}

/* 3,000 releases of nothing: the total's interval misses 5 in 100, within five
 * standard errors on either side. */
static void intervals_of_totals_cover(void **state)
{
    enum { N = 3000 };
    const struct request req = { .purpose = "stats" };
    const struct engine_result nothing = { 0 };
    struct arena a, once;
    unsigned missed = 0;
    gsl_rng *rng = test_rng_new(71);
    (void)state;
    arena_init(&a, 1 << 22);
    arena_init(&once, 1 << 22);
    const struct plan *p = planned("SELECT kind, ok, COUNT(*) AS c FROM buys "
                                   "GROUP BY CUBE (kind, ok)",
                                   &req, false, &a);
    for (int i = 0; i < N; i++) {
        struct plan_noisy each[4] = { { 0 } }, all;
        struct reply_table table = { 0 };
        struct err err = { 0 };
        assert_int_equal(noise_release(&each[0], p->parts[0], &nothing, NULL,
                                       rng, &once, &err),
                         ERR_OK);
        assert_int_equal(plan_gather(&all, p, each, &once, &err), ERR_OK);
        assert_int_equal(plan_finish(&table, p, &all, &once, &err), ERR_OK);
        const struct reply_interval *total = &table.intervals[8 * 3 + 2];
        missed += total->lo > 0 || total->hi < 0;
        arena_reset(&once);
    }
    const double error = sqrt(0.05 * 0.95 * N);
    assert_true(missed < 0.05 * N + 5 * error && missed > 0.05 * N - 5 * error);
    gsl_rng_free(rng);
    arena_fini(&once);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(cells_have_the_whole_price),
        cmocka_unit_test(totals_are_sums),
        cmocka_unit_test(intervals_of_totals_cover),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(single, NULL, NULL);
}
