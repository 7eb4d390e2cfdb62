#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/release.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * Window functions over the rows of an answer.  The values of over_values.def,
 * which PostgreSQL gives too, come out however the question is written; and
 * what their intervals promise holds.
 */
static const struct over_value {
    const char *name; /* the expression over land, kind, c */
    const char *want; /* values by |, in the order of land, kind */
} values[] = {
#define ROW(sql, want) { sql, want },
#include "tests/over_values.def"
#undef ROW
};

enum { ROWS = 7 };
static const struct {
    const char *land, *kind;
    int c;
} answer[ROWS] = { { "other", "a", 7 }, { "FR", "b", 10 }, { "FR", "a", 40 },
                   { "DE", "b", -3 },   { "DE", "a", 25 }, { "AT", "b", 25 },
                   { "AT", "a", 10 } };

/* The rows in an order that no ORDER BY gives, as an engine may; keys in the
 * plan's (canon.h), kind before land. */
struct noisy {
    struct value keys[2 * ROWS];
    struct dp_noisy measures[ROWS];
};

static struct plan_noisy rows_of(struct noisy *n)
{
    for (size_t i = 0; i < ROWS; i++) {
        n->keys[2 * i] = value_text(answer[i].kind, 1);
        n->keys[2 * i + 1] = value_text(answer[i].land, strlen(answer[i].land));
        n->measures[i].v = answer[i].c;
    }
    return (struct plan_noisy){ .keys = n->keys,
                                .measures = n->measures,
                                .n_rows = ROWS };
}

/* The expression with COUNT(*) for each c. */
static void with_count(char *out, size_t room, const char *sql)
{
    struct writer w = writer_of(out, room);
    for (const char *s = sql; *s; s++) {
        const bool word = s > sql && (isalnum((unsigned char)s[-1]) ||
                                      s[-1] == '_' || s[-1] == '\'');
        const bool alone =
            *s == 'c' && !word && !isalnum((unsigned char)s[1]) && s[1] != '_';
        if (alone)
            writer_str(&w, "COUNT(*)");
        else
            writer_bytes(&w, s, 1);
    }
    assert_non_null(writer_cstr(&w));
}

/* Ways to ask the same: around the aggregates, beside them, behind a LIMIT. */
enum form { AROUND, BESIDE, BEHIND, FORMS };

static void ask(char *out, size_t room, enum form form, const char *expr)
{
    static const struct {
        const char *before, *behind;
    } texts[FORMS] = {
        [AROUND] = { "WITH x AS (SELECT land, kind, COUNT(*) AS c FROM buys "
                     "GROUP BY land, kind) SELECT ",
                     " AS v, c FROM x ORDER BY land, kind" },
        [BESIDE] = { "SELECT ",
                     " AS v, COUNT(*) FROM buys GROUP BY land, kind ORDER BY "
                     "land, kind" },
        [BEHIND] = { "SELECT v, c FROM (SELECT land, kind, ",
                     " AS v, c FROM (SELECT land, kind, COUNT(*) AS c FROM "
                     "buys "
                     "GROUP BY land, kind LIMIT 100) x) y ORDER BY land, "
                     "kind" },
    };
    char beside[1024];
    with_count(beside, sizeof beside, expr);
    assert_true(snprintf(out, room, "%s%s%s", texts[form].before,
                         form == BESIDE ? beside : expr,
                         texts[form].behind) < (int)room);
}

static void plan_it(struct plan **out, const char *sql,
                    const struct policy *policy, struct arena *a)
{
    const struct request req = { .purpose = "stats" };
    struct err err = { 0 };
    if (plan_sql(out, sql, &req, policy, a, &err) != ERR_OK)
        fail_msg("%s\n%s (%s)", sql, err.msg, err.hint);
    assert_int_equal((*out)->n_measures, 1);
}

/* As text, or as numbers to a millionth. */
static bool is_same(const char *a, const char *b)
{
    char *end_a, *end_b;
    if (strcmp(a, b) == 0)
        return true;
    const double x = strtod(a, &end_a), y = strtod(b, &end_b);
    return end_a != a && end_b != b && !*end_a && !*end_b && fabs(x - y) < 1e-6;
}

static void compare(const struct over_value *row, const struct reply_table *t,
                    const char *sql)
{
    char *want = strdup(row->want), *rest = want;
    assert_non_null(want);
    assert_int_equal(t->n_rows, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        char got[256];
        struct writer w = writer_of(got, sizeof got);
        const char *one = strsep(&rest, "|");
        if (t->cells[2 * i].type == VALUE_NULL)
            writer_str(&w, "NULL");
        value_print(&w, &t->cells[2 * i]);
        assert_non_null(writer_cstr(&w));
        if (!one || !is_same(got, one))
            fail_msg("%s\nrow %zu: %s, not %s", sql, i, got, one ? one : "?");
    }
    free(want);
}

