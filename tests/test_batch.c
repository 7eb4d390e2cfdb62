/* Several questions, one charge, through the whole service. */
#include <math.h>
#include <string.h>

#include "dp/init.h"
#include "server/grpc/codec.h"
#include "server/main/batch.h"
#include "server/sql/sql.h"
#include "tests/lib_service.h"
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
    "  ads: {help: Adverts., basis: legitimate_interest}\n"
    "tables:\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 2\n"
    "    max_rows: 10\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      ts: timestamp\n"
    "      country: {type: text, domain: [DE, FR]}\n"
    "      amount: {type: double, range: [0, 500], grid: 0.01}\n";

enum { MOST = 70 };
struct batch_ask {
    const char *sql[MOST]; /* NULL ends them */
    const char *key;
    double rho, accuracy; /* of the whole, of each; 0 = as usual */
    bool estimates;
    /* Of the last question, by itself. */
    const char *last_purpose, *last_key;
    double last_rho;
};

#define TOTAL     "SELECT count(*) FROM shop.orders"
#define BY        "SELECT country, count(*) AS n FROM shop.orders GROUP BY country"
#define BY_SORTED BY " ORDER BY n DESC LIMIT 1"
#define SUMS      "SELECT sum(amount) FROM shop.orders"
#define BAD       "SELECT max(amount)\nFROM shop.orders"

static enum err_code try_batch(struct service_asked *out,
                               struct service_fixture *f,
                               const struct batch_ask *a)
{
    static struct request queries[MOST];
    const struct service_ask_args args = { .sql = "",
                                           .purpose = "analytics",
                                           .key = a->key };
    struct request req = service_request(&args);
    req.op = a->estimates ? REQUEST_ESTIMATE : REQUEST_BATCH;
    req.is_batch = true;
    req.queries = queries;
    req.sql = NULL;
    req.now_us = clock_wall_us(f->service.clock);
    for (size_t i = 0; i < MOST && a->sql[i]; i++) {
        const struct service_ask_args one = { .sql = a->sql[i], .purpose = "" };
        queries[req.n_queries++] = service_request(&one);
        for (size_t k = 0; k < REQUEST_HASH_LEN; k++)
            req.hash[k] ^= queries[i].hash[(k + i) % REQUEST_HASH_LEN];
    }
    struct request *last = &queries[req.n_queries ? req.n_queries - 1 : 0];
    last->purpose = a->last_purpose ? a->last_purpose : "";
    last->idempotency_key = a->last_key ? a->last_key : "";
    if (a->last_rho > 0)
        last->ask =
            (struct ask){ ASK_RHO, .level = 0.95, .price = a->last_rho };
    if (a->rho > 0)
        req.ask = (struct ask){ ASK_RHO, .level = 0.95, .price = a->rho };
    if (a->accuracy > 0)
        req.ask = (struct ask){ ASK_ACCURACY_ABS, a->accuracy, .level = 0.95 };
    service_ask_request(out, f, &args, &req);
    return out->code;
}

static void batch(struct service_asked *out, struct service_fixture *f,
                  const struct batch_ask *a)
{
    if (try_batch(out, f, a) != ERR_OK)
        fail_msg("%s (%s)", out->err.msg, out->err.hint);
}

static uint64_t price_of(const struct service_asked *got, size_t i)
{
    return got->reply.tables[i].receipt.rho_pico;
}

static size_t charges(struct service_fixture *f)
{
    struct arena a;
    struct ledger_row *page;
    const char *next;
    size_t n;
    struct err err = { 0 };
    arena_init(&a, 1 << 18);
    assert_int_equal(ledger_list(f->service.ledger, &page, &n, &next, "shop",
                                 NULL, "", 100, false, &a, &err),
                     ERR_OK);
    arena_fini(&a);
    return n;
}

