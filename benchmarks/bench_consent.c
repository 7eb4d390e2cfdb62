/*
 * Who counts, over many rows: each statement without consent, through the
 * gate's function, and by the semi-join that it stands for; then the import of
 * the register, and how soon a withdrawal shows while a query runs.
 *
 *   bench_consent [ROWS [ROUNDS [int | text [FOLDER]]]]
 *
 * Half as many people as rows, 8 purposes.  A folder keeps the register: who
 * comes again opens it, as a server that starts, instead of importing.
 *
 * All forms of a statement take turns in one run; medians of wall seconds, CPU
 * in brackets.  Half of the people count for the purpose that is asked for.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "benchmarks/bench.h"
#include "dp/init.h"
#include "server/engine/duck_gate.h"
#include "server/engine/duck_guard.h"
#include "server/engine/duck_keep.h"
#include "server/main/consent_gate.h"
#include "server/sql/sql.h"

enum { PURPOSES = 8, PIECE = 4096, ROUNDS_MAX = 31, WITHDRAWALS = 200 };
enum { THREADS = 2, ROOM = 64 << 20 };

#define TABLE                                                                  \
    "tables:\n  t:\n    from: t.parquet\n    key: who\n    max_groups: 5\n"    \
    "    max_rows: 10\n    columns:\n      who: %s\n"                          \
    "      campaign: {type: text, domain: [c0, c1, c2, c3, c4, c5, c6, c7, "   \
    "c8, c9]}\n      revenue: {type: double, range: [0, 100], grid: 0.01}\n"
#define HEAD                                                                   \
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"               \
    "cap: {rho: 5, delta: 1e-12}\nmax_people: 100000000\n%s"                   \
    "purposes: {p0: {basis: consent}, p1: {basis: consent}, p2: {basis: "      \
    "consent}, p3: {basis: consent}, p4: {basis: consent}, p5: {basis: "       \
    "consent}, p6: {basis: legitimate_interest}, p7: {basis: consent}}\n"

static void die(const char *what)
{
    fprintf(stderr, "bench_consent: %s\n", what);
    exit(1);
}

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- the register ---- */

static const char *const IDS[PURPOSES] = { "p0", "p1", "p2", "p3",
                                           "p4", "p5", "p6", "p7" };

static void subject_of(char out[48], unsigned long long i, bool text)
{
    (void)snprintf(out, 48, text ? "user-%llu@example" : "%llu", i);
}

/* Everybody decides about all purposes: yes to half of them, no to the rest. */
static void fill(struct dataset *d, unsigned long long people, bool text)
{
    static char names[PIECE][48];
    static const char *subjects[PIECE];
    static uint32_t kind[PIECE];
    static int64_t at[PIECE];
    const struct consent_kind kinds[] = {
        { .state = CONSENT_GRANTED,
          .purposes = IDS,
          .n_purposes = PURPOSES / 2,
          .notice = 1 },
        { .state = CONSENT_WITHDRAWN,
          .purposes = IDS,
          .n_purposes = PURPOSES,
          .notice = 1 },
    };
    const uint8_t digest[CONSENT_DIGEST_LEN] = { 1 };
    const uint64_t start = bench_now_ns();
    const double cpu = cpu_s();
    for (unsigned long long first = 0; first < people;) {
        size_t n = 0;
        for (; n < PIECE && first + n < people; n++) {
            subject_of(names[n], first + n, text);
            subjects[n] = names[n];
            kind[n] = (first + n) % 2;
            at[n] = 1700000000000000;
        }
        const struct consent_chunk chunk = { .digest = digest,
                                             .first = first,
                                             .kinds = kinds,
                                             .n_kinds = 2,
                                             .subjects = subjects,
                                             .kind = kind,
                                             .at_us = at,
                                             .n_rows = n,
                                             .last = first + n == people,
                                             .source = "bench",
                                             .by = "bench" };
        struct consent_imported out;
        struct err err = { 0 };
        if (consent_import(d->consent, d->circle, &chunk, &out, &err) != ERR_OK)
            die(err.msg);
        if (out.done && first == 0)
            return;         /* all is there */
        first = out.n_rows; /* some may have been there */
        if (first % (1000 * PIECE) == 0)
            fprintf(stderr, "%llu of %llu people\n", first, people);
    }
    const double s = (double)(bench_now_ns() - start) / 1e9;
    printf("import of %llu people, %d purposes: %.1f s (CPU %.1f), %.0f a "
           "second\n",
           people, PURPOSES, s, cpu_s() - cpu, (double)people / s);
}

/* Resident, in MB. */
static double memory_mb(void)
{
    unsigned long long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%llu %llu", &all, &pages) != 2)
        die("no /proc/self/statm");
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* ---- statements ---- */

struct bench {
    struct duck duck;
    struct duck_gate *gate;
    struct dataset dataset;
    struct policy *gated, *plain;
    struct arena a;
    duckdb_connection con;
    struct duck_keep_key key;
    struct duck_heap heap;
    double wall[3][ROUNDS_MAX], cpu[3][ROUNDS_MAX];
};

static void exec(struct bench *b, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(b->con, sql, &r) != DuckDBSuccess)
        die(duckdb_result_error(&r));
    duckdb_destroy_result(&r);
}