static void check_value(void **state)
{
    const struct over_value *row = *state;
    for (enum form form = 0; form < FORMS; form++) {
        char sql[2048];
        struct noisy n;
        struct plan *p = NULL;
        struct reply_table table;
        struct arena a;
        struct err err = { 0 };
        const struct plan_noisy in = rows_of(&n);
        arena_init(&a, 1 << 22);
        ask(sql, sizeof sql, form, row->name);
        plan_it(&p, sql, &plan_shop, &a);
        assert_int_equal(p->n_after, form == BEHIND ? 2 : 0);
        assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
        compare(row, &table, sql);
        arena_fini(&a);
    }
}

/*
 * Intervals: over many draws of the noise each holds the value without noise as
 * often as it says, and is no wider than `most` half widths of one count.  A
 * miss rate of 5 % is told from one above 8 % at 3.7 standard errors, row by
 * row; seeds are fixed.
 */
static const struct promise {
    const char *name; /* the expression */
    double most;      /* 0 = not compared, being a quotient */
    bool pure;
} promises[] = {
    { "SUM(COUNT(*)) OVER ()", 2.9, false },
    { "SUM(COUNT(*)) OVER ()", 2.9, true },
    { "SUM(COUNT(*)) OVER (ORDER BY land, kind)", 2.9, false },
    { "AVG(COUNT(*)) OVER (ORDER BY land, kind ROWS BETWEEN 2 PRECEDING AND "
      "CURRENT ROW)",
      1.01, false },
    { "100.0 * COUNT(*) / SUM(COUNT(*)) OVER ()", 0, false },
    { "100.0 * COUNT(*) / SUM(COUNT(*)) OVER ()", 0, true },
    { "COUNT(*)::float8 / SUM(COUNT(*)) OVER (PARTITION BY land)", 0, false },
    { "SUM(COUNT(*)) OVER (ORDER BY land, kind) / CAST(SUM(COUNT(*)) OVER () "
      "AS "
      "double precision)",
      0, false },
    { "COUNT(*) - lag(COUNT(*)) OVER (ORDER BY land, kind)", 1.5, false },
    { "COUNT(*)::float8 / lag(COUNT(*)) OVER (ORDER BY land, kind)", 0, false },
    { "lead(COUNT(*), 2) OVER (ORDER BY land, kind)", 1.01, false },
    { "COUNT(*) - AVG(COUNT(*)) OVER ()", 1.01, false },
    { "COUNT(*) - first_value(COUNT(*)) OVER (ORDER BY land, kind)", 1.5,
      false },
    { "2 * SUM(COUNT(*)) OVER () - 5", 5.8, false },
    { "MAX(COUNT(*)) OVER ()", 1.4, false },
    { "MAX(COUNT(*)) OVER ()", 1.7, true },
    { "MIN(COUNT(*)) OVER (PARTITION BY land)", 1.2, false },
    { "MAX(10 - COUNT(*) * 2) OVER (ORDER BY land, kind ROWS BETWEEN 2 "
      "PRECEDING AND CURRENT ROW)",
      2.5, false },
    { "COUNT(*) - MAX(COUNT(*)) OVER ()", 2.6, false },
    { "100.0 * (COUNT(*)::float8 / lag(COUNT(*)) OVER (ORDER BY land, kind)) - "
      "1",
      0, false },
};

