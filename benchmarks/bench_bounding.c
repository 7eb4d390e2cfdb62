/*
 * What bounding each person costs: the planner's statement against the plain
 * GROUP BY it stands for and against the textbook forms, on DuckDB, same data,
 * alternated, a process each.  CPU seconds and peak memory as ratios to plain.
 *
 *   bench_bounding [ROWS [ROUNDS]]     2,000,000 rows and 3 rounds
 *
 * The data are made once per size by seeded SQL: ROWS events of ROWS / 20
 * people with a long tail (the heaviest of 20 M has about 80,000), 200
 * campaigns of which the first are the largest.
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
#include "dp/init.h"
#include "server/engine/duck_keep.h"
#include "server/plan/plan.h"
#include "server/policy/policy.h"
#include "server/sql/sql.h"

enum { ROUNDS_MAX = 31, FORMS_MAX = 5, THREADS = 2 };

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "cap: {rho: 1, delta: 1e-9}\n"
    "max_people: 100000000\n"
    "purposes:\n"
    "  stats: {help: Figures., basis: legitimate_interest}\n"
    "tables:\n"
    "  events:\n"
    "    from: events.parquet\n"
    "    key: user_id\n"
    "    max_groups: 5\n"
    "    max_rows: 20\n"
    "    columns:\n"
    "      user_id: int\n"
    "      campaign: text\n"
    "      revenue: {type: double, range: [0, 100], grid: 0.01, person_clamp: "
    "[0, 200]}\n"
    "  people:\n"
    "    from: people.parquet\n"
    "    key: user_id\n"
    "    max_groups: 1\n"
    "    columns:\n"
    "      user_id: int\n"
    "      country: {type: text, domain: [C0, C1, C2, C3, C4, C5, C6, C7]}\n";

struct form {
    const char *name, *sql; /* NULL: the planner's, of `question` */
};

struct question {
    const char *name, *sql;
    struct form forms[FORMS_MAX]; /* the first is plain */
};

static const struct question QUESTIONS[] = {
    { "reach and clamped revenue by campaign, 5 campaigns a person",
      "SELECT campaign, COUNT(DISTINCT user_id), SUM(revenue) FROM events "
      "GROUP "
      "BY campaign",
      { { "plain",
          "SELECT campaign, count(DISTINCT user_id), sum(revenue) FROM "
          "src.events GROUP BY campaign" },
        { "ours", NULL },
        { "row_number over distinct pairs",
          "WITH pairs AS (SELECT DISTINCT user_id, campaign FROM src.events), "
          "kept AS (SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY "
          "user_id ORDER BY hash(user_id, campaign)) AS r FROM pairs) WHERE r "
          "<= 5), sums AS (SELECT user_id, campaign, least(200, sum(revenue)) "
          "AS s FROM src.events SEMI JOIN kept USING (user_id, campaign) GROUP "
          "BY 1, 2) SELECT campaign, count(*), sum(s) FROM sums GROUP BY "
          "campaign" },
        { "dense_rank over raw rows",
          "WITH kept AS (SELECT user_id, campaign, revenue FROM (SELECT *, "
          "dense_rank() OVER (PARTITION BY user_id ORDER BY hash(user_id, "
          "campaign), campaign) AS r FROM src.events) WHERE r <= 5), sums AS "
          "(SELECT user_id, campaign, least(200, sum(revenue)) AS s FROM kept "
          "GROUP BY 1, 2) SELECT campaign, count(*), sum(s) FROM sums GROUP BY "
          "campaign" } } },
    { "reach by an attribute of the person",
      "SELECT country, COUNT(*) FROM (SELECT user_id, min(country) AS country "
      "FROM people GROUP BY user_id) AS p GROUP BY country",
      { { "plain",
          "SELECT country, count(DISTINCT user_id) FROM src.people GROUP BY "
          "country" },
        { "ours", NULL } } },
    { "rows and revenue by campaign",
      "SELECT campaign, COUNT(*), SUM(revenue) FROM events GROUP BY campaign",
      { { "plain",
          "SELECT campaign, count(*), sum(revenue) FROM src.events GROUP BY "
          "campaign" },
        { "ours", NULL } } },
};

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

