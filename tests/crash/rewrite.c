/*
 * rewrite SHIM: files of people are written anew without who was erased, the
 * process is killed or the power goes at any step of it, and a server starts on
 * what is left: each file is whole, the old or the new one; nothing else is
 * beside it; who is in the data still is found, and then erased.  What the
 * crash left beside a file its owner alone may read, and no pattern finds.
 *
 *   CRASH_POINTS  steps to try, of each kind (0 = all)
 *
 * A line a test as the scripts of tests/system have it.
 */
#include <dirent.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/engine/duck.h"
#include "server/engine/engine.h"
#include "tests/crash/disk.h"

enum { PEOPLE = 100, ERASED = 7, POINTS = 10, SQL_MAX = 2048 };

/* ---- the data: people 0..99, three rows each; number 7 was erased ---- */

#define HEAD                                                                   \
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"               \
    "cap: {rho: 5, delta: 1e-9}\nmax_people: 1000\nslots: {first: 0}\n"        \
    "purposes: {p: {basis: legitimate_interest}}\n"                            \
    "consent: {erasure: {execute: true}}\n"
#define TABLE                                                                  \
    "    key: k\n    max_groups: 1\n    max_rows: 9\n"                         \
    "    columns:\n      k: {type: int}\n      g: {type: int, range: [0, "     \
    "9]}\n"
#define ROWS "(SELECT i % 100 AS k, i % 10 AS g FROM range(300) t(i))"

static const struct kind {
    const char *name, *policy;
    const char *make[3];
    const char *left; /* how many rows there are, and of whom; "@" is there */
    size_t n_files;
} kinds[] = {
    { "Parquet files",
      HEAD "tables:\n  t:\n    from: '*.parquet'\n" TABLE,
      { "COPY (FROM " ROWS " WHERE g < 8) TO '@/t-1.parquet'",
        "COPY (FROM " ROWS " WHERE g >= 8) TO '@/t-2.parquet'" },
      "SELECT count(*) * 1000 + count(*) FILTER (k = 7) FROM '@/*.parquet'",
      2 },
    { "a DuckDB file",
      HEAD "source: duckdb\ndatabase: s.db\ntables:\n  t:\n    from: t\n" TABLE,
      { "ATTACH '@/s.db' AS s", "CREATE TABLE s.t AS FROM " ROWS, "DETACH s" },
      "ATTACH '@/s.db' AS s (READ_ONLY);"
      "SELECT count(*) * 1000 + count(*) FILTER (k = 7) FROM s.t",
      1 },
};
enum { WITH_HER = 300 * 1000 + 3, WITHOUT = 297 * 1000 };

static uint32_t number(void *ctx, const char *key, size_t len, bool adds)
{
    char text[16] = "";
    (void)ctx, (void)adds;
    memcpy(text, key, len < sizeof text ? len : sizeof text - 1);
    return (uint32_t)atoi(text) % PEOPLE;
}

static void pin(void *ctx, struct gate_view *out,
                const struct policy_purpose *purpose)
{
    static const uint64_t erased[2] = { 1u << ERASED }, none[2];
    (void)ctx;
    *out = (struct gate_view){ .bits = purpose ? none : erased,
                               .n = PEOPLE,
                               .inverts = purpose != NULL };
}

static void unpin(void *ctx, const struct gate_view *view)
{
    (void)ctx, (void)view;
}

/* ---- a server's part of it ---- */

static const struct gate gate = { NULL, number, pin, unpin };
static char folder[PATH_MAX]; /* of the data */

/* Opens the engine, as a start does, and erases whoever is found.  How many
 * were; -1: it failed. */
static int erase(const struct kind *k)
{
    struct arena a;
    struct err err = { 0 };
    struct policy *policy;
    struct engine *engine = NULL;
    struct engine_erased found = { .n = 0 };
    struct policy_report report = { 0 };
    char path[PATH_MAX + 8];
    const struct engine_options options = { .gate = &gate };
    (void)snprintf(path, sizeof path, "%s/s.yaml", folder);
    arena_init(&a, 1 << 24);
    const bool ok =
        policy_load_bytes(&policy, k->policy, strlen(k->policy), path, &report,
                          &a, &err) == ERR_OK &&
        engine_open(&engine, policy, &options, &err) == ERR_OK &&
        engine_find_erased(engine, &found, &a, &err) == ERR_OK &&
        (found.n == 0 || engine_erase(engine, &found, &err) == ERR_OK);
    const int n = ok ? (int)found.n : -1;
    if (!ok)
        printf("    %s\n", err.msg);
    engine_close(engine);
    arena_fini(&a);
    return n;
}

