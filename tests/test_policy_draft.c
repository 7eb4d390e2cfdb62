#include "server/policy/draft.h"

#include <stdlib.h>
#include <string.h>

#include "server/policy/draft_name.h"
#include "tests/lib_edit.h"
#include "tests/table.h"

static const struct policy_draft_column RETAIL[] = {
    { "invoice_no", "VARCHAR", NULL },
    { "quantity", "INTEGER", NULL },
    { "invoice_date", "TIMESTAMP", NULL },
    { "unit_price", "DECIMAL(10,2)", NULL },
    { "customer_id", "BIGINT", NULL },
    { "Unit\nPrice: x", "DOUBLE", NULL },
    { "order", "DATE", NULL },
    { "tags", "VARCHAR[]", NULL },
    { "Ship \"to\" #1", "VARCHAR", NULL },
    { "InvoiceNo", "VARCHAR", NULL },
    { "\xc3\xa9", "VARCHAR", NULL },
};
enum { RETAIL_N = sizeof RETAIL / sizeof RETAIL[0] };

static const struct policy_draft_table TABLE = { "Online-Retail", RETAIL,
                                                 RETAIL_N };
static const struct policy_draft DRAFT = {
    .source = "data/Online-Retail.parquet", .tables = &TABLE, .n_tables = 1
};

static char text[16 * 1024];

static const char *print(void)
{
    struct writer w = writer_of(text, sizeof text);
    policy_draft_print(&w, &DRAFT);
    assert_true(writer_cstr(&w));
    return text;
}

static enum err_code load(const char *yaml, struct policy_report *report,
                          struct arena *a, struct policy **p)
{
    struct err err;
    const enum err_code code =
        policy_load_bytes(p, yaml, strlen(yaml), "d.yaml", report, a, &err);
    policy_report_print(stdout, report, "d.yaml");
    return code;
}

/* Each DECIDE is a mistake of its own, and there is no other. */
static void check_does_not_load(void **state)
{
    struct policy_report report = { 0 };
    struct policy *p;
    struct arena a;
    size_t left = 0;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(load(print(), &report, &a, &p), ERR_INVALID);
    for (const char *at = text; (at = strstr(at, ": DECIDE")); at++)
        left++;
    assert_int_equal(report.n, left);
    for (size_t i = 0; i < report.n; i++)
        assert_non_null(strstr(report.mistakes[i].msg, "to be decided"));
    arena_fini(&a);
}

static void check_decided(void **state)
{
    static const char *const decisions[][2] = {
        { "exclusive: DECIDE", "exclusive: true" },
        { "data_version: DECIDE", "data_version: a" },
        { "cap: DECIDE", "cap: {epsilon: 8, delta: 1e-6}" },
        { "max_people: DECIDE", "max_people: 10000" },
        { "help: DECIDE", "help: How it does." },
        { "basis: DECIDE", "basis: public_task" },
        { "max_groups: DECIDE", "max_groups: 5" },
        { "max_rows: DECIDE", "max_rows: 5" },
        { "int, range: DECIDE", "int, range: [0, 10]" },
        { "timestamp, range: DECIDE", "timestamp" },
        { "double, range: DECIDE", "double, range: [0, 10]" },
        { "date, range: DECIDE", "date" },
    };
    struct policy_report report = { 0 };
    struct policy *p = NULL;
    struct arena a;
    char *now = strdup(print());
    (void)state;
    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        char *next = edit_text(now, decisions[i][0], decisions[i][1]);
        free(now);
        now = next;
    }
    arena_init(&a, 1 << 20);
    assert_int_equal(load(now, &report, &a, &p), ERR_OK);
    assert_string_equal(p->name, "online_retail");
    assert_string_equal(p->tables[0].source, "data/Online-Retail.parquet");
    assert_string_equal(p->tables[0].columns[p->tables[0].key].name,
                        "customer_id");
    /* What a policy cannot hold is left out, foreign text stays inside its
     * comment or quotes, and of two names that become one the first has it. */
    const struct policy_table *t = &p->tables[0];
    assert_int_equal(t->n_columns, 7);
    assert_string_equal(policy_find_column(t, "order_")->stored, "order");
    assert_string_equal(policy_find_column(t, "ship_to_1")->stored,
                        "Ship \"to\" #1");
    assert_null(policy_find_column(t, "invoice_no")->stored);
    free(now);
    arena_fini(&a);
}

