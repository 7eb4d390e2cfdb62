#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_relation.h"
#include "tests/table.h"

/*
 * What one person changes, on exact integers: random questions over random
 * data, with and without each person, the rows in another order each time.
 * For every question and person
 *
 *   each measure of each group changes by at most its bound, and
 *   at most L0 groups change at all, or are there for one and not the other
 *   where groups are selected, but for the people left out of a group,
 *   a report that changes in as many groups as it is priced for,
 *
 * which is all that the price of a release rests on.  NEIGHBOUR_ROUNDS=n runs
 * n rounds of questions; the controls show that the check catches what it is
 * for.
 */
enum {
    PEOPLE = 5,
    QUESTIONS = 40,
    ROUNDS = 2,
    GROUPS_MAX = 64,
    MEASURES_MAX = 16,
    SECRET = 9
};

/* One answer of the engine: groups by text, their measures. */
struct group {
    char key[256];
    long long m[MEASURES_MAX];
};
struct answer {
    struct group groups[GROUPS_MAX];
    size_t n;
};

static void read_line(struct group *g, char *line, size_t n_measures)
{
    for (size_t i = n_measures; i-- > 0;) {
        char *bar = strrchr(line, '|');
        g->m[i] = strtoll(bar ? bar + 1 : line, NULL, 10);
        if (bar)
            *bar = '\0';
        else
            line[0] = '\0';
    }
    assert_true(strlen(line) < sizeof g->key);
    strcpy(g->key, line);
}

static bool read_answer(struct answer *out, struct plan_db *db,
                        const struct plan *plan)
{
    char *text = plan_db_answer(db, plan, SECRET), *save = NULL;
    out->n = 0;
    if (!text)
        return false;
    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        assert_true(out->n < GROUPS_MAX);
        read_line(&out->groups[out->n++], line, plan->n_measures);
    }
    free(text);
    return true;
}

static const long long *measures_of(const struct answer *a, const char *key)
{
    static const long long none[MEASURES_MAX];
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->groups[i].key, key) == 0)
            return a->groups[i].m;
    return none;
}

struct changes {
    size_t groups;
    size_t left; /* groups whose report on people left out differs */
    bool bounded;
};

static void count_changes(struct changes *c, const struct answer *a,
                          const struct answer *b, const struct plan *plan,
                          bool only_missing)
{
    for (size_t i = 0; i < a->n; i++) {
        const long long *x = a->groups[i].m;
        const long long *y = measures_of(b, a->groups[i].key);
        bool has = false, differs = false, left = false;
        for (size_t k = 0; k < b->n; k++)
            has |= strcmp(b->groups[k].key, a->groups[i].key) == 0;
        if (only_missing && has)
            continue;
        for (size_t m = 0; m < plan->n_measures; m++) {
            const long long change = llabs(x[m] - y[m]);
            const bool is_left = plan->measures[m].kind == MEASURE_LEFT;
            if (is_left && plan->selects && !has)
                continue; /* shown with the group, which delta pays for */
            differs |= change > 0 && !is_left;
            left |= change > 0 && is_left;
            c->bounded &= (unsigned long long)change <= plan->measures[m].bound;
        }
        c->groups += differs || (plan->selects && !has);
        c->left += left;
    }
}

static bool neighbours_agree(const struct answer *a, const struct answer *b,
                             const struct plan *plan)
{
    struct changes c = { .bounded = true };
    size_t left = 0;
    count_changes(&c, a, b, plan, false);
    count_changes(&c, b, a, plan, true);
    for (size_t m = 0; m < plan->n_measures; m++)
        if (plan->measures[m].kind == MEASURE_LEFT)
            left = plan->measures[m].l0;
    return c.bounded && c.groups <= plan->l0 && c.left <= left;
}

static void fill(struct plan_db *db, unsigned seed)
{
    char sql[2048];
    (void)snprintf(
        sql, sizeof sql,
        "CREATE OR REPLACE TABLE every_buy AS SELECT CASE WHEN h %% 7 < %d "
        "THEN h %% 7 END AS who, (['W','B','L','X',NULL])[1 + h // 7 %% 5] AS "
        "city, (['a','b','z'])[1 + h // 35 %% 3] AS kind, CASE WHEN h // 105 "
        "%% 6 < 5 THEN h // 105 %% 6 END AS n, CASE WHEN h // 630 %% 6 < 5 "
        "THEN (h // 630 %% 6 - 1) * 0.25 END AS price, h AS o FROM (SELECT "
        "CAST(hash(range + %u * 1000) %% 1000000007 AS BIGINT) AS h FROM "
        "range(34)); "
        "CREATE OR REPLACE TABLE every_trip AS SELECT CASE WHEN h %% 6 < %d "
        "THEN h %% 6 END AS who, (['W','B','L',NULL])[1 + h // 6 %% 4] AS "
        "city, h // 24 %% 5 AS km, h AS o FROM (SELECT CAST(hash(range + 500 + "
        "%u * "
        "1000) %% 1000000007 AS BIGINT) AS h FROM range(14)); "
        "DELETE FROM src.towns; INSERT INTO src.towns VALUES ('W',1), ('B',2), "
        "('B',3), ('X',4), (NULL,5)",
        PEOPLE, seed, PEOPLE, seed);
    plan_db_run(db, sql);
}

