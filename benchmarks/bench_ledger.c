/*
 * Durable charges per second beside what the disk can do.
 *
 *   F      4 KiB writes into a preallocated file, each followed by fdatasync
 *   ours   charges of analysts under three accounts, each with a key, in a file
 *          and (PostgreSQL at hand) in a database on the same disk, by one
 *          server and by three
 *   naive  what one would write first: SQLite with the same durability, one
 *          transaction per charge (three updates, one insert)
 *   bare   the rows that ours writes, and their indexes, by SQLite alone: one
 *          thread that inserts 128 a transaction and decides nothing.  What the
 *          work cannot go below.
 *
 * Rounds alternate; medians, and in brackets the slowest and fastest round.
 * Usage: bench_ledger [FOLDER [US]]       each sync of this process takes US
 *                                         microseconds longer: then without
 *                                         PostgreSQL, which is another process
 *        bench_ledger FOLDER file         without PostgreSQL
 *        bench_ledger FOLDER shared       PostgreSQL alone
 *        bench_ledger FOLDER grow CHARGES [shared [NAME=VALUE...]]
 *                                         what a charge costs at 10^3, 10^4 ...
 *                                         of them, in a file (that goes on
 *                                         where it was before) or in PostgreSQL
 *                                         (with settings beside the usual)
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "benchmarks/bench.h"
#include "benchmarks/database.h"
#include "benchmarks/sqlite_peers.h"
#include "server/base/cleanup.h"
#include "server/ledger/ledger.h"
#include "server/ledger/seal.h"

enum {
    ROUNDS = 7,
    MANY = 128,
    PAGE = 4096,
    FILE_PAGES = 4096,
    ARENA_CAP = 1 << 16,
    SAMPLES = 4096,    /* latencies kept per thread and round */
    ROUND_MIN = 1024,  /* charges of a round while the ledger is small */
    ANSWER_LEN = 2048, /* bytes, of a small answer */
    PATH_CAP = 256
};
#define ROUND_NS  UINT64_C(500000000)
#define LEASE_NS  (UINT64_C(60) * 1000000000)
#define NS_PER_S  1e9
#define NS_PER_MS 1e6
#define US_PER_S  1e6
#define LIMIT     (UINT64_C(1) << 60)

/* In the place of libc's, for SQLite's syncs and for F alike. */
static useconds_t slower_us;
int fdatasync(int fd)
{
    if (slower_us > 0)
        (void)usleep(slower_us);
    return (int)syscall(SYS_fdatasync, fd);
}

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "bench_ledger: %s failed\n", what);
    exit(1);
}

static double disk_rate(const char *dir)
{
    static char page[PAGE];
    char path[PATH_CAP];
    (void)snprintf(path, sizeof path, "%s/bench-disk", dir);
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    check(fd >= 0, "open");
    for (off_t i = 0; i < FILE_PAGES; i++)
        check(pwrite(fd, page, PAGE, i * PAGE) == PAGE, "pwrite");
    check(fsync(fd) == 0, "fsync");

    const uint64_t start = bench_now_ns();
    uint64_t n = 0;
    for (; bench_now_ns() - start < ROUND_NS; n++) {
        memset(page, (int)n, PAGE);
        check(pwrite(fd, page, PAGE, (off_t)(n % FILE_PAGES) * PAGE) == PAGE,
              "pwrite");
        check(fdatasync(fd) == 0, "fdatasync");
    }
    (void)unlink(path);
    return (double)n * NS_PER_S / (double)(bench_now_ns() - start);
}

enum { SERVERS = 3 };
struct crowd {
    struct ledger *ledger[SERVERS];
    size_t servers;
    pthread_barrier_t gate; /* a round begins, and ends */
    uint64_t until_ns, until_serial;
    _Atomic uint64_t serial; /* of keys and releases: none twice */
    bool answers;            /* each charge gets its answer, too */
};
struct caller {
    struct crowd *crowd;
    pthread_t thread;
    size_t n, index;
    double ms[SAMPLES];
};

