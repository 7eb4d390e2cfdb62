#include "server/query/tree.h"

#include <string.h>

#include "tests/table.h"

static const struct row {
    const char *name;
    size_t n_args;
    enum expr_op want;
} rows[] = {
    { "-", 1, OP_NEG },       { "-", 2, OP_SUB },
    { "-", 3, OP_COUNT },     { "and", 2, OP_AND },
    { "AND", 65, OP_COUNT },  { "Date_Trunc", 2, OP_DATE_TRUNC },
    { "lower", 2, OP_COUNT }, { "drop table", 1, OP_COUNT },
    { "", 0, OP_COUNT },
};

static void check_op(void **state)
{
    const struct row *row = *state;
    assert_int_equal(op_of_sql(row->name, row->n_args), row->want);
}

static void check_print(const struct expr *e, const char *want)
{
    char text[128];
    struct writer w = writer_of(text, sizeof text);
    expr_print(&w, e);
    assert_true(writer_cstr(&w));
    assert_string_equal(text, want);
}

/* Trees that no SQL parses to still print as SQL of the same meaning. */
static void check_structured(void **state)
{
    struct expr five = { .kind = EXPR_CONST, .value = value_int(5) };
    struct expr *args[] = { &five };
    struct expr neg = { .kind = EXPR_CALL, .call = { OP_NEG, args, 1 } };
    struct expr inf = { .kind = EXPR_CONST,
                        .value = value_double(__builtin_inf()) };
    struct expr quoted = { .kind = EXPR_COLUMN,
                           .column = { "select", "a\"; drop" } };
    struct expr text = { .kind = EXPR_CONST, .value = value_text("'--", 3) };
    (void)state;
    check_print(&neg, "(- + 5)");
    check_print(&inf, "CAST('Infinity' AS double precision)");
    check_print(&quoted, "\"select\".\"a\"\"; drop\"");
    check_print(&text, "'''--'");
}

static void check_equal(void **state)
{
    const struct expr zero = { .kind = EXPR_CONST, .value = value_double(0) };
    const struct expr minus = { .kind = EXPR_CONST,
                                .value = value_double(-0.0) };
    const struct expr a = { .kind = EXPR_COLUMN, .column = { NULL, "a" } };
    const struct expr ta = { .kind = EXPR_COLUMN, .column = { "t", "a" } };
    const struct expr placed = { .kind = EXPR_COLUMN,
                                 .at = { 9, 9 },
                                 .column = { NULL, "a" } };
    (void)state;
    assert_false(expr_equal(&zero, &minus));
    assert_false(expr_equal(&a, &ta));
    assert_false(expr_equal(&a, NULL));
    assert_true(expr_equal(NULL, NULL));
    assert_true(expr_equal(&a, &placed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_structured),
        cmocka_unit_test(check_equal),
    };
    return RUN_ROWS(rows, check_op) + cmocka_run_group_tests(tests, NULL, NULL);
}