/* Everybody but one (nobody is -1), in an order of its own. */
static void without(struct plan_db *db, int who)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "BEGIN; DELETE FROM src.buys; DELETE FROM src.trips; "
        "INSERT INTO src.buys(who, city, kind, n, price) SELECT who, city, "
        "kind, n, price FROM every_buy WHERE who IS DISTINCT FROM %d ORDER BY "
        "hash(o + %d); INSERT INTO src.trips(who, city, km) SELECT who, city, "
        "km FROM every_trip WHERE who IS DISTINCT FROM %d ORDER BY hash(o - "
        "%d); COMMIT",
        who, who, who, who);
    plan_db_run(db, sql);
}

/* A question over a random relation; for free(). */
static char *question(unsigned seed)
{
    static const char *const forms[] = {
        "%sSELECT c, COUNT(*), SUM(LEAST(6, GREATEST(-2, n))) FROM %s r GROUP "
        "BY c",
        "%sSELECT COUNT(*), COUNT(DISTINCT who), AVG(LEAST(3, GREATEST(0, d))) "
        "FROM %s r",
        "%sSELECT c, COUNT(DISTINCT who) FILTER (WHERE n > 1), COUNT(n) FROM "
        "%s r GROUP BY c",
        "%sSELECT CASE WHEN n > 2 THEN 'many' WHEN n > 1 THEN 'some' ELSE "
        "'few' END, COUNT(*), SUM(LEAST(4, GREATEST(-4, d))) FROM %s r GROUP "
        "BY 1",
        "%sSELECT c, COUNT(DISTINCT n), VARIANCE(LEAST(4, GREATEST(0, n))) "
        "FROM %s r GROUP BY c",
        "%sSELECT COUNT(DISTINCT c), COUNT(DISTINCT n) FILTER (WHERE d > 0), "
        "SUM(LEAST(5, GREATEST(1, n))) FROM %s r",
    };
    struct relation_gen g = { .seed = seed * 2654435761u };
    char *out = NULL;
    if (relation_draw(&g, 3) == 0) {
        char *q = relation_gen(&g, 2);
        (void)snprintf(g.with, sizeof g.with, "WITH q AS %s ", q);
        free(q);
    }
    char *r = relation_gen(&g, 1 + relation_draw(&g, 3));
    const char *form = forms[relation_draw(&g, 6)];
    const char *at = strstr(form + 2, "%s");
    assert_true(asprintf(&out, "%s%.*s%s%s", g.with, (int)(at - form - 2),
                         form + 2, r, at + 2) > 0);
    free(r);
    return out;
}

struct asked {
    char *sql;
    struct plan *plan;
    struct answer all;
};

static size_t plan_questions(struct asked *asked, size_t n, unsigned seed,
                             struct arena *a)
{
    size_t planned = 0;
    for (size_t i = 0; i < n; i++) {
        const struct request req = { .purpose = "stats",
                                     .bounds_report = i % 2 };
        struct err err = { 0 };
        struct asked *q = &asked[planned];
        q->sql = question(seed + (unsigned)i);
        const enum err_code rc =
            plan_sql(&q->plan, q->sql, &req, &plan_shop, a, &err);
        if (rc == ERR_OK)
            planned++;
        else if (rc == ERR_LIMIT) /* more relations than one may read */
            free(q->sql);
        else
            fail_msg("%s\n%s (%s)", q->sql, err.msg, err.hint);
    }
    return planned;
}

static void neighbours(void **state)
{
    static struct asked asked[QUESTIONS];
    const char *more = getenv("NEIGHBOUR_ROUNDS");
    const unsigned rounds = more ? (unsigned)atoi(more) : ROUNDS;
    struct plan_db db;
    (void)state;
    plan_db_open(&db);
    for (unsigned round = 0; round < rounds; round++) {
        struct arena a;
        arena_init(&a, 64 << 20);
        fill(&db, round);
        const size_t n =
            plan_questions(asked, QUESTIONS, round * QUESTIONS, &a);
        assert_true(n > QUESTIONS / 2);
        without(&db, -1);
        for (size_t i = 0; i < n; i++)
            assert_true(read_answer(&asked[i].all, &db, asked[i].plan));
        for (int who = 0; who < PEOPLE; who++) {
            without(&db, who);
            for (size_t i = 0; i < n; i++) {
                struct answer less;
                assert_true(read_answer(&less, &db, asked[i].plan));
                if (!neighbours_agree(&asked[i].all, &less, asked[i].plan))
                    fail_msg("person %d, round %u:\n%s\n%s", who, round,
                             asked[i].sql, asked[i].plan->sql);
            }
        }
        for (size_t i = 0; i < n; i++)
            free(asked[i].sql);
        arena_fini(&a);
    }
    plan_db_close(&db);
}

