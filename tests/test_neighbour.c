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
 * The adversary's test: two servers whose data differ in one person, asked the
 * same random questions with the same noise, must not be told apart beyond what
 * the price pays for (tests/neighbour/tape.h and side.h say what exactly).
 *
 * A failure prints the seed, and the question and rows made as few as show it.
 *
 *   NEIGHBOUR_SEED=17 NEIGHBOUR_COUNT=100000 NEIGHBOUR_SECONDS=600
 *                      asks more, from another place; NEIGHBOUR_JOBS=2 at once
 *   NEIGHBOUR_SQL=...  asks this about the shop of NEIGHBOUR_SEED
 *   NEIGHBOUR_LISTS=1  ... with the tables of tests/plan_refused.def
 *   NEIGHBOUR_SHOW=1   prints every refusal; with _SQL, what both sides show
 */
enum { USUAL_COUNT = 4000, SQL_ROOM = 65536, CAUGHT_MAX = 3 };

static struct pair pair;
static char sql[SQL_ROOM];

/* ---- nobody stands out ---- */

static void count_features(struct tally *t, const struct grammar_used *used,
                           bool answered)
{
    bool seen[FEATURES_MAX] = { false };
    for (size_t i = 0; i < used->n; i++) {
        const size_t at = used->at[i];
        t->drawn[at] += !seen[at];
        t->reached[at] += answered && !seen[at];
        seen[at] = true;
    }
}

/* A question; one in twelve is a batch of several. */
static bool draw_question(struct draw *d, struct grammar_used *used)
{
    static char one[SQL_ROOM];
    struct grammar_used more;
    struct writer w = writer_of(sql, sizeof sql);
    const unsigned n = draw_chance(d, 8) ? 2 + draw_below(d, 3) : 1;
    grammar_query(&w, d, used);
    for (unsigned i = 1; i < n;) {
        struct writer next = writer_of(one, sizeof one);
        grammar_query(&next, d, &more);
        if (!writer_cstr(&next) || strncmp(one, "/*", 2) == 0 ||
            strncmp(one, "EXPLAIN", 7) == 0)
            continue; /* what is said of one question is said of all */
        writer_str(&w, SIDE_AND);
        writer_str(&w, one);
        i++;
    }
    return writer_cstr(&w);
}

static bool ask_round(struct tally *t, uint64_t seed, const void *ctx)
{
    struct draw d = { seed ^ UINT64_C(0x5bd1e995) };
    struct grammar_used used;
    (void)ctx;
    pair_open(&pair, seed, SHOP_OF_GRAMMAR, CONTROL_NONE);
    for (unsigned i = 0; i < CREW_ROUND; i++) {
        if (!draw_question(&d, &used))
            continue;
        if (draw_chance(&d, 10))
            pair_decide(&pair, &d);
        const struct pair_verdict v = crew_ask(t, &pair, sql);
        t->batches += v.code == ERR_OK && strstr(sql, SIDE_AND);
        count_features(t, &used, v.code == ERR_OK);
        if (v.code != ERR_OK && getenv("NEIGHBOUR_SHOW"))
            print_error("refused: %s%s\n", v.said, sql);
        if (v.wrong)
            break; /* the rows are not what they were */
    }
    pair_close(&pair);
    return t->caught < CAUGHT_MAX;
}

static void print_features(const struct tally *t)
{
    print_message("accepted of drawn, by feature:\n");
    for (size_t i = 0; i < grammar_size(); i++)
        if (grammar_feature(i)[0])
            print_message("%6u of %6u  %s\n", t->reached[i], t->drawn[i],
                          grammar_feature(i));
}

static void nobody_stands_out(void **state)
{
    const struct crew crew = crew_of_environment(USUAL_COUNT);
    struct tally t;
    (void)state;
    assert_true(grammar_size() <= FEATURES_MAX);
    crew_run(&t, &crew, ask_round, NULL);
    print_features(&t);
    print_message("%u questions to two servers, %u different ones, %u of these "
                  "answered, %u of them batches; a person used up at most %.4f "
                  "of a price\n",
                  t.asked, t.questions, t.answered, t.batches, t.used);
    assert_int_equal(t.caught, 0);
    if (t.asked < 200)
        return; /* a very slow machine, or few were asked for */
    assert_true(t.answered * 10 >
                t.questions * 8); /* else it shows too little */
    assert_true(t.batches > 0);
    assert_true(t.used > 0.9); /* else no person came near the bounds */
}

/* What the harness found once: the question, and what was wrong. */
static const char *const FOUND[] = {
    /* The engine's optimiser raised an internal error: a miss, for ever. */
    "SELECT q2.g AS k, avg(coalesce(q7.g, 4)) AS n FROM (SELECT customer_id, "
    "category AS g FROM shop.orders UNION ALL SELECT customer_id, country "
    "FROM shop.customers) AS q2 LEFT JOIN (SELECT * FROM (SELECT customer_id, "
    "x AS g, x, row_number() OVER (PARTITION BY customer_id) AS r FROM (SELECT "
    "customer_id, day, qty AS x FROM shop.orders ORDER BY at DESC LIMIT 1) AS "
    "a) AS w WHERE r <= 1) AS q7 ON q2.customer_id = q7.customer_id GROUP BY 1",
    /* WHERE leaves nothing of a range: its ends changed places, and the number
     * of a percentile's buckets was divided by zero. */
    "SELECT median(x) FROM (SELECT customer_id, qty AS x FROM shop.orders "
    "WHERE qty >= 50) AS q",
    "SELECT median(x), avg(x) FROM (SELECT customer_id, stddev(qty) AS x FROM "
    "shop.orders WHERE qty >= 50 GROUP BY customer_id) AS q",
    /* A filter that leaves nothing of a column's range divided by zero. */
    "SELECT median(x) FROM (SELECT customer_id, qty AS x FROM shop.orders "
    "WHERE qty < -3) AS q",
};

static void what_was_found_stays_mended(void **state)
{
    (void)state;
    pair_open(&pair, 1, SHOP_OF_GRAMMAR, CONTROL_NONE);
    for (size_t i = 0; i < sizeof FOUND / sizeof FOUND[0]; i++) {
        const struct pair_verdict v = pair_ask(&pair, FOUND[i]);
        if (v.wrong || v.code != ERR_OK)
            fail_msg("%s: %s", FOUND[i], v.wrong ? v.wrong : v.said);
    }
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_stands_out), /* forks first */
        cmocka_unit_test(what_was_found_stays_mended),
    };
    dp_init();
    sql_init();
    crew_in_memory();
    if (getenv("NEIGHBOUR_SQL"))
        return trial_ask_one(
            getenv("NEIGHBOUR_SQL"),
            getenv("NEIGHBOUR_LISTS") ? SHOP_OF_LISTS : SHOP_OF_GRAMMAR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
