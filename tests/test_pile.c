#include "server/main/pile.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * A pile against the whole list sorted: whatever order rows come in, however
 * they are handed over, what is left is the longest start that fits.
 */
enum { ROWS = 900, TEXT = 40 };

struct cell {
    __extension__ __int128 v;
};

static struct row {
    struct value key;
    struct cell cell;
    char text[TEXT];
} all[ROWS];

static int compare(const struct value *a, const struct cell *x,
                   const struct value *b, const struct cell *y)
{
    if (x->v != y->v)
        return x->v > y->v ? -1 : 1;
    return value_cmp(a, b);
}

static int order(const void *ctx, const struct value *a, const void *x,
                 const struct value *b, const void *y)
{
    (void)ctx;
    return compare(a, x, b, y);
}

static int by_order(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return compare(&x->key, &x->cell, &y->key, &y->cell);
}

/* Few different numbers, so that ties are many; texts of all lengths. */
static void make_rows(gsl_rng *rng)
{
    for (size_t i = 0; i < ROWS; i++) {
        const size_t len = 4 + gsl_rng_uniform_int(rng, TEXT - 5);
        memset(all[i].text, 'x', len);
        for (size_t d = 0, n = i; d < 4; d++, n /= 10)
            all[i].text[3 - d] = (char)('0' + n % 10);
        all[i].key = value_text(all[i].text, len);
        all[i].cell.v = (long)gsl_rng_uniform_int(rng, 50);
    }
}

static void shuffle(gsl_rng *rng)
{
    for (size_t i = ROWS; i > 1; i--) {
        const size_t j = gsl_rng_uniform_int(rng, i);
        const struct row swap = all[j];
        all[j] = all[i - 1];
        all[i - 1] = swap;
    }
    for (size_t i = 0; i < ROWS; i++)
        all[i].key.text.s = all[i].text; /* texts moved with their rows */
}

static const struct limits {
    const char *name;
    size_t most, text, pages; /* rows of a page */
} limits[] = {
    { "all rows fit", 2 * ROWS, 1 << 20, 100 },
    { "rows are limited", 17, 1 << 20, 1 },
    { "one row is left", 1, 1 << 20, 900 },
    { "texts are limited", ROWS, 700, 7 },
    { "both are", 40, 900, 13 },
    { "no text fits", ROWS, 3, 50 },
};

static void add_all(struct pile *p, size_t page)
{
    for (size_t at = 0; at < ROWS; at += page) {
        struct value keys[ROWS];
        struct cell cells[ROWS];
        struct pile_rows rows = { keys, cells, 0 };
        for (size_t i = at; i < ROWS && i < at + page; i++, rows.n++) {
            keys[rows.n] = all[i].key;
            cells[rows.n] = all[i].cell;
        }
        assert_true(pile_add(p, &rows));
        memset(keys, 0, sizeof keys); /* the caller's are gone */
    }
}

static void check(void **state)
{
    const struct limits *l = *state;
    gsl_rng *rng = test_rng_new(7);
    make_rows(rng);
    for (int round = 0; round < 4; round++) {
        struct pile p = { .n_keys = 1,
                          .n_cells = 1,
                          .most = l->most,
                          .text = l->text,
                          .order = order };
        struct pile_rows left;
        size_t n = 0, bytes = 0;
        shuffle(rng);
        pile_init(&p, 1 << 20);
        add_all(&p, l->pages);
        assert_true(pile_take(&left, &p));
        qsort(all, ROWS, sizeof *all, by_order);
        for (size_t i = 0; i < ROWS; i++)
            all[i].key.text.s = all[i].text;
        for (; n < ROWS && n < l->most; n++) {
            bytes += all[n].key.text.len;
            if (bytes > l->text)
                break;
            assert_true(n < left.n);
            assert_int_equal(value_cmp(&all[n].key, &left.keys[n]), 0);
        }
        assert_int_equal(left.n, n);
        assert_int_equal(p.cut, n < ROWS);
        pile_fini(&p);
    }
    gsl_rng_free(rng);
}

/* It says so, and does not grow past its arenas. */
static void a_full_arena_fails(void **state)
{
    struct pile p = {
        .n_keys = 1, .n_cells = 1, .most = ROWS, .text = 1 << 20, .order = order
    };
    struct pile_rows rows = { .n = 1 }, left;
    bool fits = true;
    (void)state;
    pile_init(&p, 8192);
    for (size_t i = 0; i < ROWS && fits; i++) {
        rows.keys = &all[i].key;
        rows.cells = &all[i].cell;
        fits = pile_add(&p, &rows);
    }
    assert_false(fits);
    assert_false(pile_take(&left, &p));
    pile_fini(&p);
}

int main(void)
{
    const struct CMUnitTest more[] = { cmocka_unit_test(a_full_arena_fails) };
    int failed = RUN_ROWS(limits, check);
    failed += cmocka_run_group_tests_name("test_pile", more, NULL, NULL);
    return failed;
}
