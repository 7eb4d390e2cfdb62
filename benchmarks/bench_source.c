/*
 * What bounding each person costs in a PostgreSQL (`source: postgresql`): the
 * planner's statements against the plain GROUP BY they stand for and, where
 * there is one, the textbook form, over the same tables, alternated, in one
 * session.  Seconds of CPU of its process, without parallel workers, and wall
 * seconds with as many as PostgreSQL likes, as ratios to plain: medians over
 * rounds, and the least and greatest of a round.
 *
 *   bench_source [ROWS [ROUNDS [N]]]   1,000,000 rows, 5 rounds, all questions
 *                                      or the N-th alone
 *   bench_source explain N [ROWS]      EXPLAIN ANALYZE of ours, to read
 *
 * The data are those of bench_bounding: ROWS events of ROWS / 20 people with a
 * long tail, 200 campaigns.  The PostgreSQL is one of its own, in memory, with
 * the settings that it has out of the box but for the machine's memory.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "benchmarks/bench.h"
#include "dp/init.h"
#include "server/engine/pgsql_link.h"
#include "server/plan/keep.h"
#include "server/plan/plan.h"
#include "server/policy/policy.h"
#include "server/sql/sql.h"
#include "tests/lib_postgres.h"

enum { ROUNDS_MAX = 31, FORMS_MAX = 3, ROOM = 32 << 20, OID_BYTEA = 17 };

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "source: postgresql\n"
    "database: postgresql:///postgres\n"
    "cap: {rho: 1, delta: 1e-9}\n"
    "max_people: 100000000\n"
    "purposes:\n"
    "  stats: {help: Figures., basis: legitimate_interest}\n"
    "tables:\n"
    "  events:\n"
    "    from: shop.events\n"
    "    key: user_id\n"
    "    max_groups: 5\n"
    "    max_rows: 20\n"
    "    columns:\n"
    "      user_id: int\n"
    "      campaign: text\n"
    "      kind: {type: text, domain: [a, b, c, d]}\n"
    "      town: text\n"
    "      revenue: {type: double, range: [0, 100], grid: 0.01, person_clamp: "
    "[0, 200]}\n"
    "  people:\n"
    "    from: shop.people\n"
    "    key: user_id\n"
    "    max_groups: 1\n"
    "    columns:\n"
    "      user_id: int\n"
    "      country: {type: text, domain: [C0, C1, C2, C3, C4, C5, C6, C7]}\n";

static const char MAKE[] =
    "SET client_min_messages = error; DROP SCHEMA IF EXISTS shop CASCADE;"
    "CREATE SCHEMA shop; CREATE UNLOGGED TABLE shop.events AS SELECT "
    "CAST(floor(%llu * power(u1, 2.5)) AS BIGINT) * 7919 %% %llu AS user_id, "
    "'campaign_' || CAST(floor(200 * u2 * u2) AS INTEGER) AS campaign, "
    "chr(97 + i %% 4) AS kind, 'town_' || i %% 20000 AS town, floor(u3 * "
    "10000) / 100 AS revenue FROM (SELECT "
    "CAST(i AS INTEGER) AS i, random() AS u1, random() AS u2, random() AS u3 "
    "FROM (SELECT setseed(0.5)) AS s, generate_series(1, %llu) AS i OFFSET 0) "
    "AS t;"
    "CREATE UNLOGGED TABLE shop.people AS SELECT DISTINCT user_id, 'C' || "
    "user_id %% 8 AS country FROM shop.events;"
    "ANALYZE shop.events; ANALYZE shop.people";

/* The first form is plain; NULL is what the planner makes of the question. */
static const struct question {
    const char *name, *sql;
    struct form {
        const char *name, *sql;
    } forms[FORMS_MAX];
} QUESTIONS[] = {
    { "reach and clamped revenue by campaign, 5 campaigns a person",
      "SELECT campaign, COUNT(DISTINCT user_id), SUM(revenue) FROM events "
      "GROUP BY campaign",
      { { "plain",
          "SELECT campaign, count(DISTINCT user_id), sum(revenue) FROM "
          "shop.events GROUP BY campaign" },
        { "ours", NULL },
        { "row_number over pairs",
          "WITH pairs AS (SELECT user_id, campaign, least(200, sum(revenue)) "
          "AS s FROM shop.events GROUP BY 1, 2), kept AS (SELECT *, "
          "row_number() OVER (PARTITION BY user_id ORDER BY md5(user_id || "
          "campaign)) AS r FROM pairs) SELECT campaign, count(*), sum(s) FROM "
          "kept WHERE r <= 5 GROUP BY campaign" } } },
    { "rows and revenue by campaign",
      "SELECT campaign, COUNT(*), SUM(revenue) FROM events GROUP BY campaign",
      { { "plain",
          "SELECT campaign, count(*), sum(revenue) FROM shop.events GROUP BY "
          "campaign" },
        { "ours", NULL } } },
    { "rows and revenue by kind, which a person may have all of",
      "SELECT kind, COUNT(*), SUM(revenue) FROM events GROUP BY kind",
      { { "plain",
          "SELECT kind, count(*), sum(revenue) FROM shop.events GROUP BY "
          "kind" },
        { "ours", NULL } } },
    { "rows and revenue of three campaigns",
      "SELECT campaign, COUNT(*), SUM(revenue) FROM events WHERE campaign IN "
      "('campaign_3', 'campaign_40', 'campaign_150') GROUP BY campaign",
      { { "plain",
          "SELECT campaign, count(*), sum(revenue) FROM shop.events WHERE "
          "campaign IN ('campaign_3', 'campaign_40', 'campaign_150') GROUP BY "
          "campaign" },
        { "ours", NULL } } },
    { "reach by an attribute of the person",
      "SELECT country, COUNT(*) FROM (SELECT user_id, min(country) AS country "
      "FROM people GROUP BY user_id) AS p GROUP BY country",
      { { "plain",
          "SELECT country, count(DISTINCT user_id) FROM shop.people GROUP BY "
          "country" },
        { "ours", NULL } } },
    { "different values by campaign, 20 of a person",
      "SELECT campaign, COUNT(DISTINCT revenue) FROM events GROUP BY campaign",
      { { "plain",
          "SELECT campaign, count(DISTINCT user_id), count(DISTINCT revenue) "
          "FROM shop.events GROUP BY campaign" },
        { "ours", NULL } } },
    { "rows and reach by campaign and kind",
      "SELECT campaign, kind, COUNT(*), COUNT(DISTINCT user_id) FROM events "
      "GROUP BY campaign, kind",
      { { "plain",
          "SELECT campaign, kind, count(*), count(DISTINCT user_id) FROM "
          "shop.events GROUP BY campaign, kind" },
        { "ours", NULL } } },
    { "reach and different values by 20,000 towns",
      "SELECT town, COUNT(DISTINCT user_id), COUNT(DISTINCT kind) FROM events "
      "GROUP BY town",
      { { "plain",
          "SELECT town, count(DISTINCT user_id), count(DISTINCT kind) FROM "
          "shop.events GROUP BY town" },
        { "ours", NULL } } },
    { "median by campaign",
      "SELECT campaign, MEDIAN(revenue) FROM events GROUP BY campaign",
      { { "plain",
          "SELECT campaign, percentile_cont(0.5) WITHIN GROUP (ORDER BY "
          "revenue) FROM shop.events GROUP BY campaign" },
        { "ours", NULL } } },
};
enum { QUESTIONS_N = sizeof QUESTIONS / sizeof QUESTIONS[0] };

