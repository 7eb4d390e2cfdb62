#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/main/noise.h"
#include "server/plan/typed.h"
#include "server/sql/sql.h"
#include "tests/lib_rng.h"
#include "tests/lib_shop.h"
#include "tests/table.h"

/*
 * Are the truths inside their intervals as often as promised?  Each question of
 * coverage.def is planned, run on a small demo shop with limits that leave
 * nobody out, and released again and again with fresh noise; the truth is what
 * plain SQL answers to the same text, in which nothing of ours has a part.
 *
 * Per class of numbers the share of covered truths is held against the exact
 * coverage of their law where that is known (counts, sums of reals), else
 * against the level from below, both within 5 standard errors: a false alarm
 * about once in three million classes.  An unbounded interval covers; how many
 * are is printed, and a class of mostly those would show nothing and fails.
 *
 * SOAK=seed asks all questions, and the real purchases where they are; else a
 * part of them, with a fixed seed.
 */
enum { PEOPLE = 3000, TRUTHS = 512, KEY = 160, SQL = 1024, CLASSES = 64 };
static const double LEVEL = 0.95, ERRORS = 5;

struct tally {
    const char *name;
    double cells, covered, unbounded, expected, variance;
    bool exact; /* its law's coverage is known */
};

struct truth {
    char key[KEY];
    double v;
};

static struct {
    struct shop shop;
    struct tally tally[CLASSES];
    size_t n_tallies, questions;
    struct truth truth[TRUTHS];
    size_t n_truths;
    gsl_rng *rng;
    bool soak;
    unsigned rounds;
} t;

static struct tally *tally_of(const char *name)
{
    size_t i = 0;
    while (i < t.n_tallies && strcmp(t.tally[i].name, name) != 0)
        i++;
    assert_true(i < CLASSES);
    if (i == t.n_tallies)
        t.tally[t.n_tallies++] = (struct tally){ .name = name, .exact = true };
    return &t.tally[i];
}

/* ---- the truth ---- */

/* Rows of keys and one number; those without a number have no truth. */
static void ask_oracle(const struct shop *s, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(s->con, sql, &r) != DuckDBSuccess)
        fail_msg("%s\n%s", duckdb_result_error(&r), sql);
    const size_t columns = duckdb_column_count(&r);
    t.n_truths = 0;
    for (size_t i = 0; i < duckdb_row_count(&r); i++) {
        struct truth *one = &t.truth[t.n_truths];
        if (duckdb_value_is_null(&r, columns - 1, i))
            continue;
        assert_true(t.n_truths < TRUTHS);
        one->key[0] = '\0';
        for (size_t c = 0; c + 1 < columns; c++) {
            char *cell = duckdb_value_varchar(&r, c, i);
            (void)snprintf(one->key + strlen(one->key), KEY - strlen(one->key),
                           "%s|", cell ? cell : "NULL");
            duckdb_free(cell);
        }
        one->v = duckdb_value_double(&r, columns - 1, i);
        t.n_truths++;
    }
    duckdb_destroy_result(&r);
}

static const struct truth *truth_of(const struct reply_table *table, size_t row)
{
    char key[KEY] = "";
    for (size_t c = 0; c + 1 < table->n_columns; c++) {
        char cell[KEY] = "NULL";
        struct writer w = writer_of(cell, sizeof cell);
        const struct value *v = &table->cells[row * table->n_columns + c];
        if (v->type != VALUE_NULL) {
            value_print(&w, v);
            assert_true(writer_cstr(&w));
        }
        (void)snprintf(key + strlen(key), KEY - strlen(key), "%s|", cell);
    }
    for (size_t i = 0; i < t.n_truths; i++)
        if (strcmp(t.truth[i].key, key) == 0)
            return &t.truth[i];
    return NULL; /* a public group that nobody is in */
}

/* ---- releases ---- */

struct exact {
    struct engine_result rows;
    const struct engine_result *hists;
};

