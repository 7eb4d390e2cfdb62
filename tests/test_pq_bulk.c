/* Statements of sql.def as one statement for many rows. */
#include <string.h>

#include "server/base/reader.h"
#include "server/ledger/pq_bulk.h"
#include "tests/table.h"

static const struct text_row {
    const char *name, *text;
    const char *types;    /* of its parameters: i number, t text */
    const char *expected; /* NULL: no such statement */
} TEXTS[] = {
    { "an INSERT takes texts from an array each",
      "INSERT INTO t (a, b, c) VALUES (?, 0, ?)", "tt",
      "INSERT INTO t (a, b, c) SELECT v1, 0, v2 FROM unnest($1, $2) WITH"
      " ORDINALITY AS t(v1, v2, i)" },
    { "numbers stand in one array, a row behind the other",
      "INSERT INTO t (a, b, c) VALUES (?, ?, ?)", "iti",
      "INSERT INTO t (a, b, c) SELECT $1[CAST(2 * i - 1 AS int)], v1,"
      " $1[CAST(2 * i - 0 AS int)] FROM unnest($2) WITH ORDINALITY AS"
      " t(v1, i)" },
    { "what follows the values stays",
      "INSERT INTO t (a) VALUES (?) ON CONFLICT DO NOTHING", "t",
      "INSERT INTO t (a) SELECT v1 FROM unnest($1) WITH ORDINALITY AS t(v1, i)"
      " ON CONFLICT DO NOTHING" },
    { "an UPDATE finds its rows by arrays",
      "UPDATE t SET a = 1, b = ? WHERE c = ? AND d = ?", "itt",
      "UPDATE t SET a = 1, b = $1[CAST(1 * i - 0 AS int)] FROM unnest($2, $3)"
      " WITH ORDINALITY AS t(v1, v2, i) WHERE c = v1 AND d = v2" },
    { "rows of numbers alone are counted", "UPDATE t SET a = ? WHERE c = ?",
      "ii",
      "UPDATE t SET a = $1[CAST(2 * i - 1 AS int)] FROM generate_series(1,"
      " array_length($1, 1) / 2) AS t(i) WHERE c = $1[CAST(2 * i - 0 AS"
      " int)]" },
    { "rows are taken from where it says so",
      "INSERT INTO t (a, b) SELECT x, y FROM (SELECT ? AS x, ? AS y FROM ROWS)"
      " AS r WHERE x > 0",
      "it",
      "INSERT INTO t (a, b) SELECT x, y FROM (SELECT $1[CAST(1 * i - 0 AS int)]"
      " AS x, v1 AS y FROM unnest($2) WITH ORDINALITY AS t(v1, i)) AS r WHERE"
      " x > 0" },
    { "a statement that finds nothing is neither", "DELETE FROM t", "", NULL },
};

static void check_text(void **state)
{
    const struct text_row *row = *state;
    char out[PQ_TEXT_CAP];
    unsigned types[PQ_PARAMS_MAX];
    int n = 0;
    for (; row->types[n]; n++)
        types[n] = row->types[n] == 'i' ? PQ_INT8 : PQ_TEXT;
    assert_int_equal(pq_bulk_text(out, row->text, types, n),
                     row->expected != NULL);
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

/* The last value of a row, not another's number. */
static void test_has_number(void **state)
{
    struct pq_bulk bulk = { .n = 0 };
    struct pq_params row = { .n = 0 }, other = { .n = 0 };
    (void)state;
    pq_params_number(&row, 7);
    pq_params_add(&row, PQ_TEXT, "x", 1);
    pq_params_number(&row, 8);
    pq_params_number(&other, 8);
    pq_params_add(&other, PQ_TEXT, "x", 1);
    pq_params_number(&other, 7);
    assert_true(pq_bulk_add(&bulk, &row));
    assert_true(pq_bulk_has(&bulk, &row));
    assert_false(pq_bulk_has(&bulk, &other));
    assert_true(pq_bulk_add(&bulk, &other));
    assert_true(pq_bulk_has(&bulk, &other));
    pq_bulk_fini(&bulk);
}

static uint32_t count_of(const char *array)
{
    struct reader r = reader_of(array + 12, 4);
    return reader_be32(&r);
}

static void test_params(void **state)
{
    struct pq_bulk bulk = { .n = 0 };
    struct pq_params row = { .n = 0 }, out;
    (void)state;
    pq_params_number(&row, 7);
    pq_params_add(&row, PQ_TEXT, "x", 1);
    pq_params_number(&row, 8);
    for (int i = 0; i < 3; i++)
        assert_true(pq_bulk_add(&bulk, &row));
    pq_bulk_params(&bulk, &out);
    assert_int_equal(out.n, 2);
    assert_int_equal(out.types[0], PQ_INT8S);
    assert_int_equal(out.types[1], PQ_TEXTS);
    assert_int_equal(count_of(out.values[0]), 6);
    assert_int_equal(count_of(out.values[1]), 3);
    pq_bulk_fini(&bulk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has),
        cmocka_unit_test(test_has_number),
        cmocka_unit_test(test_params),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) |
           RUN_ROWS(TEXTS, check_text);
}