static const struct policy *policy;
static struct arena lasting; /* of the policy */

/* Whom a form is asked: plain ones a session as anybody has it, ours one with
 * the settings of the engine. */
struct session {
    PGconn *conn;
    long backend; /* its process */
};
static struct session usual, engine;

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_source: %s\n", what);
    exit(1);
}

/* With the secret's block where the statement names it. */
static PGresult *ask(const struct session *s, const char *sql)
{
    static const char key[KEEP_KEY_LEN] = { 7 };
    const char *const values[] = { key };
    const int lengths[] = { sizeof key }, formats[] = { 1 };
    const Oid types[] = { OID_BYTEA };
    PGresult *r = strstr(sql, "$1") ? PQexecParams(s->conn, sql, 1, types,
                                                   values, lengths, formats, 0)
                                    : PQexec(s->conn, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK &&
        PQresultStatus(r) != PGRES_COMMAND_OK)
        die(PQerrorMessage(s->conn));
    return r;
}

static void run(const struct session *s, const char *sql)
{
    PQclear(ask(s, sql));
}

/* The least listed prime above the number of people. */
static unsigned long long prime_above(unsigned long long people)
{
    static const unsigned long long primes[] = { 10007, 100003, 1000003,
                                                 10000019 };
    size_t i = 0;
    while (i + 1 < sizeof primes / sizeof primes[0] && primes[i] <= people)
        i++;
    return primes[i];
}