static void time_one(struct bench *b, unsigned form, unsigned round,
                     const char *sql)
{
    struct duck_pin pin;
    const double cpu = cpu_s();
    const uint64_t start = bench_now_ns();
    duck_gate_pin(&pin, b->gate, b->con, &b->gated->purposes[0], true);
    exec(b, sql);
    duck_gate_unpin(&pin, b->gate);
    b->wall[form][round] = (double)(bench_now_ns() - start) / 1e9;
    b->cpu[form][round] = cpu_s() - cpu;
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof *v, bench_cmp_);
    return v[n / 2];
}

static void compare(struct bench *b, const char *name, const char *const sql[3],
                    unsigned rounds)
{
    static const char *const forms[3] = { "without consent", "bitmap function",
                                          "semi-join" };
    for (unsigned r = 0; r < rounds + 1; r++)
        for (unsigned f = 0; f < 3; f++)
            time_one(b, f, r ? r - 1 : 0, sql[f]); /* the first warms up */
    printf("%s\n", name);
    const double wall0 = median(b->wall[0], rounds),
                 cpu0 = median(b->cpu[0], rounds);
    for (unsigned f = 0; f < 3; f++) {
        const double wall = f ? median(b->wall[f], rounds) : wall0,
                     cpu = f ? median(b->cpu[f], rounds) : cpu0;
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
        die(err.msg);
    return plan->sql;
}

/* ---- set up ---- */

static struct policy *load(struct bench *b, const char *consent, bool text)
{
    static char bytes[8192];
    struct policy *p = NULL;
    struct policy_report report = { 0 };
    struct err err = { 0 };
    (void)snprintf(bytes, sizeof bytes, HEAD TABLE, consent,
                   text ? "text" : "int");
    if (policy_load_bytes(&p, bytes, strlen(bytes), "s.yaml", &report, &b->a,
                          &err) != ERR_OK)
        die(err.msg);
    return p;
}

static void open_all(struct bench *b, const char *path, unsigned long long rows,
                     bool text)
{
    char sql[1024];
    struct err err = { 0 };
    struct consent_options o = { .path = path,
                                 .clock = clock_system(),
                                 .keys = { .key = { { 7 } }, .n = 1 } };
    arena_init(&b->a, ROOM);
    b->gated = load(b, "consent: {}\n", text);
    b->plain = load(b, "", text);
    const bool was_there = access(path, R_OK) == 0;
    const uint64_t opening = bench_now_ns();
    const double opening_cpu = cpu_s();
    if (consent_open(&b->dataset.consent, &o, &err) != ERR_OK ||
        consent_circle(&b->dataset.circle, b->dataset.consent, b->gated,
                       &err) != ERR_OK)
        die(err.msg);
    if (was_there)
        printf("register opened: %.1f s (CPU %.1f)\n",
               (double)(bench_now_ns() - opening) / 1e9, cpu_s() - opening_cpu);
    fill(&b->dataset, rows / 2, text);
    printf("memory with the register: %.0f MB\n", memory_mb());
    b->dataset.gate = consent_gate_of(&b->dataset);
    if (duckdb_open(NULL, &b->duck.db) != DuckDBSuccess ||
        duckdb_connect(b->duck.db, &b->duck.con) != DuckDBSuccess ||
        duck_keep_register(&b->duck, &b->key, &b->heap, &err) != ERR_OK ||
        duck_guard_register(&b->duck, &err) != ERR_OK ||
        duck_gate_open(&b->gate, &b->duck, &b->dataset.gate, &err) != ERR_OK ||
        duckdb_connect(b->duck.db, &b->con) != DuckDBSuccess)
        die("DuckDB does not start");
    (void)snprintf(
        sql, sizeof sql,
        "SET threads = %d; SET preserve_insertion_order = false; CREATE SCHEMA "
        "src; CREATE TABLE src.t AS SELECT %s AS who, 'c' || h %% 10 AS "
        "campaign, (h // 16 %% 5000) / 100.0::DOUBLE AS revenue FROM (SELECT "
        "CAST(hash(i) %% %llu AS BIGINT) AS p, CAST(hash(-i) %% 1000000007 AS "
        "BIGINT) AS h FROM range(%llu) t(i)); CREATE TABLE counted AS SELECT "
        "%s AS who FROM range(%llu) t(p) WHERE p %% 2 = 0",
        THREADS, text ? "'user-' || p || '@example'" : "p", rows / 2, rows,
        text ? "'user-' || p || '@example'" : "p", rows / 2);
    exec(b, sql);
    const uint64_t start = bench_now_ns();
    const double cpu = cpu_s(), before_mb = memory_mb();
    if (!duck_gate_map(b->gate, &b->duck, b->gated))
        die("keys cannot be mapped");
    printf("keys mapped once: %.1f s (CPU %.1f), %.0f MB more\n",
           (double)(bench_now_ns() - start) / 1e9, cpu_s() - cpu,
           memory_mb() - before_mb);
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
        die("no connection");
    while (!atomic_load(&g->stops)) {
        struct duck_pin pin;
        duck_gate_pin(&pin, g->b->gate, con, &g->b->gated->purposes[0], true);
        (void)duckdb_query(con,
                           "SELECT campaign, sum(revenue) FROM src.t WHERE "
                           "halftone_counts_i(who) GROUP BY campaign",
                           &r);
        duckdb_destroy_result(&r);
        duck_gate_unpin(&pin, g->b->gate);
    }
    duckdb_disconnect(&con);
    return NULL;
}

/* From the call until whoever pins a view does not see the person. */
static void withdrawals(struct bench *b)
{
    static double ms[WITHDRAWALS];
    struct background g = { .b = b };
    pthread_t thread;
    atomic_init(&g.stops, false);
    if (pthread_create(&thread, NULL, query_on, &g) != 0)
        die("no thread");
    for (unsigned i = 0; i < WITHDRAWALS; i++) {
        char who[48];
        struct consent_recorded out;
        struct err err = { 0 };
        struct gate_view v;
        subject_of(who, 2ULL * i, false);
        const struct consent_event e = { .subject = who,
                                         .subject_len = strlen(who),
                                         .state = CONSENT_WITHDRAWN,
                                         .purposes = IDS,
                                         .n_purposes = 1,
                                         .by = "bench" };
        const uint64_t start = bench_now_ns();
        if (consent_record(b->dataset.consent, b->dataset.circle, &e, &out,
                           &err) != ERR_OK)
            die(err.msg);
        const struct gate *gate = &b->dataset.gate;
        gate->pin(gate->ctx, &v, &b->gated->purposes[0], true);
        if (gate_counts(&v, gate->number(gate->ctx, who, strlen(who), false)))
            die("somebody who withdrew counts");
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
    consent_close(b->dataset.consent);
    arena_fini(&b->a);
}

static void bench(const char *dir, unsigned long long rows, unsigned rounds,
                  bool text)
{
    struct bench b = { .key = { { 1 } } };
    static const char question[] =
        "SELECT campaign, COUNT(DISTINCT who), SUM(revenue) FROM t GROUP BY "
        "campaign";
    char path[160], semi[8192];
    (void)snprintf(path, sizeof path, "%s/%s.db", dir, text ? "text" : "int");
    printf("\n== keys: %s, %llu rows, %llu people\n",
           text ? "text" : "whole numbers", rows, rows / 2);
    open_all(&b, path, rows, text);
    const char *const flat[3] = {
        "SELECT campaign, count(*), sum(revenue) FROM src.t GROUP BY campaign",
        text ? "SELECT campaign, count(*), sum(revenue) FROM src.t WHERE "
               "halftone_counts_t(who) GROUP BY campaign"
             : "SELECT campaign, count(*), sum(revenue) FROM src.t WHERE "
               "halftone_counts_i(who) GROUP BY campaign",
        "SELECT campaign, count(*), sum(revenue) FROM src.t WHERE who IN "
        "(SELECT who FROM counted) GROUP BY campaign",
    };
    compare(&b, "flat GROUP BY", flat, rounds);
    const char *gated = planned(&b, b.gated, question, "p0");
    const char *call = strstr(gated, text ? "halftone_counts_t(\"who\")"
                                          : "halftone_counts_i(\"who\")");
    if (!call)
        die("the plan has no gate");
    (void)snprintf(semi, sizeof semi,
                   "%.*s\"who\" IN (SELECT who FROM counted)%s",
                   (int)(call - gated), gated,
                   call + strlen("halftone_counts_i(\"who\")"));
    const char *const bounded[3] = { planned(&b, b.plain, question, "p6"),
                                     gated, semi };
    compare(&b, "bounded: reach and revenue, 5 campaigns a person", bounded,
            rounds);
    if (!text)
        withdrawals(&b);
    close_all(&b);
}

int main(int argc, char **argv)
{
    const unsigned long long rows =
        argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    const unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
    char own[64] = "/tmp/halftone-bench-XXXXXX", command[128];
    const char *dir = argc > 4 ? argv[4] : own;
    if (rows < 1000 || rounds < 1 || rounds > ROUNDS_MAX ||
        (dir == own && !mkdtemp(own)) || strlen(dir) > 100 ||
        (dir != own && access(dir, W_OK) != 0))
        die("usage: bench_consent [ROWS of 1000 and more [ROUNDS of 1 to 31 "
            "[int | text [FOLDER]]]]");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    dp_init();
    sql_init();
    if (argc < 4 || strcmp(argv[3], "int") == 0)
        bench(dir, rows, (unsigned)rounds, false);
    if (argc < 4 || strcmp(argv[3], "text") == 0)
        bench(dir, rows, (unsigned)rounds, true);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", own);
    return dir == own ? system(command) : 0;
}
