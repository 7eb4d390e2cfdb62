#include <duckdb.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dp/convert.h"
#include "server/engine/engine.h"
#include "server/main/noise.h"
#include "server/sql/sql.h"
#include "tests/lib_docs.h"
#include "tests/lib_recipe.h"
#include "tests/lib_rng.h"
#include "tests/lib_shop.h"
#include "tests/table.h"

/*
 * Each page of docs/recipes: its query is planned under the demo's policy (the
 * page's table says what comes out), and run on a small demo shop with limits
 * that leave nobody out and no noise: the answer is that of plain SQL.
 */
static const struct page {
    const char *name, *oracle;
} recipes[] = {
#define ROW(name, oracle) { name, oracle },
#include "tests/recipes.def"
#undef ROW
};

enum { PAGE = 32 * 1024, LINES = 1024, LINE = 256, PEOPLE = 3000 };

static struct shop shop;

/* ---- the page's table ---- */

static void print_width(struct writer *w, double error)
{
    if (isnan(error))
        writer_str(w, "depends on the result");
    else if (error == 0)
        writer_str(w, "exact");
    else
        writer_printf(w, error < 100 ? "±%.3g" : "±%.0f", error);
}

static void print_columns(struct writer *w, const struct reply_estimate *e)
{
    writer_str(w, "| column | how | error at 95 % |\n|---|---|---|\n");
    for (size_t i = 0; i < e->n_columns; i++) {
        writer_printf(w, "| %s | %s | ", e->columns[i].name,
                      e->columns[i].mechanism);
        print_width(w, e->columns[i].expected_error);
        writer_str(w, " |\n");
    }
}

/* The plan's text but for the engine's statements. */
static void print_plan(struct writer *w, const struct reply_estimate *e)
{
    const char *engine = strstr(e->plan, "\nEngine");
    assert_non_null(engine);
    writer_str(w, "\n```\n");
    writer_bytes(w, e->plan, (size_t)(engine - e->plan));
    writer_printf(w,
                  "\nBudget: %llu such queries are left, in the least of the "
                  "budgets it draws on\n```\n",
                  (unsigned long long)e->queries_left);
}

static void check_page(void **state)
{
    static char text[PAGE];
    const struct page *r = *state;
    struct recipe recipe;
    struct arena a;
    struct err err = { 0 };
    struct reply_estimate e;
    char path[128];
    struct writer w = writer_of(text, sizeof text);

    recipe_read(&recipe, r->name, NULL);
    recipe.req.op = REQUEST_ESTIMATE;
    arena_init(&a, 1 << 24);
    const struct plan *p = shop_plan(recipe.sql, &recipe.req, shop.policy, &a);
    assert_int_equal(plan_estimate(&e, p, shop.policy->cap, &a, &err), ERR_OK);
    writer_printf(&w, "`halftone query%s%s 'EXPLAIN (PRIVACY) SELECT ...'`, ",
                  *recipe.asks ? " " : "", recipe.asks);
    writer_printf(&w,
                  "less the engine's statement: rho %.3g, which the demo's cap "
                  "allows %llu times.\n\n",
                  (double)e.rho_pico * DP_PICO,
                  (unsigned long long)e.queries_left);
    print_columns(&w, &e);
    print_plan(&w, &e);
    (void)snprintf(path, sizeof path, "docs/recipes/%s.md", r->name);
    docs_check(path, "plan", &w);
    recipe_free(&recipe);
    arena_fini(&a);
}

/* ---- against plain SQL ---- */

/* Lines of cells, numbers in six digits. */
struct lines {
    char text[LINES][LINE];
    size_t n;
};

static void add_cell(char *line, const char *cell)
{
    char shown[128];
    char *end;
    const double v = strtod(cell, &end);
    if (*cell && !*end)
        (void)snprintf(shown, sizeof shown, "%.6g", v);
    else
        (void)snprintf(shown, sizeof shown, "%s", cell);
    (void)strncat(line, shown, LINE - strlen(line) - 2);
    (void)strcat(line, "|");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void sort(struct lines *l)
{
    qsort(l->text, l->n, LINE, by_text);
}

static size_t ask_oracle(struct lines *out, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(shop.con, sql, &r) != DuckDBSuccess)
        fail_msg("%s\n%s", duckdb_result_error(&r), sql);
    const size_t columns = duckdb_column_count(&r);
    out->n = duckdb_row_count(&r);
    assert_true(out->n > 0 && out->n < LINES);
    for (size_t i = 0; i < out->n; i++) {
        out->text[i][0] = '\0';
        for (size_t c = 0; c < columns; c++) {
            char *cell = duckdb_value_varchar(&r, c, i);
            add_cell(out->text[i], cell ? cell : "NULL");
            duckdb_free(cell);
        }
    }
    duckdb_destroy_result(&r);
    sort(out);
    return columns;
}