static void make_data(unsigned long long rows)
{
    char sql[2048];
    struct err err = { 0 };
    struct policy here = *policy;
    here.database = postgres_uri();
    usual.conn = PQconnectdb(here.database);
    if (PQstatus(usual.conn) != CONNECTION_OK)
        die(PQerrorMessage(usual.conn));
    if (pgsql_link(&engine.conn, &here, PGSQL_READER, &err) != ERR_OK)
        die(err.msg);
    run(&engine, "SET statement_timeout = 0"); /* the machine may be busy */
    usual.backend = PQbackendPID(usual.conn);
    engine.backend = PQbackendPID(engine.conn);
    (void)snprintf(sql, sizeof sql, MAKE, rows / 20, prime_above(rows / 20),
                   rows);
    run(&usual, sql);
}

/* ---- one run ---- */

struct cost {
    double cpu_s, wall_s;
};

/* CPU seconds of the session's process, in its ticks. */
static double backend_cpu_s(const struct session *s)
{
    char path[64], text[1024] = "";
    unsigned long user = 0, sys = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", s->backend);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f))
        die("no /proc");
    (void)fclose(f);
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at,
                      ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu "
                      "%lu",
                      &user, &sys) != 2)
        die("/proc says it in other words");
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* So often that the ticks say something. */
static struct cost measure(const struct session *s, const char *sql)
{
    enum { LEAST_TICKS = 25 };
    const double least = LEAST_TICKS / (double)sysconf(_SC_CLK_TCK);
    struct cost c = { 0 };
    unsigned n = 0;
    run(s, "SET max_parallel_workers_per_gather = 0");
    for (const double cpu = backend_cpu_s(s); c.cpu_s < least; n++) {
        run(s, sql);
        c.cpu_s = backend_cpu_s(s) - cpu;
    }
    c.cpu_s /= n;
    run(s, "RESET max_parallel_workers_per_gather");
    const uint64_t start = bench_now_ns();
    run(s, sql);
    c.wall_s = (double)(bench_now_ns() - start) / 1e9;
    return c;
}

/* ---- questions ---- */

static const char *statement(const struct question *q, const struct form *f,
                             struct arena *a)
{
    const struct request req = { .purpose = "stats", .ask = { .level = 0.95 } };
    struct err err = { 0 };
    struct select *tree = NULL;
    struct plan *plan = NULL;
    if (f->sql)
        return f->sql;
    if (sql_parse(&tree, q->sql, strlen(q->sql), a, &err) ||
        plan_query(&plan, &req, tree, policy, a, &err))
        die(err.msg);
    return plan->n_measures > 0 ? plan->sql : plan->hists[0].sql;
}

/* Costs of a form over rounds, each divided by plain's of the same round. */
struct series {
    double cpu[ROUNDS_MAX], wall[ROUNDS_MAX], s[ROUNDS_MAX];
};

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, bench_cmp_);
    return v[n / 2];
}