/* "@" is the folder. */
static bool ask(duckdb_connection con, const char *text, duckdb_result *out)
{
    char sql[SQL_MAX];
    struct writer w = writer_of(sql, sizeof sql);
    for (const char *s = text; *s; s++)
        if (*s == '@')
            writer_str(&w, folder);
        else
            writer_u8(&w, (uint8_t)*s);
    return writer_cstr(&w) && duckdb_query(con, sql, out) == DuckDBSuccess;
}

/* The last statement's number; -1: it failed. */
static int64_t ask_all(const char *const *sql, size_t n)
{
    duckdb_database db;
    duckdb_connection con;
    duckdb_result r = { 0 };
    int64_t out = -1;
    bool ok = duckdb_open(NULL, &db) == DuckDBSuccess &&
              duckdb_connect(db, &con) == DuckDBSuccess;
    for (size_t i = 0; ok && i < n && sql[i]; i++) {
        duckdb_destroy_result(&r);
        ok = ask(con, sql[i], &r);
    }
    if (ok)
        out = duckdb_value_int64(&r, 0, 0);
    duckdb_destroy_result(&r);
    duckdb_disconnect(&con);
    duckdb_close(&db);
    return out;
}

/* What is in the data; -1: it cannot be read. */
static int64_t look(const struct kind *k)
{
    return ask_all(&k->left, 1);
}

static void make(const struct kind *k)
{
    if (ask_all(k->make, 3) < 0)
        abort();
}

/* ---- the folder ---- */

typedef void file_fn(const char *path, void *ctx);
static size_t each_file(file_fn *visit, void *ctx)
{
    char path[PATH_MAX + 300];
    const struct dirent *e;
    size_t n = 0;
    DIR *d = opendir(folder);
    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        visit(path, ctx);
        n++;
    }
    if (d)
        (void)closedir(d);
    return n;
}

static void forget(const char *path, void *ctx)
{
    (void)ctx;
    (void)unlink(path);
}

static void hold(const char *path, void *ctx)
{
    disk_hold(ctx, path);
}

static void show_all(const char *path, void *ctx)
{
    (void)ctx;
    (void)chmod(path, 0644);
}

/* Beside the data its owner alone reads, unless it is whole and takes the
 * file's place next; the copy that holds her, never anybody else. */
static void judge(const char *path, void *ctx)
{
    const char *name = strrchr(path, '/') + 1;
    const char **why = ctx;
    struct stat st;
    if (name[0] == '.' && strstr(name, ".erasing") && stat(path, &st) == 0 &&
        st.st_mode & 077)
        *why = "others may read the copy that she is in";
    if (name[0] != '.' && (strstr(name, ".erased") || strstr(name, ".erasing")))
        *why = "what is written beside the data is found by patterns";
}

static size_t count_by_pattern(void)
{
    char pattern[PATH_MAX + 4];
    glob_t found = { 0 };
    (void)snprintf(pattern, sizeof pattern, "%s/*", folder);
    (void)glob(pattern, 0, NULL, &found);
    const size_t n = found.gl_pathc;
    globfree(&found);
    return n;
}

/* ---- after the crash ---- */

static const char *check(const struct kind *k)
{
    const char *why = NULL;
    (void)each_file(judge, &why);
    if (why)
        return why;
    if (count_by_pattern() > k->n_files)
        return "patterns find more than the data";
    if (erase(k) < 0)
        return "the server does not start, or erases nobody";
    if (look(k) != WITHOUT)
        return "the data are not whole, or she is in them still";
    return each_file(judge, &why) == k->n_files ? NULL
                                                : "something is left beside";
}

/* ---- the crash ---- */

static bool run(const char *self, const char *shim, const char *kind,
                const char *trace, const char *fault, uint64_t at)
{
    char number_[24];
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)snprintf(number_, sizeof number_, "%llu", (unsigned long long)at);
        (void)setenv("LD_PRELOAD", shim, 1);
        (void)setenv("CRASH_DIR", folder, 1);
        if (trace)
            (void)setenv("CRASH_TRACE", trace, 1);
        if (fault) {
            (void)setenv("CRASH_FAULT", fault, 1);
            (void)setenv("CRASH_AT", number_, 1);
        }
        (void)umask(S_IRWXG | S_IRWXO); /* as a server's */
        (void)execl(self, self, "erase", kind, folder, (char *)NULL);
        _exit(2);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static int failures;
