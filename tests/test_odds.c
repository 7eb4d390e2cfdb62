#include "server/policy/odds.h"

#include <math.h>

#include "tests/table.h"

static const struct row {
    const char *name;
    struct odds odds;
    const char *want;
} rows[] = {
    { "nothing spent",
      { 50, 1e-8 },
      "50.0:50.0, save for a chance of one in 100 million." },
    { "a little spent",
      { 66.69, 5.005e-9 },
      "66.7:33.3, save for a chance of one in 199 million." },
    { "odds are rounded up",
      { 98.701, 1e-8 },
      "98.8:1.2, save for a chance of one in 100 million." },
    { "near certainty two digits are left",
      { 99.9934, 1e-6 },
      "99.9934:0.0066, save for a chance of one in 1 million." },
    { "a million less a double's error",
      { 60, 1e-6 * (1 + 1e-15) },
      "60.0:40.0, save for a chance of one in 1 million." },
    { "certainty",
      { 100, 1e-6 },
      "certainty, save for a chance of one in 1 million." },
    { "a chance that is no whole number of millions",
      { 60, 5.05e-7 },
      "60.0:40.0, save for a chance of one in 1.98 million." },
    { "a chance that is likely",
      { 60, 8.1e-5 },
      "60.0:40.0, save for a chance of one in 12300." },
    { "billions",
      { 60, 1.0 / 2555e6 },
      "60.0:40.0, save for a chance of one in 2.55 billion." },
    { "one atto",
      { 60, 1e-18 },
      "60.0:40.0, save for a chance of one in 1000000 trillion." },
    { "pure has no exception", { 73.2, 0 }, "73.2:26.8." },
};

static void check_row(void **state)
{
    static const char START[] = "someone who believed 50:50 about a person "
                                "could come to believe at most ";
    const struct row *row = *state;
    char text[256];
    struct writer w = writer_of(text, sizeof text);
    odds_print(&w, row->odds);
    assert_true(writer_cstr(&w));
    assert_memory_equal(text, START, sizeof START - 1);
    assert_string_equal(text + sizeof START - 1, row->want);
}

/* epsilon 1 under pure: e / (1 + e). */
static void check_pure(void **state)
{
    (void)state;
    const struct odds o =
        odds_of(DP_PURE, (struct dp_price){ .eps_nano = 1000000000 }, 0);
    assert_true(fabs(o.percent - 73.1058578630) < 1e-9);
    assert_true(o.chance <= 0);
}

/* The price's own delta comes on top of the conversion's. */
static void check_zcdp(void **state)
{
    (void)state;
    const struct odds o =
        odds_of(DP_ZCDP,
                (struct dp_price){ .rho_pico = 24400000000,
                                   .delta_atto = 1000000000000 },
                1e-6);
    assert_true(fabs(o.percent - 76.595) < 1e-3);
    assert_true(fabs(o.chance - 2e-6) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_pure),
                                        cmocka_unit_test(check_zcdp) };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