/* `text` with the first `from` in it as `to`, NULL when there is none; `to` by
 * itself without `from`. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = from ? strstr(text, from) : NULL;
    char *out = NULL;
    if (!at)
        return from ? NULL : strdup(to);
    assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, to,
                         at + strlen(from)) > 0);
    return out;
}

/* Statements that bound badly: the check has to see each. */
static const struct control {
    const char *name, *sql, *from, *to;
    enum { PLAIN, REPORT } report;
} controls[] = {
    { "a group too many for each person",
      "SELECT city, COUNT(*) FROM (SELECT who, city, MAX(n) AS n FROM buys "
      "GROUP BY who, city) AS b GROUP BY city",
      "g <= 2", "g <= 3", PLAIN },
    { "a group too many in one pass over a join",
      "SELECT b.city, COUNT(*) FROM buys b JOIN trips t ON b.who = t.who GROUP "
      "BY b.city",
      "halftone_keep_i_2_", "halftone_keep_i_3_", PLAIN },
    { "a group too many in the engine's aggregate",
      "SELECT city, COUNT(*) FROM buys GROUP BY city", "halftone_keep_i_2_",
      "halftone_keep_i_3_", PLAIN },
    { "a row too many for each person", "SELECT COUNT(*) FROM buys",
      "least(count(*), 3)", "least(count(*), 4)", PLAIN },
    { "ties left to the engine",
      "SELECT city, COUNT(*) FROM (SELECT who, city, row_number() OVER "
      "(PARTITION BY who ORDER BY ok) AS r FROM buys) x WHERE r = 1 GROUP "
      "BY city",
      "NULLS LAST, t.\"city\", t.\"ok\"", "NULLS LAST", PLAIN },
    { "rows bounded before a join",
      "SELECT COUNT(*) FROM buys b JOIN trips t ON b.who = t.who", NULL,
      "SELECT CAST(count(*) AS HUGEINT) AS m0 FROM (SELECT * FROM src.buys "
      "WHERE who IS NOT NULL QUALIFY row_number() OVER (PARTITION BY who ORDER "
      "BY city, kind, n, price) <= 3) b JOIN src.trips t ON b.who = t.who",
      PLAIN },
    { "a join by something else than the key",
      "SELECT COUNT(*) FROM buys b JOIN trips t ON b.who = t.who",
      "(t.\"who\" = t1.\"who\")", "(t.\"city\" = t1.\"city\")", PLAIN },
    { "a window over everybody",
      "SELECT city, COUNT(*) FROM (SELECT who, city, row_number() OVER "
      "(PARTITION BY who ORDER BY n) AS r FROM buys) x WHERE r = 1 GROUP BY "
      "city",
      "PARTITION BY t.\"who\" ", "", PLAIN },
    { "LIMIT over everybody",
      "SELECT city, COUNT(*) FROM (SELECT who, city FROM buys ORDER BY n LIMIT "
      "2) x GROUP BY city",
      "PARTITION BY p ", "", PLAIN },
    { "groups of everybody",
      "SELECT COUNT(*) FROM buys WHERE who IN (SELECT who FROM trips GROUP BY "
      "who HAVING COUNT(*) > 1)",
      "(t.\"who\" IN", "(t.\"n\" IN", PLAIN },
    { "a report on a group that nobody counts in",
      "SELECT city, n, COUNT(*) FROM buys GROUP BY city, n",
      " HAVING bool_or(g <= 2)", "", REPORT },
    { "a report on more rows than it is priced for",
      "SELECT COUNT(*) FROM buys", "least(greatest(count(*) - 3, 0), 48)",
      "50 * count(*)", REPORT },
};

/* Is there data on which the statement breaks its bounds? */
static bool breaks(struct plan_db *db, const struct plan *plan)
{
    bool broken = false;
    for (unsigned seed = 0; seed < 6 && !broken; seed++) {
        struct answer all, less;
        fill(db, seed);
        without(db, -1);
        assert_true(read_answer(&all, db, plan));
        for (int who = 0; who < PEOPLE && !broken; who++) {
            without(db, who);
            assert_true(read_answer(&less, db, plan));
            broken = !neighbours_agree(&all, &less, plan);
        }
    }
    return broken;
}

static void check_control(void **state)
{
    const struct control *row = *state;
    const struct request req = { .purpose = "stats",
                                 .bounds_report = row->report == REPORT };
    struct plan_db db;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    arena_init(&a, 1 << 22);
    if (plan_sql(&plan, row->sql, &req, &plan_shop, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    char *bad = replaced(plan->sql, row->from, row->to);
    if (!bad)
        fail_msg("no %s in %s", row->from, plan->sql);
    plan_db_open(&db);
    assert_false(breaks(&db, plan));
    plan->sql = bad;
    assert_true(breaks(&db, plan));
    plan_db_close(&db);
    free(bad);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(neighbours) };
    sql_init();
    return cmocka_run_group_tests(tests, NULL, NULL) +
           RUN_ROWS(controls, check_control);
}