static void report(const char *what, const struct kind *k, uint64_t points,
                   const char *why, uint64_t at)
{
    failures += why != NULL;
    if (why)
        printf("    step %llu: %s\n", (unsigned long long)at, why);
    printf("%s %s, %s: of %llu steps each leaves the old or the new\n",
           why ? "FAILED" : "ok", k->name, what, (unsigned long long)points);
}

static uint64_t stride_of(uint64_t length)
{
    const char *text = getenv("CRASH_POINTS");
    const uint64_t points = text ? strtoull(text, NULL, 10) : POINTS;
    return points && points < length ? length / points : 1;
}

static void fresh(const struct kind *k)
{
    (void)each_file(forget, NULL);
    make(k);
    (void)each_file(show_all, NULL);
}

static void kill_at_each(const struct kind *k, const char *self,
                         const char *shim, uint64_t length)
{
    const char *why = NULL;
    const uint64_t stride = stride_of(length);
    uint64_t points = 0, at = 1;
    for (; at <= length && !why; at += stride, points++) {
        fresh(k);
        if (run(self, shim, k == &kinds[0] ? "0" : "1", NULL, "kill", at))
            why = "nothing was killed";
        const int64_t n = look(k);
        if (!why && n != WITH_HER && n != WITHOUT && k->n_files == 1)
            why = "the file is neither the old nor the new one";
        why = why ? why : check(k);
    }
    report("killed", k, points, why, at - stride);
}

static void power_at_each(const struct kind *k, struct disk *d, struct trace t,
                          uint64_t length)
{
    struct trace_event e;
    const uint8_t *data;
    const char *why = NULL;
    const uint64_t stride = stride_of(length);
    uint64_t points = 0, at = 0;
    for (size_t i = 0; !why && trace_next(&t, &i, &e, &data);) {
        disk_apply(d, &e, data);
        if (disk_count(d) <= at)
            continue;
        at = disk_count(d);
        if (at % stride != 0)
            continue;
        (void)each_file(forget, NULL);
        disk_crash(d, (enum disk_keep)(points++ % DISK_KEEPS), at);
        why = check(k);
    }
    report("the power goes", k, points, why, at);
}

static void try_kind(const struct kind *k, const char *self, const char *shim,
                     const char *trace)
{
    struct disk *d = disk_new(false), *whole = disk_new(false);
    struct trace_event e;
    const uint8_t *data;
    fresh(k);
    (void)each_file(hold, d);
    (void)each_file(hold, whole);
    (void)unlink(trace);
    const bool ok = run(self, shim, k == &kinds[0] ? "0" : "1", trace, NULL, 0);
    const struct trace t = trace_read(trace);
    for (size_t at = 0; trace_next(&t, &at, &e, &data);)
        disk_apply(whole, &e, data);
    const uint64_t length = disk_count(whole);
    /* All of it, told by the trace, is what there is. */
    (void)each_file(forget, NULL);
    disk_crash(whole, DISK_ALL, 1);
    const char *why = !ok || length < 4    ? "she was not erased"
                      : look(k) != WITHOUT ? "the trace does not tell all"
                                           : NULL;
    report("watched", k, length, why, length);
    if (!why) {
        kill_at_each(k, self, shim, length);
        power_at_each(k, d, t, length);
    }
    disk_free(d);
    disk_free(whole);
    free(t.bytes);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/rewrite-XXXXXX", trace[64], self[PATH_MAX] = "";
    if (argc == 4 && strcmp(argv[1], "erase") == 0) {
        (void)snprintf(folder, sizeof folder, "%s", argv[3]);
        return erase(&kinds[argv[2][0] == '1']) == 1 ? 0 : 1;
    }
    if (argc != 2 || !mkdtemp(dir) ||
        readlink("/proc/self/exe", self, sizeof self - 1) < 0) {
        (void)fprintf(stderr, "usage: rewrite SHIM\n");
        return EXIT_FAILURE;
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* it forks */
    (void)snprintf(trace, sizeof trace, "%s/trace", dir);
    (void)snprintf(folder, sizeof folder, "%s/data", dir);
    if (mkdir(folder, 0755) != 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        try_kind(&kinds[i], self, argv[1], trace);
    (void)each_file(forget, NULL);
    (void)rmdir(folder);
    (void)unlink(trace);
    (void)rmdir(dir);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