/* The rows drawn: counts large enough for quotients to be bounded. */
static void draw(struct noisy *n, const struct plan *p, gsl_rng *rng)
{
    struct dp_exact exact[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        exact[i] = (struct dp_exact){ 1000 * (answer[i].c + 5) };
    if (rng)
        assert_int_equal(dp_mechanism_release(n->measures, exact, ROWS,
                                              &p->measures[0].noise, rng),
                         DP_OK);
    else
        for (size_t i = 0; i < ROWS; i++)
            n->measures[i].v = 1000 * (answer[i].c + 5);
}

static double real(const struct value *v)
{
    return v->type == VALUE_INT ? (double)v->i : v->d;
}

static void check_promise(void **state)
{
    enum { DRAWS = 700 };
    const struct promise *row = *state;
    char sql[1024];
    struct noisy n;
    struct plan *p = NULL;
    struct reply_table truth, table;
    struct arena a;
    struct err err = { 0 };
    int misses[ROWS] = { 0 };
    gsl_rng *rng = test_rng_new(11);
    const struct plan_noisy in = rows_of(&n);
    arena_init(&a, 1 << 28);
    ask(sql, sizeof sql, BESIDE, row->name);
    plan_it(&p, sql, row->pure ? &plan_shop_pure : &plan_shop, &a);
    draw(&n, p, NULL);
    assert_int_equal(plan_finish(&truth, p, &in, &a, &err), ERR_OK);
    uint64_t k = 0;
    assert_int_equal(dp_mechanism_quantile(&k, &p->measures[0].noise, 0.05),
                     DP_OK);
    for (int d = 0; d < DRAWS; d++) {
        draw(&n, p, rng);
        assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
        for (size_t i = 0; i < ROWS; i++) {
            const struct reply_interval *at = &table.intervals[2 * i];
            if (truth.cells[2 * i].type == VALUE_NULL)
                continue;
            assert_int_equal(at->kind, INTERVAL_BOUNDED);
            const double want = real(&truth.cells[2 * i]);
            misses[i] += want < at->lo || want > at->hi;
            if (row->most > 0)
                assert_true((at->hi - at->lo) / 2 <= row->most * (double)k);
        }
    }
    for (size_t i = 0; i < ROWS; i++)
        if (misses[i] > DRAWS * 8 / 100)
            fail_msg("%s: row %zu missed %d of %d", row->name, i, misses[i],
                     DRAWS);
    gsl_rng_free(rng);
    arena_fini(&a);
}

/* Seven numbers within +-k of their own all at once: each at 0.95^(1/7), where
 * a Gaussian reaches 2.68 deviations and not 1.96. */
static void extremes_hold_for_all_rows(void **state)
{
    struct noisy n;
    struct plan *p = NULL;
    struct reply_table table;
    struct arena a;
    struct err err = { 0 };
    char sql[1024];
    uint64_t k = 0;
    const struct plan_noisy in = rows_of(&n);
    (void)state;
    arena_init(&a, 1 << 22);
    ask(sql, sizeof sql, BESIDE, "MAX(COUNT(*)) OVER ()");
    plan_it(&p, sql, &plan_shop, &a);
    assert_int_equal(dp_mechanism_quantile(&k, &p->measures[0].noise, 0.05),
                     DP_OK);
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    for (size_t i = 0; i < ROWS; i++) {
        const struct reply_interval *at = &table.intervals[2 * i];
        const double times = (at->hi - at->lo) / 2 / (double)k;
        assert_true(times > 1.29 && times < 1.42);
        assert_true(fabs((at->hi + at->lo) / 2 - 40) < 1e-9);
    }
    arena_fini(&a);
}

/* What has no law says so by having no interval. */
static const struct silent {
    const char *name;
} silents[] = {
    { "rank() OVER (ORDER BY COUNT(*))" },
    { "COUNT(*)::float8 / MAX(COUNT(*)) OVER ()" },
    { "STDDEV(COUNT(*)) OVER ()" },
    { "COUNT(*) OVER ()" },
    { "COUNT(*) * SUM(COUNT(*)) OVER ()" },
    { "CASE WHEN rank() OVER (ORDER BY COUNT(*)) = 1 THEN 1 ELSE 0 END" },
};

static void check_silent(void **state)
{
    const struct silent *row = *state;
    char sql[1024];
    struct noisy n;
    struct plan *p = NULL;
    struct reply_table table;
    struct arena a;
    struct err err = { 0 };
    const struct plan_noisy in = rows_of(&n);
    arena_init(&a, 1 << 22);
    ask(sql, sizeof sql, BESIDE, row->name);
    plan_it(&p, sql, &plan_shop, &a);
    assert_int_equal(plan_finish(&table, p, &in, &a, &err), ERR_OK);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(table.intervals[2 * i].kind, INTERVAL_NONE);
    arena_fini(&a);
}

/* DISTINCT ON around an answer: the first kind of each land. */
static void distinct_on_picks_rows(void **state)
{
    static const struct over_value rows_[] = {
        { "SELECT DISTINCT ON (land) land, kind, c FROM (SELECT land, kind, "
          "COUNT(*) AS c FROM buys GROUP BY land, kind) x ORDER BY land, c "
          "DESC",
          "AT b 25|DE a 25|FR a 40|other a 7" },
        { "WITH x AS (SELECT land, kind, COUNT(*) AS c FROM buys GROUP BY "
          "land, "
          "kind) SELECT DISTINCT ON (kind) land, kind, c FROM x WHERE c > 9 "
          "ORDER BY kind DESC, c",
          "FR b 10|AT a 10" },
    };
    (void)state;
    for (size_t q = 0; q < 2; q++) {
        char text[256];
        struct writer w = writer_of(text, sizeof text);
        struct noisy n;
        const struct plan_noisy in = rows_of(&n);
        struct reply_table t;
        struct plan *p = NULL;
        struct arena a;
        struct err err = { 0 };
        arena_init(&a, 1 << 22);
        plan_it(&p, rows_[q].name, &plan_shop, &a);
        assert_int_equal(plan_finish(&t, p, &in, &a, &err), ERR_OK);
        for (size_t i = 0; i < 3 * t.n_rows; i++) {
            writer_str(&w, i == 0 ? "" : i % 3 ? " " : "|");
            value_print(&w, &t.cells[i]);
        }
        assert_non_null(writer_cstr(&w));
        assert_string_equal(text, rows_[q].want);
        assert_int_equal(t.intervals[2].kind, INTERVAL_BOUNDED);
        arena_fini(&a);
    }
}

/* A window is no part of the release: it changes neither price nor key. */
static void windows_are_free(void **state)
{
    static const char *const plain =
        "SELECT land, COUNT(*) FROM buys GROUP BY land";
    static const char *const windows[] = {
        "SELECT land, COUNT(*), rank() OVER (ORDER BY COUNT(*)) FROM buys "
        "GROUP "
        "BY land",
        "SELECT land, 100.0 * c / SUM(c) OVER () FROM (SELECT land, COUNT(*) "
        "AS "
        "c FROM buys GROUP BY land) x",
        "SELECT land, COUNT(*), 100.0 * COUNT(*) / SUM(COUNT(*)) OVER () FROM "
        "buys GROUP BY land ORDER BY COUNT(*) DESC LIMIT 1",
        "SELECT * FROM (SELECT land, COUNT(*), row_number() OVER (ORDER BY "
        "COUNT(*) DESC) AS r FROM buys GROUP BY land) x WHERE r <= 2",
    };
    struct arena a;
    struct plan *want = NULL;
    (void)state;
    arena_init(&a, 1 << 22);
    plan_it(&want, plain, &plan_shop, &a);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct plan *p = NULL;
        plan_it(&p, windows[i], &plan_shop, &a);
        assert_int_equal(p->price.rho_pico, want->price.rho_pico);
        assert_memory_equal(p->release_hash, want->release_hash,
                            sizeof p->release_hash);
        assert_string_equal(p->sql, want->sql);
    }
    arena_fini(&a);
}

