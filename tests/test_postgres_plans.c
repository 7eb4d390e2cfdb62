/*
 * One plan, two engines: the exact integers of PostgreSQL are those of DuckDB,
 * over the same random rows under the same secret, whatever the rows hold; and
 * what cannot be said in PostgreSQL's SQL is refused by a code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/postgres.h"
#include "server/query/refusal.h"
#include "server/sql/sql.h"
#include "tests/lib_pgsource.h"
#include "tests/lib_relation.h"
#include "tests/table.h"

enum { SECRET = 9 };

static const char *const asked[] = {
#define ROW(sql, l0, linf, groups, measures, before) sql,
#include "tests/plan_expected.def"
#undef ROW
};

struct fixture {
    struct policy policy;
    struct plan_db db;
    struct engine *engine;
    bool verbose;
};

static void open_fixture(struct fixture *f)
{
    struct err err = { 0 };
    sql_init();
    pgsource_make(&f->policy, false);
    plan_db_open(&f->db);
    f->verbose = getenv("VERBOSE") != NULL;
    if (engine_open(&f->engine, &f->policy, NULL, &err) != ERR_OK)
        fail_msg("%s; %s", err.msg, err.hint);
}

static void close_fixture(struct fixture *f)
{
    engine_close(f->engine);
    plan_db_close(&f->db);
}

struct tally {
    unsigned same, refused, differ, other;
};

static void one_statement(struct tally *t, struct fixture *f, const char *sql,
                          const struct plan *here, const struct plan *there)
{
    struct err err = { 0 };
    struct arena a;
    struct plan bound_here = *here, bound_there = *there;
    arena_init(&a, 16 << 20);
    if (here->n_before > 0) {
        plan_db_bind(&f->db, &bound_here, here, &a);
        plan_db_bind_as(&f->db, &bound_there, there, here, &a);
    }
    char *want = plan_db_answer(&f->db, &bound_here, SECRET);
    char *got = pgsource_answer(f->engine, &bound_there, SECRET, &err);
    const bool same = want && got && strcmp(want, got) == 0;
    t->same += same;
    t->differ += !same;
    if (!same)
        (void)fprintf(stderr, "%s\nPostgreSQL:\n%s%s\nDuckDB:\n%s\n%s\n%s\n",
                      sql, got ? got : err.msg, "", want ? want : "failed",
                      bound_there.sql, bound_here.sql);
    free(want);
    free(got);
    arena_fini(&a);
}

static void ask(struct tally *t, struct fixture *f, const char *sql)
{
    const struct request req = { .purpose = "stats", .portable = true };
    struct err err = { 0 }, ignored = { 0 };
    struct plan *here = NULL, *there = NULL;
    struct arena a;
    arena_init(&a, 32 << 20);
    const enum err_code code =
        plan_sql(&there, sql, &req, &f->policy, &a, &err);
    if (plan_sql(&here, sql, &req, &plan_shop, &a, &ignored) != ERR_OK) {
        t->other++;
    } else if (code != ERR_OK) {
        if (!err.reason || strcmp(err.reason, "engine_sql") != 0)
            fail_msg("%s: %s", sql, err.msg);
        t->refused++;
        if (f->verbose)
            (void)fprintf(stderr, "refused: %s\n   %s\n", sql, err.msg);
    } else {
        for (size_t p = 0; p < plan_releases(here); p++) {
            const struct plan *x = plan_release(here, p),
                              *y = plan_release(there, p);
            if (!plan_runs(x))
                continue;
            if (x->n_measures > 0)
                one_statement(t, f, sql, x, y);
        }
    }
    arena_fini(&a);
}

static void every_shape(void **state)
{
    (void)state;
    struct fixture f;
    struct tally t = { 0 };
    open_fixture(&f);
    const char *more = getenv("ENGINE_SEEDS");
    const unsigned seeds = more ? (unsigned)strtoul(more, NULL, 10) : 1;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        pgsource_fill(&f.db, seed);
        for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
            ask(&t, &f, asked[i]);
    }
    print_message("%u statements give the same integers, %u questions are "
                  "refused, %u differ\n",
                  t.same, t.refused, t.differ);
    assert_int_equal(t.differ, 0);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
