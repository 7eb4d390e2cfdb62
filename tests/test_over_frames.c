#include <math.h>
#include <string.h>
#include <time.h>

#include "server/plan/over.h"
#include "server/plan/tally.h"
#include "server/plan/typed.h"
#include "tests/lib_rng.h"
#include "tests/table.h"

/*
 * Frames that move over many rows: each holds what its rows hold, added up one
 * by one, and a wide one takes no longer than a narrow one.
 */
enum { ROWS = 300, MANY = 30000 };

static const struct frame_row {
    const char *name;
    struct frame frame;
} frames[] = {
    { "two rows before to two behind",
      { .rows = true,
        .from = EDGE_BEFORE,
        .to = EDGE_AFTER,
        .from_offset = 2,
        .to_offset = 2 } },
    { "wider than the partition",
      { .rows = true,
        .from = EDGE_BEFORE,
        .to = EDGE_AFTER,
        .from_offset = 1000,
        .to_offset = 1000 } },
    { "forty rows before to here",
      { .rows = true,
        .from = EDGE_BEFORE,
        .to = EDGE_HERE,
        .from_offset = 40,
        .to_offset = 0 } },
    { "here to forty rows behind",
      { .rows = true,
        .from = EDGE_HERE,
        .to = EDGE_AFTER,
        .from_offset = 0,
        .to_offset = 40 } },
    { "rows that lie behind",
      { .rows = true,
        .from = EDGE_AFTER,
        .to = EDGE_AFTER,
        .from_offset = 3,
        .to_offset = 9 } },
    { "rows that lie before",
      { .rows = true,
        .from = EDGE_BEFORE,
        .to = EDGE_BEFORE,
        .from_offset = 9,
        .to_offset = 3 } },
    { "no row at all",
      { .rows = true,
        .from = EDGE_BEFORE,
        .to = EDGE_BEFORE,
        .from_offset = 3,
        .to_offset = 9 } },
    { "the first to three before",
      { .rows = true,
        .from = EDGE_FIRST,
        .to = EDGE_BEFORE,
        .from_offset = 0,
        .to_offset = 3 } },
    { "three before to the last",
      { .rows = true,
        .from = EDGE_BEFORE,
        .to = EDGE_LAST,
        .from_offset = 3,
        .to_offset = 0 } },
    { "all to the last",
      { .rows = true,
        .from = EDGE_FIRST,
        .to = EDGE_LAST,
        .from_offset = 0,
        .to_offset = 0 } },
    { "peers",
      { .rows = false,
        .from = EDGE_HERE,
        .to = EDGE_HERE,
        .from_offset = 0,
        .to_offset = 0 } },
    { "the first to peers",
      { .rows = false,
        .from = EDGE_FIRST,
        .to = EDGE_HERE,
        .from_offset = 0,
        .to_offset = 0 } },
    { "peers to the last",
      { .rows = false,
        .from = EDGE_HERE,
        .to = EDGE_LAST,
        .from_offset = 0,
        .to_offset = 0 } },
};

static struct typed by_order = { .kind = TYPED_KEY, .type = VALUE_INT };

/* Rows of three partitions, some of them peers, some values missing. */
static void fill(struct over_row *rows, struct value *keys, size_t n,
                 gsl_rng *rng)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = gsl_rng_get(rng);
        keys[2 * i] = value_int((int64_t)(3 * i / n));
        keys[2 * i + 1] = value_int((int64_t)(i / 3));
        rows[i] = (struct over_row){
            .partition = &keys[2 * i],
            .orders = &keys[2 * i + 1],
            .counts = r % 7 != 0,
            .value = r % 5 == 0 ? value_null() : value_int((int64_t)(r % 99))
        };
    }
}

static struct plan_over over_of(enum agg_kind agg, const struct frame *f,
                                struct plan_order *order)
{
    static struct typed *keys[] = { &by_order };
    *order = (struct plan_order){ .expr = &by_order };
    return (struct plan_over){ .kind = WINDOW_AGG,
                               .agg = agg,
                               .value = &by_order,
                               .partition = keys,
                               .n_partition = 1,
                               .orders = order,
                               .n_orders = 1,
                               .frame = *f };
}

static void assert_same(const struct value *is, const struct value *want)
{
    assert_int_equal(is->type, want->type);
    if (is->type == VALUE_DOUBLE)
        assert_true(fabs(is->d - want->d) <= 1e-9 * (1 + fabs(want->d)));
    else if (is->type == VALUE_INT)
        assert_int_equal(is->i, want->i);
}

static void check_frame(void **state)
{
    const struct frame_row *row = *state;
    static const enum agg_kind kinds[] = { AGG_COUNT,     AGG_SUM, AGG_AVG,
                                           AGG_MIN,       AGG_MAX, AGG_VAR_SAMP,
                                           AGG_STDDEV_POP };
    struct over_row rows[ROWS];
    struct value keys[2 * ROWS];
    gsl_rng *rng = test_rng_new(7);
    fill(rows, keys, ROWS, rng);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct plan_order order;
        const struct plan_over o = over_of(kinds[i], &row->frame, &order);
        struct over_answer out;
        struct arena a;
        struct err err;
        arena_init(&a, 1 << 22);
        assert_int_equal(over_apply(&out, &o, rows, ROWS, &a, &err), ERR_OK);
        for (size_t r = 0; r < ROWS; r++) {
            const struct over_cell *cell = &out.cells[r];
            struct tally t = tally_of(kinds[i], VALUE_INT);
            for (size_t p = cell->from; p < cell->to; p++)
                if (rows[out.by[p]].counts)
                    tally_add(&t, &rows[out.by[p]].value);
            const struct value want = tally_result(&t);
            assert_same(&cell->value, &want);
        }
        arena_fini(&a);
    }
    gsl_rng_free(rng);
}

static double seconds(const struct over_row *rows, uint32_t offset)
{
    const struct frame f = { .rows = true,
                             .from = EDGE_BEFORE,
                             .to = EDGE_AFTER,
                             .from_offset = offset,
                             .to_offset = offset };
    struct plan_order order;
    const struct plan_over o = over_of(AGG_MAX, &f, &order);
    struct timespec from, to;
    struct over_answer out;
    struct arena a;
    struct err err;
    arena_init(&a, 1 << 25);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    assert_int_equal(over_apply(&out, &o, rows, MANY, &a, &err), ERR_OK);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    arena_fini(&a);
    return (double)(to.tv_sec - from.tv_sec) +
           1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

/* Added up anew for each row, the wide frame takes a hundred times as long. */
static void a_wide_frame_is_as_fast(void **state)
{
    static struct over_row rows[MANY];
    static struct value keys[2 * MANY];
    gsl_rng *rng = test_rng_new(8);
    (void)state;
    fill(rows, keys, MANY, rng);
    const double narrow = seconds(rows, 1) + seconds(rows, 1);
    const double wide =
        seconds(rows, FRAME_OFFSET_MAX) + seconds(rows, FRAME_OFFSET_MAX);
    assert_true(wide < 8 * narrow);
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest single[] = { cmocka_unit_test(
        a_wide_frame_is_as_fast) };
    return RUN_ROWS(frames, check_frame) +
           cmocka_run_group_tests(single, NULL, NULL);
}
