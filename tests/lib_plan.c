#include "tests/lib_plan.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_guard.h"
#include "server/engine/duck_keep.h"
#include "server/sql/sql.h"

#define DAY_US 86400000000.0

static const char *lands[] = { "AT", "DE", "FR" };
static const char *kinds[] = { "a", "b" };

static struct policy_column columns[] = {
    { .name = "who", .help = "", .type = POLICY_INT },
    { .name = "land",
      .help = "",
      .type = POLICY_TEXT,
      .has_domain = true,
      .domain = { lands, 3 },
      .other = "other",
      .may_group = true,
      .may_filter = true },
    { .name = "kind",
      .help = "",
      .type = POLICY_TEXT,
      .has_domain = true,
      .domain = { kinds, 2 },
      .may_group = true,
      .may_filter = true },
    { .name = "city",
      .help = "",
      .type = POLICY_TEXT,
      .may_group = true,
      .may_filter = true },
    { .name = "n",
      .help = "",
      .type = POLICY_INT,
      .has_range = true,
      .lo = 0,
      .hi = 10,
      .may_group = true,
      .may_filter = true },
    { .name = "price",
      .help = "",
      .type = POLICY_DOUBLE,
      .has_range = true,
      .lo = -1,
      .hi = 7.5,
      .grid_bits = 2,
      .may_group = true,
      .may_filter = true },
    { .name = "free",
      .help = "",
      .type = POLICY_DOUBLE,
      .may_group = true,
      .may_filter = true },
    { .name = "total",
      .help = "",
      .type = POLICY_DOUBLE,
      .has_range = true,
      .lo = 0,
      .hi = 100,
      .has_person_clamp = true,
      .person_lo = 0,
      .person_hi = 150,
      .may_group = true,
      .may_filter = true },
    { .name = "ok",
      .help = "",
      .type = POLICY_BOOL,
      .may_group = true,
      .may_filter = true },
    { .name = "day",
      .help = "",
      .type = POLICY_DATE,
      .has_range = true,
      .lo = 19723 * DAY_US,
      .hi = 19813 * DAY_US,
      .may_group = true,
      .may_filter = true },
    { .name = "at",
      .help = "",
      .type = POLICY_TIMESTAMP,
      .may_group = true,
      .may_filter = true },
    { .name = "note", .help = "", .type = POLICY_TEXT },
    { .name = "home",
      .help = "",
      .type = POLICY_TEXT,
      .of_person = true,
      .may_group = true,
      .may_filter = true },
};

static struct policy_column trip_columns[] = {
    { .name = "who", .help = "", .type = POLICY_INT },
    { .name = "city",
      .help = "",
      .type = POLICY_TEXT,
      .may_group = true,
      .may_filter = true },
    { .name = "km",
      .help = "",
      .type = POLICY_INT,
      .has_range = true,
      .lo = 0,
      .hi = 20,
      .may_group = true,
      .may_filter = true },
    { .name = "day",
      .help = "",
      .type = POLICY_DATE,
      .has_range = true,
      .lo = 19723 * DAY_US,
      .hi = 19813 * DAY_US,
      .may_group = true,
      .may_filter = true },
};

static struct policy_column town_columns[] = {
    { .name = "city",
      .help = "",
      .type = POLICY_TEXT,
      .may_group = true,
      .may_filter = true },
    { .name = "zone",
      .help = "",
      .type = POLICY_INT,
      .has_range = true,
      .lo = 0,
      .hi = 9,
      .may_group = true,
      .may_filter = true },
};

static struct policy_table tables[] = {
    { .name = "buys",
      .help = "",
      .owned = true,
      .key = 0,
      .columns = columns,
      .n_columns = sizeof columns / sizeof columns[0],
      .max_groups = 2,
      .max_rows = 3,
      .most_groups = 4,
      .most_rows = 8 },
    { .name = "trips",
      .help = "",
      .owned = true,
      .key = 0,
      .columns = trip_columns,
      .n_columns = sizeof trip_columns / sizeof trip_columns[0],
      .max_groups = 2,
      .max_rows = 3,
      .most_groups = 4,
      .most_rows = 8 },
    { .name = "towns",
      .help = "",
      .expected_rows = 1000000,
      .columns = town_columns,
      .n_columns = sizeof town_columns / sizeof town_columns[0] },
};

static struct policy_purpose purposes[] = {
    { .id = "stats", .help = "", .basis = BASIS_LEGITIMATE_INTEREST },
    { .id = "ads", .help = "", .basis = BASIS_CONSENT },
};

#define SHOP                                                                   \
    .name = "shop", .help = "", .path = "shop.yaml", .id = "shop",             \
    .version = 1, .data_version = "1", .max_people = 1000000,                  \
    .expected_size = 1000, .time_grain_us = UINT64_C(86400000000),             \
    .tables = tables, .n_tables = 3, .purposes = purposes, .n_purposes = 2

