#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/mix.h"
#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Answers joined and united: the rows of mix_values.def, which PostgreSQL gives
 * too; what is paid, once for each release; and what is refused before it is.
 */
static const struct mix_value {
    const char *name; /* the question over x and y */
    const char *want; /* rows as text, sorted */
} values[] = {
#define ROW(sql, want) { sql, want },
#include "tests/mix_values.def"
#undef ROW
};

static const char WITH[] =
    "WITH x AS (SELECT land, kind, COUNT(*) AS c FROM buys GROUP BY land, "
    "kind), y AS (SELECT land, COUNT(DISTINCT who) AS p FROM buys GROUP BY "
    "land) ";

enum { X_ROWS = 7, Y_ROWS = 3 };
static const struct {
    const char *land, *kind;
    int n;
} x[X_ROWS] = { { "other", "a", 7 }, { "FR", "b", 10 }, { "FR", "a", 40 },
                { "DE", "b", -3 },   { "DE", "a", 25 }, { "AT", "b", 25 },
                { "AT", "a", 10 } },
  y[Y_ROWS] = { { "DE", "", 10 }, { "other", "", 7 }, { "AT", "", 12 } };

static struct value text_of(const char *s)
{
    return value_text(s, strlen(s));
}

/* What the noise stage might have made of one release: x has two keys. */
static struct plan_noisy rows_of(const struct plan *part, struct arena *a)
{
    struct plan_noisy out = { .n_rows = part->n_keys == 2 ? X_ROWS : Y_ROWS };
    out.keys = ARENA_NEW_N(a, 2 * X_ROWS, struct value);
    out.measures = ARENA_NEW_N(a, X_ROWS, struct dp_noisy);
    assert_true(out.keys && out.measures);
    assert_true(part->n_keys == 1 || part->n_keys == 2);
    assert_int_equal(plan_width(part), 1);
    for (size_t i = 0; i < out.n_rows; i++) {
        struct value *keys = &out.keys[part->n_keys * i];
        keys[plan_key_place(part, 0)] =
            text_of(part->n_keys == 2 ? x[i].land : y[i].land);
        if (part->n_keys == 2)
            keys[plan_key_place(part, 1)] = text_of(x[i].kind);
        out.measures[i].v = part->n_keys == 2 ? x[i].n : y[i].n;
    }
    return out;
}

static void answer(struct reply_table *out, const struct plan *p,
                   struct arena *a)
{
    struct plan_noisy all,
        *each = ARENA_NEW_N(a, plan_releases(p), struct plan_noisy);
    struct err err = { 0 };
    assert_non_null(each);
    for (size_t i = 0; i < plan_releases(p); i++)
        each[i] = rows_of(plan_release(p, i), a);
    assert_int_equal(plan_gather(&all, p, each, a, &err), ERR_OK);
    assert_int_equal(plan_finish(out, p, &all, a, &err), ERR_OK);
}

