/*
 * Who counts, over many rows: each statement without consent, by the places of
 * rows, by their keys, and by the semi-join that these stand for; then the
 * import of the register, and how soon a withdrawal shows while a query runs.
 *
 *   bench_consent [ROWS [ROUNDS [int | text [FOLDER [table | parquet]]]]]
 *
 * Half as many people as rows, 8 purposes.  Rows are in a DuckDB file, or in
 * one of Parquet.  A folder keeps the register: who comes again opens it, as a
 * server that starts, instead of importing.
 *
 * All forms of a statement take turns in one run; medians of wall seconds, CPU
 * in brackets.  Half of the people count for the purpose that is asked for.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "benchmarks/bench.h"
#include "benchmarks/crowd.h"
#include "dp/init.h"
#include "server/engine/duck_gate.h"
#include "server/engine/duck_guard.h"
#include "server/engine/duck_keep.h"
#include "server/engine/duck_keys.h"
#include "server/engine/duck_row.h"
#include "server/engine/views.h"
#include "server/main/consent_gate.h"
#include "server/sql/sql.h"

enum { ROUNDS_MAX = 31, WITHDRAWALS = 200 };
enum { ROOM = 64 << 20, FORMS = 4 };

/* Resident, in MB. */
static double memory_mb(void)
{
    unsigned long long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%llu %llu", &all, &pages) != 2)
        crowd_die("no /proc/self/statm");
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* ---- statements ---- */

struct bench {
    struct duck duck;
    struct duck_gate *gate;
    struct views views;
    struct dataset dataset;
    struct policy *gated, *plain;
    struct arena a;
    duckdb_connection con;
    struct duck_keep_key key;
    struct duck_heap heap;
    double wall[FORMS][ROUNDS_MAX], cpu[FORMS][ROUNDS_MAX];
};

static void exec(struct bench *b, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(b->con, sql, &r) != DuckDBSuccess)
        crowd_die(duckdb_result_error(&r));
    duckdb_destroy_result(&r);
}

static void time_one(struct bench *b, unsigned form, unsigned round,
                     const char *sql)
{
    struct duck_pin pin;
    const double cpu = bench_cpu_s();
    const uint64_t start = bench_now_ns();
    duck_gate_pin(&pin, b->gate, b->con, &b->gated->purposes[0], form == 1);
    if ((form == 1) != (pin.rows != NULL))
        crowd_die("rows are asked in another way than meant");
    exec(b, sql);
    if (!duck_gate_holds(&pin))
        crowd_die("the data changed");
    duck_gate_unpin(&pin, b->gate);
    b->wall[form][round] = (double)(bench_now_ns() - start) / 1e9;
    b->cpu[form][round] = bench_cpu_s() - cpu;
}

static void compare(struct bench *b, const char *name,
                    const char *const sql[FORMS], unsigned rounds)
{
    static const char *const forms[FORMS] = { "without consent", "by rows",
                                              "by keys", "semi-join" };
    for (unsigned r = 0; r < rounds + 1; r++)
        for (unsigned f = 0; f < FORMS; f++)
            time_one(b, f, r ? r - 1 : 0, sql[f]); /* the first warms up */
    printf("%s\n", name);
    const double wall0 = bench_median(b->wall[0], rounds),
                 cpu0 = bench_median(b->cpu[0], rounds);
    for (unsigned f = 0; f < FORMS; f++) {
        const double wall = f ? bench_median(b->wall[f], rounds) : wall0,
                     cpu = f ? bench_median(b->cpu[f], rounds) : cpu0;
        printf("  %-18s %7.3f s (%.3f)   x%.2f (x%.2f)\n", forms[f], wall, cpu,
               wall / wall0, cpu / cpu0);
    }
    (void)fflush(stdout);
}

static const char *planned(struct bench *b, const struct policy *p,
                           const char *sql, const char *purpose)
{
    const struct request req = { .purpose = purpose };
    struct select *tree = NULL;
    struct plan *plan = NULL;
    struct err err = { 0 };
    if (sql_parse(&tree, sql, strlen(sql), &b->a, &err) != ERR_OK ||
        plan_query(&plan, &req, tree, p, &b->a, &err) != ERR_OK)
        crowd_die(err.msg);
    return plan->sql;
}

/* ---- set up ---- */

