#include "server/engine/fake.h"

#include <string.h>

#include "tests/lib_engine.h"
#include "tests/table.h"

static const struct value regions[] = {
    { .type = VALUE_TEXT, .text = { "north", 5 } },
    { .type = VALUE_TEXT, .text = { "south", 5 } },
};
static const struct dp_exact sevens[] = { { 7 }, { 7 } };
static const struct dp_exact one_seven[] = { { 7 } };

static const struct row {
    const char *name;
    const char *keys;
    size_t n_domain; /* of the first key; 0 = private */
    struct engine_fake_script script;
    int stop;
    enum err_code want;
    size_t rows;
    int measure;
} rows[] = {
    { "made up, no keys", "", 0, { 0 }, 0, ERR_OK, 1, 1000 },
    { "made up, a private key", "t", 0, { 0 }, 0, ERR_OK, 3, 1000 },
    { "made up, a public key", "t", 2, { 0 }, 0, ERR_OK, 2, 1000 },
    { "made up, public by private", "ti", 2, { 0 }, 0, ERR_OK, 6, 1000 },
    { "scripted rows",
      "t",
      0,
      { .keys = regions, .measures = sevens, .n_rows = 2 },
      0,
      ERR_OK,
      2,
      7 },
    { "scripted, no keys",
      "",
      0,
      { .measures = one_seven, .n_rows = 1 },
      0,
      ERR_OK,
      1,
      7 },
    { "no rows at all", "t", 0, { .empty = true }, 0, ERR_OK, 0, 0 },
    { "late but in time", "", 0, { .sleep_ms = 15 }, 0, ERR_OK, 1, 1000 },
    { "a failure", "", 0, { .fails = ERR_MISS }, 0, ERR_MISS, 0, 0 },
    { "stopped at the deadline",
      "",
      0,
      { .sleep_ms = 60000 },
      ERR_DEADLINE,
      ERR_DEADLINE,
      0,
      0 },
    { "cancelled",
      "",
      0,
      { .sleep_ms = 60000 },
      ERR_CANCELLED,
      ERR_CANCELLED,
      0,
      0 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    const uint8_t secret[32] = { 0 };
    const atomic_int stop = row->stop;
    struct plan plan = lib_plan("", row->keys, 1);
    if (row->n_domain) {
        plan.keys[0].is_public = true;
        plan.keys[0].domain = (struct value *)(uintptr_t)regions;
        plan.keys[0].n_domain = row->n_domain;
    }

    struct engine *e = engine_fake_new(&row->script);
    assert_non_null(e);
    struct arena a;
    struct engine_result r = { 0 };
    struct err err;
    arena_init(&a, 1 << 16);
    assert_int_equal(engine_run(e, &r, &plan, secret, &stop, &a, &err),
                     row->want);
    assert_int_equal(r.n_rows, row->rows);
    for (size_t i = 0; i < r.n_rows; i++) {
        assert_int_equal(r.measures[i].touched, row->measure);
        for (size_t j = 0; j < i && plan.n_keys; j++)
            assert_int_not_equal(memcmp(&r.keys[i * plan.n_keys],
                                        &r.keys[j * plan.n_keys],
                                        plan.n_keys * sizeof *r.keys),
                                 0);
    }
    assert_int_equal(engine_fake_calls(e), 1);
    engine_close(e);
    arena_fini(&a);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