static void run(struct exact *out, const struct shop *s, const struct plan *p,
                struct arena *a)
{
    for (size_t i = 0; i < plan_releases(p); i++) {
        out[i].rows = shop_run(s, plan_release(p, i), a);
        out[i].hists = shop_hists(s, plan_release(p, i), a);
    }
}

static void release(struct reply_table *table, const struct plan *p,
                    const struct exact *exact, struct arena *a)
{
    struct plan_noisy each[8], all;
    struct err err = { 0 };
    assert_true(plan_releases(p) <= 8);
    for (size_t i = 0; i < plan_releases(p); i++) {
        each[i] = (struct plan_noisy){ 0 };
        assert_int_equal(noise_release(&each[i], plan_release(p, i),
                                       &exact[i].rows, exact[i].hists, t.rng, a,
                                       &err),
                         ERR_OK);
    }
    assert_int_equal(plan_gather(&all, p, each, a, &err), ERR_OK);
    assert_int_equal(plan_finish(table, p, &all, a, &err), ERR_OK);
}

/* The coverage of the column's law; 0 where only a bound is known. */
static double coverage_of(const struct plan *p)
{
    const struct plan *first = plan_release(p, 0);
    const struct typed *e = first->outputs[first->n_outputs - 1].expr;
    if (p->n_parts > 0 || p->top.on || e->kind != TYPED_AGG)
        return 0;
    const struct plan_agg *agg = &first->aggs[e->index];
    if (agg->kind != PLAN_AGG_MEASURE)
        return 0;
    const struct plan_measure *m = &first->measures[agg->measure];
    if ((first->selects && agg->measure == first->people) ||
        (agg->whole && m->grid_bits > 0))
        return 0;
    uint64_t k = 0;
    double above = 0;
    assert_int_equal(dp_mechanism_quantile(&k, &m->noise, 1 - LEVEL), DP_OK);
    assert_int_equal(dp_mechanism_tail(&above, &m->noise, (dp_int)k), DP_OK);
    return 1 - 2 * above;
}

static void count_cells(struct tally *of, const struct plan *p,
                        const struct reply_table *table)
{
    const double law = coverage_of(p), expected = law > 0 ? law : LEVEL;
    of->exact &= law > 0;
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct truth *one = truth_of(table, r);
        const struct reply_interval *i =
            &table->intervals[(r + 1) * table->n_columns - 1];
        if (!one || i->kind == INTERVAL_NONE)
            continue;
        /* Reals lie on a grid that is much finer than any noise here. */
        const double near = 1e-6 * fabs(one->v);
        of->cells++;
        of->expected += expected;
        of->variance += expected * (1 - expected);
        of->unbounded += i->kind == INTERVAL_UNBOUNDED;
        of->covered += i->kind == INTERVAL_UNBOUNDED ||
                       (i->lo - near <= one->v && one->v <= i->hi + near);
    }
}

/* ---- questions ---- */

struct question {
    const char *class, *sql, *oracle;
    struct ask_bounds bounds;
    double rho;
};

static void ask(const struct shop *s, const struct question *q)
{
    const struct request req = {
        .purpose = s->policy->purposes[0].id,
        .ask = { .kind = ASK_RHO, .price = q->rho, .level = LEVEL },
        .bounds = q->bounds,
        .intervals = true
    };
    struct arena a, round;
    struct exact exact[8];
    arena_init(&a, 256 << 20);
    arena_init(&round, 64 << 20);
    const struct plan *p = shop_plan(q->sql, &req, s->loose, &a);
    ask_oracle(s, q->oracle);
    run(exact, s, p, &a);
    /* A pick among 65,536 buckets takes as long as a thousand draws. */
    const bool picks = plan_release(p, 0)->n_picks > 0;
    for (unsigned i = 0; i < (picks ? t.rounds / 10 + 1 : t.rounds); i++) {
        struct reply_table table;
        arena_reset(&round);
        release(&table, p, exact, &round);
        count_cells(tally_of(q->class), p, &table);
    }
    t.questions++;
    arena_fini(&round);
    arena_fini(&a);
}

