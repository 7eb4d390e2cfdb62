#include "tests/lib_pgsame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/main/pages.h"
#include "server/sql/sql.h"
#include "tests/table.h"

void pgsame_connect(struct pgsame *s)
{
    struct err err = { 0 };
    engine_close(s->engine);
    s->engine = NULL;
    if (engine_open(&s->engine, &s->there, NULL, &err) != ERR_OK)
        fail_msg("%s; %s", err.msg, err.hint);
}

void pgsame_open(struct pgsame *s)
{
    *s = (struct pgsame){ .here = &plan_shop,
                          .verbose = getenv("VERBOSE") != NULL };
    sql_init();
    pgsource_make(&s->there, false);
    plan_db_open(&s->db);
    pgsame_connect(s);
}

void pgsame_close(struct pgsame *s)
{
    engine_close(s->engine);
    plan_db_close(&s->db);
}

static void one_statement(struct pgsame *s, const char *sql,
                          const struct plan *here, const struct plan *there)
{
    struct err err = { 0 };
    struct arena a;
    struct plan bound_here = *here, bound_there = *there;
    arena_init(&a, 16 << 20);
    if (here->n_before > 0) {
        plan_db_bind(&s->db, &bound_here, here, &a);
        plan_db_bind_as(&s->db, &bound_there, there, here, &a);
    }
    char *want = plan_db_answer(&s->db, &bound_here, PGSAME_SECRET);
    char *got = pgsource_answer(s->engine, &bound_there, PGSAME_SECRET, &err);
    const bool same = want && got && (s->only_runs || strcmp(want, got) == 0);
    s->same += same;
    s->differ += !same;
    if (!same)
        (void)fprintf(stderr, "%s\nPostgreSQL:\n%s\nDuckDB:\n%s\n%s\n%s\n", sql,
                      got ? got : err.msg, want ? want : "failed",
                      bound_there.sql, bound_here.sql);
    free(want);
    free(got);
    arena_fini(&a);
}

static void all_statements(struct pgsame *s, const char *sql,
                           const struct plan *here, const struct plan *there,
                           struct arena *a)
{
    struct err err = { 0 };
    for (size_t p = 0; p < plan_releases(here); p++) {
        const struct plan *x = plan_release(here, p),
                          *y = plan_release(there, p);
        if (!plan_runs(x))
            continue;
        if (x->n_measures > 0)
            one_statement(s, sql, x, y);
        for (size_t h = 0; h < x->n_hists; h++) {
            struct plan one, other;
            if (pages_hist(&one, x, h, a, &err) != ERR_OK ||
                pages_hist(&other, y, h, a, &err) != ERR_OK)
                fail_msg("%s", err.msg);
            one_statement(s, sql, &one, &other);
        }
    }
}

static void refused(struct pgsame *s, const char *sql, const struct err *err)
{
    if (!err->reason || strcmp(err->reason, "engine_sql") != 0 ||
        !err->hint[0] || err->line == 0)
        fail_msg("%s: %s (%s)", sql, err->msg,
                 err->reason ? err->reason : "no code");
    s->refused++;
    if (s->verbose)
        (void)fprintf(stderr, "refused: %s\n   %s\n", sql, err->msg);
}

void pgsame_ask(struct pgsame *s, const char *sql)
{
    const struct request req = { .purpose = "stats",
                                 .portable = true,
                                 .params = s->params,
                                 .n_params = s->n_params };
    struct err err = { 0 }, ignored = { 0 };
    struct plan *here = NULL, *there = NULL;
    struct arena a;
    arena_init(&a, 32 << 20);
    const enum err_code code = plan_sql(&there, sql, &req, &s->there, &a, &err);
    if (plan_sql(&here, sql, &req, s->here, &a, &ignored) != ERR_OK) {
        s->other++;
        if (s->verbose)
            (void)fprintf(stderr, "nowhere: %s\n   %s\n", sql, ignored.msg);
    } else if (code != ERR_OK) {
        refused(s, sql, &err);
    } else {
        all_statements(s, sql, here, there, &a);
    }
    arena_fini(&a);
}
