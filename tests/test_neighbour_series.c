#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/crew.h"
#include "tests/table.h"

/*
 * The adversary's test of days that are shown again: two servers whose data
 * differ in one person, asked for windows of days, weeks and months that move
 * and overlap.  Which days are released anew, what that costs and what stands
 * in the receipt must be alike, and no price may be passed by what its own
 * days tell (tests/neighbour/tape.h): rows that were stored are read on both
 * sides, and are no release.  NEIGHBOUR_SEED, _COUNT, _SECONDS and _JOBS as in
 * test_neighbour.c.
 */
enum { USUAL_COUNT = 480, WINDOWS = 24, SQL_ROOM = 1024 };

static const char *const KEYS[] = {
    "date_trunc('day', at)",           "date_trunc('week', at)",
    "date_trunc('month', at)",         "CAST(at AS date)",
    "date_trunc('day', at), category", "date_trunc('week', at), qty > 2",
};
static const char *const WHATS[] = {
    "COUNT(*)",    "COUNT(DISTINCT customer_id)", "SUM(amount), COUNT(*)",
    "AVG(amount)", "COUNT(*), MEDIAN(amount)",
};
static const char *const FILTERS[] = {
    "",
    " AND category <> 'food'",
    " AND qty BETWEEN 1 AND 5",
};
#define PICK(list, d) (list)[draw_below((d), sizeof(list) / sizeof *(list))]

/* A window of one series, not where the one before was. */
static void print_window(char out[SQL_ROOM], const char *key, const char *what,
                         const char *filter, struct draw *d)
{
    const unsigned first = draw_below(d, 8), days = 25 + draw_below(d, 30);
    (void)snprintf(
        out, SQL_ROOM,
        "SELECT %s, %s FROM orders WHERE at >= TIMESTAMP '2024-01-01' + "
        "INTERVAL '%u days' AND at < TIMESTAMP '2024-01-01' + INTERVAL '%u "
        "days'%s GROUP BY %s",
        key, what, first, first + days, filter,
        strstr(key, ", c") || strstr(key, ", q") ? "1, 2" : "1");
}

static struct pair pair;

/* The shop's own policy keeps no answer. */
static void reuse(struct side *s)
{
    struct policy *p = (struct policy *)(uintptr_t)s->dataset.policy;
    p->reuse_for_s = 86400;
}

/* One window, or two of the same series as a dashboard: one charge. */
static void print_question(char out[2 * SQL_ROOM], const char *key,
                           const char *what, const char *filter, struct draw *d)
{
    char second[SQL_ROOM];
    print_window(out, key, what, filter, d);
    if (!draw_chance(d, 30))
        return;
    print_window(second, key, PICK(WHATS, d), filter, d);
    (void)strcat(strcat(out, SIDE_AND), second);
}

static bool ask_round(struct tally *t, uint64_t seed, const void *ctx)
{
    struct draw d = { seed };
    const char *key = PICK(KEYS, &d), *what = PICK(WHATS, &d),
               *filter = PICK(FILTERS, &d);
    (void)ctx;
    pair_open(&pair, seed, SHOP_OF_GRAMMAR, CONTROL_NONE);
    reuse(&pair.without);
    for (size_t i = 0; i < pair.shop.n; i++)
        reuse(&pair.with[i]);
    for (int i = 0; i < WINDOWS; i++) {
        char sql[2 * SQL_ROOM];
        print_question(sql, key, what, filter, &d);
        const struct pair_verdict v = pair_ask(&pair, sql);
        if (v.code == ERR_BUDGET)
            break;
        t->questions++;
        t->asked += (unsigned)pair.shop.n;
        t->answered += v.code == ERR_OK;
        t->batches += v.code == ERR_OK && strstr(sql, SIDE_AND);
        t->free += v.code == ERR_OK && v.used == 0;
        t->used = v.used > t->used ? v.used : t->used;
        if (!v.wrong)
            continue;
        print_error("seed %llu: %s\n  %s\n", (unsigned long long)seed, v.wrong,
                    sql);
        t->caught++;
        break;
    }
    pair_close(&pair);
    return t->caught == 0;
}

static void windows_of_days(void **state)
{
    const struct crew crew = crew_of_environment(USUAL_COUNT);
    struct tally t;
    (void)state;
    crew_run(&t, &crew, ask_round, NULL);
    print_message(
        "%u questions to two servers, %u different windows, %u of these "
        "answered, %u of them two at once, %u told nothing new of a "
        "person; at most %.4f of a price was used up\n",
        t.asked, t.questions, t.answered, t.batches, t.free, t.used);
    assert_int_equal(t.caught, 0);
    if (t.asked < 200)
        return; /* a very slow machine, or few were asked for */
    assert_true(t.answered * 4 > t.questions * 3);
    assert_true(t.batches > 0);
    assert_true(t.used > 0.3); /* some person comes near a bound */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(windows_of_days) };
    dp_init();
    sql_init();
    crew_in_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
