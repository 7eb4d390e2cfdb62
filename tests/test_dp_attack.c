/* The attack on floating-point noise, and that it finds nothing here. */
#include "tests/lib_attack.h"

#include "tests/lib_rng.h"
#include "tests/table.h"

enum { TRIALS = 1000000 };

/* The control: textbook noise on GSL's default generator is told apart. */
static void textbook_noise_is_broken(void **state)
{
    (void)state;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_default);
    gsl_rng_set(rng, 1);
    const struct attack_result r = attack_run(attack_textbook, rng, TRIALS);
    gsl_rng_free(rng);
    assert_true(r.right > 0.9999 * TRIALS);
    assert_true(r.right == r.told);
}

/*
 * Of a million outputs a handful fit one of the formula's doubles by chance
 * (two on average, whichever x is true); more than 14 would be a false alarm of
 * 10^-8.
 */
static void finds_nothing(attack_release_fn *release)
{
    gsl_rng *rng = test_rng_new(1);
    const struct attack_result r = attack_run(release, rng, TRIALS);
    gsl_rng_free(rng);
    assert_in_range(r.told, 0, 14);
}

static void exact_noise_is_not(void **state)
{
    (void)state;
    finds_nothing(attack_ours);
}

static void nor_is_that_of_a_table(void **state)
{
    (void)state;
    finds_nothing(attack_ours_many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textbook_noise_is_broken),
        cmocka_unit_test(exact_noise_is_not),
        cmocka_unit_test(nor_is_that_of_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
