/* The whole pipeline but sockets and data: a fake engine, a real ledger. */
#include "tests/lib_service.h"

#include <string.h>
#include <time.h>

#include "dp/init.h"
#include "server/grpc/codec.h"
#include "server/sql/sql.h"
#include "tests/table.h"

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "notion: zcdp\n"
    "cap: {rho: 0.1, delta: 1e-6}\n"
    "max_price: {rho: 0.05}\n"
    "default_price: {rho: 0.01}\n"
    "max_people: 100000\n"
    "reuse_for: 1 day\n"
    "purposes:\n"
    "  analytics: {help: How it goes., basis: legitimate_interest}\n"
    "  ads: {help: Adverts., basis: consent}\n"
    "  secret: {help: Not for all., basis: legitimate_interest}\n"
    "tables:\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 2\n"
    "    max_rows: 10\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      country: {type: text, domain: [DE, FR]}\n"
    "      amount: {type: double, range: [0, 500], grid: 0.01}\n";

#define COUNT "SELECT country, count(*) FROM shop.orders GROUP BY country"
#define SUM   "SELECT country, sum(amount) FROM shop.orders GROUP BY country"
#define CHAIN                                                                  \
    "SELECT country, count(*) FROM shop.orders WHERE country IN (SELECT "      \
    "country FROM shop.orders GROUP BY country ORDER BY count(*) DESC LIMIT "  \
    "1) GROUP BY country"

#define SETS                                                                   \
    "SELECT country, count(*), grouping(country) FROM shop.orders GROUP BY "   \
    "ROLLUP (country)"
#define CHAIN_SETS                                                             \
    "SELECT country, count(*) FROM shop.orders WHERE country IN (SELECT "      \
    "country FROM shop.orders GROUP BY country ORDER BY count(*) DESC LIMIT "  \
    "1) GROUP BY ROLLUP (country)"
#define MEDIAN "SELECT count(*), median(amount) FROM shop.orders"