/* Three questions of two releases: one charge of what the two cost. */
static void check_one_charge(void **state)
{
    struct service_fixture f;
    struct service_asked got, alone;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    batch(&got, &f, &(struct batch_ask){ .sql = { BY, TOTAL, BY_SORTED } });
    assert_int_equal(got.reply.n_tables, 3);
    assert_int_equal(charges(&f), 1);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 2);
    assert_int_equal(service_spent_pico(&f),
                     price_of(&got, 0) + price_of(&got, 1));
    assert_int_equal(price_of(&got, 2), 0);
    assert_int_equal(got.reply.receipt.rho_pico, service_spent_pico(&f));
    assert_false(got.reply.tables[0].receipt.cached);
    assert_true(got.reply.tables[2].receipt.cached);
    assert_string_equal(got.reply.receipt.query_id,
                        got.reply.tables[1].receipt.query_id);
    /* The third is read in the first's numbers. */
    const struct value *by = got.reply.tables[0].cells;
    const int64_t most = by[1].i > by[3].i ? by[1].i : by[3].i;
    assert_int_equal(got.reply.tables[2].n_rows, 1);
    assert_int_equal(got.reply.tables[2].cells[1].i, most);
    assert_true(got.delay_ns >= f.policy->slot_first_ns);

    /* Asked alone, each is stored. */
    const uint64_t spent = service_spent_pico(&f);
    service_ask(&alone, &f,
                &(struct service_ask_args){ BY, "analytics", "", 0, 0, 0 });
    assert_int_equal(alone.code, ERR_OK);
    assert_true(alone.reply.table.receipt.cached);
    assert_int_equal(alone.reply.table.cells[1].i, by[1].i);
    assert_int_equal(service_spent_pico(&f), spent);
    assert_true(alone.delay_ns > 0 && alone.delay_ns <= got.delay_ns);
    arena_fini(&alone.arena);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* What was asked alone is free in a batch, and told so beforehand. */
static void check_stored(void **state)
{
    struct service_fixture f;
    struct service_asked got, told;
    const struct batch_ask both = { .sql = { BY_SORTED, SUMS } };
    struct batch_ask estimate = both;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    service_ask(&got, &f,
                &(struct service_ask_args){ BY, "analytics", "", 0, 0, 0 });
    arena_fini(&got.arena);
    const uint64_t before = service_spent_pico(&f);
    estimate.estimates = true;
    batch(&told, &f, &estimate);
    assert_int_equal(service_spent_pico(&f), before);
    assert_int_equal(told.reply.n_estimates, 2);
    assert_int_equal(told.reply.estimates[0].rho_pico, 0);
    assert_non_null(strstr(told.reply.estimate.plan, "Question 2 of 2"));
    assert_non_null(strstr(told.reply.estimate.plan, "stored: free"));
    batch(&got, &f, &both);
    assert_int_equal(service_spent_pico(&f) - before,
                     told.reply.estimate.rho_pico);
    assert_int_equal(got.reply.receipt.rho_pico, told.reply.estimate.rho_pico);
    assert_true(got.reply.tables[0].receipt.cached);
    arena_fini(&got.arena);
    /* All of it stored: nothing is charged, and no charge is shown. */
    const size_t n = charges(&f);
    batch(&got, &f, &both);
    assert_string_equal(got.reply.receipt.query_id, "");
    assert_int_equal(charges(&f), n);
    assert_true(got.delay_ns > 0);
    arena_fini(&got.arena);
    arena_fini(&told.arena);
    service_fixture_close(&f);
}

/* One price for all: it is not passed, equal releases have one share, and the
 * errors are least together. */