static void print_series(const char *name, struct series *s, unsigned rounds)
{
    const double cpu = median(s->cpu, rounds), wall = median(s->wall, rounds);
    printf("%-28s %8.2f %8.2f %9.3f  %.2f..%.2f  %.2f..%.2f\n", name, cpu, wall,
           median(s->s, rounds), s->cpu[0], s->cpu[rounds - 1], s->wall[0],
           s->wall[rounds - 1]);
    (void)fflush(stdout);
}

static void compare(const struct question *q, unsigned rounds)
{
    static struct series s[FORMS_MAX];
    const char *sql[FORMS_MAX] = { NULL };
    struct arena a;
    size_t n = 0;
    arena_init(&a, ROOM);
    for (; n < FORMS_MAX && q->forms[n].name; n++)
        sql[n] = statement(q, &q->forms[n], &a);
    for (unsigned r = 0; r < rounds; r++) {
        struct cost plain = { 0 };
        for (size_t f = 0; f < n; f++) {
            const struct cost c =
                measure(q->forms[f].sql ? &usual : &engine, sql[f]);
            plain = f ? plain : c;
            s[f].cpu[r] = c.cpu_s / plain.cpu_s;
            s[f].wall[r] = c.wall_s / plain.wall_s;
            s[f].s[r] = c.cpu_s;
        }
    }
    printf("\n%s\n%-28s %8s %8s %9s  %s\n", q->name, "form", "cpu", "wall",
           "cpu s", "least..greatest: cpu, wall");
    for (size_t f = 0; f < n; f++)
        print_series(q->forms[f].name, &s[f], rounds);
    arena_fini(&a);
}

static void explain(const struct question *q)
{
    struct arena a;
    arena_init(&a, ROOM);
    run(&engine, "SET max_parallel_workers_per_gather = 0");
    const char *sql = statement(q, &q->forms[1], &a);
    printf("%s\n\n", sql);
    PGresult *r =
        ask(&engine, arena_printf(&a, "EXPLAIN (ANALYZE, BUFFERS) %s", sql));
    for (int i = 0; i < PQntuples(r); i++)
        printf("%s\n", PQgetvalue(r, i, 0));
    PQclear(r);
    arena_fini(&a);
}

static void load_policy(void)
{
    struct policy *p = NULL;
    struct policy_report report = { 0 };
    struct err err = { 0 };
    arena_init(&lasting, ROOM);
    if (policy_load_bytes(&p, POLICY, sizeof POLICY - 1, "shop.yaml", &report,
                          &lasting, &err) != ERR_OK)
        die(report.n ? report.mistakes[0].msg : err.msg);
    policy = p;
}

int main(int argc, char **argv)
{
    const bool explains = argc > 2 && strcmp(argv[1], "explain") == 0;
    char *const *arg = explains ? argv + 1 : argv;
    const int n = explains ? argc - 1 : argc;
    const char *text = explains ? (n > 2 ? arg[2] : NULL)
                       : n > 1  ? arg[1]
                                : NULL;
    const unsigned long long rows = text ? strtoull(text, NULL, 10) : 1000000;
    const unsigned long rounds =
        n > 2 && !explains ? strtoul(arg[2], NULL, 10) : 5;
    const unsigned long only = explains ? strtoul(arg[1], NULL, 10)
                               : n > 3  ? strtoul(arg[3], NULL, 10)
                                        : 0;
    if (rows < 1000 || rounds < 1 || rounds > ROUNDS_MAX || only > QUESTIONS_N)
        die("usage: bench_source [ROWS of 1000 and more [ROUNDS of 1 to 31 "
            "[QUESTION]]] | explain QUESTION [ROWS]");
    dp_init();
    sql_init();
    load_policy();
    make_data(rows);
    printf("%llu rows, %lu rounds; plain = 1\n", rows, rounds);
    for (size_t i = 0; i < QUESTIONS_N; i++)
        if (!only || i + 1 == only)
            (explains ? explain(&QUESTIONS[i])
                      : compare(&QUESTIONS[i], (unsigned)rounds));
    PQfinish(usual.conn);
    PQfinish(engine.conn);
    arena_fini(&lasting);
    return 0;
}