static void open_register(struct bench *b, const struct crowd *q)
{
    char path[256];
    struct err err = { 0 };
    struct consent_options o = { .path = path,
                                 .clock = clock_system(),
                                 .keys = { .key = { { 7 } }, .n = 1 } };
    (void)snprintf(path, sizeof path, "%s/%s.db", q->dir,
                   q->text ? "text" : "int");
    const bool was_there = access(path, R_OK) == 0;
    const uint64_t opening = bench_now_ns();
    const double opening_cpu = bench_cpu_s();
    if (consent_open(&b->dataset.consent, &o, &err) != ERR_OK ||
        consent_circle(&b->dataset.circle, b->dataset.consent, b->gated,
                       &err) != ERR_OK)
        crowd_die(err.msg);
    if (was_there)
        printf("register opened: %.1f s (CPU %.1f)\n",
               (double)(bench_now_ns() - opening) / 1e9,
               bench_cpu_s() - opening_cpu);
    crowd_decide(&b->dataset, q);
    printf("memory with the register: %.0f MB\n", memory_mb());
    b->dataset.gate = consent_gate_of(&b->dataset);
}

static void open_duck(struct bench *b, const struct crowd *q)
{
    char sql[1024];
    struct err err = { 0 };
    const struct engine_options options = { .threads = CROWD_THREADS };
    b->heap.most = UINT64_C(4) << 30;
    if (duck_open(&b->duck, &options, &err) != ERR_OK ||
        duck_keep_register(&b->duck, &b->key, &b->heap, &err) != ERR_OK ||
        duck_guard_register(&b->duck, &err) != ERR_OK ||
        duck_gate_open(&b->gate, &b->duck, &b->dataset.gate, &err) != ERR_OK ||
        duck_row_register(&b->duck, b->gate, b->gated, &err) != ERR_OK ||
        views_create(&b->views, &b->duck, b->gated, &b->a, &err) != ERR_OK ||
        duckdb_connect(b->duck.db, &b->con) != DuckDBSuccess)
        crowd_die(err.msg);
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE said AS SELECT %s AS who FROM range(%llu) "
                   "t(p) WHERE p %% 2 = 0",
                   q->text ? "'user-' || p || '@example'" : "p", q->rows / 2);
    exec(b, sql);
}

static void map_all(struct bench *b)
{
    struct duck_rows *rows = NULL;
    uint64_t start = bench_now_ns();
    double cpu = bench_cpu_s(), before_mb = memory_mb();
    if (!duck_gate_map(b->gate, &b->duck, b->gated))
        crowd_die("keys cannot be mapped");
    printf("keys mapped once: %.1f s (CPU %.1f), %.0f MB more\n",
           (double)(bench_now_ns() - start) / 1e9, bench_cpu_s() - cpu,
           memory_mb() - before_mb);
    (void)sleep(1); /* files are to be old */
    start = bench_now_ns();
    cpu = bench_cpu_s();
    before_mb = memory_mb();
    struct duck_keys *keys = duck_gate_keys(b->gate);
    const struct duck_row_mapping m = { .con = b->con,
                                        .gate = b->gate,
                                        .keys = keys,
                                        .policy = b->gated,
                                        .paths = b->views.paths,
                                        .attached = b->views.attached,
                                        .most = UINT64_C(4) << 30 };
    if (!m.paths || duck_row_map(&rows, &m) != DUCK_ROW_MAPPED ||
        !duck_gate_take_rows(b->gate, rows, keys))
        crowd_die("rows cannot be mapped");
    duck_rows_drop(rows);
    duck_keys_drop(keys);
    printf("rows mapped once: %.1f s (CPU %.1f), %.0f MB more\n",
           (double)(bench_now_ns() - start) / 1e9, bench_cpu_s() - cpu,
           memory_mb() - before_mb);
}

static void open_all(struct bench *b, const struct crowd *q)
{
    arena_init(&b->a, ROOM);
    b->gated = crowd_policy(q, "consent: {}\n", &b->a);
    b->plain = crowd_policy(q, "", &b->a);
    crowd_rows(q);
    open_register(b, q);
    open_duck(b, q);
    map_all(b);
}

/* ---- withdrawals ---- */

struct background {
    struct bench *b;
    atomic_bool stops;
};

static void *query_on(void *arg)
{
    struct background *g = arg;
    duckdb_connection con;
    duckdb_result r;
    if (duckdb_connect(g->b->duck.db, &con) != DuckDBSuccess)
        crowd_die("no connection");
    while (!atomic_load(&g->stops)) {
        struct duck_pin pin;
        duck_gate_pin(&pin, g->b->gate, con, &g->b->gated->purposes[0], true);
        (void)duckdb_query(con,
                           "SELECT campaign, sum(revenue) FROM counted.t "
                           "GROUP BY campaign",
                           &r);
        duckdb_destroy_result(&r);
        duck_gate_unpin(&pin, g->b->gate);
    }
    duckdb_disconnect(&con);
    return NULL;
}