static void check_split(void **state)
{
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    batch(&got, &f,
          &(struct batch_ask){ .sql = { TOTAL, BY, BY_SORTED }, .rho = 0.02 });
    const double a = (double)price_of(&got, 0), b = (double)price_of(&got, 1);
    assert_true(a + b <= 0.02e12 && a + b > 0.0199e12);
    assert_int_equal(price_of(&got, 2), 0);
    /* rho ~ sqrt(L0): two groups weigh root 2 of one (dp/split.md). */
    assert_true(fabs(b / a - sqrt(2)) < 0.01);
    /* Squared errors: no other split of the sum gives less. */
    const double least = 1 / a + 2 / b;
    for (int i = 1; i < 20; i++) {
        const double part = (a + b) * i / 20;
        assert_true(1 / part + 2 / (a + b - part) >= least * 0.9999);
    }
    arena_fini(&got.arena);
    /* The same batch again has the same shares, and so is stored. */
    const uint64_t spent = service_spent_pico(&f);
    batch(&got, &f,
          &(struct batch_ask){ .sql = { TOTAL, BY, BY_SORTED }, .rho = 0.02 });
    assert_int_equal(service_spent_pico(&f), spent);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* An accuracy holds for each. */
static void check_accuracy(void **state)
{
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    batch(&got, &f,
          &(struct batch_ask){ .sql = { TOTAL, BY }, .accuracy = 200 });
    for (size_t i = 0; i < 2; i++) {
        const struct reply_table *t = &got.reply.tables[i];
        const struct reply_interval *in = &t->intervals[t->n_columns - 1];
        assert_true(in->hi - in->lo <= 400 && in->hi - in->lo > 380);
    }
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* The same key: the same bytes, nothing more charged. */
static void check_retry(void **state)
{
    struct service_fixture f;
    struct service_asked first, again, other;
    const struct batch_ask a = { .sql = { BY, SUMS, TOTAL " LIMIT 0" },
                                 .key = "k" };
    const uint8_t *x, *y;
    size_t x_len, y_len;
    struct err err = { 0 };
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    batch(&first, &f, &a);
    const uint64_t spent = service_spent_pico(&f);
    batch(&again, &f, &a);
    assert_int_equal(service_spent_pico(&f), spent);
    assert_int_equal(codec_encode(&x, &x_len, &first.reply, &first.arena, &err),
                     ERR_OK);
    assert_int_equal(codec_encode(&y, &y_len, &again.reply, &again.arena, &err),
                     ERR_OK);
    assert_int_equal(x_len, y_len);
    assert_memory_equal(x, y, x_len);
    assert_true(again.delay_ns > 0 && again.delay_ns <= first.delay_ns);
    assert_int_equal(
        try_batch(&other, &f, &(struct batch_ask){ .sql = { BY }, .key = "k" }),
        ERR_CONFLICT);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 2);
    arena_fini(&first.arena);
    arena_fini(&again.arena);
    arena_fini(&other.arena);
    service_fixture_close(&f);
}

/* Nothing tells which question failed: not what is stored, not the slot, not
 * the words. */
static void check_which_failed(void **state)
{
    char said[3][sizeof((struct err *)0)->msg];
    uint64_t left[3];
    (void)state;
    for (uint64_t well = 0; well < 3; well++) {
        const struct engine_fake_script fails = { .fails = ERR_MISS,
                                                  .well = well,
                                                  .sleep_ms = 60 };
        struct service_fixture f;
        struct service_asked got;
        struct fake_clock clock;
        fake_clock_init(&clock, INT64_C(1760000400000000));
        service_fixture_open(&f, POLICY, &fails, &clock.clock);
        assert_int_equal(
            try_batch(&got, &f,
                      &(struct batch_ask){ .sql = { BY, SUMS, TOTAL } }),
            ERR_MISS);
        left[well] = got.delay_ns;
        (void)snprintf(said[well], sizeof said[well], "%s",
                       got.err.msg + strlen("query ") +
                           strcspn(got.err.msg + strlen("query "), " "));
        arena_fini(&got.arena);
        assert_int_equal(engine_fake_calls(f.dataset.engine), well + 1);
        /* The first is stored for nobody: it is paid for again. */
        engine_close(f.dataset.engine);
        f.dataset.engine = engine_fake_new(NULL);
        atomic_fetch_add(&clock.wall_us, INT64_C(3600000000));
        const uint64_t spent = service_spent_pico(&f);
        batch(&got, &f, &(struct batch_ask){ .sql = { BY } });
        assert_true(service_spent_pico(&f) > spent);
        arena_fini(&got.arena);
        service_fixture_close(&f);
    }
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(left[i], left[0]);
        assert_string_equal(said[i], said[0]);
    }
}

