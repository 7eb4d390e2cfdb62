/*
 * A public library with 20,000 readers publishes three things about them and
 * keeps count of what that gave away.  Needs libhalftone-dp alone:
 *
 *     cc library.c $(pkg-config --cflags --libs halftone-dp) && ./a.out
 *
 * The unit of privacy is a reader: one town, one age, at most 40 loans.
 */
#include <stdio.h>
#include <stdlib.h>

#include "dp/convert.h"
#include "dp/interval.h"
#include "dp/mechanism.h"
#include "dp/price.h"
#include "dp/quantile.h"
#include "dp/rng.h"
#include "dp/select.h"

enum { READERS = 20000, TOWNS = 12, AGES = 100, LOANS_MAX = 40 };
#define LEVEL 0.95

/* Every status that is not DP_OK is a mistake in this program. */
static void must(enum dp_status status)
{
    if (status != DP_OK)
        abort();
}

/* What is known exactly, and never printed. */
struct exact {
    struct dp_exact readers[TOWNS], ages[AGES], loans;
};

/* Made-up readers; each town is half as large as the one before. */
static void collect(struct exact *e)
{
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_default); /* data, not noise */
    for (int i = 0; i < READERS; i++) {
        int town = 0;
        while (town < TOWNS - 1 && gsl_rng_get(rng) % 2)
            town++;
        e->readers[town].touched++;
        e->ages[(gsl_rng_get(rng) % 50 + gsl_rng_get(rng) % 50)].touched++;
        /* One reader adds at most LOANS_MAX, whatever the register says. */
        const unsigned long loans = gsl_rng_get(rng) % 60;
        e->loans.touched += (dp_int)(loans < LOANS_MAX ? loans : LOANS_MAX);
    }
    gsl_rng_free(rng);
}

/* The budget: what may be spent in all, and what has been. */
struct budget {
    struct dp_price limit, spent;
};

/* Pay before looking; refuse what does not fit. */
static void charge(struct budget *b, const char *what, struct dp_price price)
{
    const struct dp_price after = dp_price_add(b->spent, price);
    if (!dp_price_fits(after, b->limit)) {
        printf("%s: over budget\n", what);
        exit(1);
    }
    b->spent = after;
    printf("\n%s (rho %.6f)\n", what, (double)price.rho_pico * DP_PICO);
}

static void print(const char *name, struct dp_noisy value,
                  struct dp_interval range)
{
    printf("  %-12s %9.0f   %.0f to %.0f\n", name, (double)value.v, range.lo,
           range.hi);
}

/*
 * Readers by town, to ±50.  Which towns have readers at all is itself about
 * readers, so a town is shown only when its noisy number passes a threshold.
 */
static void towns(const struct exact *e, struct budget *b, gsl_rng *rng)
{
    struct dp_mechanism noise;
    struct dp_threshold shown;
    struct dp_price price;
    must(dp_mechanism_of_accuracy(&noise, DP_DGAUSS, 50, LEVEL));
    must(dp_threshold_of(&shown, &noise, 1, 1e-7, 0));
    must(dp_mechanism_price(&price, &noise, 1, DP_ZCDP));
    must(dp_units_up(&price.delta_atto, 1e-7, DP_ATTO));
    charge(b, "readers by town", price);

    struct dp_noisy noisy[TOWNS];
    must(dp_mechanism_release(noisy, e->readers, TOWNS, &noise, rng));
    for (int i = 0; i < TOWNS; i++) {
        const struct dp_reading r = { noisy[i], noise };
        struct dp_interval range;
        char name[16];
        if (!dp_threshold_shows(shown, e->readers[i], noisy[i]))
            continue;
        snprintf(name, sizeof name, "town %d", i + 1);
        must(dp_interval_of_shown(&range, &r, shown, LEVEL));
        print(name, noisy[i], range);
    }
}

/* All loans, for a price: the noise that it buys. */
static void loans(const struct exact *e, struct budget *b, gsl_rng *rng)
{
    struct dp_mechanism noise;
    struct dp_price price;
    must(dp_mechanism_of_price(&noise, DP_DGAUSS, LOANS_MAX,
                               (struct dp_price){ .rho_pico = 2000000000 },
                               DP_ZCDP));
    must(dp_mechanism_price(&price, &noise, LOANS_MAX, DP_ZCDP));
    charge(b, "loans", price);

    struct dp_reading r = { .noise = noise };
    struct dp_interval range;
    must(dp_mechanism_release(&r.value, &e->loans, 1, &noise, rng));
    must(dp_interval_of_value(&range, &r, LEVEL));
    print("loans", r.value, range);
}

/* The median age: a private choice among the ages. */
static void median_age(const struct exact *e, struct budget *b, gsl_rng *rng)
{
    struct dp_quantile median;
    struct dp_choice choice;
    struct dp_price price;
    must(dp_quantile_of(&median, 0.5));
    must(dp_quantile_choice(&choice, &median, 1,
                            (struct dp_price){ .rho_pico = 1000000000 },
                            DP_ZCDP));
    must(dp_choice_price(&price, &choice, DP_ZCDP));
    charge(b, "median age", price);

    struct dp_exact room[AGES + 2];
    size_t age;
    must(dp_quantile_pick(&age, e->ages, AGES, &median, &choice, room, rng));
    printf("  %-12s %9zu\n", "years", age);
}

int main(void)
{
    static struct exact e;
    struct budget b = { { 0 }, { 0 } };
    must(dp_units_down(&b.limit.rho_pico, 0.01, DP_PICO));
    must(dp_units_down(&b.limit.delta_atto, 1e-6, DP_ATTO));
    gsl_rng *rng = dp_rng_system();

    collect(&e);
    towns(&e, &b, rng);
    loans(&e, &b, rng);
    median_age(&e, &b, rng);
    gsl_rng_free(rng);

    /* What all three together gave away about any one reader. */
    const double rho = (double)b.spent.rho_pico * DP_PICO;
    const double delta = (double)b.spent.delta_atto * DP_ATTO;
    double eps;
    must(dp_eps_of_rho(&eps, rho, 1e-6));
    printf(
        "\nspent rho %.6f: epsilon %.3f at delta %.1e.  Someone who believed "
        "50:50\nthat a reader is in this can come to believe at most "
        "%.0f:%.0f.\n",
        rho, eps, 1e-6 + delta, 100 * dp_odds_of_rho(rho, 1e-6),
        100 - 100 * dp_odds_of_rho(rho, 1e-6));
    return 0;
}