static void plan_it(struct plan **out, const char *sql,
                    const struct request *req, struct arena *a)
{
    struct err err = { 0 };
    if (plan_sql(out, sql, req, &plan_shop, a, &err) != ERR_OK)
        fail_msg("%s\n%u:%u %s (%s)", sql, err.line, err.col, err.msg,
                 err.hint);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Rows as PostgreSQL casts them to text, sorted, a space between. */
static void print_rows(struct writer *w, const struct reply_table *t,
                       struct arena *a)
{
    const char **rows = ARENA_NEW_N(a, t->n_rows + 1, const char *);
    assert_non_null(rows);
    for (size_t r = 0; r < t->n_rows; r++) {
        char text[256];
        struct writer one = writer_of(text, sizeof text);
        for (size_t c = 0; c < t->n_columns; c++) {
            writer_str(&one, c ? "," : "(");
            value_print(&one, &t->cells[r * t->n_columns + c]);
        }
        writer_str(&one, ")");
        assert_non_null(writer_cstr(&one));
        rows[r] = arena_strdup(a, text);
        assert_non_null(rows[r]);
    }
    qsort(rows, t->n_rows, sizeof *rows, by_text);
    for (size_t r = 0; r < t->n_rows; r++) {
        writer_str(w, r ? " " : "");
        writer_str(w, rows[r]);
    }
}

static void check_value(void **state)
{
    const struct mix_value *row = *state;
    const struct request req = { .purpose = "stats" };
    char sql[1024], got[2048];
    struct writer w = writer_of(got, sizeof got);
    struct plan *p = NULL;
    struct reply_table t;
    struct arena a;
    arena_init(&a, 1 << 24);
    assert_true(snprintf(sql, sizeof sql, "%s%s", WITH, row->name) <
                (int)sizeof sql);
    plan_it(&p, sql, &req, &a);
    answer(&t, p, &a);
    print_rows(&w, &t, &a);
    assert_non_null(writer_cstr(&w));
    if (strcmp(got, row->want) != 0)
        fail_msg("%s\n%s\nnot\n%s", row->name, got, row->want);
    arena_fini(&a);
}

/* The price of the whole, and how many releases it pays for. */
static const struct bill {
    const char *name, *sql;
    struct request req;
    size_t n_releases;
    double price; /* of the question's default price, or of the one asked for */
} bills[] = {
    { "two answers share the price",
      "SELECT land, c FROM x UNION SELECT land, p FROM y",
      { .purpose = "stats" },
      2,
      1 },
    { "one answer twice is one release",
      "SELECT land, c FROM x UNION ALL SELECT 'all', SUM(c) FROM x",
      { .purpose = "stats" },
      1,
      1 },
    { "three answers of two releases",
      "SELECT land, c FROM x UNION ALL SELECT land, p FROM y UNION ALL SELECT "
      "'all', SUM(c) FROM x",
      { .purpose = "stats" },
      2,
      1 },
    { "a join shares it too",
      "SELECT x.land FROM x JOIN y ON x.land = y.land",
      { .purpose = "stats" },
      2,
      1 },
    { "a public list leaves it to the other",
      "SELECT land, c FROM x UNION ALL SELECT land, 0 FROM buys GROUP BY land",
      { .purpose = "stats" },
      2,
      1 },
    { "a mix in a mix",
      "SELECT q.land FROM (SELECT x.land FROM x JOIN y ON x.land = y.land) q "
      "JOIN y ON y.land = q.land",
      { .purpose = "stats" },
      3,
      1 },
    { "grouping sets in an arm",
      "SELECT land, c FROM x UNION ALL SELECT kind, COUNT(*) FROM buys GROUP "
      "BY CUBE (kind)",
      { .purpose = "stats" },
      3,
      1 },
    { "a price asked for",
      "SELECT land, c FROM x UNION SELECT land, p FROM y",
      { .purpose = "stats", .ask = { .kind = ASK_RHO, .price = 0.3 } },
      2,
      3 },
    { "a share of a total",
      "SELECT land, COUNT(*) / (SELECT COUNT(DISTINCT who) FROM buys) FROM "
      "buys GROUP BY land",
      { .purpose = "stats" },
      2,
      1 },
    { "a share of the answer's own total",
      "SELECT land, c / (SELECT SUM(c) FROM x) FROM x",
      { .purpose = "stats" },
      1,
      1 },
    { "totals side by side",
      "SELECT (SELECT COUNT(*) FROM buys), (SELECT COUNT(DISTINCT who) FROM "
      "trips), 1",
      { .purpose = "stats" },
      2,
      1 },
    { "one total by itself",
      "SELECT (SELECT COUNT(*) FROM buys) / 2 AS half",
      { .purpose = "stats" },
      1,
      1 },
    { "LIMIT 0 is free",
      "SELECT land, c FROM x UNION ALL SELECT land, p FROM y LIMIT 0",
      { .purpose = "stats" },
      2,
      0 },
};

static void check_bill(void **state)
{
    const struct bill *row = *state;
    char sql[1024];
    struct plan *p = NULL;
    struct arena a;
    struct dp_price sum = { 0 };
    arena_init(&a, 1 << 24);
    (void)snprintf(sql, sizeof sql, "%s%s", WITH, row->sql);
    plan_it(&p, sql, &row->req, &a);
    assert_int_equal(plan_releases(p), row->n_releases);
    const double price = (double)p->price.rho_pico / 1e11;
    assert_true(p->is_free == (row->price == 0));
    if (!p->is_free)
        assert_true(price <= row->price && price > 0.999 * row->price);
    for (size_t i = 0; i < plan_releases(p); i++)
        if (!plan_release(p, i)->is_free && plan_runs(plan_release(p, i)))
            sum = dp_price_add(sum, plan_release(p, i)->price);
    if (!p->is_free)
        assert_int_equal(sum.rho_pico, p->price.rho_pico);
    arena_fini(&a);
}

/* An accuracy holds for every number of every answer. */
static void accuracy_holds_for_each(void **state)
{
    const struct request req = {
        .purpose = "stats",
        .ask = { .kind = ASK_ACCURACY_ABS, .half_width = 60 },
    };
    struct plan *p = NULL;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 24);
    plan_it(&p,
            "SELECT 'all', COUNT(*) FROM buys UNION ALL SELECT land, COUNT(*) "
            "FROM buys GROUP BY land",
            &req, &a);
    assert_int_equal(plan_releases(p), 2);
    for (size_t i = 0; i < 2; i++) {
        uint64_t k;
        assert_int_equal(
            dp_mechanism_quantile(&k, &p->parts[i]->measures[0].noise, 0.05),
            DP_OK);
        assert_true(k <= 60 && k > 50);
    }
    arena_fini(&a);
}