/* The engine fails: charged once; the key runs it again, or who asks the same
 * again without one, also where no answer is used twice. */
static const struct failing {
    const char *name, *key;
    bool no_reuse;
} failing[] = {
    { "a batch that failed is run again by its key", "k", false },
    { "... where nothing is reused", "k", true },
    { "a batch without a key that failed is run again", NULL, false },
    { "... where nothing is reused, too", NULL, true },
};

static void check_failure(void **state)
{
    const struct failing *row = *state;
    char policy[sizeof POLICY];
    const struct engine_fake_script fails = { .fails = ERR_MISS };
    struct service_fixture f;
    struct fake_clock clock;
    struct service_asked got;
    const struct batch_ask a = { .sql = { BY, SUMS }, .key = row->key };
    memcpy(policy, POLICY, sizeof policy);
    if (row->no_reuse)
        memcpy(strstr(policy, "1 day"), "0    ", 5);
    fake_clock_init(&clock, INT64_C(1760000400000000));
    service_fixture_open(&f, policy, NULL, &clock.clock);
    struct engine *well = f.dataset.engine;
    f.dataset.engine = engine_fake_new(&fails);
    assert_int_equal(try_batch(&got, &f, &a), ERR_MISS);
    assert_null(strstr(got.err.msg, "question 1")); /* which one is not told */
    assert_true(got.delay_ns > 0);
    const uint64_t spent = service_spent_pico(&f);
    assert_true(spent > 0);
    arena_fini(&got.arena);
    engine_close(f.dataset.engine);
    f.dataset.engine = well;
    atomic_fetch_add(&clock.wall_us, INT64_C(3600000000)); /* it has left */
    batch(&got, &f, &a);
    assert_int_equal(service_spent_pico(&f), spent);
    assert_int_equal(charges(&f), 1);
    assert_int_equal(got.reply.n_tables, 2);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* ---- refused: which question, where, and nothing charged ---- */

static const struct row {
    const char *name;
    struct batch_ask ask;
    enum err_code want;
    const char *says, *reason;
    unsigned line;
} rows[] = {
    { "no question",
      { .sql = { NULL } },
      ERR_INVALID,
      "no question",
      "batch_empty",
      0 },
    { "a refused question",
      { .sql = { BY, BAD, SUMS } },
      ERR_REFUSED,
      "question 2 of 3: ",
      "min_max",
      1 },
    { "bad SQL",
      { .sql = { BY, "SELEC" } },
      ERR_SYNTAX,
      "question 2 of 2: ",
      NULL,
      1 },
    { "another dataset",
      { .sql = { BY, "SELECT count(*) FROM bank.orders" } },
      ERR_NOT_FOUND,
      "question 2 of 2: ",
      NULL,
      0 },
    { "more than the budget has",
      { .sql = { TOTAL, BY, SUMS, "SELECT avg(amount) FROM shop.orders" },
        .rho = 0.2 },
      ERR_BUDGET,
      "",
      NULL,
      0 },
    { "another purpose",
      { .sql = { BY, SUMS }, .last_purpose = "ads" },
      ERR_INVALID,
      "question 2 of 2: ",
      "batch_purpose",
      0 },
    { "a key of one question",
      { .sql = { BY, SUMS }, .last_key = "k" },
      ERR_INVALID,
      "question 2 of 2: ",
      "batch_key",
      0 },
    { "a price of one beside a price of all",
      { .sql = { BY, SUMS }, .rho = 0.01, .last_rho = 0.01 },
      ERR_INVALID,
      "question 2 of 2: ",
      "batch_ask",
      0 },
    { "a price of nothing for each",
      { .sql = { TOTAL, BY }, .rho = 1e-12 },
      ERR_INVALID,
      "",
      NULL,
      1 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct service_fixture f;
    struct service_asked got;
    service_fixture_open(&f, POLICY, NULL, NULL);
    assert_int_equal(try_batch(&got, &f, &row->ask), row->want);
    assert_non_null(strstr(got.err.msg, row->says));
    if (row->reason)
        assert_string_equal(got.err.reason, row->reason);
    assert_int_equal(got.err.line, row->line);
    assert_int_equal(service_spent_pico(&f), 0);
    assert_int_equal(charges(&f), 0);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 0);
    assert_int_equal(got.delay_ns, 0);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

static void check_size(void **state)
{
    static struct batch_ask many;
    static char big[60000];
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    for (size_t i = 0; i < REQUEST_QUERIES_MAX + 1; i++)
        many.sql[i] = TOTAL;
    assert_int_equal(try_batch(&got, &f, &many), ERR_LIMIT);
    assert_string_equal(got.err.reason, "batch_size");
    arena_fini(&got.arena);
    many.sql[REQUEST_QUERIES_MAX] = NULL;
    batch(&got, &f, &many); /* all of them one release */
    assert_int_equal(engine_fake_calls(f.dataset.engine), 1);
    arena_fini(&got.arena);
    memset(big, ' ', sizeof big - 1);
    memcpy(big, TOTAL, sizeof TOTAL - 1);
    struct batch_ask long_ask = { .sql = { big, big, big } };
    assert_int_equal(try_batch(&got, &f, &long_ask), ERR_LIMIT);
    assert_string_equal(got.err.reason, "batch_bytes");
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* Plans and public answers stand among the answers, free. */
static void check_free(void **state)
{
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    batch(&got, &f,
          &(struct batch_ask){
              .sql = { "EXPLAIN (PRIVACY) " BY, BY " LIMIT 0" } });
    assert_int_equal(service_spent_pico(&f), 0);
    assert_int_equal(got.reply.tables[0].n_columns, 1);
    assert_int_equal(got.reply.tables[1].n_rows, 0);
    assert_string_equal(got.reply.receipt.query_id, "");
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* Strict mode: a batch leaves at the one slot, whatever is in it. */
static void check_strict(void **state)
{
    enum { STRICT_NS = 250000000 };
    const struct batch_ask asks[] = { { .sql = { BY, SUMS, TOTAL } },
                                      { .sql = { BY, SUMS, TOTAL } },
                                      { .sql = { BY_SORTED } } };
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    f.policy->slot_strict_ns = STRICT_NS;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        batch(&got, &f, &asks[i]);
        assert_true(got.held_ns == STRICT_NS);
        arena_fini(&got.arena);
    }
    service_fixture_close(&f);
}

/* Days of one series in two questions are paid once. */
static void check_series(void **state)
{
#define DAYS(from, to)                                                         \
    "SELECT date_trunc('day', ts) AS d, count(*) AS n FROM shop.orders WHERE " \
    "ts >= '2024-03-" from "' AND ts < '2024-03-" to "' GROUP BY 1"
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    batch(&got, &f,
          &(struct batch_ask){ .sql = { DAYS("01", "11"), DAYS("05", "11"),
                                        DAYS("05", "15") } });
    const struct reply_table *t = got.reply.tables;
    assert_int_equal(price_of(&got, 1), 0);
    assert_true(price_of(&got, 2) > 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(t[1].cells[2 * i + 1].i, t[0].cells[2 * i + 9].i);
        assert_int_equal(t[2].cells[2 * i + 1].i, t[0].cells[2 * i + 9].i);
    }
    assert_int_equal(engine_fake_calls(f.dataset.engine), 2);
    assert_int_equal(charges(&f), 1);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

static void say_nothing(void *ctx, const char *line)
{
    (void)ctx, (void)line;
}

/* A request arena of any size ends well, and the ledger balances. */
static void check_caps(void **state)
{
    (void)state;
    enum { ROOM_STEP = 1 << 14, ROOM_MAX = 8 << 20 };
    enum err_code code = ERR_LIMIT;
    for (size_t room = ROOM_STEP; code != ERR_OK && room < ROOM_MAX;
         room += room / 3) {
        struct service_fixture f;
        struct service_asked got;
        struct err err = { 0 };
        service_fixture_open(&f, POLICY, NULL, NULL);
        const struct service_ask_args args = {
            .sql = "", .purpose = "analytics", .key = "k", .room = room
        };
        struct request queries[2], req = service_request(&args);
        const char *sql[] = { BY, SUMS };
        for (size_t i = 0; i < 2; i++)
            queries[i] = service_request(
                &(struct service_ask_args){ .sql = sql[i], .purpose = "" });
        req.op = REQUEST_BATCH;
        req.is_batch = true;
        req.queries = queries;
        req.n_queries = 2;
        service_ask_request(&got, &f, &args, &req);
        code = got.code;
        assert_true(code == ERR_OK || code == ERR_LIMIT || code == ERR_MISS);
        assert_int_equal(code != ERR_LIMIT, service_spent_pico(&f) > 0);
        assert_int_equal(ledger_verify(f.dir.path, say_nothing, NULL, &err),
                         ERR_OK);
        arena_fini(&got.arena);
        service_fixture_close(&f);
    }
    assert_int_equal(code, ERR_OK);
}

/* Questions of two datasets are two charges, on two budgets. */
static void check_two_datasets(void **state)
{
    static const char *const both[] = { "shop", "stall" };
    static const struct batch_ask all = {
        .sql = { TOTAL, "SELECT count(*) FROM stall.orders" }
    };
    char stall[sizeof POLICY + 8];
    struct policy_report report = { 0 };
    struct service_fixture f;
    struct service_asked got;
    struct err err = { 0 };
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    struct dataset other = { .engine = f.dataset.engine };
    struct dataset *datasets[] = { &f.dataset, &other };
    struct policy *policy = NULL;
    (void)snprintf(stall, sizeof stall, "dataset: stall\n%s",
                   strchr(POLICY, '\n') + 1);
    assert_int_equal(policy_load_bytes(&policy, stall, strlen(stall),
                                       "stall.yaml", &report, &f.arena, &err),
                     ERR_OK);
    other.policy = policy;
    f.world.datasets = datasets;
    f.world.n_datasets = 2;
    f.principals[0].datasets = (const char **)(uintptr_t)both;
    f.principals[0].n_datasets = 2;
    assert_int_equal(try_batch(&got, &f, &all), ERR_INVALID);
    assert_string_equal(got.err.reason, "batch_dataset");
    assert_non_null(strstr(got.err.msg, "question 2 of 2"));
    assert_non_null(strstr(got.err.msg, "\"stall\""));
    assert_int_equal(charges(&f), 0);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

/* Each fits by itself, and so do some of them; all together are refused while
 * nothing is charged. */
#define HOURS(of)                                                              \
    "SELECT date_trunc('hour', ts), country, count(*), sum(" of                \
    ") FROM shop.orders WHERE ts >= '2020-01-01' AND ts < '2023-12-01' GROUP " \
    "BY 1, 2"
static void check_memory_of_all(void **state)
{
    static const struct batch_ask all = {
        .sql = { HOURS("amount"), HOURS("amount + 1"), HOURS("amount + 2"),
                 HOURS("amount + 3"), HOURS("amount + 4") }
    };
    struct service_fixture f;
    struct service_asked got;
    (void)state;
    service_fixture_open(&f, POLICY, NULL, NULL);
    assert_int_equal(try_batch(&got, &f, &all), ERR_LIMIT);
    assert_string_equal(got.err.reason, "batch_memory");
    assert_int_equal(charges(&f), 0);
    assert_int_equal(engine_fake_calls(f.dataset.engine), 0);
    arena_fini(&got.arena);
    service_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_one_charge),
        cmocka_unit_test(check_stored),
        cmocka_unit_test(check_split),
        cmocka_unit_test(check_accuracy),
        cmocka_unit_test(check_retry),
        cmocka_unit_test(check_which_failed),
        cmocka_unit_test(check_size),
        cmocka_unit_test(check_free),
        cmocka_unit_test(check_strict),
        cmocka_unit_test(check_series),
        cmocka_unit_test(check_caps),
        cmocka_unit_test(check_memory_of_all),
        cmocka_unit_test(check_two_datasets),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) + RUN_ROWS(failing, check_failure) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
