#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/grammar.h"
#include "tests/neighbour/shop.h"
#include "tests/neighbour/side.h"
#include "tests/table.h"

/*
 * The grammar of the neighbour harness reaches all it says it does: planned,
 * not run, so that there are enough questions on the slowest machine.  Prints
 * the histogram of features.
 */
enum { QUESTIONS = 6000, SQL_ROOM = 65536 };

/* Of questions: all, and those that the planner accepts, by production. */
static unsigned drawn[GRAMMAR_USED_MAX], reached[GRAMMAR_USED_MAX];

static bool is_accepted(const char *sql, const struct policy *policy)
{
    struct arena a;
    struct request req;
    struct value params[SIDE_PARAMS];
    struct select *tree;
    struct plan *plan;
    struct err err = { 0 };
    arena_init(&a, 64 << 20);
    side_request(&req, params, sql);
    const bool accepted =
        sql_parse(&tree, sql, strlen(sql), &a, &err) == ERR_OK &&
        plan_query(&plan, &req, tree, policy, &a, &err) == ERR_OK;
    if (!accepted && getenv("NEIGHBOUR_SHOW"))
        print_error("refused: %s (%s)\n  %s\n", err.msg, err.hint, sql);
    arena_fini(&a);
    return accepted;
}

static unsigned ask_all(const struct policy *policy)
{
    static char sql[SQL_ROOM];
    struct draw d = { 11 };
    unsigned accepted = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct grammar_used used;
        struct writer w = writer_of(sql, sizeof sql);
        bool seen[GRAMMAR_USED_MAX] = { false };
        grammar_query(&w, &d, &used);
        assert_true(writer_cstr(&w));
        const bool yes = is_accepted(sql, policy);
        accepted += yes;
        for (size_t k = 0; k < used.n; k++) {
            drawn[used.at[k]] += !seen[used.at[k]];
            reached[used.at[k]] += yes && !seen[used.at[k]];
            seen[used.at[k]] = true;
        }
    }
    return accepted;
}

static void each_feature_is_reached(void **state)
{
    struct arena a;
    struct policy_report report = { 0 };
    struct policy *policy;
    struct err err = { 0 };
    (void)state;
    assert_true(grammar_size() <= GRAMMAR_USED_MAX);
    arena_init(&a, 16 << 20);
    assert_int_equal(policy_load_bytes(&policy, SHOP_POLICY,
                                       strlen(SHOP_POLICY), "shop.yaml",
                                       &report, &a, &err),
                     ERR_OK);
    const unsigned accepted = ask_all(policy);
    print_message("accepted of drawn, by feature:\n");
    for (size_t i = 0; i < grammar_size(); i++)
        if (grammar_feature(i)[0])
            print_message("%6u of %6u  %s\n", reached[i], drawn[i],
                          grammar_feature(i));
    print_message("%u of %u questions are accepted\n", accepted,
                  (unsigned)QUESTIONS);
    for (size_t i = 0; i < grammar_size(); i++)
        if (grammar_feature(i)[0] && reached[i] == 0)
            fail_msg("no accepted question has this: %s", grammar_feature(i));
    assert_true(accepted * 20 > QUESTIONS * 17);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(
        each_feature_is_reached) };
    dp_init();
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