/* From the call until whoever pins a view does not see the person. */
static void withdrawals(struct bench *b, const struct crowd *q)
{
    static double ms[WITHDRAWALS];
    struct background g = { .b = b };
    pthread_t thread;
    atomic_init(&g.stops, false);
    if (pthread_create(&thread, NULL, query_on, &g) != 0)
        crowd_die("no thread");
    for (unsigned i = 0; i < WITHDRAWALS; i++) {
        char who[CROWD_NAME_CAP];
        struct consent_recorded out;
        struct err err = { 0 };
        struct gate_view v;
        crowd_name(who, q, 2ULL * i);
        const struct consent_event e = { .subject = who,
                                         .subject_len = strlen(who),
                                         .state = CONSENT_WITHDRAWN,
                                         .purposes = CROWD_PURPOSES,
                                         .n_purposes = 1,
                                         .by = "bench" };
        const uint64_t start = bench_now_ns();
        if (consent_record(b->dataset.consent, b->dataset.circle, &e, &out,
                           &err) != ERR_OK)
            crowd_die(err.msg);
        const struct gate *gate = &b->dataset.gate;
        gate->pin(gate->ctx, &v, &b->gated->purposes[0]);
        if (gate_counts(&v, gate->number(gate->ctx, who, strlen(who), false)))
            crowd_die("somebody who withdrew counts");
        gate->unpin(gate->ctx, &v);
        ms[i] = (double)(bench_now_ns() - start) / 1e6;
    }
    atomic_store(&g.stops, true);
    (void)pthread_join(thread, NULL);
    qsort(ms, WITHDRAWALS, sizeof ms[0], bench_cmp_);
    printf("a withdrawal is durable and seen, while a query runs: median %.1f "
           "ms, 99 %% %.1f ms\n",
           ms[WITHDRAWALS / 2], ms[WITHDRAWALS * 99 / 100]);
}

static void close_all(struct bench *b)
{
    duckdb_disconnect(&b->con);
    duck_close(&b->duck);
    duck_gate_close(b->gate);
    stamp_paths_free(b->views.paths);
    free(b->views.attached);
    consent_close(b->dataset.consent);
    arena_fini(&b->a);
}

static void compare_bounded(struct bench *b, unsigned rounds)
{
    static const char question[] =
        "SELECT campaign, COUNT(DISTINCT who), SUM(revenue) FROM t GROUP BY "
        "campaign";
    static const char view[] = "counted.\"t\"";
    char semi[8192];
    const char *gated = planned(b, b->gated, question, "p0");
    const char *at = strstr(gated, view);
    if (!at)
        crowd_die("the plan has no gate");
    (void)snprintf(semi, sizeof semi,
                   "%.*s(SELECT * FROM src.t WHERE who IN (SELECT who FROM "
                   "said))%s",
                   (int)(at - gated), gated, at + strlen(view));
    const char *const bounded[FORMS] = { planned(b, b->plain, question, "p6"),
                                         gated, gated, semi };
    compare(b, "bounded: reach and revenue, 5 campaigns a person", bounded,
            rounds);
}

static void bench(const struct crowd *q, unsigned rounds)
{
    struct bench b = { .key = { { 1 } } };
    static const char *const flat[FORMS] = {
        "SELECT campaign, count(*), sum(revenue) FROM src.t GROUP BY campaign",
        "SELECT campaign, count(*), sum(revenue) FROM counted.t GROUP BY "
        "campaign",
        "SELECT campaign, count(*), sum(revenue) FROM counted.t GROUP BY "
        "campaign",
        "SELECT campaign, count(*), sum(revenue) FROM src.t WHERE who IN "
        "(SELECT who FROM said) GROUP BY campaign",
    };
    printf("\n== keys: %s, %llu rows in %s, %llu people\n",
           q->text ? "text" : "whole numbers", q->rows,
           q->parquet ? "Parquet" : "a DuckDB file", q->rows / 2);
    open_all(&b, q);
    compare(&b, "flat GROUP BY", flat, rounds);
    compare_bounded(&b, rounds);
    if (!q->text)
        withdrawals(&b, q);
    close_all(&b);
}

int main(int argc, char **argv)
{
    char own[64] = "/tmp/halftone-bench-XXXXXX", command[128];
    const bool has_own = argc <= 4;
    const unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
    struct crowd q = {
        .dir = has_own ? own : argv[4],
        .rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000,
        .parquet = argc > 5 && strcmp(argv[5], "parquet") == 0,
    };
    if (q.rows < 1000 || rounds < 1 || rounds > ROUNDS_MAX ||
        (has_own && !mkdtemp(own)) || strlen(q.dir) > 100 ||
        access(q.dir, W_OK) != 0)
        crowd_die(
            "usage: bench_consent [ROWS of 1000 and more [ROUNDS of 1 to 31 "
            "[int | text [FOLDER [table | parquet]]]]]");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    dp_init();
    sql_init();
    for (int text = 0; text < 2; text++) {
        q.text = text;
        if (argc < 4 || strcmp(argv[3], text ? "text" : "int") == 0)
            bench(&q, rounds);
    }
    (void)snprintf(command, sizeof command, "rm -rf '%s'", own);
    return has_own ? system(command) : 0;
}
