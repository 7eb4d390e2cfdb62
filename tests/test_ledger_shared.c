/* Several servers on one ledger in PostgreSQL: who holds a charge, who is dead,
 * and what the database must promise.  (A connection that breaks:
 * test_ledger_wire.c.) */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/metrics/metrics.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

enum { LIMIT = 1000, US = 1000000, ARENA_CAP = 1 << 22 };
#define START_US (INT64_C(1760000400) * US)
#define LEASE_S  60
#define ALIVE_S  15

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct ledger *a, *b; /* two servers */
    struct arena arena;
};

static enum err_code open_at(struct world *w, struct ledger **out,
                             const char *where, uint64_t *found)
{
    struct err err = { 0 };
    const struct ledger_options o = { .path = where,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns =
                                          UINT64_C(1000000000) * LEASE_S };
    return ledger_open(out, &o, found, &err);
}

static void world_init(struct world *w)
{
    uint64_t found;
    *w = (struct world){ 0 };
    ledger_dirs_in_postgres(true);
    ledger_dir_init(&w->dir);
    arena_init(&w->arena, ARENA_CAP);
    fake_clock_init(&w->clock, START_US);
    assert_int_equal(open_at(w, &w->a, w->dir.path, &found), ERR_OK);
    assert_int_equal(open_at(w, &w->b, w->dir.path, &found), ERR_OK);
}