/* The hash is of what is released: neither of what follows, nor of grouping
 * sets over the same parts. */
static void hash_of(uint8_t out[32], const char *sql)
{
    const struct request req = { .purpose = "stats" };
    char text[1024];
    struct plan *p = NULL;
    struct arena a;
    arena_init(&a, 1 << 24);
    (void)snprintf(text, sizeof text, "%s%s", WITH, sql);
    plan_it(&p, text, &req, &a);
    memcpy(out, p->release_hash, 32);
    arena_fini(&a);
}

static void orders_are_free(void **state)
{
    uint8_t one[32], two[32];
    (void)state;
    hash_of(one, "SELECT land, c FROM x UNION ALL SELECT land, p FROM y");
    hash_of(two, "SELECT land, c FROM x UNION ALL SELECT land, p FROM y ORDER "
                 "BY 2 DESC LIMIT 3");
    assert_memory_equal(one, two, 32);
    hash_of(two, "SELECT x.land, p FROM x JOIN y ON x.land = y.land");
    assert_memory_equal(one, two, 32);
    hash_of(two, "SELECT land, p FROM y UNION ALL SELECT land, c FROM x");
    assert_memory_not_equal(one, two, 32);
    hash_of(two, "SELECT land, c FROM x");
    assert_memory_not_equal(one, two, 32);
}

/* What `sql`, over x and y, answers. */
static void ask_answers(struct reply_table *t, const char *sql, struct arena *a)
{
    const struct request req = { .purpose = "stats" };
    char text[1024];
    struct plan *p = NULL;
    (void)snprintf(text, sizeof text, "%s%s", WITH, sql);
    plan_it(&p, text, &req, a);
    answer(t, p, a);
}

/* A number keeps its interval through unions and joins. */
static void intervals_pass(void **state)
{
    struct reply_table t;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 24);
    ask_answers(&t,
                "SELECT a.land, a.c, b.p FROM x a LEFT JOIN y b ON a.land = "
                "b.land UNION ALL SELECT land, p, NULL FROM y",
                &a);
    assert_int_equal(t.n_rows, X_ROWS + Y_ROWS);
    for (size_t i = 0; i < t.n_rows * 3; i++) {
        const bool is_number = t.cells[i].type == VALUE_INT;
        assert_true((t.intervals[i].kind == INTERVAL_BOUNDED) == is_number);
        if (is_number)
            assert_true(t.intervals[i].lo < (double)t.cells[i].i &&
                        t.intervals[i].hi > (double)t.cells[i].i);
    }
    arena_fini(&a);
}

/* A number that a WHERE around them chooses rows by has none, others keep
 * theirs. */
