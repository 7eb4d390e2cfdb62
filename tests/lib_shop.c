#include "tests/lib_shop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/plan/plan.h"
#include "server/sql/sql.h"

enum { TEXT_MAX = 64 * 1024 };

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    abort();
}

static char *slurp(const char *path)
{
    char *text = calloc(1, TEXT_MAX);
    FILE *f = fopen(path, "r");
    if (!f || !text || fread(text, 1, TEXT_MAX - 1, f) == 0)
        die(path, "cannot be read");
    (void)fclose(f);
    return text;
}

void shop_query(const struct shop *s, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(s->con, sql, &r) != DuckDBSuccess)
        die(sql, duckdb_result_error(&r));
    duckdb_destroy_result(&r);
}

static struct policy *load(struct shop *s, const char *text, const char *path)
{
    static struct policy_report report;
    struct policy *p = NULL;
    struct err err = { 0 };
    if (policy_load_bytes(&p, text, strlen(text), path, &report, &s->lasting,
                          &err) != ERR_OK)
        die(path, err.msg);
    p->has_consent = false; /* everybody counts: what is asked is the point */
    return p;
}

static void open_db(struct shop *s)
{
    *s = (struct shop){ .folder = "/tmp/halftone-shop-XXXXXX" };
    arena_init(&s->lasting, 1 << 24);
    if (!mkdtemp(s->folder) || duckdb_open(NULL, &s->db) ||
        duckdb_connect(s->db, &s->con))
        die("a shop", "cannot be made");
}

static void open_engine(struct shop *s, const char *text, const char *path)
{
    struct err err = { 0 };
    s->policy = load(s, text, path);
    s->loose = load(s, text, path);
    for (size_t i = 0; i < s->loose->n_tables; i++) {
        struct policy_table *t = &s->loose->tables[i];
        t->max_groups = t->max_rows = t->most_groups = t->most_rows =
            SHOP_LOOSE;
    }
    if (engine_open(&s->engine, s->loose,
                    &(struct engine_options){ .threads = 1 }, &err) != ERR_OK)
        die(err.msg, err.hint);
}

void shop_open_demo(struct shop *s, int people)
{
    char home[512], set[64], path[128];
    open_db(s);
    char *script = slurp("demo/shop.sql"), *text = slurp("demo/shop.yaml");
    if (!getcwd(home, sizeof home) || chdir(s->folder) != 0)
        die(s->folder, "no such folder");
    (void)snprintf(set, sizeof set, "SET VARIABLE people = %d", people);
    shop_query(s, set);
    shop_query(s, script);
    if (chdir(home) != 0)
        die(home, "no such folder");
    (void)snprintf(path, sizeof path, "%s/shop.yaml", s->folder);
    open_engine(s, text, path);
    free(script);
    free(text);
}

void shop_open_file(struct shop *s, const char *path, const char *data)
{
    char filled[TEXT_MAX];
    open_db(s);
    char *text = slurp(path);
    const char *at = strstr(text, "@DATA@");
    if (!at)
        die(path, "names no @DATA@");
    (void)snprintf(filled, sizeof filled, "%.*s%s%s", (int)(at - text), text,
                   data, at + strlen("@DATA@"));
    open_engine(s, filled, path);
    free(text);
}

void shop_close(struct shop *s)
{
    char remove[128];
    engine_close(s->engine);
    duckdb_disconnect(&s->con);
    duckdb_close(&s->db);
    arena_fini(&s->lasting);
    (void)snprintf(remove, sizeof remove, "rm -r %s", s->folder);
    if (system(remove) != 0)
        die(s->folder, "stays");
}

struct plan *shop_plan(const char *sql, const struct request *req,
                       const struct policy *by, struct arena *a)
{
    struct select *tree = NULL;
    struct plan *plan = NULL;
    struct err err = { 0 };
    if (sql_parse(&tree, sql, strlen(sql), a, &err) != ERR_OK ||
        plan_query(&plan, req, tree, by, a, &err) != ERR_OK) {
        (void)fprintf(stderr, "%u:%u (%s)\n", err.line, err.col, err.hint);
        die(sql, err.msg);
    }
    return plan;
}

struct engine_result shop_run(const struct shop *s, const struct plan *p,
                              struct arena *a)
{
    static const uint8_t secret[32] = { 1 };
    static const atomic_int stop;
    struct engine_result r = { 0 };
    struct err err = { 0 };
    if (p->n_measures > 0 &&
        engine_run(s->engine, &r, p, secret, &stop, a, &err) != ERR_OK)
        die(p->sql, err.msg);
    return r;
}

struct engine_result *shop_hists(const struct shop *s, const struct plan *p,
                                 struct arena *a)
{
    struct engine_result *hists =
        ARENA_NEW_N(a, p->n_hists + 1, struct engine_result);
    struct plan view = *p;
    view.keys = ARENA_NEW_N(a, p->n_keys + 1, struct plan_key);
    assert(hists && view.keys);
    if (p->n_keys > 0)
        memcpy(view.keys, p->keys, p->n_keys * sizeof *view.keys);
    view.keys[view.n_keys++].type = VALUE_INT;
    view.n_measures = 1;
    for (size_t h = 0; h < p->n_hists; h++) {
        view.sql = p->hists[h].sql;
        view.spare_sql = p->hists[h].spare_sql;
        hists[h] = shop_run(s, &view, a);
    }
    return hists;
}
