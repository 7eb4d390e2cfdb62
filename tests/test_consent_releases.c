#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp/init.h"
#include "server/base/log.h"
#include "server/engine/engine.h"
#include "server/main/consent_gate.h"
#include "server/main/noise.h"
#include "server/main/service.h"
#include "server/sql/sql.h"
#include "tests/lib_engine.h"
#include "tests/lib_register.h"
#include "tests/lib_rng.h"
#include "tests/lib_service.h"
#include "tests/table.h"
#include "tests/wrap.h"

/*
 * People withdraw while sixteen analysts ask.  The noise of every release is
 * replaced by none, so that its answer is the number of people who were
 * counted: never more than those who had not withdrawn when the question was
 * asked, and never fewer than those who have not when it is answered.
 *
 * Linked with --wrap=noise_release.
 */
enum {
    ANALYSTS = 16,
    PEOPLE = 400,
    QUESTIONS = 12, /* of each analyst */
    ROOM = 64 << 20,
};

static const char POLICY[] =
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"
    "cap: {rho: 90, delta: 1e-9}\nmax_people: 1000\nreuse_for: 0\n"
    "slots: {first: 0}\nmax_misses: 1000\nmax_misses_day: 1000\n"
    "consent: {}\npurposes:\n  yes: {basis: consent}\n"
    "  all: {basis: legitimate_interest}\n"
    "tables:\n  t:\n    from: t.parquet\n    key: k\n    max_groups: 1\n"
    "    max_rows: 1\n    columns:\n      k: {type: int}\n"
    "      g: {type: int, range: [0, 9]}\n";

/* What the last release of this thread counted. */
static _Thread_local int64_t counted;

WRAPPED(noise_release);
enum err_code __wrap_noise_release(struct plan_noisy *out,
                                   const struct plan *plan,
                                   const struct engine_result *exact,
                                   const struct engine_result *hists,
                                   gsl_rng *rng, struct arena *a,
                                   struct err *err)
{
    counted = (int64_t)exact->measures[0].touched;
    return __real_noise_release(out, plan, exact, hists, rng, a, err);
}

struct server {
    struct lib_files files;
    struct ledger_dir ledger, register_;
    struct arena a;
    struct dataset dataset;
    struct dataset *datasets[1];
    struct auth_principal analyst;
    struct auth_registry registry;
    struct world world;
    struct service service;
    /* Whom people tell: this server, or another one of the same register. */
    struct consent *teller;
    struct consent_circle *teller_circle;
    atomic_int begun, done; /* withdrawals */
    atomic_bool stops;
};

static void must(enum err_code code, const struct err *err)
{
    if (code == ERR_OK)
        return;
    (void)fprintf(stderr, "%s (%s)\n", err->msg, err->hint);
    abort();
}

static void open_one(struct consent **c, struct consent_circle **circle,
                     const struct server *s, const char *erasures)
{
    const struct consent_options o = { .path = s->register_.path,
                                       .erasures = erasures,
                                       .clock = clock_system(),
                                       .keys = { .key = { { 9 } }, .n = 1 } };
    struct err err = { 0 };
    must(consent_open(c, &o, &err), &err);
    must(consent_circle(circle, *c, s->dataset.policy, &err), &err);
}

static void open_register(struct server *s, bool is_shared)
{
    char other[128];
    (void)snprintf(other, sizeof other, "%s-other", s->register_.beside);
    open_one(&s->dataset.consent, &s->dataset.circle, s, s->register_.beside);
    s->teller = s->dataset.consent;
    s->teller_circle = s->dataset.circle;
    if (is_shared)
        open_one(&s->teller, &s->teller_circle, s, other);
}

static void decide(struct server *s, unsigned who, enum consent_state state,
                   const char *purpose)
{
    struct err err = { 0 };
    must(register_say(s->teller, s->teller_circle, who, state, purpose, &err),
         &err);
}