static const struct row {
    const char *name;
    struct service_ask_args args;
    struct engine_fake_script script;
    enum err_code want;
    bool charged;
    unsigned ran; /* times the engine ran */
} rows[] = {
    { "a count is charged, run and answered",
      { COUNT, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      1 },
    { "a chain of two releases is charged once and run in turn",
      { CHAIN, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      2 },
    { "a chain whose first release fails is a miss",
      { CHAIN, "analytics", "", 0, 0, 0 },
      { .fails = ERR_MISS },
      ERR_MISS,
      true,
      1 },
    { "grouping sets are charged once and run one by one",
      { SETS, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      2 },
    { "grouping sets beside an earlier release, which is made once",
      { CHAIN_SETS, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      3 },
    { "totals of grouping sets are added up from the cells of one",
      { "SELECT country, amount IS NULL, count(*) FROM shop.orders GROUP BY "
        "CUBE "
        "(1, 2)",
        "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      1 },
    { "a percentile is counted by a statement of its own",
      { MEDIAN, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      2 },
    { "an engine that fails is a miss and stays charged",
      { COUNT, "analytics", "", 0, 0, 0 },
      { .fails = ERR_MISS },
      ERR_MISS,
      true,
      1 },
    { "a caller that left pays nothing",
      { COUNT, "analytics", "", 0, 1, 0 },
      { 0 },
      ERR_CANCELLED,
      false,
      0 },
    { "bad SQL",
      { "SELEC", "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_SYNTAX,
      false,
      0 },
    { "no such table",
      { "SELECT count(*) FROM shop.nothing", "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_NOT_FOUND,
      false,
      0 },
    { "no such dataset",
      { "SELECT count(*) FROM bank.orders", "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_NOT_FOUND,
      false,
      0 },
    { "a dataset that is hidden",
      { COUNT, "analytics", "", 1, 0, 0 },
      { 0 },
      ERR_NOT_FOUND,
      false,
      0 },
    { "a purpose that needs consent",
      { COUNT, "ads", "", 0, 0, 0 },
      { 0 },
      ERR_REFUSED,
      false,
      0 },
    { "a purpose that one may not use",
      { COUNT, "secret", "", 0, 0, 0 },
      { 0 },
      ERR_NOT_FOUND,
      false,
      0 },
    { "no purpose", { COUNT, "", "", 0, 0, 0 }, { 0 }, ERR_INVALID, false, 0 },
    { "the SQL says what the purpose is",
      { "SET halftone.purpose = 'analytics'; " COUNT, "", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      true,
      1 },
    { "a purpose that one may not use, in the SQL",
      { "SET halftone.purpose = secret; " COUNT, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_NOT_FOUND,
      false,
      0 },
    { "a price in the SQL that passes the policy's",
      { "SET halftone.rho = 0.06; " COUNT, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_BUDGET,
      false,
      0 },
    { "no such setting",
      { "SET halftone.nothing = 1; " COUNT, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_NOT_FOUND,
      false,
      0 },
    { "settings alone",
      { "SET halftone.rho = 0.02", "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_INVALID,
      false,
      0 },
    { "what is set is free",
      { "SHOW ALL", "", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      false,
      0 },
    { "a plan is free",
      { "EXPLAIN (PRIVACY) " COUNT, "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      false,
      0 },
    { "no rows are free",
      { COUNT " LIMIT 0", "analytics", "", 0, 0, 0 },
      { 0 },
      ERR_OK,
      false,
      0 },
    { "a list of a public domain is free, and no engine hears of it",
      { "SELECT DISTINCT country FROM shop.orders WHERE amount > 2",
        "analytics", "", 0, 0, 0 },
      { .fails = ERR_MISS },
      ERR_OK,
      false,
      0 },
};

static enum ledger_state listed_state(struct service_fixture *f)
{
    struct arena a;
    struct ledger_row *page;
    const char *next;
    size_t n;
    struct err err = { 0 };
    arena_init(&a, 1 << 16);
    assert_int_equal(ledger_list(f->service.ledger, &page, &n, &next, "shop",
                                 NULL, "", 1, false, &a, &err),
                     ERR_OK);
    assert_int_equal(n, 1);
    const enum ledger_state listed = page[0].state;
    arena_fini(&a);
    return listed;
}

/* Nobody hears how a charge ended before its own caller may. */
static void check_shown(struct service_fixture *f,
                        const struct service_asked *got)
{
    const struct timespec nap = { .tv_nsec = 5000000 };
    enum ledger_state listed = listed_state(f);
    /* At the first slot: one whose commit was late had been to leave before. */
    if (got->delay_ns == f->policy->slot_first_ns &&
        clock_mono_ns(clock_system()) < got->leave_ns)
        assert_int_equal(listed, LEDGER_OPEN);
    while (clock_mono_ns(clock_system()) < got->leave_ns + 10000000)
        (void)nanosleep(&nap, NULL);
    listed = listed_state(f);
    assert_int_equal(listed, got->code == ERR_OK ? LEDGER_DONE : LEDGER_MISSED);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct service_fixture f;
    struct service_asked got;
    service_fixture_open(&f, POLICY, &row->script, NULL);
    service_ask(&got, &f, &row->args);
    if (got.code != row->want)
        fail_msg("%s: %s", err_info_of(got.code)->name, got.err.msg);
    assert_int_equal(service_spent_pico(&f) > 0, row->charged);
    assert_int_equal(engine_fake_calls(f.dataset.engine), row->ran);
    /* What could depend on data waits for a slot; all else need not. */
    assert_int_equal(got.delay_ns >= f.policy->slot_first_ns, row->ran > 0);
    if (row->ran)
        check_shown(&f, &got);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* Hidden and absent read alike, to the letter. */
static void check_hidden(void **state)
{
    struct service_fixture f;
    struct service_asked hidden, absent;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    service_ask(&hidden, &f,
                &(struct service_ask_args){ "SELECT count(*) FROM shop.orders",
                                            "analytics", "", 1, 0, 0 });
    service_ask(&absent, &f,
                &(struct service_ask_args){ "SELECT count(*) FROM shoq.orders",
                                            "analytics", "", 1, 0, 0 });
    assert_int_equal(hidden.code, absent.code);
    char *name = strstr(absent.err.msg, "shoq");
    assert_non_null(name);
    name[3] = 'p';
    assert_string_equal(hidden.err.msg, absent.err.msg);
    assert_string_equal(hidden.err.hint, absent.err.hint);

    struct service_asked purpose, unknown;
    service_ask(&purpose, &f,
                &(struct service_ask_args){ COUNT, "secret", "", 0, 0, 0 });
    service_ask(&unknown, &f,
                &(struct service_ask_args){ COUNT, "secreu", "", 0, 0, 0 });
    assert_int_equal(purpose.code, unknown.code);
    name = strstr(unknown.err.msg, "secreu");
    assert_non_null(name);
    name[5] = 't';
    assert_string_equal(purpose.err.msg, unknown.err.msg);
    assert_string_equal(purpose.err.hint, unknown.err.hint);
    assert_string_equal(purpose.err.hint, "you may use analytics, ads");
    arena_fini(&hidden.arena);
    arena_fini(&absent.arena);
    arena_fini(&purpose.arena);
    arena_fini(&unknown.arena);
    service_fixture_close(&f);
}

/* At the slot that the first release took, which left later only if its own
 * commit was not done by then. */
static void check_same_slot(const struct service_asked *first,
                            const struct service_asked *again)
{
    const uint64_t slot_ns = (uint64_t)first->reply.table.release_slot_ns;
    if (again->took_ns < slot_ns)
        assert_true(again->delay_ns == slot_ns);
    assert_true(again->delay_ns >= slot_ns);
    assert_true(first->delay_ns >= slot_ns);
}

/* The same key: the same bytes, one charge, one run, the same slot. */
static void check_retry(void **state)
{
    struct service_fixture f;
    struct service_asked first, again, other;
    const uint8_t *a, *b;
    size_t a_len, b_len;
    struct err err = { 0 };
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    const struct service_ask_args args = { COUNT, "analytics", "k1", 0, 0, 0 };
    service_ask(&first, &f, &args);
    const uint64_t spent = service_spent_pico(&f);
    service_ask(&again, &f, &args);
    assert_int_equal(first.code, ERR_OK);
    assert_int_equal(again.code, ERR_OK);
    assert_int_equal(codec_encode(&a, &a_len, &first.reply, &first.arena, &err),
                     ERR_OK);
    assert_int_equal(codec_encode(&b, &b_len, &again.reply, &again.arena, &err),
                     ERR_OK);
    assert_int_equal(a_len, b_len);
    assert_memory_equal(a, b, a_len);
    assert_int_equal(service_spent_pico(&f), spent);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 1);
    check_same_slot(&first, &again);

    service_ask(&other, &f,
                &(struct service_ask_args){ "SELECT count(*) FROM shop.orders",
                                            "analytics", "k1", 0, 0, 0 });
    assert_int_equal(other.code, ERR_CONFLICT);
    arena_fini(&first.arena);
    arena_fini(&again.arena);
    arena_fini(&other.arena);
    service_fixture_close(&f);
}

/* A purpose that the policy has no more is nobody's, to read again either. */
static void check_retry_purpose(void **state)
{
    struct service_fixture f;
    struct service_asked first, again;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    const struct service_ask_args args = { COUNT, "analytics", "k1", 0, 0, 0 };
    service_ask(&first, &f, &args);
    assert_int_equal(first.code, ERR_OK);
    const size_t n = f.policy->n_purposes;
    f.policy->n_purposes = 0;
    service_ask(&again, &f, &args);
    f.policy->n_purposes = n;
    assert_int_equal(again.code, ERR_NOT_FOUND);
    assert_non_null(strstr(again.err.msg, "'analytics'"));
    arena_fini(&first.arena);
    arena_fini(&again.arena);
    service_fixture_close(&f);
}

/* What follows noise is free: another order over a release that was paid. */
static void check_reuse(void **state)
{
    struct service_fixture f;
    struct service_asked first, sorted;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    service_ask(&first, &f,
                &(struct service_ask_args){ COUNT, "analytics", "", 0, 0, 0 });
    service_ask(&sorted, &f,
                &(struct service_ask_args){ COUNT " ORDER BY 2 DESC LIMIT 1",
                                            "analytics", "k", 0, 0, 0 });
    assert_int_equal(first.code, ERR_OK);
    if (sorted.code != ERR_OK)
        fail_msg("%s", sorted.err.msg);
    assert_false(first.reply.table.receipt.cached);
    assert_true(sorted.reply.table.receipt.cached);
    assert_int_equal(sorted.reply.table.n_rows, 1);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 1);
    const struct value *cells = first.reply.table.cells;
    const int64_t most = cells[1].i > cells[3].i ? cells[1].i : cells[3].i;
    assert_int_equal(sorted.reply.table.cells[1].i, most);
    check_same_slot(&first, &sorted);
    arena_fini(&first.arena);
    arena_fini(&sorted.arena);
    service_fixture_close(&f);
}

/*
 * What the same question, asked in earnest, would be charged: nothing where its
 * answer is stored; and who may not ask is told nothing of that.
 */
static void check_estimate(void **state)
{
    static const struct {
        const char *sql;
        size_t who;
        bool free;
        enum err_code code;
    } asks[] = {
        { SUM, 0, false, ERR_OK },
        { COUNT, 0, true, ERR_OK },
        { COUNT " HAVING count(*) > 3", 0, true, ERR_OK },
        { "SET halftone.rho = 0.004; " COUNT, 0, false, ERR_OK },
        { COUNT, 1, false, ERR_NOT_FOUND },
        { SETS, 0, false, ERR_OK },
    };
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    service_ask(&got, &f,
                &(struct service_ask_args){ COUNT, "analytics", "", 0, 0, 0 });
    arena_fini(&got.arena);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        const struct service_ask_args args = { asks[i].sql, "analytics", "",
                                               asks[i].who, 0,           0 };
        struct request req = service_request(&args);
        req.op = REQUEST_ESTIMATE;
        service_ask_request(&got, &f, &args, &req);
        const struct reply_estimate told = got.reply.estimate;
        assert_int_equal(got.code, asks[i].code);
        arena_fini(&got.arena);
        if (got.code != ERR_OK)
            continue;
        assert_int_equal(told.rho_pico == 0, asks[i].free);
        assert_int_equal(told.queries_left == UINT64_MAX, asks[i].free);
        const uint64_t before = service_spent_pico(&f);
        service_ask(&got, &f, &args);
        assert_int_equal(got.code, ERR_OK);
        assert_int_equal(service_spent_pico(&f) - before, told.rho_pico);
        arena_fini(&got.arena);
    }
    service_fixture_close(&f);
}

/* The plan tells how often it can be paid for, by the budget that has least. */
static void check_queries_left(void **state)
{
    static struct policy_quota quota = {
        .kind = QUOTA_PURPOSE,
        .name = "analytics",
        .limit = { .rho_pico = UINT64_C(35000000000), .delta_atto = 1000000 }
    };
    static const struct {
        const char *sql, *says;
        bool quota;
    } asks[] = {
        { "EXPLAIN (PRIVACY) " COUNT, "Budget: 10 such queries are left",
          false },
        { COUNT, "", false },
        { "EXPLAIN (PRIVACY) " COUNT " ORDER BY 2 DESC LIMIT 1",
          "An equal release is stored: free", false },
        { "EXPLAIN (PRIVACY) " COUNT, "Budget: all of it is stored, and free",
          false },
        { "EXPLAIN (PRIVACY) " SUM, "Budget: 9 such queries are left", false },
        { "EXPLAIN (PRIVACY) " SUM, "Budget: 3 such queries are left", true },
        { "EXPLAIN (PRIVACY) " SETS,
          "All 2 grouping sets together.  Price: rho "
          "0.0099",
          false },
        { "EXPLAIN (PRIVACY) SELECT DISTINCT country FROM shop.orders",
          "free: the domain is public", false },
    };
    struct service_fixture f;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct service_asked got;
        bool said = !asks[i].says[0];
        f.policy->quotas = &quota;
        f.policy->n_quotas = asks[i].quota;
        service_ask(&got, &f,
                    &(struct service_ask_args){ asks[i].sql, "analytics", "", 0,
                                                0, 0 });
        if (got.code != ERR_OK)
            fail_msg("%s", got.err.msg);
        for (size_t r = 0; !said && r < got.reply.table.n_rows; r++)
            said = strstr(got.reply.table.cells[r].text.s, asks[i].says);
        if (!said)
            fail_msg("%s does not say \"%s\"", asks[i].sql, asks[i].says);
        arena_fini(&got.arena);
    }
    service_fixture_close(&f);
}

/* Whoever asks for the budget is told the quota that has least. */
static void check_quota_left(struct service_fixture *f, const char *quota,
                             uint64_t left_pico)
{
    const struct service_ask_args args = { "", "", "", 0, 0, 0 };
    struct request req = service_request(&args);
    struct service_asked got;
    req.op = REQUEST_GET_BUDGET;
    req.dataset = "shop";
    service_ask_request(&got, f, &args, &req);
    assert_int_equal(got.code, ERR_OK);
    assert_string_equal(got.reply.budget.quota, quota);
    assert_int_equal(got.reply.budget.quota_remaining_pico_or_nano, left_pico);
    arena_fini(&got.arena);
}

/* A dashboard's questions draw on its quota, whichever of its principals asks;
 * whoever asks for several says for which, and nobody names another's. */
static void check_dashboards(void **state)
{
    static struct policy_quota quota = {
        .kind = QUOTA_DASHBOARD,
        .name = "weekly",
        .limit = { .rho_pico = UINT64_C(15000000000), .delta_atto = 1000000 }
    };
    static const char *one[] = { "weekly" }, *two[] = { "daily", "weekly" };
    static const struct {
        const char *sql;
        const char **mine;
        size_t n_mine;
        enum err_code code;
        const char *says; /* the refusal's name, or words */
    } asks[] = {
        { "SET halftone.dashboard = weekly; " COUNT, NULL, 0, ERR_NOT_FOUND,
          "dashboard" },
        { "SET halftone.dashboard = daily; " COUNT, one, 1, ERR_NOT_FOUND,
          "dashboard" },
        { COUNT, two, 2, ERR_INVALID, "dashboard_none" },
        { COUNT, one, 1, ERR_OK, NULL },
        { "SET halftone.dashboard = weekly; " SUM, two, 2, ERR_BUDGET,
          "The quota of dashboard weekly does not cover this query" },
        { SUM, one, 1, ERR_BUDGET, "The quota of dashboard weekly" },
        { COUNT, one, 1, ERR_OK, NULL }, /* stored */
        { "SET halftone.dashboard = daily; " SUM, two, 2, ERR_OK, NULL },
    };
    struct service_fixture f;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    f.policy->quotas = &quota;
    f.policy->n_quotas = 1;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct service_asked got;
        f.principals[0].dashboards = asks[i].mine;
        f.principals[0].n_dashboards = asks[i].n_mine;
        service_ask(&got, &f,
                    &(struct service_ask_args){ asks[i].sql, "analytics", "", 0,
                                                0, 0 });
        if (got.code != asks[i].code)
            fail_msg("%zu: %s", i, got.err.msg);
        const char *reason = got.err.reason ? got.err.reason : "";
        if (asks[i].says && strcmp(reason, asks[i].says) != 0 &&
            !strstr(got.err.msg, asks[i].says))
            fail_msg("%zu: %s %s", i, reason, got.err.msg);
        arena_fini(&got.arena);
    }
    assert_int_equal(service_spent_pico(&f), UINT64_C(20000000000));
    f.principals[0].dashboards = two;
    f.principals[0].n_dashboards = 2;
    check_quota_left(&f, "dataset/shop/dashboard/weekly", UINT64_C(5000000000));
    service_fixture_close(&f);
}

/* Strict mode: fresh, stored, retried or missed, after any queue, one slot; and
 * the worker is held until then. */
static void check_strict(void **state)
{
    static const struct engine_fake_script fails = { .fails = ERR_MISS };
    enum { STRICT_NS = 250000000, QUEUED_NS = 40000000 };
    const struct service_ask_args asks[] = {
        { COUNT, "analytics", "k", 0, 0, 0 },              /* fresh */
        { COUNT, "analytics", "k", 0, 0, 0 },              /* a retry */
        { COUNT " ORDER BY 2", "analytics", "", 0, 0, 0 }, /* stored */
    };
    (void)state;
    for (int broken = 0; broken < 2; broken++) {
        struct service_fixture f;
        service_fixture_open(&f, POLICY, broken ? &fails : NULL, NULL);
        f.policy->slot_strict_ns = STRICT_NS;
        f.queued_ns = QUEUED_NS;
        /* That a charge is a miss is known from then on, and told at once. */
        const size_t n = broken ? 1 : sizeof asks / sizeof asks[0];
        for (size_t i = 0; i < n; i++) {
            struct service_asked got;
            service_ask(&got, &f, &asks[i]);
            assert_true(got.held_ns > 0 && got.held_ns % STRICT_NS == 0);
            if (got.took_ns < STRICT_NS / 2) { /* else the machine is late */
                assert_int_equal(got.code, broken ? ERR_MISS : ERR_OK);
                assert_true(got.held_ns == STRICT_NS);
                assert_true(got.delay_ns - QUEUED_NS <
                            STRICT_NS + STRICT_NS / 10);
            }
            arena_fini(&got.arena);
        }
        service_fixture_close(&f);
    }
}

/* What is found too late for the slot leaves at no other: it is a miss. */
static void check_strict_late(void **state)
{
    static const struct engine_fake_script slow = { .sleep_ms = 95 };
    enum { STRICT_NS = 100000000 };
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, &slow, NULL);
    f.policy->slot_strict_ns = STRICT_NS;
    service_ask(&got, &f,
                &(struct service_ask_args){ COUNT, "analytics", "k", 0, 0, 0 });
    assert_int_equal(got.code, ERR_MISS);
    assert_true(got.held_ns > 0 && got.held_ns % STRICT_NS == 0);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* Refusals depend on no data and hold nobody up. */
static void check_strict_refusals(void **state)
{
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    f.policy->slot_strict_ns = 250000000;
    service_ask(
        &got, &f,
        &(struct service_ask_args){ "SELECT max(amount) FROM shop.orders",
                                    "analytics", "", 0, 0, 0 });
    assert_int_equal(got.code, ERR_REFUSED);
    assert_true(got.held_ns == 0 && got.delay_ns == 0);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

#define ONE                                                                    \
    "SELECT country, amount IS NULL, count(*), sum(amount), "                  \
    "count(DISTINCT customer_id) FROM shop.orders GROUP BY 1, 2"
#define TURNED                                                                 \
    "SELECT sum(amount), amount IS NULL, count(DISTINCT customer_id), "        \
    "count(*), country FROM shop.orders GROUP BY 2, 5"

/* The same question with its columns and keys in another order: the same
 * numbers, each in its column, rows in the order of its own GROUP BY. */
static void check_reuse_turned(void **state)
{
    static const size_t column[] = { 4, 1, 3, 0, 2 }; /* of ONE in TURNED */
    struct service_fixture f;
    struct service_asked one, turned;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    service_ask(&one, &f,
                &(struct service_ask_args){ ONE, "analytics", "", 0, 0, 0 });
    service_ask(
        &turned, &f,
        &(struct service_ask_args){ TURNED, "analytics", "k", 0, 0, 0 });
    if (one.code != ERR_OK || turned.code != ERR_OK)
        fail_msg("%s %s", one.err.msg, turned.err.msg);
    const struct reply_table *a = &one.reply.table, *b = &turned.reply.table;
    assert_true(b->receipt.cached && a->n_rows == 4 && b->n_rows == 4);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 1);
    for (size_t r = 0; r < 4; r++) {
        const size_t country = r / 2, missing = r % 2; /* of row r of ONE */
        const struct value *x = &a->cells[r * 5];
        const struct value *y = &b->cells[(missing * 2 + country) * 5];
        assert_string_equal(x[0].text.s, country ? "FR" : "DE");
        assert_int_equal(x[1].b, missing);
        for (size_t c = 0; c < 5; c++)
            assert_int_equal(value_cmp(&x[c], &y[column[c]]), 0);
    }
    arena_fini(&one.arena);
    arena_fini(&turned.arena);
    service_fixture_close(&f);
}

/* The rows of all sets are stored and read again as one release. */
static void check_reuse_of_sets(void **state)
{
    struct service_fixture f;
    struct service_asked first, again;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    service_ask(&first, &f,
                &(struct service_ask_args){ SETS, "analytics", "", 0, 0, 0 });
    service_ask(&again, &f,
                &(struct service_ask_args){ SETS " ORDER BY 3 DESC, 1",
                                            "analytics", "k", 0, 0, 0 });
    if (first.code != ERR_OK || again.code != ERR_OK)
        fail_msg("%s %s", first.err.msg, again.err.msg);
    const struct reply_table *a = &first.reply.table, *b = &again.reply.table;
    assert_true(b->receipt.cached && a->n_rows == b->n_rows && a->n_rows > 1);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 2);
    const struct value *total = &a->cells[(a->n_rows - 1) * 3];
    assert_true(total[0].type == VALUE_NULL && total[2].i == 1);
    assert_int_equal(b->cells[1].i, total[1].i);
    assert_int_equal(b->cells[2].i, 1);
    arena_fini(&first.arena);
    arena_fini(&again.arena);
    service_fixture_close(&f);
}

/* The filter: questions that differ are answered until the cap, then never. */
static void check_cap(void **state)
{
    struct service_fixture f;
    int answered = 0;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    for (int i = 0; i < 20; i++) {
        char sql[128];
        struct service_asked got;
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM shop.orders WHERE amount < %d",
                       i + 1);
        service_ask(
            &got, &f,
            &(struct service_ask_args){ sql, "analytics", "", 0, 0, 0 });
        assert_true(got.code == ERR_OK || got.code == ERR_BUDGET);
        answered += got.code == ERR_OK;
        if (got.code == ERR_BUDGET)
            assert_true(got.err.msg[0] && got.err.hint[0]);
        assert_true(service_spent_pico(&f) <= f.policy->cap.rho_pico);
        arena_fini(&got.arena);
    }
    assert_int_equal(answered, 10); /* cap 0.1, price 0.01 */
    assert_int_equal(engine_fake_calls(f.dataset.engine), 10);
    service_fixture_close(&f);
}

static void say_nothing(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

/* A request arena of any size ends in an answer, a refusal or a miss, and the
 * ledger balances after each. */
/* What the SQL sets is what is charged. */
static void check_settings(void **state)
{
    static const struct {
        const char *sql;
        uint64_t rho_pico;
    } rows_[] = {
        { COUNT, UINT64_C(10000000000) },
        { "SET halftone.rho = 0.02; " COUNT, UINT64_C(20000000000) },
        { "SET halftone.accuracy = 30; SET halftone.rho TO 0.03; " COUNT,
          UINT64_C(30000000000) },
        { "SET halftone.rho = 0.03; RESET halftone.rho; " COUNT,
          UINT64_C(10000000000) },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows_ / sizeof rows_[0]; i++) {
        struct service_fixture f;
        struct service_asked got;
        service_fixture_open(&f, POLICY, NULL, NULL);
        service_ask(&got, &f,
                    &(struct service_ask_args){ rows_[i].sql, "analytics", "",
                                                0, 0, 0 });
        assert_int_equal(got.code, ERR_OK);
        assert_in_range(service_spent_pico(&f), rows_[i].rho_pico * 999 / 1000,
                        rows_[i].rho_pico);
        arena_fini(&got.arena);
        service_fixture_close(&f);
    }
}

static void check_caps(void **state)
{
    enum { ROOM_STEP = 1024, ROOM_MAX = 1 << 20 };
    struct service_fixture f;
    struct err err = { 0 };
    enum err_code code = ERR_LIMIT;
    (void)state;
    for (size_t room = ROOM_STEP; code != ERR_OK && room < ROOM_MAX;
         room += ROOM_STEP) {
        struct service_asked got;
        service_fixture_open(&f, POLICY, NULL, NULL);
        service_ask(
            &got, &f,
            &(struct service_ask_args){ COUNT, "analytics", "k", 0, 0, room });
        code = got.code;
        assert_true(code == ERR_OK || code == ERR_LIMIT || code == ERR_MISS);
        if ((code != ERR_LIMIT) != (service_spent_pico(&f) > 0))
            fail_msg("room %zu: %s (%s)", room, got.err.msg, got.err.hint);
        assert_int_equal(ledger_verify(f.dir.path, say_nothing, NULL, &err),
                         ERR_OK);
        arena_fini(&got.arena);
        service_fixture_close(&f);
    }
    assert_int_equal(code, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_hidden),
        cmocka_unit_test(check_retry),
        cmocka_unit_test(check_retry_purpose),
        cmocka_unit_test(check_reuse),
        cmocka_unit_test(check_estimate),
        cmocka_unit_test(check_queries_left),
        cmocka_unit_test(check_dashboards),
        cmocka_unit_test(check_cap),
        cmocka_unit_test(check_caps),
        cmocka_unit_test(check_settings),
        cmocka_unit_test(check_strict),
        cmocka_unit_test(check_strict_late),
        cmocka_unit_test(check_strict_refusals),
        cmocka_unit_test(check_reuse_turned),
        cmocka_unit_test(check_reuse_of_sets),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