/* Two tables of a database, each with a key of its own. */
static void check_database(void **state)
{
    static const struct policy_draft_column columns[] = {
        { "UserID", "INT", NULL }, { "n", "INT", NULL }
    };
    static const struct policy_draft_table tables[] = {
        { "visits", columns, 2 }, { "deep.Order Lines", columns, 2 }
    };
    static const struct policy_draft draft = { .source = "a/shop.db",
                                               .is_database = true,
                                               .tables = tables,
                                               .n_tables = 2 };
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    policy_draft_print(&w, &draft);
    assert_true(writer_cstr(&w));
    assert_non_null(strstr(text, "dataset: shop\n"));
    assert_non_null(strstr(text, "source: duckdb\ndatabase: \"a/shop.db\""));
    assert_non_null(strstr(text, "  visits:\n    from: \"visits\"\n    key: "
                                 "user_id "));
    assert_non_null(strstr(text, "  deep_order_lines:\n    from: "
                                 "\"deep.Order Lines\"\n"));
    assert_non_null(
        strstr(text, "      user_id: {type: int, from: \"UserID\"}\n"));
}

/* A PostgreSQL by its URI, a column of no type with the reason. */
static void check_postgres(void **state)
{
    static const struct policy_draft_column columns[] = {
        { "user_id", "int4range", "no such type in a policy" },
        { "UserID", "BIGINT", NULL },
        { "paid", "numeric", "has no precision" },
    };
    static const struct policy_draft_table table = { "shop.Visits", columns,
                                                     3 };
    static const struct policy_draft draft = {
        .source = "postgresql://r@db/sales?passfile=/etc/\"x\"",
        .name = "Sales",
        .is_database = true,
        .is_postgres = true,
        .tables = &table,
        .n_tables = 1
    };
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    policy_draft_print(&w, &draft);
    assert_true(writer_cstr(&w));
    assert_non_null(strstr(text, "dataset: sales\n"));
    assert_non_null(strstr(text, "source: postgresql\ndatabase: "
                                 "\"postgresql://r@db/sales?passfile=/etc/"
                                 "\\\"x\\\"\""));
    assert_non_null(strstr(text, "  shop_visits:\n    from: \"shop.Visits\""));
    assert_non_null(strstr(text, "# user_id (int4range): no such type"));
    assert_non_null(strstr(text, "# paid (numeric): has no precision"));
}

/* Every cap: printed whole, or the overflow is told and nothing written past
 * it. */
static void check_room(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 4000; cap += 7) {
        struct writer w = writer_of(text, cap);
        policy_draft_print(&w, &DRAFT);
        assert_true(w.len <= cap && (w.overflow || w.len > 2000));
    }
}

static const struct name_row {
    const char *name, *foreign, *want;
} name_rows[] = {
    { "a name stays", "invoice_no", "invoice_no" },
    { "words in capitals", "InvoiceNo", "invoice_no" },
    { "capitals in a row", "HTTPCode", "http_code" },
    { "an id in capitals", "CustomerID", "customer_id" },
    { "blanks and signs", " Unit  price (EUR) ", "unit_price_eur" },
    { "a digit first", "2024 sales", "n2024_sales" },
    { "a reserved word", "Order", "order_" },
    { "nothing left", "???", "" },
    { "letters of other scripts", "\xc3\xa9t\xc3\xa9 1", "t_1" },
    { "too long a name is cut",
      "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
      "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgg" },
};

static void check_name(void **state)
{
    const struct name_row *row = *state;
    assert_string_equal(draft_name_of(row->foreign).s, row->want);
}

static const struct row {
    const char *name;
    const struct policy_draft_column columns[3];
    size_t key;
} rows[] = {
    { "a customer",
      { { "id", "INT", NULL }, { "customer_id", "BIGINT", NULL } },
      1 },
    { "a person before a device",
      { { "device_id", "UUID", NULL }, { "person_id", "VARCHAR", NULL } },
      1 },
    { "a date is nobody",
      { { "customer_id", "DATE", NULL }, { "x", "INT", NULL } },
      3 },
    { "an id alone says not whose",
      { { "id", "INT", NULL }, { "x", "INT", NULL } },
      3 },
    { "a name in capitals",
      { { "x", "INT", NULL }, { "CustomerID", "INT", NULL } },
      1 },
    { "a name without an underline", { { "userid", "INT", NULL } }, 0 },
};

static void check_key(void **state)
{
    const struct row *row = *state;
    struct policy_draft_column columns[3];
    for (size_t i = 0; i < 3; i++)
        columns[i] = row->columns[i].name
                         ? row->columns[i]
                         : (struct policy_draft_column){ "none", "INT", NULL };
    const struct policy_draft_table t = { "x", columns, 3 };
    assert_int_equal(policy_draft_key(&t), row->key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_does_not_load), cmocka_unit_test(check_decided),
        cmocka_unit_test(check_database),      cmocka_unit_test(check_postgres),
        cmocka_unit_test(check_room),
    };
    return RUN_ROWS(rows, check_key) + RUN_ROWS(name_rows, check_name) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