const struct policy plan_shop = {
    SHOP,
    .notion = DP_ZCDP,
    .cap = { .rho_pico = UINT64_C(5000000000000), .delta_atto = 1000000000000 },
    .default_price = { .rho_pico = UINT64_C(100000000000) },
    .max_price = { .rho_pico = UINT64_C(500000000000),
                   .delta_atto = 1000000000000 },
    .default_delta = 1e-8,
    .shown_delta = 1e-6,
};

const struct policy plan_shop_pure = {
    SHOP,
    .notion = DP_PURE,
    .cap = { .eps_nano = UINT64_C(50000000000) },
    .default_price = { .eps_nano = 1000000000 },
    .max_price = { .eps_nano = UINT64_C(4000000000) },
};

enum err_code plan_sql(struct plan **out, const char *sql,
                       const struct request *req, const struct policy *policy,
                       struct arena *a, struct err *err)
{
    struct select *tree = NULL;
    TRY(sql_parse(&tree, sql, strlen(sql), a, err));
    return plan_query(out, req, tree, policy, a, err);
}

void plan_db_run(struct plan_db *db, const char *sql)
{
    duckdb_result r;
    const duckdb_state rc = duckdb_query(db->conn, sql, &r);
    if (rc != DuckDBSuccess)
        fprintf(stderr, "%s\n", duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    assert(rc == DuckDBSuccess);
}

/* Of the statement that runs: databases of a test take turns. */
static struct duck_keep_key keep_key;
static struct duck_heap heap;

void plan_db_open(struct plan_db *db)
{
    struct err err = { 0 };
    const duckdb_state rc = duckdb_open(NULL, &db->db);
    assert(rc == DuckDBSuccess);
    assert(duckdb_connect(db->db, &db->conn) == DuckDBSuccess);
    struct duck duck = { .db = db->db, .con = db->conn };
    assert(duck_keep_register(&duck, &keep_key, &heap, &err) == ERR_OK);
    assert(duck_guard_register(&duck, &err) == ERR_OK);
    plan_db_run(db, "SET threads = 2; CREATE SCHEMA src; CREATE TABLE src.buys("
                    "who BIGINT, land VARCHAR, kind VARCHAR, city VARCHAR, "
                    "n BIGINT, price DOUBLE, free DOUBLE, total DOUBLE, "
                    "ok BOOLEAN, day DATE, \"at\" TIMESTAMP, note VARCHAR, "
                    "home VARCHAR); "
                    "CREATE TABLE src.trips(who BIGINT, city VARCHAR, km "
                    "BIGINT, day DATE); "
                    "CREATE TABLE src.towns(city VARCHAR, zone BIGINT)");
}

void plan_db_close(struct plan_db *db)
{
    duckdb_disconnect(&db->conn);
    duckdb_close(&db->db);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *row_text(duckdb_result *r, idx_t row)
{
    char *line = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&line, &len);
    assert(f);
    for (idx_t c = 0; c < duckdb_column_count(r); c++) {
        char *cell = duckdb_value_varchar(r, c, row);
        fprintf(f, "%s%s", c ? "|" : "", cell ? cell : "NULL");
        duckdb_free(cell);
    }
    fclose(f);
    return line;
}

static char *sorted_rows(duckdb_result *r)
{
    const size_t n = duckdb_row_count(r);
    char **lines = calloc(n + 1, sizeof *lines);
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    assert(lines && f);
    for (size_t i = 0; i < n; i++)
        lines[i] = row_text(r, i);
    qsort(lines, n, sizeof *lines, by_text);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s\n", lines[i]);
        free(lines[i]);
    }
    free(lines);
    fclose(f);
    return text;
}

/* The rows of one statement, sorted; NULL when it failed. */
static char *answer_of(struct plan_db *db, const char *sql)
{
    duckdb_prepared_statement stmt;
    duckdb_result r;
    char *text = NULL;
    if (duckdb_prepare(db->conn, sql, &stmt) != DuckDBSuccess) {
        fprintf(stderr, "%s\n%s\n", duckdb_prepare_error(stmt), sql);
        duckdb_destroy_prepare(&stmt);
        return NULL;
    }
    assert(duckdb_nparams(stmt) == 0);
    if (duckdb_execute_prepared(stmt, &r) == DuckDBSuccess)
        text = sorted_rows(&r);
    else
        fprintf(stderr, "%s\n%s\n", duckdb_result_error(&r), sql);
    duckdb_destroy_result(&r);
    duckdb_destroy_prepare(&stmt);
    return text;
}