static void charge_one(struct crowd *c, struct ledger *l, bool answers,
                       struct arena *a)
{
    static const struct ledger_account_spec ACCOUNTS[] = {
        { "dataset/shop", { LIMIT, 0, LIMIT }, 0 },
        { "dataset/shop/principal/ann", { LIMIT, 0, LIMIT }, 0 },
        { "dataset/shop/purpose/reporting", { LIMIT, 0, LIMIT }, 86400 },
    };
    const uint64_t serial = atomic_fetch_add(&c->serial, 1);
    uint8_t hash[LEDGER_HASH_LEN] = { 0 };
    char key[32];
    /* Spread as hashes are, so that no index is appended to by luck. */
    const uint64_t mixed = serial * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(hash, &mixed, sizeof mixed);
    (void)snprintf(key, sizeof key, "%016" PRIx64, mixed);
    const struct ledger_charge_args args = {
        .principal = "ann",
        .dataset = "shop",
        .purpose = "reporting",
        .idempotency_key = key,
        .request_hash = hash,
        .release_hash = hash,
        .price = { 1000, 0, 1 },
        .accounts = ACCOUNTS,
        .n_accounts = 3,
        .policy_version = 1,
        .reuse_for_s = 3600,
        .keep_s = 3600,
        .max_misses = 8,
        .max_misses_day = 3,
    };
    struct ledger_run run;
    struct err err = { .msg = "not charged" };
    const enum err_code code = ledger_charge(l, &run, &args, a, &err);
    check(code == ERR_OK && run.verdict == LEDGER_CHARGED, err.msg);
    if (answers) {
        static const uint8_t body[ANSWER_LEN];
        const uint8_t *answer = body;
        size_t len = sizeof body;
        check(ledger_answer(l, run.id, run.fence, 0, &answer, &len, a, &err) ==
                  ERR_OK,
              err.msg);
    }
}

static void *call(void *arg)
{
    struct caller *caller = arg;
    struct crowd *c = caller->crowd;
    struct arena a;
    arena_init(&a, ARENA_CAP);
    (void)pthread_barrier_wait(&c->gate);
    uint64_t now = bench_now_ns();
    while (now < c->until_ns && c->serial < c->until_serial) {
        const uint64_t start = now;
        charge_one(c, c->ledger[caller->index % c->servers], c->answers, &a);
        arena_reset(&a);
        now = bench_now_ns();
        if (caller->n < SAMPLES)
            caller->ms[caller->n++] = (double)(now - start) / NS_PER_MS;
    }
    (void)pthread_barrier_wait(&c->gate);
    arena_fini(&a);
    return NULL;
}

struct round {
    double rate; /* charges per second */
    double p99_ms;
    double cpu_us; /* of this process, callers included, and of PostgreSQL, per
                      charge */
};

/* So many charges, until now. */
static struct round round_since(uint64_t start_ns, double cpu_s, uint64_t n)
{
    return (struct round){
        .rate = (double)n * NS_PER_S / (double)(bench_now_ns() - start_ns),
        .cpu_us = (bench_cpu_s() - cpu_s) * US_PER_S / (double)n,
    };
}

/* `n` callers until ROUND_NS is over, or about so many more were charged. */
static struct round ledger_round(struct crowd *c, size_t n, uint64_t charges)
{
    static struct caller callers[MANY];
    static double ms[MANY * SAMPLES];
    const uint64_t before = c->serial;
    check(pthread_barrier_init(&c->gate, NULL, (unsigned)n + 1) == 0,
          "pthread_barrier_init");
    for (size_t i = 0; i < n; i++) {
        callers[i].crowd = c;
        callers[i].index = i;
        callers[i].n = 0;
        check(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0,
              "pthread_create");
    }
    const double cpu = bench_cpu_s();
    const uint64_t start = bench_now_ns();
    c->until_ns = start + ROUND_NS;
    c->until_serial = before + charges;
    (void)pthread_barrier_wait(&c->gate);
    (void)pthread_barrier_wait(&c->gate);
    struct round r = round_since(start, cpu, c->serial - before);
    size_t samples = 0;
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(callers[i].thread, NULL);
        memcpy(ms + samples, callers[i].ms, callers[i].n * sizeof ms[0]);
        samples += callers[i].n;
    }
    (void)pthread_barrier_destroy(&c->gate);
    qsort(ms, samples, sizeof ms[0], bench_cmp_);
    r.p99_ms = samples ? ms[samples * 99 / 100] : 0;
    return r;
}

static struct round peer_round(uint64_t (*charge)(sqlite3 *db, uint64_t *serial,
                                                  uint64_t for_ns),
                               sqlite3 *db, uint64_t *serial)
{
    const double cpu = bench_cpu_s();
    const uint64_t start = bench_now_ns();
    const uint64_t n = charge(db, serial, ROUND_NS);
    return round_since(start, cpu, n);
}

/* Of something in all rounds; sorts it. */
struct spread {
    double median, least, most;
};
static struct spread spread_of(double v[ROUNDS])
{
    qsort(v, ROUNDS, sizeof v[0], bench_cmp_);
    return (struct spread){ v[ROUNDS / 2], v[0], v[ROUNDS - 1] };
}

