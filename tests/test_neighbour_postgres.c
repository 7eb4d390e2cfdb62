#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/crew.h"
#include "tests/neighbour/pgshop.h"
#include "tests/neighbour/reduce.h"
#include "tests/neighbour/trial.h"
#include "tests/table.h"

/*
 * The same adversary as in tests/test_neighbour.c, over rows in a PostgreSQL:
 * two servers whose databases differ in one person.  Then mistakes planted in
 * the statements that PostgreSQL is given, each of which must be caught.
 *
 * NEIGHBOUR_SEED, _COUNT, _SECONDS, _JOBS, _SHOW and _SQL as there.
 */
enum { USUAL_COUNT = 400, SQL_ROOM = 65536, CAUGHT_MAX = 3 };

static struct pair pair;
static char sql[SQL_ROOM];

static bool ask_round(struct tally *t, uint64_t seed, const void *ctx)
{
    struct draw d = { seed ^ UINT64_C(0x5bd1e995) };
    const struct crew *crew = ctx;
    const unsigned share = crew->count / (crew->jobs ? crew->jobs : 1);
    pair_open_in(&pair, seed, SHOP_OF_GRAMMAR, CONTROL_NONE,
                 SHOP_IN_POSTGRESQL);
    for (unsigned i = 0; i < CREW_ROUND / 4 && t->asked < share; i++) {
        struct writer w = writer_of(sql, sizeof sql);
        grammar_query(&w, &d, NULL);
        if (!writer_cstr(&w))
            continue;
        if (draw_chance(&d, 10))
            pair_decide(&pair, &d);
        const struct pair_verdict v = crew_ask(t, &pair, sql);
        if (v.code != ERR_OK && getenv("NEIGHBOUR_SHOW"))
            print_error("refused: %s%s\n", v.said, sql);
        if (v.wrong)
            break;
    }
    pair_close(&pair);
    return t->caught < CAUGHT_MAX;
}

static void nobody_stands_out(void **state)
{
    const struct crew crew = crew_of_environment(USUAL_COUNT);
    struct tally t;
    (void)state;
    crew_run(&t, &crew, ask_round, &crew);
    print_message("%u questions to two servers over a PostgreSQL, %u different "
                  "ones, %u of these answered; a person used up at most %.4f "
                  "of a price\n",
                  t.asked, t.questions, t.answered, t.used);
    assert_int_equal(t.caught, 0);
    if (t.asked < 200)
        return; /* a very slow machine, or few were asked for */
    assert_true(t.answered * 10 > t.questions * 8);
    assert_true(t.used > 0.9); /* else no person came near the bounds */
}

/* ---- planted ---- */

static const struct trial controls[] = {
    { "bounding left out is caught", CONTROL_BOUNDS, ".category, count" },
    { "one group more than L0 is caught", CONTROL_L0, ".category, count" },
    { "rows past Linf are caught", CONTROL_LINF, "SELECT count(*) FROM shop" },
    { "a check of consent that is left out is caught", CONTROL_GATE, "" },
    { "an order of groups that is not a person's own is caught", CONTROL_TIES,
      "" },
    { "bounding before a join is caught", CONTROL_FAN_OUT, "" },
    { "a quantile's rows past Linf are caught", CONTROL_HIST, "median" },
    { "people counted as rows are caught", CONTROL_DISTINCT,
      "count(DISTINCT t" },
};

static void is_caught(void **state)
{
    static const struct trial_terms terms = { .in_postgres = true,
                                              .round = CREW_ROUND,
                                              .count = 400 };
    trial_run(*state, &terms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_stands_out), /* forks first */
    };
    dp_init();
    sql_init();
    crew_in_memory();
    pgshop_start();
    if (getenv("NEIGHBOUR_SQL"))
        return trial_ask_one(getenv("NEIGHBOUR_SQL"), SHOP_OF_GRAMMAR, true);
    return cmocka_run_group_tests(tests, NULL, NULL) +
           RUN_ROWS(controls, is_caught);
}
