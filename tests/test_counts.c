#include "server/main/counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dp/init.h"
#include "server/main/consent_gate.h"
#include "server/main/keeping.h"
#include "server/main/question.h"
#include "server/main/service_charge.h"
#include "server/sql/sql.h"
#include "tests/lib_register.h"
#include "tests/lib_service.h"
#include "tests/table.h"

/*
 * Counts of consent come by themselves, within their reserve; and a register
 * that lacks what was released by is held.
 *
 * At a rho of 50 for two purposes sigma is 0.14: a count is off by one with a
 * chance of 10^-10.
 */
#define DAY    INT64_C(86400000000)
#define WEEK   (7 * DAY)
#define NOW    (2900 * WEEK + DAY)
#define FILTER "dataset/s"
enum { ROOM = 16 << 20 };

static const char POLICY[] =
    "dataset: s\nexclusive: true\nversion: 1\ndata_version: a\n"
    "cap: {rho: 100, delta: 1e-9}\nmax_price: {rho: 60}\nmax_people: 1000\n"
    "consent:\n  counts: {every: 7 days, price: {rho: 25}, reserve: {rho: "
    "50}}\n"
    "purposes:\n  yes: {basis: consent}\n"
    "  all: {basis: legitimate_interest}\n"
    "tables:\n  t:\n    from: t.parquet\n    key: k\n    columns:\n"
    "      k: {type: int}\n      g: {type: int, range: [0, 9]}\n";

struct server {
    struct ledger_dir ledger, register_;
    struct fake_clock clock;
    struct arena a;
    struct dataset dataset;
    struct dataset *datasets[1];
    struct auth_principal who;
    struct world world;
    struct service service;
    struct counts *counts;
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s (%s)", err->msg, err->hint);
}

static void open_files(struct server *s)
{
    const struct consent_options o = { .path = s->register_.path,
                                       .clock = &s->clock.clock,
                                       .keys = { .key = { { 9 } }, .n = 1 } };
    const struct ledger_options l = { .path = s->ledger.path,
                                      .clock = &s->clock.clock,
                                      .lease_ns = UINT64_C(60000000000) };
    struct err err = { 0 };
    uint64_t found;
    must(consent_open(&s->dataset.consent, &o, &err), &err);
    must(consent_circle(&s->dataset.circle, s->dataset.consent,
                        s->dataset.policy, &err),
         &err);
    must(ledger_open(&s->service.ledger, &l, &found, &err), &err);
    s->service.consent = s->dataset.consent;
    must(keeping_start(s->service.ledger, s->service.consent, &err), &err);
    must(counts_new(&s->counts, &s->service, &err), &err);
}

static void close_files(struct server *s)
{
    counts_free(s->counts);
    keeping_beat(s->service.ledger, s->service.consent);
    ledger_close(s->service.ledger);
    consent_close(s->dataset.consent);
}

static void setup(struct server *s)
{
    struct policy_report report = { 0 };
    struct policy *policy;
    struct err err = { 0 };
    *s = (struct server){ .datasets = { &s->dataset } };
    ledger_dir_init(&s->ledger);
    ledger_dir_init(&s->register_);
    fake_clock_init(&s->clock, NOW);
    arena_init(&s->a, ROOM);
    must(policy_load_bytes(&policy, POLICY, strlen(POLICY), "s.yaml", &report,
                           &s->a, &err),
         &err);
    s->dataset.policy = policy;
    s->dataset.gate = consent_gate_of(&s->dataset);
    s->who = service_analyst();
    s->world = (struct world){ .datasets = s->datasets, .n_datasets = 1 };
    s->service.clock = &s->clock.clock;
    open_files(s);
}

static void teardown(struct server *s)
{
    close_files(s);
    assert_true(ledger_verifies(s->ledger.path));
    ledger_dir_fini(&s->ledger);
    ledger_dir_fini(&s->register_);
    arena_fini(&s->a);
}

static void decide(struct server *s, unsigned who, enum consent_state state,
                   const char *purpose)
{
    struct err err = { 0 };
    must(register_say(s->dataset.consent, s->dataset.circle, who, state,
                      purpose, &err),
         &err);
}