/* "ROLLUP (x)" is shown as x; "a|b" asks for a in the order of b. */
static void write_question(char sql[SQL], const char *by, const char *agg,
                           const char *from)
{
    const bool rolls = strncmp(by, "ROLLUP (", 8) == 0;
    const int len = (int)strlen(by) - (rolls ? 9 : 0);
    const char *order = strchr(agg, '|');
    const int end = order ? (int)(order - agg) : (int)strlen(agg);
    struct writer w = writer_of(sql, SQL);
    writer_str(&w, "SELECT ");
    if (*by)
        writer_printf(&w, "%.*s, ", len, rolls ? by + 8 : by);
    writer_printf(&w, "%.*s AS v FROM %s", end, agg, from);
    writer_str(&w, *by ? " GROUP BY " : "");
    writer_str(&w, by);
    writer_str(&w, order ? " ORDER BY " : "");
    writer_str(&w, order ? order + 1 : "");
    assert_true(writer_cstr(&w));
}

struct pair {
    const char *class, *agg;
};

/* All pairs, or every so many, each with one of three prices. */
static void ask_pairs(const struct shop *s, const char *from,
                      const struct pair *aggs, size_t n_aggs,
                      const char *const *groups, size_t n_groups,
                      struct question like)
{
    static const double prices[] = { 1, 0.1, 0.01 };
    const double rho = like.rho;
    for (size_t g = 0; g < n_groups; g++)
        for (size_t i = 0; i < n_aggs; i++) {
            char sql[SQL];
            if (!t.soak && g != i % n_groups)
                continue;
            write_question(sql, groups[g], aggs[i].agg, from);
            like.class = aggs[i].class;
            like.sql = like.oracle = sql;
            like.rho = rho * prices[(g + i) % 3];
            ask(s, &like);
        }
}

static const struct pair demo[] = {
#define DEMO(class, agg) { class, agg },
#include "tests/coverage.def"
#undef DEMO
}, hidden[] = {
#define PRIVATE(class, agg) { class, agg },
#include "tests/coverage.def"
#undef PRIVATE
}, retail[] = {
#define RETAIL(class, agg) { class, agg },
#include "tests/coverage.def"
#undef RETAIL
};
static const char *const demo_groups[] = {
#define DEMO_GROUPS(by) by,
#include "tests/coverage.def"
#undef DEMO_GROUPS
};
static const char *const hidden_groups[] = {
#define PRIVATE_GROUPS(by) by,
#include "tests/coverage.def"
#undef PRIVATE_GROUPS
};
static const char *const retail_groups[] = {
#define RETAIL_GROUPS(by) by,
#include "tests/coverage.def"
#undef RETAIL_GROUPS
};
#define N(a) (sizeof(a) / sizeof(a)[0])

/*
 * Past max_rows a person's rows weigh less, alike: the truth is the mean so
 * weighted.  Cut to whole steps the rare flag's would lie far outside.
 */
static void ask_past_max_rows(const struct shop *s)
{
    static const char *const flags[] = {
        "CASE WHEN amount > 100 THEN 1 ELSE 0 END", "least(amount, 200)"
    };
    for (size_t i = 0; i < N(flags); i++) {
        char sql[SQL], oracle[SQL];
        (void)snprintf(sql, SQL, "SELECT avg(%s) AS v FROM shop.orders",
                       flags[i]);
        (void)snprintf(oracle, SQL,
                       "SELECT sum(x * least(1, 2.0 / n)) / sum(least(n, 2)) "
                       "FROM (SELECT sum(%s) AS x, count(*) AS n FROM "
                       "shop.orders GROUP BY customer_id)",
                       flags[i]);
        ask(s, &(struct question){ .class = "mean of people past max_rows",
                                   .sql = sql,
                                   .oracle = oracle,
                                   .bounds = { 1, 2 },
                                   .rho = 200 });
    }
}

/*
 * Rows that are there because their own number passed: %.6f in a question
 * stands so many deviations of the noise above (or below) the truth, which is
 * where a law that did not know why they are there would be far off.  They are
 * released again until enough have passed.
 */
