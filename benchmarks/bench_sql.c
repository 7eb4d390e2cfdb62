/*
 * A chart's query: text to tree, against PostgreSQL's parser alone on the same
 * text.  Prints ns per query of both and their ratio, by CPU time, alternated.
 */
#include <pg_query.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "benchmarks/bench.h"
#include "server/sql/sql.h"

static const char *const QUERIES[] = {
    "SELECT dept AS dept, COUNT(*) AS count, AVG(cost) AS \"AVG(cost)\" FROM "
    "clinic.visits GROUP BY dept ORDER BY count DESC LIMIT 10000",
    "SELECT DATE_TRUNC('MONTH', visit_ts) AS visit_ts, SUM(cost) AS "
    "\"SUM(cost)\" FROM clinic.visits WHERE visit_ts >= TO_TIMESTAMP("
    "'2023-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND visit_ts < "
    "TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') "
    "GROUP BY DATE_TRUNC('MONTH', visit_ts) LIMIT 10000",
    "SELECT dept AS dept, COUNT(*) AS count FROM clinic.visits WHERE ( ( score "
    "> 3 ) ) GROUP BY dept HAVING ( ( COUNT(*) > 10 ) ) LIMIT 100",
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void parse_alone(const char *sql)
{
    pg_query_free_protobuf_parse_result(pg_query_parse_protobuf(sql));
}

static void parse_ours(const char *sql, struct arena *a)
{
    struct err err;
    struct select *s;
    arena_reset(a);
    if (sql_parse(&s, sql, strlen(sql), a, &err) != ERR_OK) {
        (void)fprintf(stderr, "%s\n", err.msg);
        exit(EXIT_FAILURE);
    }
}

int main(void)
{
    enum { ROUNDS = 31, PER = 200, N = sizeof QUERIES / sizeof QUERIES[0] };
    double ours[ROUNDS], alone[ROUNDS], ratio[ROUNDS];
    struct arena a;
    sql_init();
    arena_init(&a, 1 << 20);
    for (int r = 0; r < ROUNDS; r++) {
        const uint64_t t0 = cpu_ns();
        for (int i = 0; i < PER; i++)
            parse_alone(QUERIES[i % N]);
        const uint64_t t1 = cpu_ns();
        for (int i = 0; i < PER; i++)
            parse_ours(QUERIES[i % N], &a);
        const uint64_t t2 = cpu_ns();
        alone[r] = (double)(t1 - t0) / PER;
        ours[r] = (double)(t2 - t1) / PER;
        ratio[r] = ours[r] / alone[r];
    }
    arena_fini(&a);
    qsort(alone, ROUNDS, sizeof alone[0], bench_cmp_);
    qsort(ours, ROUNDS, sizeof ours[0], bench_cmp_);
    qsort(ratio, ROUNDS, sizeof ratio[0], bench_cmp_);
    printf("parse alone\t%.0f ns\t%.0f\t%.0f\n", alone[ROUNDS / 2], alone[0],
           alone[ROUNDS - 1]);
    printf("parse + tree\t%.0f ns\t%.0f\t%.0f\n", ours[ROUNDS / 2], ours[0],
           ours[ROUNDS - 1]);
    printf("ratio\t%.2f\t%.2f\t%.2f\n", ratio[ROUNDS / 2], ratio[0],
           ratio[ROUNDS - 1]);
    return EXIT_SUCCESS;
}