static struct service_call call_of(struct server *s, const struct request *req)
{
    return (struct service_call){
        .service = &s->service, .world = &s->world, .who = &s->who, .req = req
    };
}

static enum err_code ask(struct server *s, struct reply *out, struct err *err)
{
    const struct request req = { .op = REQUEST_CONSENT_COUNTS, .dataset = "s" };
    struct service_call call = call_of(s, &req);
    return service_answer(&call, out, &s->a, err);
}

static void expect(struct server *s, int64_t yes, int64_t no)
{
    struct reply r = { 0 };
    struct err err = { 0 };
    must(ask(s, &r, &err), &err);
    const struct reply_table *t = &r.table;
    assert_int_equal(t->n_rows, 2);
    assert_string_equal(t->cells[0].text.s, "yes");
    assert_string_equal(t->cells[1].text.s, "yes");
    assert_int_equal(t->cells[2].i, yes);
    assert_string_equal(t->cells[3].text.s, "all");
    assert_string_equal(t->cells[4].text.s, "no");
    assert_int_equal(t->cells[5].i, no);
    assert_int_equal(t->intervals[2].kind, INTERVAL_BOUNDED);
    assert_true(t->receipt.rho_pico > 0 &&
                t->receipt.rho_pico <=
                    s->dataset.policy->counts.price.rho_pico);
    assert_int_equal(t->receipt.max_groups, 2);
}

static uint64_t spent(struct server *s, const char *account)
{
    const struct ledger_account_spec spec = { .name = account,
                                              .limit = s->dataset.policy->cap };
    struct ledger_balance b;
    struct err err = { 0 };
    must(ledger_balance(s->service.ledger, &b, &spec, &err), &err);
    return b.spent.rho_pico;
}

/* ---- counts ---- */

static void check_schedule(void **state)
{
    struct server s;
    struct reply r;
    struct err err = { 0 };
    (void)state;
    setup(&s);
    assert_int_equal(ask(&s, &r, &err), ERR_NOT_FOUND);
    for (unsigned i = 0; i < 40; i++)
        decide(&s, i, CONSENT_GRANTED, "yes");
    decide(&s, 3, CONSENT_OBJECTED, "all");
    counts_tick(s.counts, &s.world);
    expect(&s, 40, 1);
    const uint64_t price = spent(&s, FILTER);
    assert_true(price > 0);
    assert_int_equal(spent(&s, FILTER "/counts of consent"), price);
    /* Whoever decides what meanwhile: it shows with the next ones. */
    for (unsigned i = 0; i < 10; i++)
        decide(&s, i, CONSENT_WITHDRAWN, "yes");
    s.clock.wall_us = NOW + 5 * DAY;
    counts_tick(s.counts, &s.world);
    expect(&s, 40, 1);
    /* Also after a restart, and of two servers one. */
    close_files(&s);
    open_files(&s);
    counts_tick(s.counts, &s.world);
    assert_int_equal(spent(&s, FILTER), price);
    s.clock.wall_us = NOW + WEEK;
    counts_tick(s.counts, &s.world);
    counts_tick(s.counts, &s.world);
    expect(&s, 30, 1);
    assert_int_equal(spent(&s, FILTER), 2 * price);
    /* The reserve holds two. */
    s.clock.wall_us = NOW + 2 * WEEK;
    counts_tick(s.counts, &s.world);
    expect(&s, 30, 1); /* the last ones, a while longer */
    assert_int_equal(spent(&s, FILTER), 2 * price);
    s.clock.wall_us = NOW + 4 * WEEK;
    counts_tick(s.counts, &s.world);
    assert_int_equal(ask(&s, &r, &err), ERR_NOT_FOUND);
    teardown(&s);
}

static void check_reserve(void **state)
{
    struct server s;
    struct service_accounts all;
    struct err err = { 0 };
    (void)state;
    setup(&s);
    must(service_accounts_of(&all, s.dataset.policy, &s.who, "all", "", &s.a,
                             &err),
         &err);
    assert_int_equal(all.n, 2);
    assert_int_equal(all.spec[0].limit.rho_pico, 100000000000000);
    assert_int_equal(all.spec[1].limit.rho_pico, 50000000000000);
    assert_int_equal(all.spec[1].limit.delta_atto,
                     all.spec[0].limit.delta_atto);
    teardown(&s);
}