/* Medians; each ratio is of one round, beside the disk's rate around it. */
static void print_rounds(const char *name, const struct round *rounds,
                         const double *disk, bool with_p99)
{
    double rates[ROUNDS], ratios[ROUNDS], cpus[ROUNDS], p99s[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        rates[i] = rounds[i].rate;
        ratios[i] = rounds[i].rate / disk[i];
        cpus[i] = rounds[i].cpu_us;
        p99s[i] = rounds[i].p99_ms;
    }
    const struct spread rate = spread_of(rates), ratio = spread_of(ratios),
                        cpu = spread_of(cpus), p99 = spread_of(p99s);
    printf("%s\t%.0f/s [%.0f..%.0f]\t%.2f F [%.2f..%.2f]\t%.1f us CPU "
           "[%.1f..%.1f]",
           name, rate.median, rate.least, rate.most, ratio.median, ratio.least,
           ratio.most, cpu.median, cpu.least, cpu.most);
    if (with_p99)
        printf("\tp99 %.1f ms [%.1f..%.1f]", p99.median, p99.least, p99.most);
    printf("\n");
    (void)fflush(stdout);
}

static void remove_files(const char *dir)
{
    static const char *const NAMES[] = {
        "bench.db",           "bench.db-wal",   "bench.db-shm",
        "bench.db-lock",      "bench-naive.db", "bench-naive.db-wal",
        "bench-naive.db-shm", "bench-bare.db",  "bench-bare.db-wal",
        "bench-bare.db-shm"
    };
    char path[PATH_CAP];
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
        (void)unlink(path);
    }
}

static struct seal_keys keys = { .n = 1 };

static void open_crowd(struct crowd *c, const char *where, size_t servers)
{
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = where,
                                      .clock = clock_system(),
                                      .answer_keys = &keys,
                                      .lease_ns = LEASE_NS };
    c->servers = servers;
    for (size_t i = 0; i < servers; i++)
        check(ledger_open(&c->ledger[i], &o, &found, &err) == ERR_OK, err.msg);
}

static void close_crowd(struct crowd *c)
{
    for (size_t i = 0; i < c->servers; i++)
        ledger_close(c->ledger[i]);
}

enum row {
    FILE_ONE,
    FILE_MANY,
    FILE_BOTH,
    NAIVE,
    BARE,
    DB_ONE,
    DB_MANY,
    DB_BOTH,
    DB_THREE,
    ROWS
};
static const struct {
    const char *name;
    size_t callers;
    bool answers;
} WHAT[ROWS] = {
    [FILE_ONE] = { "SQLite, 1 caller", 1, false },
    [FILE_MANY] = { "SQLite, 128 callers", MANY, false },
    [FILE_BOTH] = { "SQLite, 128, charge and answer", MANY, true },
    [NAIVE] = { "naive SQLite, 1 caller", 0, false },
    [BARE] = { "bare SQLite, 128 a transaction", 0, false },
    [DB_ONE] = { "PostgreSQL, 1 caller", 1, false },
    [DB_MANY] = { "PostgreSQL, 128 callers", MANY, false },
    [DB_BOTH] = { "PostgreSQL, 128, charge and answer", MANY, true },
    [DB_THREE] = { "PostgreSQL, 3 servers, 128", MANY, false },
};

/* The database works for us: its processor time is a charge's, too. */
static struct round database_round(struct crowd *c, const char *dir, size_t n,
                                   uint64_t charges)
{
    const double cpu = database_cpu_s(dir);
    const uint64_t before = c->serial;
    struct round r = ledger_round(c, n, charges);
    r.cpu_us +=
        (database_cpu_s(dir) - cpu) * US_PER_S / (double)(c->serial - before);
    return r;
}

