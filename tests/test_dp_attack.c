/* The attack on floating-point noise, and that it finds nothing here. */
#include "tests/lib_attack.h"

#include "tests/lib_rng.h"
#include "tests/table.h"

/* The control: textbook noise on GSL's default generator is told apart. */
static void textbook_noise_is_broken(void **state)
{
    (void)state;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_default);
    gsl_rng_set(rng, 1);
    const struct attack_result r = attack_run(attack_textbook, rng, 200000);
    gsl_rng_free(rng);
    assert_true(r.right > 0.9999 * 200000);
    assert_true(r.right == r.told);
}

/*
 * Of a million outputs a handful fit one of the formula's doubles by chance
 * (two on average, whichever x is true); more than 14 would be a false alarm of
 * 10^-8.
 */
static void exact_noise_is_not(void **state)
{
    (void)state;
    gsl_rng *rng = test_rng_new(1);
    const struct attack_result r = attack_run(attack_ours, rng, 1000000);
    gsl_rng_free(rng);
    assert_in_range(r.told, 0, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textbook_noise_is_broken),
        cmocka_unit_test(exact_noise_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
