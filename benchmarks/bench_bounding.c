/*
 * What bounding each person costs: the planner's statements against the plain
 * GROUP BY they stand for and against the textbook forms, on DuckDB, same data,
 * alternated, a process each.  CPU and wall seconds of the statement and peak
 * memory of the process, as ratios to plain: medians over rounds, and the least
 * and greatest CPU ratio of a round.
 *
 *   bench_bounding [ROWS [ROUNDS [N [FORMS]]]]
 *                                      2,000,000 rows and 3 rounds; of all
 *                                      questions, or the N-th alone, all forms
 *                                      or its first ones
 *   bench_bounding growth [MOST]       10^5, 10^6, ... rows up to 10^7, a round
 *
 * The data are made once per size by seeded SQL: ROWS events of ROWS / 20
 * people with a long tail (the heaviest of 20 M has about 80,000), 200
 * campaigns of which the first are the largest; beside them the rollups, by the
 * statements with which the server builds them, in a file instead of in memory.
 */
#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "benchmarks/bench.h"
#include "benchmarks/bounding_questions.h"
#include "dp/init.h"
#include "server/engine/duck_keep.h"
#include "server/plan/plan.h"
#include "server/plan/rollup.h"
#include "server/policy/policy.h"
#include "server/sql/sql.h"

enum { ROUNDS_MAX = 31, THREADS = 2, ROOM = 32 << 20 };
enum { ROLLUP_ROWS_MAX = 20000000 }; /* its build takes memory for the rest */

static const struct policy *policy;
static struct arena lasting; /* of the policy */

static void die(const char *what)
{
    fprintf(stderr, "bench_bounding: %s\n", what);
    exit(1);
}

static void run(duckdb_connection con, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(con, sql, &r) != DuckDBSuccess)
        die(duckdb_result_error(&r));
    duckdb_destroy_result(&r);
}

/* ---- data ---- */

/* One size: where it lies. */
struct data {
    unsigned long long rows;
    char events[128], rollup[128];
    bool has_rollup;
};

static struct duck_keep_key keep_key = { { 1 } };
static struct duck_heap heap;

static struct duck opened(const char *sql)
{
    struct duck d = { 0 };
    struct err err = { 0 };
    if (duckdb_open(NULL, &d.db) != DuckDBSuccess ||
        duckdb_connect(d.db, &d.con) != DuckDBSuccess)
        die("no database");
    if (duck_keep_register(&d, &keep_key, &heap, &err) != ERR_OK)
        die(err.msg);
    run(d.con, sql);
    return d;
}

static void attach(char *out, size_t cap, const struct data *data,
                   const char *how)
{
    int len = snprintf(
        out, cap,
        "SET threads = %d; SET preserve_insertion_order = false; ATTACH '%s' "
        "AS "
        "file (READ_ONLY); CREATE SCHEMA src; CREATE VIEW src.events AS FROM "
        "file.events; CREATE VIEW src.visits AS FROM file.events; "
        "CREATE VIEW src.people AS FROM file.people;",
        THREADS, data->events);
    if (data->has_rollup)
        (void)snprintf(out + len, cap - (size_t)len,
                       "ATTACH '%s' AS " ROLLUP_SCHEMA " %s", data->rollup,
                       how);
}

/* The least listed prime above the number of people. */
static unsigned long long prime_above(unsigned long long people)
{
    static const unsigned long long primes[] = { 10007, 100003, 1000003,
                                                 10000019, 100000007 };
    size_t i = 0;
    while (i + 1 < sizeof primes / sizeof primes[0] && primes[i] <= people)
        i++;
    return primes[i];
}