static void compare(const char *dir, int first, bool with_postgres)
{
    static struct round rounds[ROWS][ROUNDS];
    double disk[ROUNDS];
    char path[PATH_CAP], uri[PATH_CAP] = "";
    struct crowd file = { 0 }, db = { 0 };
    uint64_t serial = 0, bare_serial = 0;
    (void)snprintf(path, sizeof path, "%s/bench.db", dir);
    open_crowd(&file, path, 1);
    sqlite3 *naive = naive_open(dir);
    sqlite3 *bare = bare_open(dir);
    if (with_postgres)
        database_start(uri, sizeof uri, dir, (char *const[]){ NULL });
    const int rows = uri[0] ? ROWS : DB_ONE;
    if (uri[0])
        open_crowd(&db, uri, SERVERS);
    for (int i = 0; i < ROUNDS; i++) {
        disk[i] = disk_rate(dir);
        for (int r = first; r < rows; r++) {
            struct crowd *c = r < DB_ONE ? &file : &db;
            c->answers = WHAT[r].answers;
            c->servers = r == DB_THREE ? SERVERS : 1;
            rounds[r][i] =
                r == NAIVE  ? peer_round(naive_charge, naive, &serial)
                : r == BARE ? peer_round(bare_charge, bare, &bare_serial)
                : r >= DB_ONE
                    ? database_round(c, dir, WHAT[r].callers, UINT32_MAX)
                    : ledger_round(c, WHAT[r].callers, UINT32_MAX);
        }
        disk[i] = (disk[i] + disk_rate(dir)) / 2;
    }
    for (int r = first; r < rows; r++)
        print_rounds(WHAT[r].name, rounds[r], disk, WHAT[r].callers == MANY);
    const struct spread f = spread_of(disk);
    printf("F\t%.0f/s [%.0f..%.0f]\t%" PRIu64 " charges in all\n", f.median,
           f.least, f.most, file.serial + db.serial);
    close_crowd(&file);
    db.servers = uri[0] ? SERVERS : 0;
    close_crowd(&db);
    if (uri[0])
        database_stop(dir);
    (void)sqlite3_close(naive);
    (void)sqlite3_close(bare);
}

/* Charges of a file from before: none is asked for twice. */
static uint64_t charges_in(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    uint64_t n = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT max(seq) FROM charges", -1, &stmt,
                           NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        n = (uint64_t)sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return n;
}

/* From `size` charges on: rounds that are short beside the ledger, so that they
 * tell of its size. */
static void measure(struct crowd *c, const char *dir, uint64_t size,
                    bool is_shared)
{
    struct round rounds[ROUNDS];
    double disk[ROUNDS];
    char name[64];
    const uint64_t part = size / (ROUNDS + 1);
    const uint64_t charges = part < ROUND_MIN ? ROUND_MIN : part;
    const uint64_t first = c->serial;
    for (int i = 0; i < ROUNDS; i++) {
        disk[i] = disk_rate(dir);
        rounds[i] = is_shared ? database_round(c, dir, MANY, charges)
                              : ledger_round(c, MANY, charges);
    }
    (void)snprintf(name, sizeof name, "%" PRIu64 " to %" PRIu64 " charges",
                   first, (uint64_t)c->serial);
    print_rounds(name, rounds, disk, true);
}

static void grow_crowd(struct crowd *c, const char *dir, uint64_t upto,
                       bool is_shared)
{
    for (uint64_t size = 1000; size <= upto; size *= 10) {
        if (c->serial > 2 * size)
            continue;
        while (c->serial < size)
            (void)ledger_round(c, MANY, size - c->serial);
        measure(c, dir, size, is_shared);
    }
    close_crowd(c);
}

static void grow_file(const char *dir, uint64_t upto)
{
    char path[PATH_CAP];
    struct crowd c = { 0 };
    (void)snprintf(path, sizeof path, "%s/bench.db", dir);
    const uint64_t start = bench_now_ns();
    open_crowd(&c, path, 1);
    c.serial = charges_in(path);
    printf("%" PRIu64 " charges\topened in %.2f s\n", c.serial,
           (double)(bench_now_ns() - start) / NS_PER_S);
    grow_crowd(&c, dir, upto, false);
}

static void grow_shared(const char *dir, uint64_t upto, char *const *settings)
{
    char uri[PATH_CAP];
    struct crowd c = { 0 };
    database_start(uri, sizeof uri, dir, settings);
    check(uri[0] != '\0', "PostgreSQL");
    open_crowd(&c, uri, 1);
    grow_crowd(&c, dir, upto, true);
    database_stop(dir);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/tmp";
    memset(keys.key[0], 7, sizeof keys.key[0]);
    if (argc > 3) {
        const uint64_t upto = strtoull(argv[3], NULL, 10);
        if (argc > 4)
            grow_shared(dir, upto, argv + 5);
        else
            grow_file(dir, upto);
        return 0;
    }
    slower_us = argc > 2 ? (useconds_t)strtoul(argv[2], NULL, 10) : 0;
    remove_files(dir);
    const bool shared = argc > 2 && strcmp(argv[2], "shared") == 0;
    compare(dir, shared ? DB_ONE : 0, argc < 3 || shared);
    remove_files(dir);
    return 0;
}