/* Nobody decided anything: what is charged and told of it is the same. */
static void check_nobody(void **state)
{
    struct server one, other;
    (void)state;
    setup(&one);
    setup(&other);
    decide(&other, 1, CONSENT_GRANTED, "yes");
    counts_tick(one.counts, &one.world);
    counts_tick(other.counts, &other.world);
    expect(&one, 0, 0);
    expect(&other, 1, 0);
    assert_int_equal(spent(&one, FILTER), spent(&other, FILTER));
    teardown(&one);
    teardown(&other);
}

/* ---- a register that is older ---- */

static void copy(const char *from, const char *to)
{
    char command[256];
    (void)snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static enum err_code plan(struct server *s, struct err *err)
{
    static const char sql[] = "SELECT COUNT(*) FROM t";
    const struct request req = { .op = REQUEST_QUERY,
                                 .dataset = "s",
                                 .purpose = "all",
                                 .sql = sql,
                                 .sql_len = sizeof sql - 1,
                                 .idempotency_key = "" };
    const struct service_call call = call_of(s, &req);
    struct question q;
    return question_plan(&q, &call, &s->a, err);
}

static void confirm(struct server *s, bool was_held)
{
    const struct request req = { .op = REQUEST_CONFIRM_REGISTER,
                                 .dataset = "",
                                 .reason = "all is imported" };
    struct service_call call = call_of(s, &req);
    struct reply r = { 0 };
    struct err err = { 0 };
    assert_int_equal(service_answer(&call, &r, &s->a, &err), ERR_DENIED);
    s->who.role = ROLE_STEWARD;
    must(service_answer(&call, &r, &s->a, &err), &err);
    s->who.role = ROLE_ANALYST;
    assert_int_equal(r.was_held, was_held);
}

static const struct older {
    const char *name;
    bool beats; /* the ledger hears of the withdrawal */
    enum { COPY, ANOTHER, SAME } back;
    bool held;
} older[] = {
    { "the register itself is released by", true, SAME, false },
    { "an older copy of it is held", true, COPY, true },
    { "a new one in its place is held", true, ANOTHER, true },
    { "a copy since which nobody decided is as good", false, COPY, false },
};

static void check_older(void **state)
{
    const struct older *row = *state;
    struct server s;
    struct err err = { 0 };
    char kept[128];
    setup(&s);
    (void)snprintf(kept, sizeof kept, "%s-kept", s.register_.path);
    decide(&s, 1, CONSENT_GRANTED, "yes");
    close_files(&s);
    copy(s.register_.path, kept);
    open_files(&s);
    if (row->beats)
        decide(&s, 1, CONSENT_WITHDRAWN, "yes");
    close_files(&s);
    if (row->back == COPY)
        copy(kept, s.register_.path);
    if (row->back == ANOTHER)
        assert_int_equal(unlink(s.register_.path), 0);
    open_files(&s);
    assert_int_equal(consent_is_held(s.dataset.consent), row->held);
    counts_tick(s.counts, &s.world);
    assert_int_equal(spent(&s, FILTER) == 0, row->held);
    assert_int_equal(plan(&s, &err), row->held ? ERR_UNAVAILABLE : ERR_OK);
    if (row->held)
        assert_string_equal(err.reason, "register_held");
    /* A beat is no confirmation, nor is another start. */
    keeping_beat(s.service.ledger, s.service.consent);
    close_files(&s);
    open_files(&s);
    assert_int_equal(consent_is_held(s.dataset.consent), row->held);
    decide(&s, 1, CONSENT_WITHDRAWN, "yes"); /* recorded as ever */
    confirm(&s, row->held);
    must(plan(&s, &err), &err);
    close_files(&s);
    open_files(&s);
    assert_false(consent_is_held(s.dataset.consent));
    teardown(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_schedule),
        cmocka_unit_test(check_reserve),
        cmocka_unit_test(check_nobody),
    };
    dp_init();
    sql_init();
    return cmocka_run_group_tests_name("counts", tests, NULL, NULL) +
           RUN_ROWS(older, check_older);
}
