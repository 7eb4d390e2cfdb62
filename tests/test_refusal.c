#include "server/query/refusal.h"

#include <string.h>

#include "tests/lib_docs.h"
#include "tests/table.h"

/* Stable names are unique and plain; every sentence ends, every row helps. */
static void check_rows(void **state)
{
    (void)state;
    for (unsigned r = 0; r < REFUSAL_COUNT; r++) {
        const struct refusal_info *i = refusal_info_of((enum refusal)r);
        assert_true(i->code != ERR_OK && i->hint[0] != '\0');
        assert_int_equal(i->sentence[strlen(i->sentence) - 1], '.');
        assert_int_equal(
            strspn(i->name, "abcdefghijklmnopqrstuvwxyz_0123456789"),
            strlen(i->name));
        for (unsigned s = 0; s < r; s++)
            assert_string_not_equal(refusal_info_of((enum refusal)s)->name,
                                    i->name);
    }
}

static void check_names(void **state)
{
    struct err err = { 0 };
    (void)state;
    assert_int_equal(
        refuse(&err, REFUSAL_POSITION, (struct place){ 3, 7 }, "GROUP BY", "9"),
        ERR_INVALID);
    assert_string_equal(err.msg, "GROUP BY position 9 is not in the select "
                                 "list.");
    assert_string_equal(err.reason, "position");
    assert_true(err.line == 3 && err.col == 7);
    (void)err_set(&err, ERR_INTERNAL, "x");
    assert_null(err.reason);
}

/* A name of any length, and one that looks like a placeholder. */
static void check_hostile_names(void **state)
{
    static char name[5000];
    struct err err = { 0 };
    (void)state;
    memset(name, 'x', sizeof name - 1);
    (void)refuse(&err, REFUSAL_FUNCTION, (struct place){ 0, 0 }, name, NULL);
    assert_true(strlen(err.msg) < sizeof err.msg);
    (void)refuse(&err, REFUSAL_FUNCTION, (struct place){ 0, 0 }, "{2}%s", NULL);
    assert_string_equal(err.msg, "Function {2}%s is not supported.");
}

static void print_cell(struct writer *w, const char *s)
{
    for (; *s; s++) {
        if (*s == '|' || *s == '*' || *s == '<' || *s == '_')
            writer_u8(w, '\\');
        writer_u8(w, (uint8_t)*s);
    }
}

static void check_docs(void **state)
{
    static char text[64 * 1024];
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    writer_str(&w, "| name | code | sentence | hint |\n|---|---|---|---|\n");
    for (unsigned r = 0; r < REFUSAL_COUNT; r++) {
        const struct refusal_info *i = refusal_info_of((enum refusal)r);
        writer_printf(&w, "| `%s` | %s | ", i->name,
                      err_info_of(i->code)->name);
        print_cell(&w, i->sentence);
        writer_str(&w, " | ");
        print_cell(&w, i->hint);
        writer_str(&w, " |\n");
    }
    docs_check("docs/refusals.md", "refusals", &w);
}

static void check_operations(void **state)
{
    static char text[16 * 1024];
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    writer_str(&w, "| operation | arguments | meaning |\n|---|---|---|\n");
    for (unsigned o = 0; o < OP_COUNT; o++) {
        const struct op_info *i = op_info_of((enum expr_op)o);
        writer_printf(&w, "| `%s` | ", i->sql);
        if (i->min_args == i->max_args)
            writer_printf(&w, "%u | ", i->min_args);
        else
            writer_printf(&w, "%u to %u | ", i->min_args, i->max_args);
        print_cell(&w, i->help);
        writer_str(&w, " |\n");
    }
    docs_check("docs/sql.md", "operations", &w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_rows),          cmocka_unit_test(check_names),
        cmocka_unit_test(check_hostile_names), cmocka_unit_test(check_docs),
        cmocka_unit_test(check_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