static void open_server(struct server *s, bool is_shared)
{
    static const char *const sql[] = {
        "COPY (SELECT CAST(i AS BIGINT) AS k, CAST(i % 10 AS BIGINT) AS g FROM "
        "range(400) t(i)) TO '@/t.parquet'"
    };
    struct policy_report report = { 0 };
    struct policy *policy;
    struct err err = { 0 };
    uint64_t found;
    char path[128];
    *s = (struct server){ .datasets = { &s->dataset } };
    lib_files_make(&s->files, sql, 1);
    arena_init(&s->a, ROOM);
    ledger_dir_init(&s->ledger);
    ledger_dirs_in_postgres(is_shared);
    ledger_dir_init(&s->register_);
    ledger_dirs_in_postgres(false);
    (void)snprintf(path, sizeof path, "%s/s.yaml", s->files.dir);
    must(policy_load_bytes(&policy, POLICY, sizeof POLICY - 1, path, &report,
                           &s->a, &err),
         &err);
    s->dataset.policy = policy;
    open_register(s, is_shared);
    s->dataset.gate = consent_gate_of(&s->dataset);
    const struct engine_options engine = { .gate = &s->dataset.gate,
                                           .threads = 2 };
    must(engine_open(&s->dataset.engine, policy, &engine, &err), &err);
    s->analyst = service_analyst();
    s->registry = (struct auth_registry){ .principals = &s->analyst, .n = 1 };
    s->world = (struct world){ .principals = &s->registry,
                               .datasets = s->datasets,
                               .n_datasets = 1 };
    s->service.clock = clock_system();
    s->service.consent = s->dataset.consent;
    const struct ledger_options ledger = { .path = s->ledger.path,
                                           .clock = clock_system(),
                                           .lease_ns = 60000000000 };
    must(ledger_open(&s->service.ledger, &ledger, &found, &err), &err);
}

static void close_server(struct server *s)
{
    engine_close(s->dataset.engine);
    if (s->teller != s->dataset.consent)
        consent_close(s->teller);
    consent_close(s->dataset.consent);
    ledger_close(s->service.ledger);
    arena_fini(&s->a);
    lib_files_remove(&s->files);
    ledger_dir_fini(&s->ledger);
    ledger_dir_fini(&s->register_);
}

/* How many people a release of `purpose` counts. */
static int64_t ask(struct server *s, const char *purpose, const char *sql,
                   gsl_rng *rng)
{
    const atomic_int gone = 0, stop = 0;
    struct arena a;
    struct err err = { 0 };
    struct reply reply;
    const struct request req = {
        .op = REQUEST_QUERY,
        .dataset = "",
        .purpose = purpose,
        .sql = sql,
        .sql_len = strlen(sql),
        .idempotency_key = "",
        .page_token = "",
        .ask = { .kind = ASK_RHO, .price = 0.001, .level = 0.95 },
        .now_us = clock_wall_us(clock_system())
    };
    struct service_call call = { .service = &s->service,
                                 .world = &s->world,
                                 .who = &s->analyst,
                                 .req = &req,
                                 .rng = rng,
                                 .gone = &gone,
                                 .stop = &stop,
                                 .limit_run = service_no_limit,
                                 .received_ns = clock_mono_ns(clock_system()),
                                 .started_ns = clock_mono_ns(clock_system()) };
    arena_init(&a, ROOM);
    counted = -1;
    must(service_answer(&call, &reply, &a, &err), &err);
    arena_fini(&a);
    return counted;
}

struct analyst {
    struct server *s;
    unsigned number;
    const char *wrong;
};

/* Each question is one of its own: another constant. */
static void *ask_much(void *arg)
{
    struct analyst *me = arg;
    gsl_rng *rng = test_rng_new(me->number);
    for (unsigned i = 0; i < QUESTIONS && !me->wrong; i++) {
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "SELECT COUNT(DISTINCT k) FROM t WHERE g < %u",
                       100 + me->number * QUESTIONS + i);
        const int done = atomic_load(&me->s->done);
        const int64_t n = ask(me->s, "yes", sql, rng);
        const int begun = atomic_load(&me->s->begun);
        if (n > PEOPLE - done)
            me->wrong = "somebody counts who had withdrawn";
        if (n < PEOPLE - begun)
            me->wrong = "somebody is missing who had not withdrawn";
    }
    gsl_rng_free(rng);
    return NULL;
}