static void world_fini(struct world *w)
{
    assert_true(ledger_verifies(w->dir.path));
    ledger_close(w->a);
    ledger_close(w->b);
    assert_true(ledger_verifies(w->dir.path));
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static void later(struct world *w, int s)
{
    atomic_fetch_add(&w->clock.wall_us, (int64_t)s * US);
}

static enum err_code ask(struct world *w, struct ledger *l,
                         struct ledger_run *run, const char *key)
{
    struct charge c;
    struct err err;
    charge_init(&c, "ann", key, "release", 10, LIMIT);
    return ledger_charge(l, run, &c.args, &w->arena, &err);
}

static enum err_code answer(struct world *w, struct ledger *l,
                            const struct ledger_run *run, const char **text)
{
    const uint8_t *bytes = (const uint8_t *)*text;
    size_t len = strlen(*text);
    struct err err;
    const enum err_code code =
        ledger_answer(l, run->id, run->fence, 0, &bytes, &len, &w->arena, &err);
    *text = arena_strndup(&w->arena, (const char *)bytes, len);
    return code;
}

static uint64_t spent(struct ledger *l)
{
    return ledger_spent(l, LIMIT);
}

static void test_start_beside(void **state)
{
    struct world w;
    struct ledger_run run;
    struct ledger *third;
    struct err err;
    uint64_t found;
    (void)state;
    world_init(&w);
    assert_int_equal(ask(&w, w.a, &run, "k"), ERR_OK);
    assert_int_equal(open_at(&w, &third, w.dir.path, &found), ERR_OK);
    assert_int_equal(found, 0);
    ledger_close(third);
    assert_int_equal(spent(w.b), 10);
    assert_int_equal(ledger_void(w.a, run.id, run.fence, &err), ERR_OK);
    assert_int_equal(spent(w.b), 0);
    world_fini(&w);
}

static void test_race(void **state)
{
    struct world w;
    struct ledger_run slow, fast, again;
    const char *one = "slow", *two = "fast";
    (void)state;
    world_init(&w);
    assert_int_equal(ask(&w, w.a, &slow, "k"), ERR_OK);
    assert_int_equal(ask(&w, w.b, &fast, "k"), ERR_OK);
    assert_int_equal(fast.verdict, LEDGER_IN_FLIGHT);
    later(&w, LEASE_S - 1);
    struct err err;
    assert_int_equal(ledger_beat(w.a, &err), ERR_OK);
    assert_int_equal(ledger_beat(w.b, &err), ERR_OK);
    later(&w, 1); /* both live, and the lease is over */
    assert_int_equal(ask(&w, w.b, &fast, "k"), ERR_OK);
    assert_int_equal(fast.verdict, LEDGER_CHARGED);
    assert_int_equal(fast.fence, 2);
    assert_int_equal(answer(&w, w.a, &slow, &one), ERR_UNAVAILABLE);
    assert_int_equal(answer(&w, w.b, &fast, &two), ERR_OK);
    one = "slow";
    assert_int_equal(answer(&w, w.a, &slow, &one), ERR_OK);
    assert_string_equal(one, "fast"); /* the one answer */
    assert_int_equal(ask(&w, w.a, &again, "k"), ERR_OK);
    assert_int_equal(again.verdict, LEDGER_ANSWERED);
    assert_memory_equal(again.answer, "fast", 4);
    assert_int_equal(spent(w.a), 10);
    world_fini(&w);
}

static enum err_code ask_next(struct world *w, struct ledger *l,
                              struct ledger_run *run, int i, uint64_t limit,
                              uint64_t policy_version)
{
    struct charge c;
    struct err err;
    char key[16];
    (void)snprintf(key, sizeof key, "turn%d", i);
    charge_init(&c, "ann", key, key, 10, limit);
    charge_add_quota(&c, LIMIT, 86400);
    c.args.policy_version = policy_version;
    c.args.max_misses = 2;
    return ledger_charge(l, run, &c.args, &w->arena, &err);
}

/*
 * What one server changed counts in the very next batch of the other, whether
 * that expected news or was alone for long: what is left, limits, windows,
 * misses, lifts, and the end of the log (world_fini verifies it).
 */
static void test_turns(void **state)
{
    enum { TURNS = 90, ALONE = 40 }; /* 90 * 10 of 1000 */
    struct world w;
    struct ledger_run run;
    struct err err;
    uint64_t lifted;
    (void)state;
    world_init(&w);
    for (int i = 0; i < TURNS; i++) {
        struct ledger *l = i < ALONE ? w.a : i * i % 3 ? w.b : w.a;
        const char *text = "there";
        assert_int_equal(ask_next(&w, l, &run, i, LIMIT, 1), ERR_OK);
        assert_int_equal(run.left.rho_pico, LIMIT - 10 * (i + 1));
        if (i % 2)
            assert_int_equal(answer(&w, i % 4 == 1 ? w.a : w.b, &run, &text),
                             ERR_OK);
        assert_int_equal(spent(i % 5 ? w.a : w.b), 10 * (i + 1));
    }
    /* a narrower limit, then a wider one, each by the other */
    assert_int_equal(ask_next(&w, w.a, &run, TURNS, 900, 2), ERR_BUDGET);
    assert_int_equal(ask_next(&w, w.b, &run, TURNS, LIMIT, 1), ERR_BUDGET);
    assert_int_equal(ask_next(&w, w.b, &run, TURNS, LIMIT + 500, 3), ERR_OK);
    assert_int_equal(run.left.rho_pico, 590);
    later(&w, 86400); /* another window of the quota */
    assert_int_equal(ledger_beat(w.a, &err), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask_next(&w, w.a, &run, TURNS + 1 + i, LIMIT + 500, 3),
                         ERR_OK);
        assert_int_equal(run.left.rho_pico, 580 - 10 * i);
        assert_int_equal(ledger_miss(w.a, run.id, run.fence, 0, &err), ERR_OK);
    }
    assert_int_equal(ask_next(&w, w.b, &run, TURNS + 3, LIMIT + 500, 3),
                     ERR_MISSES);
    assert_int_equal(ledger_lift(w.b, &lifted, "shop", "eve", "found", &err),
                     ERR_OK);
    assert_int_equal(lifted, 2);
    later(&w, 1);
    assert_int_equal(ask_next(&w, w.a, &run, TURNS + 3, LIMIT + 500, 3),
                     ERR_OK);
    world_fini(&w);
}

struct waiter {
    struct world *w;
    struct ledger_run run;
    enum err_code code;
};

static void *wait_for_it(void *arg)
{
    struct waiter *waiter = arg;
    struct charge c;
    struct err err;
    struct arena a;
    arena_init(&a, ARENA_CAP);
    charge_init(&c, "ann", "k", "release", 10, LIMIT);
    waiter->code = ledger_wait(
        waiter->w->b, &waiter->run, &c.args,
        clock_mono_ns(clock_system()) + UINT64_C(20000000000), &a, &err);
    waiter->run.answer_len = waiter->code == ERR_OK &&
                             waiter->run.verdict == LEDGER_ANSWERED &&
                             memcmp(waiter->run.answer, "there", 5) == 0;
    arena_fini(&a);
    return NULL;
}

