#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/control.h"
#include "tests/neighbour/grammar.h"
#include "tests/neighbour/shop.h"
#include "tests/neighbour/side.h"
#include "tests/neighbour/tape.h"
#include "tests/table.h"

/*
 * The adversary's test: two servers whose data differ in one person, asked the
 * same random questions with the same noise, must not be told apart beyond what
 * the price pays for (tests/neighbour/tape.h says what exactly).
 *
 * A failure prints the seed, the question and the fewest people that show it:
 *
 *   NEIGHBOUR_SEED=17 NEIGHBOUR_COUNT=100000 build/opt/tests/test_neighbour
 *
 * asks more, from another place.
 */
enum { QUESTIONS_A_SHOP = 40, SQL_ROOM = 32768 };
enum { EVERYONE = (1 << (SHOP_PEOPLE + 1)) - 1 };

/* A statement that the engine refuses shows nothing about privacy. */
static const char FAILED[] = "the engine failed";

struct tally {
    unsigned asked, answered, caught;
    const char *wrong; /* the last thing caught */
};

/* Two shops and their servers; everything follows from the seed. */
struct pair {
    struct shop shop;
    struct side with, without;
    uint64_t seed;
    unsigned person, keep;
};

static void pair_open(struct pair *p, uint64_t seed, unsigned keep,
                      enum control control)
{
    struct draw d = { seed };
    *p = (struct pair){ .seed = seed, .keep = keep };
    p->person = 1 + draw_below(&d, SHOP_PEOPLE);
    shop_make(&p->shop, &d, p->person, keep);
    side_open(&p->with, p->shop.with.dir);
    side_open(&p->without, p->shop.without.dir);
    if (control != CONTROL_NONE) {
        p->with.dataset.engine = control_engine(p->with.inner, control);
        p->without.dataset.engine = control_engine(p->without.inner, control);
    }
}

static void pair_close(struct pair *p)
{
    if (p->with.dataset.engine != p->with.inner) {
        engine_close(p->with.dataset.engine);
        engine_close(p->without.dataset.engine);
    }
    side_close(&p->with);
    side_close(&p->without);
    shop_remove(&p->shop);
}

/* What tells the two sides apart, or NULL. */
static const char *ask_both(struct pair *p, const char *sql, bool *answered)
{
    struct tape tape = { 0 };
    struct seen with, without;
    tape_record(&tape);
    side_ask(&without, &p->without, sql);
    tape_play(&tape);
    side_ask(&with, &p->with, sql);
    tape_stop();
    const char *wrong = tape.wrong ? tape.wrong
                        : tape.at != tape.n
                            ? "one side made more releases than the other"
                            : seen_differ(&with, &without);
    if (wrong && getenv("NEIGHBOUR_SHOW"))
        print_error("with:\n%s%s\nwithout:\n%s%s\n", with.text, with.log,
                    without.text, without.log);
    *answered = with.code == ERR_OK;
    if (with.code == ERR_INTERNAL || with.code == ERR_MISS)
        wrong = wrong                   ? wrong
                : with.code == ERR_MISS ? "the engine failed"
                                        : "an internal error";
    seen_fini(&with);
    seen_fini(&without);
    tape_fini(&tape);
    return wrong;
}

/* Is it still wrong with fewer people? */
static unsigned reduce(uint64_t seed, unsigned person, const char *sql,
                       enum control control)
{
    unsigned keep = EVERYONE;
    for (unsigned p = 0; p <= SHOP_PEOPLE; p++) {
        struct pair pair;
        bool answered;
        if (p == person)
            continue;
        pair_open(&pair, seed, keep & ~(1u << p), control);
        if (ask_both(&pair, sql, &answered))
            keep &= ~(1u << p);
        pair_close(&pair);
    }
    return keep;
}

static void complain(const struct pair *p, const char *sql, const char *wrong,
                     enum control control)
{
    const unsigned keep = reduce(p->seed, p->person, sql, control);
    print_error("seed %llu, person %u removed: %s\n  %s\n  shows with people:",
                (unsigned long long)p->seed, p->person, wrong, sql);
    for (unsigned i = 0; i <= SHOP_PEOPLE; i++)
        if (keep >> i & 1)
            print_error(" %u", i);
    print_error("\n");
}

/* One pair of shops, QUESTIONS_A_SHOP questions. */
static void round_of(struct tally *t, uint64_t seed, enum control control)
{
    struct pair p;
    struct draw d = { seed ^ UINT64_C(0x5bd1e995) };
    static char sql[SQL_ROOM];
    pair_open(&p, seed, EVERYONE, control);
    for (unsigned i = 0; i < QUESTIONS_A_SHOP; i++) {
        struct writer w = writer_of(sql, sizeof sql);
        bool answered;
        grammar_query(&w, &d);
        if (!writer_cstr(&w))
            continue;
        const char *wrong = ask_both(&p, sql, &answered);
        t->asked++;
        t->answered += answered;
        if (!wrong || (control != CONTROL_NONE && strcmp(wrong, FAILED) == 0))
            continue;
        t->caught++;
        t->wrong = wrong;
        if (control == CONTROL_NONE)
            complain(&p, sql, wrong, control);
        else
            break;
    }
    pair_close(&p);
}

static unsigned long number_of(const char *name, unsigned long usual)
{
    const char *text = getenv(name);
    return text && text[0] ? strtoul(text, NULL, 10) : usual;
}

static void nobody_stands_out(void **state)
{
    struct tally t = { 0 };
    const unsigned long seed = number_of("NEIGHBOUR_SEED", 1);
    const unsigned long count = number_of("NEIGHBOUR_COUNT", 1000);
    (void)state;
    for (uint64_t i = 0; t.asked < count && t.caught < 5; i++)
        round_of(&t, seed + i, CONTROL_NONE);
    print_message("%u questions, %u answered\n", t.asked, t.answered);
    assert_int_equal(t.caught, 0);
    assert_true(t.answered * 4 > t.asked * 3); /* else it shows too little */
}

static const struct control_row {
    const char *name;
    enum control control;
} controls[] = {
    { "one group more than L0 is caught", CONTROL_L0 },
    { "rows past Linf are caught", CONTROL_LINF },
    { "an order of groups that is not a person's own is caught", CONTROL_TIES },
    { "two filters in one cell are caught", CONTROL_FILTERS },
    { "bounding before a join is caught", CONTROL_FAN_OUT },
    { "a float sum is caught", CONTROL_FLOAT },
    { "picks that one person's rows can sway are caught", CONTROL_SCORE },
    { "one group more than L0 out of a rollup is caught", CONTROL_ROLLUP },
    { "an order of rows by exact numbers is caught", CONTROL_ORDER },
};

static void is_caught(void **state)
{
    const struct control_row *row = *state;
    struct tally t = { 0 };
    for (uint64_t seed = 1; t.caught == 0 && t.asked < 2000; seed++)
        round_of(&t, seed, row->control);
    print_message("%s after %u questions: %s\n", row->name, t.asked,
                  t.caught ? t.wrong : "not at all");
    assert_true(t.caught > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_stands_out) };
    dp_init();
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL) +
           RUN_ROWS(controls, is_caught);
}
