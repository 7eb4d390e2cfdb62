/*
 * Lives of several servers over one ledger (tests/sim/sim.h): hundreds of
 * seeds, and controls that must be found out.
 *
 *   SIM_SEED=N   that life alone, its events told
 *   SOAK=N       a thousand more, from seed N on
 */
#include <stdio.h>
#include <stdlib.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/sim/sim.h"
#include "tests/table.h"

enum { SEEDS = 200, SOAK_SEEDS = 1000, CONTROL_SEEDS = 200 };

static const struct row {
    const char *name;
    enum sim_plant plant;
} rows[] = {
    { "every life ends as the model says", SIM_PLANT_NONE },
    { "control: a commit that broke off is taken for done",
      SIM_PLANT_BELIEVES },
    { "control: what other servers changed is not read", SIM_PLANT_STALE },
    { "control: the loser of a race sends its own answer", SIM_PLANT_LOSER },
};

static void add(struct sim_result *sum, const struct sim_result *r)
{
    sum->answers += r->answers;
    sum->misses += r->misses;
    sum->refused += r->refused;
    sum->retries += r->retries;
    sum->kills += r->kills;
}

static void check_lives(void)
{
    const char *one = getenv("SIM_SEED"), *soak = getenv("SOAK");
    const uint64_t first = one    ? strtoull(one, NULL, 10)
                           : soak ? strtoull(soak, NULL, 10)
                                  : 1;
    const uint64_t n = one ? 1 : soak ? SOAK_SEEDS : SEEDS;
    struct sim_result sum = { 0 };
    for (uint64_t seed = first; seed < first + n; seed++) {
        struct sim_result r;
        sim_live(&r, seed, SIM_PLANT_NONE, one != NULL);
        if (r.broken)
            fail_msg("seed %llu: %s", (unsigned long long)seed, r.broken);
        add(&sum, &r);
    }
    print_message("%u answers, %u misses, %u refused, %u retries, %u kills\n",
                  sum.answers, sum.misses, sum.refused, sum.retries, sum.kills);
    if (!one) /* all of it happened */
        assert_true(sum.answers && sum.misses && sum.refused && sum.retries &&
                    sum.kills > n);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct sim_result r = { 0 };
    uint64_t seed = 0;
    if (row->plant == SIM_PLANT_NONE) {
        check_lives();
        return;
    }
    while (!r.broken && seed < CONTROL_SEEDS)
        sim_live(&r, ++seed, row->plant, false);
    assert_non_null(r.broken);
    print_message("seed %llu: %s\n", (unsigned long long)seed, r.broken);
}

/* A failing seed is worth something only when it fails again. */
static void test_replays(void **state)
{
    struct sim_result a, b, other;
    (void)state;
    sim_live(&a, 7, SIM_PLANT_NONE, false);
    sim_live(&b, 7, SIM_PLANT_NONE, false);
    sim_live(&other, 9, SIM_PLANT_NONE, false);
    assert_true(a.events == b.events && a.answers == b.answers);
    assert_true(a.events != other.events);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_replays) };
    dp_init();
    sql_init();
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL) |
           RUN_ROWS(rows, check_row);
}