char *plan_db_answer(struct plan_db *db, const struct plan *plan,
                     unsigned char secret)
{
    memset(keep_key.bytes, secret, KEEP_KEY_LEN / 2);
    char *text = answer_of(db, plan->sql);
    assert(heap.used == 0); /* all is given back */
    if (plan->spare_sql) {
        char *spare = answer_of(db, plan->spare_sql);
        if (!text || !spare || strcmp(text, spare) != 0)
            fprintf(stderr, "%s\nother rows by\n%s\n%s\nthan by\n%s\n", text,
                    plan->spare_sql, spare, plan->sql);
        assert(text && spare && strcmp(text, spare) == 0);
        free(spare);
    }
    return text;
}

char *plan_db_units(struct plan_db *db, const struct plan *plan,
                    unsigned char secret)
{
    char *raw = plan_db_answer(db, plan, secret), *out = NULL;
    size_t len = 0, cell = 0;
    const size_t width = plan->n_keys + plan->n_measures;
    FILE *f = raw ? open_memstream(&out, &len) : NULL;
    if (!f)
        return NULL;
    for (const char *at = raw; *at; cell++) {
        const size_t n = strcspn(at, "|\n"), column = cell % width;
        if (column < plan->n_keys)
            fprintf(f, "%.*s", (int)n, at);
        else
            fprintf(f, "%.15g",
                    ldexp(strtod(at, NULL),
                          plan_measure_exp(
                              &plan->measures[column - plan->n_keys])));
        fputc(at[n], f);
        at += n + 1;
    }
    fclose(f);
    free(raw);
    return out;
}

static struct value cell_of(const char *text, enum value_type type)
{
    struct value v = value_null();
    struct err err = { 0 };
    if (strcmp(text, "NULL") != 0)
        assert(value_parse(&v, type, text, strlen(text), &err) == ERR_OK);
    return v;
}

/* The k rows of the greatest numbers, in falling order. */
static void first_rows(struct plan_noisy *n, const struct plan *p)
{
    const size_t wide = plan_width(p);
    for (size_t i = 0; i < n->n_rows; i++)
        for (size_t j = i;
             j > 0 && n->measures[j * wide + p->top.score].v >
                          n->measures[(j - 1) * wide + p->top.score].v;
             j--) {
            for (size_t k = 0; k < p->n_keys; k++) {
                const struct value v = n->keys[j * p->n_keys + k];
                n->keys[j * p->n_keys + k] = n->keys[(j - 1) * p->n_keys + k];
                n->keys[(j - 1) * p->n_keys + k] = v;
            }
            for (size_t m = 0; m < wide; m++) {
                const struct dp_noisy v = n->measures[j * wide + m];
                n->measures[j * wide + m] = n->measures[(j - 1) * wide + m];
                n->measures[(j - 1) * wide + m] = v;
            }
        }
    if (n->n_rows > p->top.t.k)
        n->n_rows = p->top.t.k;
}

/* The rows of plan_db_answer as a release: exact numbers stand for noisy ones.
 */
static void noiseless(struct plan_noisy *out, struct plan_db *db,
                      const struct plan *plan, struct arena *a)
{
    enum { ROWS = 64 };
    char *save = NULL, *text = plan_db_answer(db, plan, 7);
    assert(text);
    char *copy = arena_strdup(a, text);
    free(text);
    out->keys = ARENA_NEW_N(a, ROWS * (plan->n_keys + 1), struct value);
    out->measures = ARENA_NEW_N(a, ROWS * plan->n_measures, struct dp_noisy);
    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        const size_t row = out->n_rows++;
        assert(row < ROWS);
        for (size_t i = 0; i < plan->n_keys + plan->n_measures; i++) {
            char *bar = strchr(line, '|');
            if (bar)
                *bar = '\0';
            if (i < plan->n_keys)
                out->keys[row * plan->n_keys + i] =
                    cell_of(line, plan->keys[i].type);
            else
                out->measures[row * plan->n_measures + i - plan->n_keys].v =
                    strtoll(line, NULL, 10);
            line = bar ? bar + 1 : line + strlen(line);
        }
    }
    if (plan->top.on)
        first_rows(out, plan);
}

void plan_db_bind(struct plan_db *db, struct plan *out, const struct plan *plan,
                  struct arena *a)
{
    plan_db_bind_as(db, out, plan, plan, a);
}

void plan_db_bind_as(struct plan_db *db, struct plan *out,
                     const struct plan *plan, const struct plan *here,
                     struct arena *a)
{
    struct reply_table answers[PLAN_CHAIN_MAX] = { { 0 } };
    struct err err = { 0 };
    for (size_t i = 0; i < plan->n_before; i++) {
        struct plan_noisy noisy = { 0 };
        noiseless(&noisy, db, here->before[i], a);
        assert(plan_finish(&answers[i], here->before[i], &noisy, a, &err) ==
               ERR_OK);
    }
    *out = *plan;
    if (plan->n_before > 0)
        assert(plan_bind(out, plan, answers, a, &err) == ERR_OK);
}
