/* Statements of sql.def as one statement for many rows. */
#include <string.h>

#include "server/ledger/pq_bulk.h"
#include "tests/table.h"

static const struct text_row {
    const char *name, *text, *expected; /* NULL: no such statement */
} TEXTS[] = {
    { "an INSERT takes its rows from arrays",
      "INSERT INTO t (a, b, c) VALUES (?, 0, ?)",
      "INSERT INTO t (a, b, c) SELECT v1, 0, v2 FROM unnest($1, $2) AS t(v1,"
      " v2)" },
    { "an UPDATE finds its rows by arrays",
      "UPDATE t SET a = 1, b = ? WHERE c = ? AND d = ?",
      "UPDATE t SET a = 1, b = v1 FROM unnest($1, $2, $3) AS t(v1, v2, v3)"
      " WHERE c = v2 AND d = v3" },
    { "a statement that finds nothing is neither", "DELETE FROM t", NULL },
};

static void check_text(void **state)
{
    const struct text_row *row = *state;
    char out[PQ_TEXT_CAP];
    assert_int_equal(pq_bulk_text(out, row->text), row->expected != NULL);
    if (row->expected)
        assert_string_equal(out, row->expected);
}

static struct pq_params row_of(const char *a, const char *b)
{
    struct pq_params p = { .n = 0 };
    pq_params_add(&p, PQ_TEXT, a, strlen(a));
    pq_params_add(&p, PQ_BYTEA, b, strlen(b));
    return p;
}

static void test_has(void **state)
{
    struct pq_bulk bulk = { .n = 0 };
    (void)state;
    const struct pq_params one = row_of("x", "one"),
                           three = row_of("", "three"), on = row_of("x", "on");
    assert_false(pq_bulk_has(&bulk, &one));
    assert_true(pq_bulk_add(&bulk, &one));
    assert_true(pq_bulk_add(&bulk, &three));
    assert_true(pq_bulk_has(&bulk, &one));
    assert_true(pq_bulk_has(&bulk, &three));
    assert_false(pq_bulk_has(&bulk, &on)); /* the beginning of one */
    pq_bulk_forget(&bulk);
    assert_false(pq_bulk_has(&bulk, &one));
    pq_bulk_fini(&bulk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) |
           RUN_ROWS(TEXTS, check_text);
}