static void *withdraw_much(void *arg)
{
    struct server *s = arg;
    for (unsigned i = 0; i < PEOPLE && !atomic_load(&s->stops); i++) {
        atomic_fetch_add(&s->begun, 1);
        decide(s, i, CONSENT_WITHDRAWN, "yes");
        atomic_fetch_add(&s->done, 1);
    }
    return NULL;
}

static const struct teller {
    const char *name;
    bool is_shared;
} tellers[] = {
    { "no release counts who withdrew before it", false },
    { "nor who withdrew at another server", true },
};

static void check_withdrawals(void **state)
{
    const struct teller *row = *state;
    struct server s;
    struct analyst analysts[ANALYSTS];
    pthread_t threads[ANALYSTS], people;
    open_server(&s, row->is_shared);
    for (unsigned i = 0; i < PEOPLE; i++)
        decide(&s, i, CONSENT_GRANTED, "yes");
    assert_int_equal(pthread_create(&people, NULL, withdraw_much, &s), 0);
    for (unsigned i = 0; i < ANALYSTS; i++) {
        analysts[i] = (struct analyst){ .s = &s, .number = i };
        assert_int_equal(
            pthread_create(&threads[i], NULL, ask_much, &analysts[i]), 0);
    }
    for (unsigned i = 0; i < ANALYSTS; i++)
        (void)pthread_join(threads[i], NULL);
    atomic_store(&s.stops, true);
    (void)pthread_join(people, NULL);
    for (unsigned i = 0; i < ANALYSTS; i++)
        if (analysts[i].wrong)
            fail_msg("%s", analysts[i].wrong);
    close_server(&s);
}

/* Unknown is no under consent, and yes under another basis until one objects.
 */
static void check_bases(void **state)
{
    struct server s;
    gsl_rng *rng = test_rng_new(1);
    (void)state;
    open_server(&s, false);
    assert_int_equal(ask(&s, "yes", "SELECT COUNT(DISTINCT k) FROM t", rng), 0);
    assert_int_equal(ask(&s, "all", "SELECT COUNT(DISTINCT k) FROM t", rng),
                     PEOPLE);
    decide(&s, 3, CONSENT_OBJECTED, "all");
    decide(&s, 3, CONSENT_GRANTED, "yes");
    decide(&s, PEOPLE + 5, CONSENT_GRANTED, "yes"); /* not in the data */
    assert_int_equal(ask(&s, "yes", "SELECT COUNT(*) FROM t", rng), 1);
    assert_int_equal(ask(&s, "all", "SELECT COUNT(*) FROM t", rng), PEOPLE - 1);
    gsl_rng_free(rng);
    close_server(&s);
}

/* An answer is stored for the interval of the public clock it belongs to: that
 * people decide meanwhile is no reason to release again. */
static void check_reuse(void **state)
{
    struct server s;
    gsl_rng *rng = test_rng_new(1);
    (void)state;
    open_server(&s, false);
    ((struct policy *)(uintptr_t)s.dataset.policy)->reuse_for_s = 3600;
    decide(&s, 1, CONSENT_GRANTED, "yes");
    assert_int_equal(ask(&s, "yes", "SELECT COUNT(*) FROM t", rng), 1);
    decide(&s, 1, CONSENT_WITHDRAWN, "yes");
    decide(&s, 2, CONSENT_OBJECTED, "all");
    assert_int_equal(ask(&s, "yes", "SELECT COUNT(*) FROM t", rng), -1);
    gsl_rng_free(rng);
    close_server(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_bases),
        cmocka_unit_test(check_reuse),
    };
    dp_init();
    sql_init();
    log_set_level(LOG_LEVEL_ERROR);
    return RUN_ROWS(tellers, check_withdrawals) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
