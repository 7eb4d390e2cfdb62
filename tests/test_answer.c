#include "server/query/answer.h"

#include <string.h>

#include "tests/table.h"

enum { ROOM = 4096 };

static size_t print(uint8_t bytes[ROOM], const struct answer *answer)
{
    struct writer w = writer_of(bytes, ROOM);
    answer_write(&w, answer);
    assert_false(w.overflow);
    assert_int_equal(w.need, w.len);
    return w.len;
}

static struct answer sample(void)
{
    static struct dp_mechanism noise[] = { { DP_DGAUSS, 7, 2 },
                                           { DP_DLAPLACE, 9, 1 } };
    static struct answer_day days[] = { { 15000, 5, 9, true },
                                        { 15001, 9, 11, false } };
    static struct reply_part parts[] = { { "ff",
                                           3,
                                           { .type = VALUE_DATE, .i = 15000 },
                                           { .type = VALUE_DATE, .i = 15001 },
                                           2,
                                           1,
                                           true } };
    static struct value keys[] = { { .type = VALUE_DATE, .i = 15000 },
                                   { .type = VALUE_NULL } };
    static struct dp_noisy measures[] = {
        { -5 }, { DP_INT_MAX }, { DP_INT_MIN }, { 0 }
    };
    static struct reply_column columns[] = {
        { "day", VALUE_DATE, true, false }, { "n", VALUE_DOUBLE, false, false }
    };
    static struct value cells[] = { { .type = VALUE_DATE, .i = 15000 },
                                    { .type = VALUE_DOUBLE, .d = 0.1 },
                                    { .type = VALUE_NULL },
                                    { .type = VALUE_DOUBLE, .d = -1e300 } };
    static struct reply_interval intervals[4] = {
        [1] = { INTERVAL_BOUNDED, -1, 1 }, [3] = { INTERVAL_UNBOUNDED, 0, 0 }
    };
    static const char *notices[] = { "one", "two" };
    return (struct answer){
        .principal = "ana",
        .idempotency_key = "k1",
        .request_hash = { 9 },
        .n_keys = 1,
        .n_measures = 2,
        .n_rows = 2,
        .keys = keys,
        .measures = measures,
        .cut = true,
        .noise = noise,
        .n_noise = 2,
        .above = 77,
        .days = days,
        .n_days = 2,
        .state = { 4 },
        .table = { .columns = columns,
                   .n_columns = 2,
                   .cells = cells,
                   .intervals = intervals,
                   .n_rows = 2,
                   .level = 0.9,
                   .notices = notices,
                   .n_notices = 2,
                   .release_slot_ns = 50,
                   .receipt = { .query_id = "ff",
                                .dataset = "shop",
                                .purpose = "measure",
                                .mechanism = "m",
                                .rho_pico = 5,
                                .parts = parts,
                                .n_parts = 1 } },
    };
}

/* Printing what was read gives the same bytes. */
static void check_round_trip(void **state)
{
    static uint8_t first[ROOM], second[ROOM];
    const struct answer answer = sample();
    const size_t len = print(first, &answer);
    struct answer read;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(answer_read(&read, first, len, &a, &err), ERR_OK);
    assert_true(read.measures[1].v == DP_INT_MAX);
    assert_true(read.measures[2].v == DP_INT_MIN);
    assert_string_equal(read.table.notices[1], "two");
    assert_true(read.cut);
    assert_int_equal(read.noise[1].law, DP_DLAPLACE);
    assert_int_equal(read.days[1].to_us, 11);
    assert_int_equal(read.table.receipt.parts[0].last.i, 15001);
    assert_int_equal(print(second, &read), len);
    assert_memory_equal(first, second, len);
    arena_fini(&a);
}

/* What stands alone is stored as it was before there were series. */
static void check_plain(void **state)
{
    static uint8_t bytes[ROOM];
    struct answer answer = sample(), read;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    answer.n_noise = answer.n_days = answer.table.receipt.n_parts = 0;
    answer.cut = false;
    const size_t len = print(bytes, &answer);
    assert_int_equal(bytes[0], 1);
    arena_init(&a, 1 << 20);
    assert_int_equal(answer_read(&read, bytes, len, &a, &err), ERR_OK);
    assert_int_equal(read.n_days, 0);
    bytes[0] = 2;
    assert_int_equal(answer_read(&read, bytes, len, &a, &err), ERR_INTERNAL);
    arena_fini(&a);
}

/* No prefix and no longer text is an answer; every arena cap ends cleanly. */
static void check_damage(void **state)
{
    static uint8_t bytes[ROOM];
    const struct answer answer = sample();
    const size_t len = print(bytes, &answer);
    struct answer read;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        arena_init(&a, 1 << 20);
        assert_int_equal(answer_read(&read, bytes, cut, &a, &err),
                         ERR_INTERNAL);
        arena_fini(&a);
    }
    arena_init(&a, 1 << 20);
    assert_int_equal(answer_read(&read, bytes, len + 1, &a, &err),
                     ERR_INTERNAL);
    arena_fini(&a);
    enum err_code code = ERR_LIMIT;
    for (size_t cap = 0; code == ERR_LIMIT && cap < 1 << 16; cap += 16) {
        arena_init(&a, cap);
        code = answer_read(&read, bytes, len, &a, &err);
        arena_fini(&a);
    }
    assert_int_equal(code, ERR_OK);
}

static const struct row {
    const char *name, *principal, *key;
    uint8_t hash;
    bool retry;
} rows[] = {
    { "the same request again", "ana", "k1", 9, true },
    { "from someone else", "bob", "k1", 9, false },
    { "under another key", "ana", "k2", 9, false },
    { "another request", "ana", "k1", 8, false },
    { "without a key", "ana", "", 9, false },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct answer answer = sample();
    const struct request req = { .idempotency_key = row->key,
                                 .hash = { row->hash } };
    assert_int_equal(answer_is_retry(&answer, row->principal, &req),
                     row->retry);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_round_trip),
                                        cmocka_unit_test(check_plain),
                                        cmocka_unit_test(check_damage) };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