/* The file of this size, made when it is not there. */
static void make_data(const char *path, unsigned long long rows)
{
    duckdb_database db;
    duckdb_connection con;
    char sql[1024];
    if (access(path, R_OK) == 0)
        return;
    (void)mkdir("build/bench", 0777);
    if (duckdb_open(path, &db) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess)
        die("no database");
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE events AS SELECT CAST(floor(%llu * "
                   "pow(hash('p' || i) / 18446744073709551616.0, 2.5)) AS "
                   "BIGINT) * 7919 %% 1000003 AS user_id, 'campaign_' || "
                   "CAST(floor(200 * pow(hash('c' || i) / "
                   "18446744073709551616.0, 2)) AS INTEGER) AS campaign, "
                   "floor(hash('r' || i) / 18446744073709551616.0 * 10000) / "
                   "100 AS revenue FROM range(%llu) t(i)",
                   rows / 20, rows);
    run(con, sql);
    run(con, "CREATE TABLE people AS SELECT DISTINCT user_id, 'C' || "
             "user_id % 8 AS country FROM events");
    run(con, "CHECKPOINT");
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

static const struct plan *planned(const char *question, struct arena *a)
{
    struct policy *policy = NULL;
    const struct request req = { .purpose = "stats", .ask = { .level = 0.95 } };
    struct policy_report report = { 0 };
    struct err err = { 0 };
    struct select *tree = NULL;
    struct plan *plan = NULL;
    if (policy_load_bytes(&policy, POLICY, sizeof POLICY - 1, "shop.yaml",
                          &report, a, &err) ||
        sql_parse(&tree, question, strlen(question), a, &err) ||
        plan_query(&plan, &req, tree, policy, a, &err))
        die(err.msg);
    return plan;
}

static struct duck_keep_key keep_key = { { 1 } };

static void execute(duckdb_connection con, const char *sql, bool keyed)
{
    duckdb_prepared_statement st;
    duckdb_result r;
    if (duckdb_prepare(con, sql, &st) != DuckDBSuccess)
        die(duckdb_prepare_error(st));
    if (keyed)
        (void)duckdb_bind_blob(st, 1, keep_key.bytes, KEEP_KEY_LEN);
    if (duckdb_execute_prepared(st, &r) != DuckDBSuccess)
        die(duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    duckdb_destroy_prepare(&st);
}

/* In a process of its own: what it takes is told by wait4. */
static void child(const char *path, const char *sql, bool keyed)
{
    duckdb_database db;
    duckdb_connection con;
    char text[512];
    if (duckdb_open(NULL, &db) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess)
        die("no database");
    (void)snprintf(text, sizeof text,
                   "SET threads = %d; ATTACH '%s' AS file (READ_ONLY); CREATE "
                   "SCHEMA src; CREATE VIEW src.events AS FROM file.events; "
                   "CREATE VIEW src.people AS FROM file.people",
                   THREADS, path);
    struct duck duck = { .db = db, .con = con };
    struct err err = { 0 };
    if (duck_keep_register(&duck, &keep_key, &err) != ERR_OK)
        die(err.msg);
    run(con, text);
    execute(con, sql, keyed);
    _exit(0);
}

struct cost {
    double cpu_s, wall_s, mb;
};

static struct cost measure(const char *path, const char *sql, bool keyed)
{
    struct rusage use;
    int status;
    const uint64_t start = bench_now_ns();
    (void)fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0)
        child(path, sql, keyed);
    if (pid < 0 || wait4(pid, &status, 0, &use) != pid || status != 0)
        die("a run failed");
    return (struct cost){
        .cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                 (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6,
        .wall_s = (double)(bench_now_ns() - start) / 1e9,
        .mb = (double)use.ru_maxrss / 1024,
    };
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, bench_cmp_);
    return v[n / 2];
}

static void ask(const struct question *q, const char *path, unsigned rounds)
{
    double cpu[FORMS_MAX][ROUNDS_MAX], wall[FORMS_MAX][ROUNDS_MAX],
        mb[FORMS_MAX][ROUNDS_MAX];
    struct arena a;
    arena_init(&a, 32 << 20);
    const struct plan *plan = planned(q->sql, &a);
    size_t n = 0;
    while (n < FORMS_MAX && q->forms[n].name)
        n++;
    for (unsigned r = 0; r < rounds; r++)
        for (size_t f = 0; f < n; f++) {
            const char *sql = q->forms[f].sql;
            const struct cost c =
                measure(path, sql ? sql : plan->sql, !sql && plan->keyed);
            cpu[f][r] = c.cpu_s;
            wall[f][r] = c.wall_s;
            mb[f][r] = c.mb;
        }
    printf("\n%s\n%-32s %8s %8s %8s %9s %s\n", q->name, "form", "cpu", "wall",
           "memory", "cpu s", "fastest..slowest");
    const double cpu0 = median(cpu[0], rounds), wall0 = median(wall[0], rounds),
                 mb0 = median(mb[0], rounds);
    for (size_t f = 0; f < n; f++) {
        const double c = median(cpu[f], rounds);
        printf("%-32s %8.2f %8.2f %8.2f %9.2f %.2f..%.2f\n", q->forms[f].name,
               c / cpu0, median(wall[f], rounds) / wall0,
               median(mb[f], rounds) / mb0, c, cpu[f][0], cpu[f][rounds - 1]);
    }
    arena_fini(&a);
}

int main(int argc, char **argv)
{
    const unsigned long long rows =
        argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 3;
    char path[128];
    if (rows < 1000 || rounds < 1 || rounds > ROUNDS_MAX)
        die("usage: bench_bounding [ROWS of 1000 and more [ROUNDS of 1 to "
            "31]]");
    dp_init();
    sql_init();
    (void)snprintf(path, sizeof path, "build/bench/bounding_%llu.duckdb", rows);
    make_data(path, rows);
    printf("%llu rows, %lu rounds, %d threads; plain = 1\n", rows, rounds,
           THREADS);
    for (size_t i = 0; i < sizeof QUESTIONS / sizeof QUESTIONS[0]; i++)
        ask(&QUESTIONS[i], path, (unsigned)rounds);
    return 0;
}