static void test_wait(void **state)
{
    struct world w;
    struct ledger_run run;
    struct waiter waiter = { .w = &w };
    pthread_t thread;
    const char *text = "there";
    (void)state;
    world_init(&w);
    assert_int_equal(ask(&w, w.a, &run, "k"), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_it, &waiter), 0);
    (void)usleep(100000);
    assert_int_equal(answer(&w, w.a, &run, &text), ERR_OK);
    (void)pthread_join(thread, NULL);
    assert_int_equal(waiter.code, ERR_OK);
    assert_true(waiter.run.answer_len);
    world_fini(&w);
}

struct loser {
    struct world *w;
    struct ledger_run run;
    enum err_code code;
};

static void *wait_later(void *arg)
{
    struct loser *loser = arg;
    struct err err;
    loser->code = ledger_wait_later(
        loser->w->a, loser->run.id, loser->run.fence,
        clock_mono_ns(clock_system()) + UINT64_C(20000000000), &err);
    return NULL;
}

static void take_over(struct world *w, struct ledger_run *next, const char *key)
{
    struct err err;
    later(w, LEASE_S - 1);
    assert_int_equal(ledger_beat(w->a, &err), ERR_OK);
    assert_int_equal(ledger_beat(w->b, &err), ERR_OK);
    later(w, 1);
    assert_int_equal(ask(w, w->b, next, key), ERR_OK);
    assert_int_equal(next->verdict, LEDGER_CHARGED);
}

/* A server that was slow gets the answer of the run that took its charge. */
static void test_loser_waits(void **state)
{
    struct world w;
    struct ledger_run fast;
    pthread_t thread;
    const char *one = "slow", *two = "fast";
    (void)state;
    world_init(&w);
    struct loser loser = { .w = &w };
    assert_int_equal(ask(&w, w.a, &loser.run, "k"), ERR_OK);
    take_over(&w, &fast, "k");
    assert_int_equal(answer(&w, w.a, &loser.run, &one), ERR_UNAVAILABLE);
    assert_int_equal(pthread_create(&thread, NULL, wait_later, &loser), 0);
    (void)usleep(100000);
    assert_int_equal(answer(&w, w.b, &fast, &two), ERR_OK);
    (void)pthread_join(thread, NULL);
    assert_int_equal(loser.code, ERR_OK);
    one = "slow";
    assert_int_equal(answer(&w, w.a, &loser.run, &one), ERR_OK);
    assert_string_equal(one, "fast");
    world_fini(&w);
}

