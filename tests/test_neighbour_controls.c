#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/crew.h"
#include "tests/neighbour/reduce.h"
#include "tests/neighbour/trial.h"
#include "tests/table.h"

/*
 * Mistakes planted in the server, one at a time (tests/neighbour/control.h):
 * the neighbour harness catches each, within few questions, and makes what it
 * caught small.  NEIGHBOUR_SHOW=1 prints what is left of each.
 */
enum { SQL_ROOM = 65536 };

static struct pair pair;
static char sql[SQL_ROOM], was[SQL_ROOM];

static const struct trial controls[] = {
    { "one group more than L0 is caught", CONTROL_L0, ".category, count" },
    { "... of different values", CONTROL_L0, ", count(DISTINCT t" },
    { "rows past Linf are caught", CONTROL_LINF, "SELECT count(*) FROM shop" },
    { "an order of groups that is not a person's own is caught", CONTROL_TIES,
      "" },
    { "row_number with ties is caught", CONTROL_ROW_NUMBER,
      "row_number() OVER" },
    { "two filters in one cell are caught", CONTROL_FILTERS,
      "count(*) FILTER" },
    { "bounding before a join is caught", CONTROL_FAN_OUT, "" },
    { "an attribute of a person used without the derivation is caught",
      CONTROL_ATTRIBUTE, "SELECT t2.age, " },
    { "a float sum is caught", CONTROL_FLOAT, "sum(" },
    { "an order of rows by exact numbers is caught", CONTROL_ORDER, "" },
    { "a quantile's rows past Linf are caught", CONTROL_HIST, "median" },
    { "a different value past Linf is caught", CONTROL_VALUES,
      "count(DISTINCT t" },
    { "a quantile's score that moves more than said is caught", CONTROL_SCORE,
      "median" },
    { "picks that one person's rows can sway are caught", CONTROL_TOP,
      "DESC LIMIT" },
    { "one group more than L0 out of a rollup is caught", CONTROL_ROLLUP,
      ".category, " },
    { "grouping sets charged once are caught", CONTROL_SETS, "ROLLUP" },
    { "filters charged once are caught", CONTROL_FILTER_PRICE, "FILTER" },
    { "an exact number handed on in a chain is caught", CONTROL_CHAIN,
      "> (SELECT" },
    { "half the noise is caught", CONTROL_NOISE, "" },
    { "a threshold that is one too low is caught", CONTROL_THRESHOLD, "" },
    { "people counted as rows are caught", CONTROL_DISTINCT,
      "count(DISTINCT t" },
    { "a check of consent that is left out is caught", CONTROL_GATE, "" },
};

static void is_caught(void **state)
{
    static const struct trial_terms terms = { .round = 8 * CREW_ROUND,
                                              .count = 2000 };
    trial_run(*state, &terms);
}

/* A failure becomes small, few rows and few words, and shows again from its
 * seed: the question alone, as it was and as it became. */
static void is_reduced(void **state)
{
    static const struct trial row = { "", CONTROL_LINF, "" };
    struct tally t = { 0 };
    (void)state;
    for (uint64_t seed = 1; !t.caught; seed++) {
        struct draw d = { seed ^ UINT64_C(0x5bd1e995) };
        pair_open(&pair, seed, SHOP_OF_GRAMMAR, row.control);
        for (unsigned i = 0; i < CREW_ROUND && !t.caught; i++) {
            struct writer w = writer_of(sql, sizeof sql);
            grammar_query(&w, &d, NULL);
            const struct pair_verdict v = pair_ask(&pair, sql);
            if (!writer_cstr(&w) || !v.wrong || strlen(sql) < 250)
                continue;
            t.caught++;
            (void)snprintf(was, sizeof was, "%s", sql);
            reduce(&pair, sql, v.wrong);
            reduce_print(&pair, sql, v.wrong);
            assert_true(reduce_rows(&pair) <= 8);
            assert_true(strlen(sql) < 200);
            assert_string_equal(pair_ask(&pair, sql).wrong, v.wrong);
            pair_close(&pair);
            pair_open(&pair, seed, SHOP_OF_GRAMMAR, row.control);
            assert_string_equal(pair_ask(&pair, was).wrong, v.wrong);
            assert_string_equal(pair_ask(&pair, sql).wrong, v.wrong);
        }
        pair_close(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest reduced[] = { cmocka_unit_test(is_reduced) };
    dp_init();
    sql_init();
    crew_in_memory();
    return RUN_ROWS(controls, is_caught) +
           cmocka_run_group_tests(reduced, NULL, NULL);
}
