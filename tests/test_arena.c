#include "server/base/arena.h"

#include "tests/table.h"

static const struct row {
    const char *name;
    size_t n, size;
    int fits; /* in a 256-byte arena */
} rows[] = {
    { "one byte", 1, 1, 1 },
    { "nothing", 0, 8, 1 },
    { "exactly the cap", 256, 1, 1 },
    { "one more than the cap", 257, 1, 0 },
    { "product wraps to zero", SIZE_MAX / 2 + 1, 2, 0 },
    { "rounding up wraps", SIZE_MAX, 1, 0 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct arena a;
    arena_init(&a, 256);
    assert_int_equal(arena_alloc(&a, row->n, row->size) != NULL, row->fits);
    arena_fini(&a);
}

/* Over many chunks: zeroed, disjoint, capped, and the same again after reset. */
static void check_reuse(void **state)
{
    enum { CAP = 1 << 20, SIZE = 1000 };
    struct arena a;
    (void)state;
    arena_init(&a, CAP);
    for (int round = 0; round < 3; round++) {
        unsigned char *p;
        size_t got = 0;
        while ((p = arena_alloc(&a, SIZE, 1))) {
            for (size_t i = 0; i < SIZE; i++) {
                assert_int_equal(p[i], 0);
                p[i] = 0xff;
            }
            got += SIZE;
        }
        assert_true(got <= CAP && got > CAP - CAP / 16);
        arena_reset(&a);
    }
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_reuse) };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
