#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/crew.h"
#include "tests/neighbour/mutate.h"
#include "tests/neighbour/reduce.h"
#include "tests/table.h"

/*
 * Ownership, from the outside: every question that the lists say is refused,
 * and thousands of mutations of legal and illegal ones, over two servers whose
 * data differ in one person.  What is refused is refused alike on both; what is
 * accepted must pass as any question does (tests/test_neighbour.c).
 *
 * NEIGHBOUR_SEED, _COUNT, _SECONDS, _JOBS as there; NEIGHBOUR_SHOW=1 prints
 * what is accepted.
 */
enum { USUAL_COUNT = 16000, ROUND = 200, SQL_ROOM = 65536, CAUGHT_MAX = 3 };

static const char *const LISTED[] = {
#define ROW(sql, reason, line, col) sql,
#include "tests/plan_refused.def"
#undef ROW
#define ROW(sql, code, reason, line, col) sql,
#include "tests/sql_refused.def"
#undef ROW
};
static const char *const LEGAL[] = {
#define ROW(sql, ...) sql,
#include "tests/plan_expected.def"
#undef ROW
#define ROW(sql, ...) sql,
#include "tests/sql_accepted.def"
#undef ROW
};
enum {
    LISTED_N = sizeof LISTED / sizeof LISTED[0],
    LEGAL_N = sizeof LEGAL / sizeof LEGAL[0]
};

static struct pair pair;
static char sql[SQL_ROOM];

static const char *draw_listed(struct draw *d)
{
    return draw_chance(d, 60) ? LISTED[draw_below(d, LISTED_N)]
                              : LEGAL[draw_below(d, LEGAL_N)];
}

/* A product of more tables takes longer than anybody waits. */
static bool is_small(const char *text)
{
    static const char *const tables[] = { "buys", "trips", "towns", "shop.",
                                          NULL };
    size_t n = 0;
    for (size_t i = 0; tables[i]; i++)
        for (const char *at = text; (at = strstr(at, tables[i])); at++)
            n++;
    return n <= 8;
}

/* Of the lists, or of the grammar's questions, as the round goes. */
static void write_mutation(struct writer *w, struct draw *d, bool of_lists)
{
    static char one[SQL_ROOM], two[SQL_ROOM];
    struct writer a = writer_of(one, sizeof one);
    struct writer b = writer_of(two, sizeof two);
    if (of_lists) {
        mutate(w, d, draw_listed(d), draw_listed(d));
        return;
    }
    grammar_query(&a, d, NULL);
    grammar_query(&b, d, NULL);
    if (writer_cstr(&a) && writer_cstr(&b))
        mutate(w, d, one, two);
}

static bool ask_round(struct tally *t, uint64_t seed, const void *ctx)
{
    struct draw d = { seed ^ UINT64_C(0xc2b2ae35) };
    const bool of_lists = draw_chance(&d, 60);
    (void)ctx;
    pair_open(&pair, seed, of_lists ? SHOP_OF_LISTS : SHOP_OF_GRAMMAR,
              CONTROL_NONE);
    for (unsigned i = 0; i < ROUND; i++) {
        struct writer w = writer_of(sql, sizeof sql);
        write_mutation(&w, &d, of_lists);
        if (!writer_cstr(&w) || !is_small(sql))
            continue;
        const struct pair_verdict v = crew_ask(t, &pair, sql);
        if (v.code == ERR_OK && getenv("NEIGHBOUR_SHOW"))
            print_error("accepted: %s\n", sql);
        if (v.wrong)
            break;
    }
    pair_close(&pair);
    return t->caught < CAUGHT_MAX;
}

static void no_mutation_stands_out(void **state)
{
    const struct crew crew = crew_of_environment(USUAL_COUNT);
    struct tally t;
    (void)state;
    crew_run(&t, &crew, ask_round, NULL);
    print_message("%u mutations to two servers, %u different ones, %u of these "
                  "accepted\n",
                  t.asked, t.questions, t.answered);
    assert_int_equal(t.caught, 0);
    assert_true(t.asked > 0);
}

/* Of what the parser refuses, settings are shown by another, free: they are no
 * question about anybody. */
static bool is_answered(const struct pair_verdict *v)
{
    const struct dp_price p = v->charged;
    return v->code == ERR_OK &&
           (p.rho_pico > 0 || p.eps_nano > 0 || p.delta_atto > 0);
}

/* By both sides, with the same words, free. */
static void each_listed_is_refused(void **state)
{
    (void)state;
    pair_open(&pair, 1, SHOP_OF_LISTS, CONTROL_NONE);
    for (size_t i = 0; i < LISTED_N; i++) {
        const struct pair_verdict v = pair_ask(&pair, LISTED[i]);
        if (is_answered(&v) || v.wrong)
            fail_msg("%s: %s", LISTED[i], v.wrong ? v.wrong : "accepted");
    }
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_mutation_stands_out), /* forks first */
        cmocka_unit_test(each_listed_is_refused),
    };
    dp_init();
    sql_init();
    crew_in_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
