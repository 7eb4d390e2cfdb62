/*
 * Who counts, in a PostgreSQL: unknown is no, objections and withdrawals count
 * from the next release on, also while releases run, when connections break,
 * when the database was killed, and beside another server.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/main/consent_gate.h"
#include "server/sql/sql.h"
#include "tests/lib_pgsource.h"
#include "tests/lib_postgres.h"
#include "tests/lib_register.h"
#include "tests/table.h"

enum { PEOPLE = 60, ASKERS = 16, STEPS = 25, SECRET = 3 };
enum { STATS, ADS }; /* purposes of the shop: interest, consent */

struct fixture {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct policy policy;
    struct dataset dataset;
    struct engine *engine;
    bool yes[PEOPLE], no[PEOPLE]; /* to ads; to stats */
    pthread_mutex_t lock;         /* of the register's clock and the model */
};

static void open_engine(struct engine **out, struct fixture *f)
{
    const struct engine_options o = { .gate = &f->dataset.gate };
    struct err err = { 0 };
    if (engine_open(out, &f->policy, &o, &err) != ERR_OK)
        fail_msg("%s; %s", err.msg, err.hint);
}

static void open_fixture(struct fixture *f)
{
    struct err err = { 0 };
    *f = (struct fixture){ .lock = PTHREAD_MUTEX_INITIALIZER };
    sql_init();
    ledger_dir_init(&f->dir);
    fake_clock_init(&f->clock, INT64_C(1700000000000000));
    const struct consent_options o = { .path = f->dir.path,
                                       .clock = &f->clock.clock,
                                       .keys = { .key = { { 5 } }, .n = 1 } };
    pgsource_make(&f->policy, true);
    f->policy.population = "people";
    f->dataset.policy = &f->policy;
    if (consent_open(&f->dataset.consent, &o, &err) != ERR_OK ||
        consent_circle(&f->dataset.circle, f->dataset.consent, &f->policy,
                       &err) != ERR_OK)
        fail_msg("%s", err.msg);
    f->dataset.gate = consent_gate_of(&f->dataset);
    postgres_run("INSERT INTO shop.buys(who, city) SELECT i % 60, 'W' FROM "
                 "generate_series(0, 179) i; INSERT INTO shop.buys(city) "
                 "VALUES ('W'), ('B')");
    open_engine(&f->engine, f);
}

static void close_fixture(struct fixture *f)
{
    engine_close(f->engine);
    consent_close(f->dataset.consent);
    ledger_dir_fini(&f->dir);
}

static void decide(struct fixture *f, unsigned who, enum consent_state state,
                   size_t purpose)
{
    struct err err = { 0 };
    (void)pthread_mutex_lock(&f->lock);
    f->clock.wall_us += 1000;
    if (register_say(f->dataset.consent, f->dataset.circle, who, state,
                     f->policy.purposes[purpose].id, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    if (purpose == ADS)
        f->yes[who] = state == CONSENT_GRANTED;
    else
        f->no[who] = state == CONSENT_OBJECTED;
    (void)pthread_mutex_unlock(&f->lock);
}

/* How many the next release counts; -1: it failed. */
static long counted(struct engine *e, const struct policy *policy,
                    size_t purpose)
{
    const struct request req = { .purpose = policy->purposes[purpose].id };
    struct plan *plan = NULL;
    struct err err = { 0 };
    struct arena a;
    arena_init(&a, 4 << 20);
    const enum err_code code = plan_sql(
        &plan, "SELECT COUNT(DISTINCT who) FROM buys", &req, policy, &a, &err);
    char *got = code == ERR_OK ? pgsource_answer(e, plan, SECRET, &err) : NULL;
    const long n = got ? strtol(got, NULL, 10) : -1;
    free(got);
    arena_fini(&a);
    return n;
}

static long expected(const struct fixture *f, size_t purpose)
{
    long n = 0;
    for (unsigned i = 0; i < PEOPLE; i++)
        n += purpose == ADS ? f->yes[i] : !f->no[i];
    return n;
}

static void check(struct fixture *f)
{
    for (size_t purpose = STATS; purpose <= ADS; purpose++)
        assert_int_equal(counted(f->engine, &f->policy, purpose),
                         expected(f, purpose));
}

static unsigned next(unsigned *seed)
{
    return (*seed = *seed * 1103515245u + 12345u) >> 8;
}

static void decide_some(struct fixture *f, unsigned *seed)
{
    for (unsigned n = 1 + next(seed) % 8; n > 0; n--) {
        static const enum consent_state states[] = {
            CONSENT_GRANTED, CONSENT_GRANTED, CONSENT_WITHDRAWN,
            CONSENT_OBJECTED, CONSENT_EXPIRED
        };
        const unsigned who = next(seed) % PEOPLE;
        if (next(seed) % 2)
            decide(f, who, states[next(seed) % 5], ADS);
        else
            decide(f, who, next(seed) % 2 ? CONSENT_OBJECTED : CONSENT_GRANTED,
                   STATS);
    }
}

static void after_each_decision(void **state)
{
    (void)state;
    struct fixture f;
    unsigned seed = 4;
    open_fixture(&f);
    check(&f); /* unknown is no; whoever did not object counts */
    assert_int_equal(expected(&f, ADS), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        decide_some(&f, &seed);
        check(&f);
    }
    close_fixture(&f);
}

/* ---- while releases run ---- */

struct crowd {
    struct fixture *f;
    atomic_uint begun, done; /* withdrawals, and objections */
    atomic_bool is_over;
    atomic_uint wrong, asked;
};

static void *asker(void *arg)
{
    struct crowd *c = arg;
    while (!atomic_load(&c->is_over)) {
        for (size_t purpose = STATS; purpose <= ADS; purpose++) {
            const long before = atomic_load(&c->done);
            const long n = counted(c->f->engine, &c->f->policy, purpose);
            const long after = atomic_load(&c->begun);
            if (n > PEOPLE - before || n < PEOPLE - after)
                atomic_fetch_add(&c->wrong, 1);
            atomic_fetch_add(&c->asked, 1);
        }
    }
    return NULL;
}

static void while_releases_run(void **state)
{
    (void)state;
    struct fixture f;
    struct crowd c = { .f = &f };
    pthread_t threads[ASKERS];
    open_fixture(&f);
    for (unsigned i = 0; i < PEOPLE; i++)
        decide(&f, i, CONSENT_GRANTED, ADS);
    for (unsigned i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, asker, &c), 0);
    for (unsigned i = 0; i < PEOPLE; i++) {
        atomic_fetch_add(&c.begun, 1);
        decide(&f, i, CONSENT_WITHDRAWN, ADS);
        decide(&f, i, CONSENT_OBJECTED, STATS);
        atomic_fetch_add(&c.done, 1);
        const unsigned asked = atomic_load(&c.asked);
        while (i % 8 == 0 && atomic_load(&c.asked) < asked + ASKERS)
            (void)sched_yield();
    }
    atomic_store(&c.is_over, true);
    for (unsigned i = 0; i < ASKERS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.wrong), 0);
    check(&f);
    assert_int_equal(expected(&f, STATS), 0);
    close_fixture(&f);
}