static void a_chosen_number_has_no_interval(void **state)
{
    struct reply_table t;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 24);
    ask_answers(&t,
                "SELECT a.land, a.c, b.p FROM x a JOIN y b ON a.land = b.land "
                "WHERE a.c > -1000000 AND a.land <> 'ES'",
                &a);
    assert_true(t.n_rows > 0 && t.n_columns == 3);
    for (size_t r = 0; r < t.n_rows; r++) {
        assert_int_equal(t.intervals[3 * r + 1].kind, INTERVAL_NONE);
        assert_int_equal(t.intervals[3 * r + 2].kind, INTERVAL_BOUNDED);
    }
    assert_non_null(
        strstr(t.notices[t.n_notices - 1], "no interval is told for \"c\""));
    arena_fini(&a);
}

/* Names and types before any value is known. */
static void types_are_told(void **state)
{
    static const char sql[] =
        "SELECT NULL AS day, COUNT(*) AS n, 0.5 AS f FROM buys WHERE n > $1 "
        "UNION ALL SELECT day, AVG(n), COUNT(*) FROM buys WHERE city = $2 "
        "GROUP BY day LIMIT $3";
    const struct request req = { .purpose = "stats" };
    struct select *tree;
    struct plan_shape shape;
    struct arena a;
    struct err err = { 0 };
    (void)state;
    arena_init(&a, 1 << 24);
    assert_int_equal(sql_parse(&tree, sql, strlen(sql), &a, &err), ERR_OK);
    if (plan_shape_of(&shape, &req, tree, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(shape.n_columns, 3);
    assert_string_equal(shape.columns[0].name, "day");
    assert_int_equal(shape.columns[0].type, VALUE_DATE);
    assert_int_equal(shape.columns[1].type, VALUE_DOUBLE);
    assert_int_equal(shape.columns[2].type, VALUE_DOUBLE);
    assert_int_equal(shape.n_params, 3);
    assert_int_equal(shape.params[0], VALUE_INT);
    assert_int_equal(shape.params[1], VALUE_TEXT);
    assert_int_equal(shape.params[2], VALUE_INT);
    arena_fini(&a);
}

/* What an estimate says of columns that pass through: of those united in one,
 * the least exact. */
static void errors_are_told(void **state)
{
    static const char sql[] =
        "SELECT u.k, u.n, y.p, y.p + 1 AS q FROM (SELECT 'all' AS k, COUNT(*) "
        "AS n FROM buys UNION ALL SELECT land, c FROM x) u LEFT JOIN y ON "
        "y.land = u.k";
    const struct request req = { .purpose = "stats", .op = REQUEST_ESTIMATE };
    const struct dp_price left = { .rho_pico = UINT64_C(5000000000000) };
    struct reply_estimate e;
    char text[1024];
    struct plan *p = NULL;
    struct arena a;
    struct err err = { 0 };
    uint64_t k, most = 0;
    (void)state;
    arena_init(&a, 1 << 24);
    (void)snprintf(text, sizeof text, "%s%s", WITH, sql);
    plan_it(&p, text, &req, &a);
    assert_int_equal(plan_estimate(&e, p, left, &a, &err), ERR_OK);
    assert_int_equal(e.n_columns, 4);
    for (size_t i = 0; i < plan_releases(p); i++) {
        const struct plan_measure *m = &plan_release(p, i)->measures[0];
        assert_int_equal(dp_mechanism_quantile(&k, &m->noise, 0.05), DP_OK);
        if (m->kind == MEASURE_ROWS && k > most)
            most = k;
    }
    assert_true(e.columns[1].expected_error == (double)most);
    assert_true(e.columns[2].expected_error > 0 &&
                e.columns[2].expected_error < (double)most);
    assert_true(e.columns[3].expected_error != e.columns[3].expected_error);
    assert_non_null(strstr(p->text, "Answer 2 of 3"));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = {
        cmocka_unit_test(accuracy_holds_for_each),
        cmocka_unit_test(orders_are_free),
        cmocka_unit_test(intervals_pass),
        cmocka_unit_test(a_chosen_number_has_no_interval),
        cmocka_unit_test(types_are_told),
        cmocka_unit_test(errors_are_told),
    };
    sql_init();
    return RUN_ROWS(values, check_value) + RUN_ROWS(bills, check_bill) +
           cmocka_run_group_tests(single, NULL, NULL);
}
