#include "tests/neighbour/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/neighbour/reduce.h"
#include "tests/table.h"

enum { SQL_ROOM = 65536 };

static struct pair pair;
static char sql[SQL_ROOM];

static void open_shop(uint64_t seed, enum shop_tables which,
                      enum control control, bool in_postgres)
{
    if (in_postgres)
        pair_open_in(&pair, seed, which, control, SHOP_IN_POSTGRESQL);
    else
        pair_open(&pair, seed, which, control);
}

struct running {
    const struct trial *trial;
    const struct trial_terms *terms;
};

static bool trial_round(struct tally *t, uint64_t seed, const void *ctx)
{
    const struct running *r = ctx;
    struct draw d = { seed ^ UINT64_C(0x5bd1e995) };
    const bool shows = getenv("NEIGHBOUR_SHOW") != NULL;
    open_shop(seed, SHOP_OF_GRAMMAR, r->trial->control, r->terms->in_postgres);
    for (unsigned i = 0; i < r->terms->round && !t->caught; i++) {
        struct writer w = writer_of(sql, sizeof sql);
        grammar_query(&w, &d, NULL);
        if (!writer_cstr(&w) || !strstr(sql, r->trial->needs))
            continue;
        if (r->trial->control == CONTROL_GATE && draw_chance(&d, 50))
            pair_decide(&pair, &d);
        const struct pair_verdict v = pair_ask(&pair, sql);
        t->asked++;
        if (!v.wrong || strcmp(v.wrong, PAIR_FAILED) == 0)
            continue;
        t->caught++;
        (void)snprintf(t->wrong, sizeof t->wrong, "%s", v.wrong);
        if (shows) {
            reduce(&pair, sql, v.wrong);
            reduce_print(&pair, sql, v.wrong);
        }
    }
    pair_close(&pair);
    return !t->caught;
}

void trial_run(const struct trial *trial, const struct trial_terms *terms)
{
    const struct crew crew = { .count = terms->count,
                               .seconds = 60,
                               .seed = 1 };
    const struct running r = { trial, terms };
    struct tally t;
    crew_run(&t, &crew, trial_round, &r);
    print_message("%s after %u questions: %s\n", trial->name, t.asked,
                  t.caught ? t.wrong : "not at all");
    assert_true(t.caught > 0);
}

int trial_ask_one(const char *text, enum shop_tables which, bool in_postgres)
{
    const struct crew crew = crew_of_environment(1);
    open_shop(crew.seed, which, CONTROL_NONE, in_postgres);
    pair.show = getenv("NEIGHBOUR_SHOW") != NULL;
    const struct pair_verdict v = pair_ask(&pair, text);
    print_message("%s, used %.4f\n", v.wrong ? v.wrong : "nothing is wrong",
                  v.used);
    pair_close(&pair);
    return v.wrong != NULL;
}