/* ---- when something breaks ---- */

static void broken_connections(void **state)
{
    (void)state;
    struct fixture f;
    unsigned seed = 9;
    open_fixture(&f);
    for (unsigned i = 0; i < 6; i++) {
        decide_some(&f, &seed);
        check(&f);
        decide_some(&f, &seed);
        postgres_count("SELECT count(pg_terminate_backend(pid)) FROM "
                       "pg_stat_activity WHERE usename IN ('reader', "
                       "'writer') AND (usename = 'writer' OR random() < 0.5)");
        check(&f);
    }
    close_fixture(&f);
}

static void killed_database(void **state)
{
    (void)state;
    struct fixture f;
    unsigned seed = 5;
    open_fixture(&f);
    decide_some(&f, &seed);
    check(&f);
    postgres_kill();
    decide_some(&f, &seed);
    assert_int_equal(counted(f.engine, &f.policy, STATS), -1);
    postgres_again();
    check(&f);
    close_fixture(&f);
}

/* A server that died between writing who counts and its statement left rows;
 * one that begins beside it, or after it, neither reads nor deletes them. */
static void another_server(void **state)
{
    (void)state;
    struct fixture f;
    struct engine *other;
    unsigned seed = 6;
    open_fixture(&f);
    for (unsigned i = 0; i < 5; i++) {
        decide_some(&f, &seed);
        check(&f);
        open_engine(&other, &f);
        decide_some(&f, &seed);
        assert_int_equal(counted(other, &f.policy, ADS), expected(&f, ADS));
        check(&f);
        assert_int_equal(counted(other, &f.policy, STATS), expected(&f, STATS));
        assert_int_equal(postgres_count("SELECT count(*) FROM "
                                        "halftone_shop.halftone_holders"),
                         2);
        engine_close(other);
        check(&f);
    }
    close_fixture(&f);
    open_fixture(&f);
    assert_int_equal(
        postgres_count("SELECT count(*) FROM halftone_shop.halftone_holders"),
        1);
    close_fixture(&f);
}

/* Its connection broke, and another server took its rows for those of one that
 * is gone. */
static void cleaned_away(void **state)
{
    (void)state;
    struct fixture f;
    struct engine *other;
    open_fixture(&f);
    for (unsigned i = 0; i < PEOPLE; i += 2)
        decide(&f, i, CONSENT_OBJECTED, STATS);
    check(&f);
    postgres_count("SELECT count(pg_terminate_backend(pid, 5000)) FROM "
                   "pg_stat_activity WHERE usename = 'writer'");
    open_engine(&other, &f);
    engine_close(other);
    check(&f);
    close_fixture(&f);
}

/* ---- who came later ---- */

static void new_people(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    check(&f);
    const char *id = f.policy.purposes[STATS].id;
    struct consent_recorded out;
    struct err err = { 0 };
    const struct consent_event e = { .subject = "1001",
                                     .subject_len = 4,
                                     .state = CONSENT_OBJECTED,
                                     .purposes = &id,
                                     .n_purposes = 1 };
    f.clock.wall_us += 1000;
    assert_int_equal(
        consent_record(f.dataset.consent, f.dataset.circle, &e, &out, &err),
        ERR_OK);
    postgres_run("INSERT INTO shop.buys(who) VALUES (1000), (1001)");
    check(&f); /* not before their keys were read */
    engine_refresh(f.engine);
    assert_int_equal(counted(f.engine, &f.policy, STATS), PEOPLE + 1);
    assert_int_equal(counted(f.engine, &f.policy, ADS), 0);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_each_decision),
        cmocka_unit_test(while_releases_run),
        cmocka_unit_test(broken_connections),
        cmocka_unit_test(killed_database),
        cmocka_unit_test(another_server),
        cmocka_unit_test(cleaned_away),
        cmocka_unit_test(new_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