/* ... but not for ever: that run may be gone, too, or take too long. */
static void test_loser_goes(void **state)
{
    struct world w;
    struct ledger_run slow, fast;
    struct err err;
    (void)state;
    world_init(&w);
    assert_int_equal(ask(&w, w.a, &slow, "k"), ERR_OK);
    take_over(&w, &fast, "k");
    assert_int_equal(ledger_wait_later(w.a, slow.id, slow.fence,
                                       clock_mono_ns(clock_system()) + US,
                                       &err),
                     ERR_DEADLINE);
    later(&w, LEASE_S);
    assert_int_equal(ledger_wait_later(w.a, slow.id, slow.fence, 0, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(ask(&w, w.a, &slow, "k"), ERR_OK);
    assert_int_equal(slow.fence, 3);
    assert_int_equal(ledger_miss(w.a, slow.id, slow.fence, 0, &err), ERR_OK);
    assert_int_equal(ledger_wait_later(w.b, fast.id, fast.fence, 0, &err),
                     ERR_OK); /* ledger_answer tells of the miss */
    world_fini(&w);
}

static void test_silence(void **state)
{
    struct world w;
    struct ledger_run run, other;
    struct err err;
    const char *text = "late";
    (void)state;
    world_init(&w);
    assert_int_equal(ask(&w, w.a, &run, "k"), ERR_OK);
    later(&w, ALIVE_S);
    assert_int_equal(ledger_beat(w.b, &err), ERR_OK);
    /* what it held is free, though its lease is not over */
    assert_int_equal(ask(&w, w.b, &other, "k"), ERR_OK);
    assert_int_equal(other.fence, 2);
    assert_int_equal(ask(&w, w.b, &run, "of b"), ERR_OK);
    /* it lives after all, under another name */
    assert_int_equal(ask(&w, w.a, &run, "of a"), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    assert_int_equal(ledger_void(w.a, run.id, run.fence, &err), ERR_OK);
    assert_int_equal(answer(&w, w.b, &other, &text), ERR_OK);
    assert_int_equal(spent(w.a), 20);
    world_fini(&w);
}

static void test_no_void_after(void **state)
{
    struct world w;
    struct ledger_run run;
    struct err err;
    const char *text = "late";
    (void)state;
    world_init(&w);
    assert_int_equal(ask(&w, w.a, &run, "k"), ERR_OK);
    later(&w, ALIVE_S);
    assert_int_equal(ledger_beat(w.b, &err), ERR_OK);
    assert_int_equal(ledger_void(w.a, run.id, run.fence, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(answer(&w, w.a, &run, &text), ERR_OK);
    assert_int_equal(spent(w.b), 10);
    world_fini(&w);
}

/* ---- kill -9 of the database ---- */

enum { CALLERS = 8, KILLS = 3 };
struct load {
    struct world *w;
    _Atomic bool stops;
    _Atomic int acknowledged, failed;
};
struct caller {
    struct load *load;
    int index, n; /* answers that were acknowledged: keys 0..n-1 */
    pthread_t thread;
};

static void name_key(char key[24], const struct caller *c, int i)
{
    (void)snprintf(key, 24, "c%d-%d", c->index, i);
}

static void *call(void *arg)
{
    struct caller *c = arg;
    struct ledger *l = c->index % 2 ? c->load->w->a : c->load->w->b;
    struct arena a;
    arena_init(&a, ARENA_CAP);
    while (!atomic_load(&c->load->stops)) {
        char key[24];
        struct charge charge;
        struct ledger_run run;
        struct err err;
        name_key(key, c, c->n);
        const uint8_t *bytes = (const uint8_t *)key;
        size_t len = strlen(key);
        charge_init(&charge, "ann", key, key, 1, UINT64_C(1) << 40);
        if (ledger_charge(l, &run, &charge.args, &a, &err) != ERR_OK ||
            run.verdict != LEDGER_CHARGED ||
            ledger_answer(l, run.id, run.fence, 0, &bytes, &len, &a, &err) !=
                ERR_OK) {
            fprintf(stderr, "%s\n", err.msg);
            atomic_fetch_add(&c->load->failed, 1);
            break;
        }
        c->n++;
        atomic_fetch_add(&c->load->acknowledged, 1);
        arena_reset(&a);
    }
    arena_fini(&a);
    return NULL;
}

/* `strike` hits the database, again and again, while all ask: whoever was told
 * an answer finds it, and each is paid once. */
static void check_load(void (*strike)(void), int strikes, int between)
{
    struct world w;
    struct load load = { .w = &w };
    struct caller callers[CALLERS];
    world_init(&w);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){ .load = &load, .index = i };
        assert_int_equal(
            pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < strikes; i++) {
        const int before = atomic_load(&load.acknowledged);
        while (atomic_load(&load.acknowledged) < before + between &&
               !atomic_load(&load.failed))
            (void)usleep(1000);
        strike();
    }
    const int before = atomic_load(&load.acknowledged);
    while (atomic_load(&load.acknowledged) < before + 20 &&
           !atomic_load(&load.failed))
        (void)usleep(1000);
    atomic_store(&load.stops, true);
    for (int i = 0; i < CALLERS; i++)
        (void)pthread_join(callers[i].thread, NULL);
    assert_int_equal(load.failed, 0);
    int n = 0;
    for (int i = 0; i < CALLERS; i++)
        for (int k = 0; k < callers[i].n; k++, n++) {
            char key[24];
            struct charge c;
            struct ledger_run run;
            struct err err;
            name_key(key, &callers[i], k);
            charge_init(&c, "ann", key, key, 1, UINT64_C(1) << 40);
            assert_int_equal(ledger_charge(w.a, &run, &c.args, &w.arena, &err),
                             ERR_OK);
            assert_int_equal(run.verdict, LEDGER_ANSWERED);
            assert_int_equal(run.answer_len, strlen(key));
            assert_memory_equal(run.answer, key, strlen(key));
        }
    assert_int_equal(spent(w.b), n);
    world_fini(&w);
}

static void kill_it(void)
{
    postgres_kill();
    postgres_again();
}

static void test_kills(void **state)
{
    (void)state;
    check_load(kill_it, KILLS, 50);
}

/* A statement is cancelled, the connection goes on. */
static void cancel_all(void)
{
    postgres_run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE"
                 " application_name = 'halftoned'");
}

static void test_cancels(void **state)
{
    (void)state;
    check_load(cancel_all, 8, 7);
}

static void terminate_all(void)
{
    postgres_run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE"
                 " application_name = 'halftoned'");
}

static void test_terminated(void **state)
{
    (void)state;
    check_load(terminate_all, 8, 7);
}

/* ---- a witness each ---- */

static enum err_code start_witnessed(struct world *w, struct ledger **out,
                                     const char *witness,
                                     const struct note_signer *key)
{
    struct err err;
    uint64_t found;
    char path[112];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir.dir, witness);
    const struct ledger_options o = { .path = w->dir.path,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns = UINT64_C(1000000000),
                                      .witness = path,
                                      .key = key };
    const enum err_code code = ledger_open(out, &o, &found, &err);
    if (code == ERR_OK) {
        ledger_close(*out);
        *out = NULL;
    }
    return code;
}

static void test_witnesses(void **state)
{
    static const char *const order[] = { "one", "two", "two",
                                         "one", "one", "two" };
    struct world w;
    struct ledger *l;
    struct note_signer key;
    struct err err;
    (void)state;
    world_init(&w);
    assert_int_equal(note_signer_new(&key, "a.b/log", NOTE_ED25519, &err),
                     ERR_OK);
    for (int i = 0; i < 6; i++)
        assert_int_equal(start_witnessed(&w, &l, order[i], &key), ERR_OK);
    /* the database of before the last two starts of one of them is put back */
    postgres_run("CREATE TABLE halftone.old AS SELECT * FROM halftone.meta");
    assert_int_equal(start_witnessed(&w, &l, "one", &key), ERR_OK);
    assert_int_equal(start_witnessed(&w, &l, "one", &key), ERR_OK);
    postgres_run("DELETE FROM halftone.meta;"
                 "INSERT INTO halftone.meta SELECT * FROM halftone.old");
    assert_int_equal(start_witnessed(&w, &l, "one", &key), ERR_CONFLICT);
    assert_int_equal(start_witnessed(&w, &l, "two", &key), ERR_OK);
    world_fini(&w);
}

/* ---- what the database must promise ---- */

static const struct promise {
    const char *name, *before, *after;
    enum err_code code;
} PROMISES[] = {
    { "synchronous commit off is refused",
      "ALTER ROLE postgres SET synchronous_commit = off",
      "ALTER ROLE postgres RESET synchronous_commit", ERR_REFUSED },
    { "local only is refused: a standby would lack it",
      "ALTER ROLE postgres SET synchronous_commit = local",
      "ALTER ROLE postgres RESET synchronous_commit", ERR_REFUSED },
    { "a session that only reads is refused",
      "ALTER ROLE postgres SET default_transaction_read_only = on",
      "BEGIN READ WRITE; ALTER ROLE postgres RESET"
      " default_transaction_read_only; COMMIT",
      ERR_REFUSED },
    { "pages that may tear are refused",
      "ALTER SYSTEM SET full_page_writes = off",
      "ALTER SYSTEM RESET full_page_writes", ERR_REFUSED },
    { "fsync off is refused", "ALTER SYSTEM SET fsync = off",
      "ALTER SYSTEM RESET fsync", ERR_REFUSED },
    { "triggers that do not fire are refused",
      "ALTER ROLE postgres SET session_replication_role = replica",
      "ALTER ROLE postgres RESET session_replication_role", ERR_REFUSED },
    { "an older schema is upgraded",
      "DROP INDEX halftone.charges_by_boot; DROP TABLE halftone.texts;"
      " DROP INDEX halftone.charges_by_release, halftone.keys_once;"
      " DROP FUNCTION halftone.short; ALTER TABLE halftone.keys"
      " ADD CONSTRAINT keys_pkey PRIMARY KEY (principal, key);"
      " CREATE INDEX charges_by_release ON halftone.charges (release_hash);"
      " CREATE INDEX charges_by_dataset ON halftone.charges (dataset, seq);"
      " CREATE INDEX charges_open ON halftone.charges (release_hash)"
      " WHERE state = 0;"
      " DROP TABLE halftone.segments;"
      " UPDATE halftone.version SET version = 1",
      "SELECT 1 / (CASE WHEN count(*) = 3 THEN 1 ELSE 0 END) FROM pg_indexes"
      " WHERE schemaname = 'halftone' AND indexname IN ('charges_by_boot',"
      " 'charges_by_release', 'keys_once', 'charges_open', 'keys_pkey')",
      ERR_OK },
    { "a newer schema is refused", "INSERT INTO halftone.version VALUES (99)",
      "DELETE FROM halftone.version WHERE version = 99", ERR_INVALID },
};

static void check_promise(void **state)
{
    const struct promise *row = *state;
    struct world w;
    struct ledger *l = NULL;
    uint64_t found;
    world_init(&w);
    postgres_run(row->before);
    postgres_run("SELECT pg_reload_conf()");
    (void)usleep(200000); /* the postmaster hears of it */
    assert_int_equal(open_at(&w, &l, w.dir.path, &found), row->code);
    ledger_close(l);
    postgres_run(row->after);
    postgres_run("SELECT pg_reload_conf()");
    (void)usleep(200000);
    world_fini(&w);
}

static void reload(void)
{
    postgres_run("SELECT pg_reload_conf()");
    (void)usleep(200000); /* the sessions hear of it */
}

/* Set off while servers run: a session keeps what it began with, and where it
 * cannot, its next transaction stops the server. */
static const struct broken {
    const char *name, *before, *after;
    enum err_code code;
} BROKEN[] = {
    { "fsync that is set off stops the servers", "ALTER SYSTEM SET fsync = off",
      "ALTER SYSTEM RESET fsync", ERR_UNAVAILABLE },
    { "pages that may tear from now on stop the servers",
      "ALTER SYSTEM SET full_page_writes = off",
      "ALTER SYSTEM RESET full_page_writes", ERR_UNAVAILABLE },
    { "commits stay synchronous when that is set off",
      "ALTER SYSTEM SET synchronous_commit = off",
      "ALTER SYSTEM RESET synchronous_commit", ERR_OK },
};

static void check_broken(void **state)
{
    const struct broken *row = *state;
    struct world w;
    struct ledger_run run;
    const bool goes_on = row->code == ERR_OK;
    world_init(&w);
    postgres_run(row->before);
    reload();
    assert_int_equal(ask(&w, w.a, &run, "k"), row->code);
    assert_int_equal(ledger_failed(w.a), !goes_on);
    postgres_run(row->after);
    reload();
    assert_int_equal(spent(w.b), goes_on ? 10 : 0);
    world_fini(&w);
}

/* What a server's environment says of texts, as PGCLIENTENCODING would. */
static void test_encodings(void **state)
{
    struct world w;
    struct ledger *third;
    struct ledger_run run;
    struct charge c;
    struct err err;
    uint64_t found;
    (void)state;
    world_init(&w);
    postgres_run("ALTER ROLE postgres SET client_encoding = 'LATIN1'");
    assert_int_equal(open_at(&w, &third, w.dir.path, &found), ERR_OK);
    postgres_run("ALTER ROLE postgres RESET client_encoding");
    assert_int_equal(ask(&w, w.a, &run, "k\xc3\xa9y"), ERR_OK);
    /* of other bytes the key would be another, and this a new charge */
    charge_init(&c, "ann", "k\xc3\xa9y", "another", 10, LIMIT);
    assert_int_equal(ledger_charge(third, &run, &c.args, &w.arena, &err),
                     ERR_CONFLICT);
    assert_int_equal(spent(w.b), 10);
    ledger_close(third);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_beside),
        cmocka_unit_test(test_race),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_wait),
        cmocka_unit_test(test_loser_waits),
        cmocka_unit_test(test_loser_goes),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_no_void_after),
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_cancels),
        cmocka_unit_test(test_terminated),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_witnesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) |
           RUN_ROWS(PROMISES, check_promise) | RUN_ROWS(BROKEN, check_broken);
}