/* Over grouping sets, whose rows have noise of different scales: the window
 * sees the rows of all, and its interval is no narrower than the noisier would
 * be. */
static void sets_are_one_window(void **state)
{
    const struct request req = { .purpose = "stats" };
    struct plan_noisy each[2] = { { 0 }, { 0 } }, all;
    struct value keys[4];
    struct dp_noisy counts[4] = { { 10 }, { 20 }, { 30 }, { 40 } },
                    total[1] = { { 99 } };
    struct reply_table t;
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    uint64_t k[2], most;
    (void)state;
    arena_init(&a, 1 << 22);
    assert_int_equal(
        plan_sql(&p,
                 "SELECT land, COUNT(*), SUM(COUNT(*)) OVER () AS s FROM buys "
                 "GROUP BY ROLLUP (land)",
                 &req, &plan_shop, &a, &err),
        ERR_OK);
    assert_int_equal(p->n_parts, 2);
    for (size_t i = 0; i < 4; i++)
        plan_group_keys(&keys[i], p->parts[0], i);
    each[0] =
        (struct plan_noisy){ .keys = keys, .measures = counts, .n_rows = 4 };
    each[1] = (struct plan_noisy){ .measures = total, .n_rows = 1 };
    assert_int_equal(plan_gather(&all, p, each, &a, &err), ERR_OK);
    assert_int_equal(plan_finish(&t, p, &all, &a, &err), ERR_OK);
    assert_int_equal(t.n_rows, 5);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            dp_mechanism_quantile(&k[i], &p->parts[i]->measures[0].noise, 0.05),
            DP_OK);
    most = k[0] > k[1] ? k[0] : k[1];
    assert_true(k[0] != k[1]);
    for (size_t i = 0; i < 5; i++) {
        const struct reply_interval *at = &t.intervals[3 * i + 2];
        assert_int_equal(t.cells[3 * i + 2].i, 199);
        assert_int_equal(at->kind, INTERVAL_BOUNDED);
        const double half = (at->hi - at->lo) / 2 / sqrt(5.0);
        assert_true(half > (double)most - 1 && half < (double)most * 1.1 + 3);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(windows_are_free),
        cmocka_unit_test(extremes_hold_for_all_rows),
        cmocka_unit_test(distinct_on_picks_rows),
        cmocka_unit_test(sets_are_one_window)
    };
    sql_init();
    return RUN_ROWS(values, check_value) + RUN_ROWS(promises, check_promise) +
           RUN_ROWS(silents, check_silent) +
           cmocka_run_group_tests(single, NULL, NULL);
}