static void make_events(const struct data *d)
{
    duckdb_database db;
    duckdb_connection con;
    char sql[1024];
    if (duckdb_open(d->events, &db) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess)
        die("no database");
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE events AS SELECT CAST(floor(%llu * "
                   "pow(hash('p' || i) / 18446744073709551616.0, 2.5)) AS "
                   "BIGINT) * 7919 %% %llu AS user_id, 'campaign_' || "
                   "CAST(floor(200 * pow(hash('c' || i) / "
                   "18446744073709551616.0, 2)) AS INTEGER) AS campaign, "
                   "floor(hash('r' || i) / 18446744073709551616.0 * 10000) / "
                   "100 AS revenue FROM range(%llu) t(i)",
                   d->rows / 20, prime_above(d->rows / 20), d->rows);
    run(con, "SET preserve_insertion_order = false");
    run(con, sql);
    run(con, "CREATE TABLE people AS SELECT DISTINCT user_id, 'C' || "
             "user_id % 8 AS country FROM events");
    run(con, "CHECKPOINT");
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

static void make_rollup(struct data *d)
{
    const struct policy_table *t = policy_find_table(policy, "events");
    struct rollup_sql sql;
    struct err err = { 0 };
    struct arena a;
    char text[1024];
    arena_init(&a, ROOM);
    attach(text, sizeof text, d, "");
    struct duck duck = opened(text);
    if (rollup_print(&sql, policy, t, &t->rollups[0], 1, &a, &err) != ERR_OK)
        die(err.msg);
    const uint64_t start = bench_now_ns();
    for (size_t i = 0; i < sql.n_build; i++)
        run(duck.con, sql.build[i]);
    for (size_t i = 0; i < sql.n_show; i++)
        run(duck.con, sql.show[i]);
    run(duck.con, "CHECKPOINT " ROLLUP_SCHEMA);
    printf("rollup built in %.1f s\n", (double)(bench_now_ns() - start) / 1e9);
    duck_close(&duck);
    arena_fini(&a);
}

/* The files of this size, made when they are not there. */
static void make_data(struct data *d, unsigned long long rows)
{
    *d = (struct data){ .rows = rows, .has_rollup = rows <= ROLLUP_ROWS_MAX };
    (void)snprintf(d->events, sizeof d->events,
                   "build/bench/events_%llu.duckdb", rows);
    (void)snprintf(d->rollup, sizeof d->rollup,
                   "build/bench/rollup_%llu.duckdb", rows);
    (void)mkdir("build/bench", 0777);
    if (access(d->events, R_OK) != 0)
        make_events(d);
    if (d->has_rollup && access(d->rollup, R_OK) != 0)
        make_rollup(d);
}

/* ---- one run ---- */

struct cost {
    double cpu_s, wall_s, mb;
};

/* In a process of its own: its peak memory is told by wait4, the rest by it. */
static void child(const struct data *data, const char *sql, int fd)
{
    char text[1024];
    attach(text, sizeof text, data, "(READ_ONLY)");
    struct duck duck = opened(text);
    const double cpu = bench_cpu_s();
    const uint64_t start = bench_now_ns();
    run(duck.con, sql);
    const struct cost c = { .cpu_s = bench_cpu_s() - cpu,
                            .wall_s = (double)(bench_now_ns() - start) / 1e9 };
    _exit(write(fd, &c, sizeof c) == sizeof c ? 0 : 1);
}

static struct cost measure(const struct data *data, const char *sql)
{
    struct rusage use;
    struct cost c;
    int status, fd[2];
    if (pipe(fd) != 0)
        die("no pipe");
    (void)fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        child(data, sql, fd[1]);
    (void)close(fd[1]);
    const bool told = read(fd[0], &c, sizeof c) == sizeof c;
    (void)close(fd[0]);
    if (pid < 0 || wait4(pid, &status, 0, &use) != pid || status != 0 || !told)
        die("a run failed");
    c.mb = (double)use.ru_maxrss / 1024;
    return c;
}

/* ---- questions ---- */

/* A form's statement, in the arena; NULL: it has none over these data. */
static const char *statement(const struct question *q, const struct form *f,
                             const struct data *data, struct arena *a)
{
    const struct request req = { .purpose = "stats",
                                 .ask = { .level = 0.95 },
                                 .portable = f->kind == FORM_PORTABLE };
    const char *text = f->sql ? f->sql : q->sql;
    struct err err = { 0 };
    struct select *tree = NULL;
    struct plan *plan = NULL;
    if (f->kind == FORM_SQL)
        return text;
    if (sql_parse(&tree, text, strlen(text), a, &err) ||
        plan_query(&plan, &req, tree, policy, a, &err))
        die(err.msg);
    if (plan->n_hists > 0) /* one behind the other */
        return arena_printf(a, "%s%s%s", plan->sql, plan->sql[0] ? ";\n" : "",
                            plan->hists[0].sql);
    return f->kind != FORM_ROLLUP ? plan->sql
           : data->has_rollup     ? plan->rollup_sql
                                  : NULL;
}

/* Costs of a form over rounds, each divided by plain's of the same round. */
struct series {
    const char *name;
    double cpu[ROUNDS_MAX], wall[ROUNDS_MAX], mb[ROUNDS_MAX], s[ROUNDS_MAX];
};

static size_t ask(struct series out[FORMS_MAX], const struct question *q,
                  const struct data *data, unsigned rounds, size_t most)
{
    const char *sql[FORMS_MAX] = { NULL };
    struct arena a;
    size_t n = 0;
    arena_init(&a, ROOM);
    for (size_t f = 0; f < most && q->forms[f].name; f++) {
        sql[n] = statement(q, &q->forms[f], data, &a);
        out[n].name = q->forms[f].name;
        n += sql[n] != NULL;
    }
    (void)measure(data, sql[0]); /* the file into the system's memory */
    for (unsigned r = 0; r < rounds; r++) {
        struct cost plain = { 0 };
        for (size_t f = 0; f < n; f++) {
            const struct cost c = measure(data, sql[f]);
            plain = f ? plain : c;
            out[f].cpu[r] = c.cpu_s / plain.cpu_s;
            out[f].wall[r] = c.wall_s / plain.wall_s;
            out[f].mb[r] = c.mb / plain.mb;
            out[f].s[r] = c.cpu_s;
        }
    }
    arena_fini(&a);
    return n;
}

static void print_series(struct series *s, unsigned rounds)
{
    const double cpu = bench_median(s->cpu, rounds);
    printf("%-32s %8.2f %8.2f %8.2f %9.3f  %.2f..%.2f\n", s->name, cpu,
           bench_median(s->wall, rounds), bench_median(s->mb, rounds),
           bench_median(s->s, rounds), s->cpu[0], s->cpu[rounds - 1]);
    (void)fflush(stdout);
}

static void table(unsigned long long rows, unsigned rounds, size_t only,
                  size_t forms)
{
    static struct series s[FORMS_MAX];
    struct data data;
    make_data(&data, rows);
    printf("%llu rows, %u rounds, %d threads; plain = 1\n", rows, rounds,
           THREADS);
    for (size_t i = 0; i < sizeof QUESTIONS / sizeof QUESTIONS[0]; i++) {
        if (only && i + 1 != only)
            continue;
        const size_t n = ask(s, &QUESTIONS[i], &data, rounds, forms);
        printf("\n%s\n%-32s %8s %8s %8s %9s  %s\n", QUESTIONS[i].name, "form",
               "cpu", "wall", "memory", "cpu s", "cpu, least..greatest");
        for (size_t f = 0; f < n; f++)
            print_series(&s[f], rounds);
    }
}

/* Plain and the first form beside it, over sizes. */
static void growth(unsigned long long most)
{
    static struct series s[FORMS_MAX];
    printf("%-46s %10s %9s %8s %8s %8s\n", "question", "rows", "plain s", "cpu",
           "wall", "memory");
    for (unsigned long long rows = 100000; rows <= most; rows *= 10) {
        struct data data;
        make_data(&data, rows);
        for (size_t i = 0; i < sizeof QUESTIONS / sizeof QUESTIONS[0]; i++) {
            if (ask(s, &QUESTIONS[i], &data, 1, 2) < 2)
                continue;
            printf("%-46.46s %10llu %9.3f %8.2f %8.2f %8.2f\n",
                   QUESTIONS[i].name, rows, s[0].s[0], s[1].cpu[0],
                   s[1].wall[0], s[1].mb[0]);
            (void)fflush(stdout);
        }
    }
}

static void load_policy(void)
{
    struct policy *p = NULL;
    struct policy_report report = { 0 };
    struct err err = { 0 };
    arena_init(&lasting, ROOM);
    if (policy_load_bytes(&p, POLICY, sizeof POLICY - 1, "shop.yaml", &report,
                          &lasting, &err) != ERR_OK)
        die(err.msg);
    policy = p;
}

int main(int argc, char **argv)
{
    const bool grows = argc > 1 && strcmp(argv[1], "growth") == 0;
    const unsigned long long rows = argc > 1 + grows
                                        ? strtoull(argv[1 + grows], NULL, 10)
                                    : grows ? 10000000
                                            : 2000000;
    const unsigned long rounds =
        argc > 2 && !grows ? strtoul(argv[2], NULL, 10) : 3;
    if (rows < 1000 || rounds < 1 || rounds > ROUNDS_MAX)
        die("usage: bench_bounding [ROWS of 1000 and more [ROUNDS of 1 to 31 "
            "[QUESTION]]] | growth [MOST]");
    dp_init();
    sql_init();
    load_policy();
    if (grows)
        growth(rows);
    else
        table(rows, (unsigned)rounds, argc > 3 ? strtoul(argv[3], NULL, 10) : 0,
              argc > 4 ? strtoul(argv[4], NULL, 10) : FORMS_MAX);
    arena_fini(&lasting);
    return 0;
}