/* Public groups that nobody is in are answered here and not there. */
static bool is_empty(const struct reply_table *t, size_t row)
{
    bool empty = true;
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct value *v = &t->cells[row * t->n_columns + c];
        const bool zero = v->type == VALUE_NULL ||
                          (v->type == VALUE_INT && v->i == 0) ||
                          (v->type == VALUE_DOUBLE && fabs(v->d) < 1e-9);
        empty &= zero || t->columns[c].is_key ||
                 strncmp(t->columns[c].name, "dp_", 3) == 0;
    }
    return empty;
}

static void print_lines(struct lines *out, const struct reply_table *t,
                        size_t columns)
{
    out->n = 0;
    for (size_t r = 0; r < t->n_rows; r++) {
        if (is_empty(t, r))
            continue;
        assert_true(out->n < LINES);
        char *line = out->text[out->n++];
        line[0] = '\0';
        for (size_t c = 0; c < columns; c++) {
            char cell[128] = "NULL";
            struct writer w = writer_of(cell, sizeof cell);
            const struct value *v = &t->cells[r * t->n_columns + c];
            if (v->type != VALUE_NULL) {
                value_print(&w, v);
                assert_true(writer_cstr(&w));
            }
            add_cell(line, cell);
        }
    }
    sort(out);
}

/* Every group that was found, its numbers as they are. */
static struct plan_noisy without_noise(const struct plan *p, gsl_rng *rng,
                                       struct arena *a)
{
    struct err err = { 0 };
    const struct engine_result exact = shop_run(&shop, p, a);
    struct plan_noisy out = { .keys = exact.keys, .n_rows = exact.n_rows };
    const size_t wide = plan_width(p);
    if (p->n_measures == 0) { /* percentiles alone: every public group */
        out.n_rows = p->groups_public;
        out.keys = ARENA_NEW_N(a, out.n_rows * p->n_keys, struct value);
        assert_true(p->n_keys == 1 && out.keys);
        for (size_t i = 0; i < out.n_rows; i++)
            out.keys[i] = p->keys[0].domain[i];
    }
    out.measures = ARENA_NEW_N(a, out.n_rows * wide + 1, struct dp_noisy);
    assert_non_null(out.measures);
    for (size_t i = 0; i < exact.n_rows; i++)
        for (size_t m = 0; m < p->n_measures; m++)
            out.measures[i * wide + m].v =
                exact.measures[i * p->n_measures + m].touched;
    for (size_t i = 0; i < p->n_picks; i++) { /* the best, as good as surely */
        const struct dp_quantile *q = &p->picks[i].q;
        p->picks[i].choice.eps_nano = DP_CHOICE_EPS_MAX;
        p->picks[i].choice.sensitivity =
            q->num > q->den - q->num ? q->num : q->den - q->num;
    }
    assert_int_equal(
        noise_picks(&out, p, shop_hists(&shop, p, a), rng, a, &err), ERR_OK);
    return out;
}

/* Equal in all cells, numbers to `percent`. */
static bool alike(const char *a, const char *b, double percent)
{
    while (*a && *b) {
        char *a_end, *b_end;
        const double x = strtod(a, &a_end), y = strtod(b, &b_end);
        const bool numbers = a_end > a && b_end > b && *a_end == '|';
        if (numbers && fabs(x - y) > percent / 100 * fabs(y) + 1e-9)
            return false;
        if (!numbers && *a != *b)
            return false;
        a = numbers ? a_end : a + 1;
        b = numbers ? b_end : b + 1;
    }
    return *a == *b;
}

static void check_answer(void **state)
{
    static struct lines want, got;
    const struct page *r = *state;
    struct recipe recipe;
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    gsl_rng *rng = test_rng_new(3);

    recipe_read(&recipe, r->name, NULL);
    recipe.req.bounds = (struct ask_bounds){ 0 }; /* of the loose policy */
    arena_init(&a, 1 << 26);
    struct plan *p = shop_plan(recipe.sql, &recipe.req, shop.loose, &a);
    const struct plan_noisy noisy = without_noise(p, rng, &a);
    assert_int_equal(plan_finish(&table, p, &noisy, &a, &err), ERR_OK);
    const size_t columns = ask_oracle(&want, r->oracle);
    assert_true(columns <= table.n_columns);
    print_lines(&got, &table, columns);
    /* Reals lie on a grid of 1/128, and a percentile is a bucket. */
    const double percent = p->n_picks > 0 ? 2 : 0.1;
    for (size_t i = 0; i < want.n || i < got.n; i++)
        if (i >= want.n || i >= got.n ||
            !alike(got.text[i], want.text[i], percent))
            fail_msg("row %zu of %zu, %zu: %s is not %s", i, got.n, want.n,
                     i < got.n ? got.text[i] : "nothing",
                     i < want.n ? want.text[i] : "nothing");
    recipe_free(&recipe);
    gsl_rng_free(rng);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    shop_open_demo(&shop, PEOPLE);
    const int failed =
        RUN_ROWS(recipes, check_page) + RUN_ROWS(recipes, check_answer);
    shop_close(&shop);
    return failed;
}