static const struct kept {
    const char *class, *sql, *plain, *truth;
    double at; /* deviations */
} kept[] = {
#define KEPT(class, at, sql, plain, truth) { class, sql, plain, truth, at },
#include "tests/coverage.def"
#undef KEPT
};

static void write_edges(char sql[SQL], const char *text, double at, double up)
{
    struct writer w = writer_of(sql, SQL);
    for (; *text; text++)
        if (*text == '@' || *text == '#')
            writer_printf(&w, "%.0f", *text == '@' ? at : up);
        else
            writer_bytes(&w, text, 1);
    assert_true(writer_cstr(&w));
}

static void ask_kept(const struct shop *s, const struct kept *k)
{
    enum { TRIES = 20000 };
    const double passes = t.soak ? 400 : 40;
    const struct request req = {
        .purpose = s->policy->purposes[0].id,
        .ask = { .kind = ASK_RHO, .price = 0.05, .level = LEVEL },
        .bounds = { 40, 40 },
    };
    struct tally *of = tally_of(k->class);
    struct arena a, round;
    struct exact exact[8];
    char sql[SQL];
    arena_init(&a, 64 << 20);
    arena_init(&round, 16 << 20);
    ask_oracle(s, k->plain);
    const struct plan *plain = shop_plan(k->plain, &req, s->loose, &a);
    const struct plan_measure *m = &plain->measures[0];
    const double sd =
        ldexp((double)m->noise.num / (double)m->noise.den, plan_measure_exp(m));
    const double edge = floor(t.truth[0].v + k->at * sd);
    write_edges(sql, k->sql, edge, edge + sd);
    const struct plan *p = shop_plan(sql, &req, s->loose, &a);
    run(exact, s, p, &a);
    ask_oracle(s, *k->truth ? k->truth : k->plain);
    const double before = of->cells;
    for (int i = 0; i < TRIES && of->cells < before + passes; i++) {
        struct reply_table table;
        arena_reset(&round);
        release(&table, p, exact, &round);
        count_cells(of, p, &table);
        of->exact = false;
    }
    t.questions++;
    arena_fini(&round);
    arena_fini(&a);
}

/* The first k groups, whichever are picked. */
static void ask_top(const struct shop *s)
{
    static const char *const top[] = {
        "SELECT country, count(DISTINCT customer_id) AS v FROM shop.orders "
        "GROUP BY country ORDER BY count(DISTINCT customer_id) DESC LIMIT 3",
        "SELECT campaign, count(DISTINCT customer_id) AS v FROM shop.touches "
        "GROUP BY campaign ORDER BY count(DISTINCT customer_id) DESC LIMIT 3",
    };
    for (size_t i = 0; i < N(top); i++) {
        char all[SQL];
        const char *end = strstr(top[i], " ORDER BY");
        (void)snprintf(all, SQL, "%.*s", (int)(end - top[i]), top[i]);
        ask(s, &(struct question){ .class = "first groups",
                                   .sql = top[i],
                                   .oracle = all,
                                   .bounds = { 40, 40 },
                                   .rho = 0.05 });
    }
}

/* A question over the noisy answer of an earlier one: the truth takes that
 * answer as it is. */
static void ask_chain(const struct shop *s)
{
    static const char question[] =
        "SELECT count(*) AS v FROM shop.orders WHERE category IN (SELECT "
        "category FROM shop.orders GROUP BY category ORDER BY count(*) DESC "
        "LIMIT 2)";
    const struct request req = { .purpose = s->policy->purposes[0].id,
                                 .ask = { .kind = ASK_RHO, .price = 0.5 },
                                 .bounds = { 1, 40 } };
    struct arena a;
    struct err err = { 0 };
    struct exact exact[8];
    arena_init(&a, 256 << 20);
    const struct plan *p = shop_plan(question, &req, s->loose, &a);
    assert_int_equal(p->n_before, 1);
    for (unsigned i = 0; i < t.rounds; i++) {
        struct reply_table before, table;
        struct plan bound;
        char oracle[SQL];
        run(exact, s, p->before[0], &a);
        release(&before, p->before[0], exact, &a);
        assert_int_equal(plan_bind(&bound, p, &before, &a, &err), ERR_OK);
        run(exact, s, &bound, &a);
        release(&table, &bound, exact, &a);
        (void)snprintf(oracle, SQL,
                       "SELECT count(*) FROM shop.orders WHERE category IN "
                       "('%s', '%s')",
                       before.cells[0].text.s, before.cells[1].text.s);
        ask_oracle(s, oracle);
        count_cells(tally_of("chain"), &bound, &table);
    }
    t.questions++;
    arena_fini(&a);
}

static void open_limits(struct shop *s)
{
    s->loose->max_price.rho_pico = UINT64_MAX / 4;
    s->loose->default_delta = s->policy->default_delta;
    for (size_t i = 0; i < s->loose->n_tables; i++)
        s->loose->tables[i].most_rows = 10000;
}

static void ask_demo(void)
{
    struct shop *s = &t.shop;
    shop_open_demo(s, PEOPLE);
    open_limits(s);
    shop_query(s, "CREATE SCHEMA shop; CREATE VIEW shop.orders AS FROM "
                  "main.orders; CREATE VIEW shop.touches AS FROM main.touches");
    ask_pairs(s, "shop.orders", demo, N(demo), demo_groups, N(demo_groups),
              (struct question){ .bounds = { 40, 40 }, .rho = 500 });
    ask_pairs(s, "shop.touches", hidden, N(hidden), hidden_groups,
              N(hidden_groups),
              (struct question){ .bounds = { 40, 12 }, .rho = 50 });
    ask_past_max_rows(s);
    ask_top(s);
    for (size_t i = 0; i < N(kept); i++)
        ask_kept(s, &kept[i]);
    ask_chain(s);
    shop_close(s);
}

static void ask_retail(void)
{
    static const char data[] = "../shared/data/online_retail.parquet";
    char view[8192];
    struct shop *s = &t.shop;
    char *path = t.soak ? realpath(data, NULL) : NULL;
    if (!path) {
        printf("note the real purchases are not asked here\n");
        return;
    }
    shop_open_file(s, "tests/system/retail/policy.yaml", path);
    open_limits(s);
    (void)snprintf(view, sizeof view,
                   "CREATE SCHEMA retail; CREATE TABLE retail.lines AS FROM "
                   "'%s' WHERE customer_id IS NOT NULL",
                   path);
    free(path);
    shop_query(s, view);
    ask_pairs(s, "retail.lines", retail, N(retail), retail_groups,
              N(retail_groups),
              (struct question){ .bounds = { 13, 8000 }, .rho = 50000 });
    shop_close(s);
}

static void intervals_cover(void **state)
{
    const char *seed = getenv("SOAK");
    bool ok = true;
    (void)state;
    t.soak = seed != NULL;
    t.rounds = t.soak ? 100 : 25;
    t.rng = test_rng_new(seed ? (unsigned long)atol(seed) : 11);
    ask_demo();
    ask_retail();
    printf("%-44s %8s %9s %9s %9s\n", "class", "numbers", "covered %",
           "expected", "unbounded");
    for (size_t i = 0; i < t.n_tallies; i++) {
        const struct tally *of = &t.tally[i];
        const double sd = sqrt(of->variance);
        const bool few = of->covered < of->expected - ERRORS * sd;
        const bool many = of->exact && of->covered > of->expected + ERRORS * sd;
        const bool empty = of->cells == 0 || of->unbounded > of->cells / 2;
        printf("%-44s %8.0f %9.2f %s%8.2f %9.0f%s\n", of->name, of->cells,
               100 * of->covered / of->cells, of->exact ? "=" : ">",
               100 * of->expected / of->cells, of->unbounded,
               few || many || empty ? "  FAILED" : "");
        ok &= !few && !many && !empty;
    }
    printf("%zu questions, %u releases each\n", t.questions, t.rounds);
    gsl_rng_free(t.rng);
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(intervals_cover) };
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
