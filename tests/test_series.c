/* Days that were released are shown again; only the others are paid for. */
#include "server/plan/series.h"

#include <string.h>

#include "dp/init.h"
#include "server/plan/eval.h"
#include "server/sql/sql.h"
#include "tests/lib_service.h"
#include "tests/table.h"

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "notion: zcdp\n"
    "cap: {rho: 10, delta: 1e-5}\n"
    "max_price: {rho: 1}\n"
    "default_price: {rho: 0.01}\n"
    "max_people: 100000\n"
    "reuse_for: 1 day\n"
    "closed_after: 1 day\n"
    "purposes:\n"
    "  analytics: {help: How it goes., basis: legitimate_interest}\n"
    "  ads: {help: Adverts., basis: consent}\n"
    "tables:\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 100\n"
    "    max_rows: 10\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      ts: timestamp\n"
    "      day: date\n"
    "      country: {type: text, domain: [DE, FR]}\n"
    "      city: text\n"
    "      amount: {type: double, range: [0, 500], grid: 0.01}\n"
    "  countries:\n"
    "    from: countries.parquet\n"
    "    public: true\n"
    "    columns:\n"
    "      country: {type: text, domain: [DE, FR]}\n";

/* 2024-03-01, in days and microseconds since 1970. */
enum { MARCH = 19783 };
#define NOON (US_PER_DAY / 2)

struct world_ {
    struct service_fixture f;
    struct fake_clock clock;
    int64_t after_us; /* noon */
};

static void open_world(struct world_ *w,
                       const struct engine_fake_script *script)
{
    *w = (struct world_){ 0 };
    fake_clock_init(&w->clock, MARCH * US_PER_DAY);
    service_fixture_open(&w->f, POLICY, script, &w->clock.clock);
}

static void close_world(struct world_ *w)
{
    service_fixture_close(&w->f);
}

/* A question about days of March: [from, to), asked at noon of `today`. */
struct asking {
    const char *select; /* before FROM */
    int from, to, today;
    const char *rest;    /* after WHERE; NULL: GROUP BY 1 */
    uint32_t max_groups; /* 0 = as usual */
    double rho;          /* 0 = as usual */
    const char *key;
    bool estimates;
};

#define DAILY "SELECT date_trunc('day', ts) AS d, count(*) AS n"

static const char *date_of(char out[16], int day)
{
    const struct value v = { .type = VALUE_DATE, .i = MARCH + day };
    struct writer w = writer_of(out, 16);
    value_print(&w, &v);
    return writer_cstr(&w) ? out : "";
}

static enum err_code try_ask(struct service_asked *out, struct world_ *w,
                             const struct asking *a)
{
    char sql[512], from[16], to[16];
    (void)snprintf(sql, sizeof sql,
                   "%s FROM shop.orders WHERE ts >= '%s' AND ts < '%s' %s",
                   a->select, date_of(from, a->from), date_of(to, a->to),
                   a->rest ? a->rest : "GROUP BY 1");
    const struct service_ask_args args = { .sql = sql,
                                           .purpose = "analytics",
                                           .key = a->key };
    struct request req = service_request(&args);
    if (a->estimates)
        req.op = REQUEST_ESTIMATE;
    req.now_us = (MARCH + a->today) * US_PER_DAY + NOON + w->after_us;
    atomic_store(&w->clock.wall_us, req.now_us);
    req.bounds.max_groups = a->max_groups;
    if (a->rho > 0)
        req.ask = (struct ask){ ASK_RHO, .level = 0.95, .price = a->rho };
    service_ask_request(out, &w->f, &args, &req);
    return out->code;
}

static void ask(struct service_asked *out, struct world_ *w,
                const struct asking *a)
{
    if (try_ask(out, w, a) != ERR_OK)
        fail_msg("%s: %s", a->select, out->err.msg);
}

static uint64_t price(struct world_ *w, const struct asking *a)
{
    const uint64_t before = service_spent_pico(&w->f);
    struct service_asked got;
    ask(&got, w, a);
    const uint64_t paid = service_spent_pico(&w->f) - before;
    if (!a->estimates)
        assert_int_equal(paid, got.reply.table.receipt.rho_pico);
    arena_fini(&got.arena);
    return paid;
}

/* ---- what a second question costs, in days of the first ---- */

/* First: DAILY over [0, 10) on day 12.  Each row then asks `then`. */
static const struct row {
    const char *name;
    struct asking then;
    int days; /* that it pays for; -1 = all of its own price, as if alone */
} rows[] = {
    { "the same days again are free",
      { .select = DAILY, .from = 0, .to = 10, .today = 12 },
      0 },
    { "one day more costs one day",
      { .select = DAILY, .from = 0, .to = 11, .today = 13 },
      1 },
    { "a window that moves on by three costs three",
      { .select = DAILY, .from = 3, .to = 13, .today = 15 },
      3 },
    { "days on both sides cost what they are",
      { .select = DAILY, .from = -2, .to = 12, .today = 14 },
      4 },
    { "fewer days are free",
      { .select = DAILY, .from = 4, .to = 7, .today = 12 },
      0 },
    { "months later the days are still there",
      { .select = DAILY, .from = 0, .to = 10, .today = 400 },
      0 },
    { "years later they are not",
      { .select = DAILY, .from = 0, .to = 10, .today = 800 },
      10 },
    { "other names, order, limit and having are free",
      { .select = "SELECT date_trunc('day', ts) AS x, 2 * count(*) AS y",
        .from = 0,
        .to = 10,
        .today = 12,
        .rest = "GROUP BY 1 HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 4" },
      0 },
    { "a filter that is no bound on time is another series",
      { .select = DAILY,
        .from = 0,
        .to = 10,
        .today = 12,
        .rest = "AND country = 'DE' GROUP BY 1" },
      10 },
    { "another aggregate is another series",
      { .select = "SELECT date_trunc('day', ts) AS d, count(*) FILTER (WHERE "
                  "amount > 3)",
        .from = 0,
        .to = 10,
        .today = 12 },
      10 },
    { "another unit is another series",
      { .select = "SELECT date_trunc('week', ts) AS d, count(*)",
        .from = 3,
        .to = 10,
        .today = 12 },
      1 },
    { "other limits are another series",
      { .select = DAILY, .from = 0, .to = 10, .today = 12, .max_groups = 10 },
      10 },
    { "a bound on the day itself is a bound on time",
      { .select = DAILY,
        .from = 0,
        .to = 40,
        .today = 12,
        .rest = "AND ts < DATE '2024-03-08' GROUP BY 1" },
      0 },
};

/* Price of so many days, whatever their series. */
static uint64_t price_of_days(int n)
{
    struct world_ w;
    open_world(&w, NULL);
    /* Noise is that of ten days at the default price: rho 0.01 for L0 = 10. */
    const uint64_t all = price(
        &w,
        &(struct asking){ .select = DAILY, .from = 0, .to = 10, .today = 12 });
    close_world(&w);
    return all / 10 * (uint64_t)n;
}

/* Does EXPLAIN (PRIVACY) say so? */
static bool says_free(struct world_ *w, const struct asking *a)
{
    char sql[256];
    struct asking explain = *a;
    struct service_asked got;
    (void)snprintf(sql, sizeof sql, "EXPLAIN (PRIVACY) %s", a->select);
    explain.select = sql;
    ask(&got, w, &explain);
    const struct reply_table *t = &got.reply.table;
    bool free = false;
    for (size_t r = 0; r < t->n_rows; r++)
        free |= strstr(t->cells[r].text.s, "all of it is stored") != NULL;
    assert_non_null(strstr(t->cells[0].text.s, "A series by"));
    arena_fini(&got.arena);
    return free;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const struct asking first = {
        .select = DAILY, .from = 0, .to = 10, .today = 12
    };
    struct world_ w;
    struct service_asked estimate;
    open_world(&w, NULL);
    (void)price(&w, &first);
    /* Ask for the noise that ten days have at the default price. */
    struct asking then = row->then;
    const int asked = row->then.to - row->then.from;
    if (then.rho == 0 && !strstr(then.select, "week"))
        then.rho = 0.001 * asked;
    if (then.rest && strstr(then.rest, "2024-03-08"))
        then.rho = 0.007;
    if (strstr(then.select, "week"))
        then.rho = 0.001;
    struct asking priced = then;
    priced.estimates = true;
    ask(&estimate, &w, &priced);
    const uint64_t told = estimate.reply.estimate.rho_pico;
    arena_fini(&estimate.arena);
    assert_int_equal(says_free(&w, &then), told == 0);
    const uint64_t paid = price(&w, &then);
    assert_int_equal(told, paid);
    const uint64_t want = price_of_days(row->days);
    const uint64_t off = paid > want ? paid - want : want - paid;
    if (off > want / 100)
        fail_msg("paid %llu, not %llu", (unsigned long long)paid,
                 (unsigned long long)want);
    close_world(&w);
}

/* ---- the days that were shown ---- */

static int64_t cell(const struct service_asked *got, size_t row, size_t column)
{
    const struct reply_table *t = &got->reply.table;
    return t->cells[row * t->n_columns + column].i;
}

/* Thirty questions of the last thirty days: about thirty days and thirty. */
static void check_month(void **state)
{
    struct world_ w;
    struct service_asked before, got;
    (void)state;
    open_world(&w, NULL);
    const uint64_t first = price(
        &w,
        &(struct asking){
            .select = DAILY, .from = 0, .to = 30, .today = 31, .rho = 0.03 });
    ask(&before, &w,
        &(struct asking){
            .select = DAILY, .from = 0, .to = 30, .today = 31, .rho = 0.03 });
    for (int k = 1; k <= 30; k++) {
        ask(&got, &w,
            &(struct asking){ .select = DAILY,
                              .from = k,
                              .to = k + 30,
                              .today = 31 + k,
                              .rho = 0.03 });
        assert_int_equal(got.reply.table.n_rows, 30);
        for (size_t r = 0; r < 29; r++) {
            assert_int_equal(cell(&got, r, 0), cell(&before, r + 1, 0));
            assert_int_equal(cell(&got, r, 1), cell(&before, r + 1, 1));
        }
        arena_fini(&before.arena);
        before = got;
    }
    /* The parts: at last thirty days of a release each. */
    const struct reply_receipt *r = &before.reply.table.receipt;
    assert_int_equal(r->n_parts, 30);
    assert_int_equal(r->parts[29].cached, false);
    assert_int_equal(r->parts[0].n_keys, 1);
    assert_int_equal(r->parts[0].max_groups, 1);
    assert_true(value_cmp(&r->parts[0].first, &r->parts[1].first) < 0);
    arena_fini(&before.arena);
    const uint64_t spent = service_spent_pico(&w.f);
    assert_true(spent >= 2 * first - 60 && spent <= 2 * first + first / 100);
    close_world(&w);
}

/* The best days of a series that is stored are read there. */
static void check_best_days(void **state)
{
    struct world_ w;
    struct service_asked all, best;
    (void)state;
    open_world(&w, NULL);
    ask(&all, &w,
        &(struct asking){ .select = DAILY, .from = 0, .to = 30, .today = 31 });
    const uint64_t spent = service_spent_pico(&w.f);
    ask(&best, &w,
        &(struct asking){ .select = DAILY,
                          .from = 0,
                          .to = 30,
                          .today = 40,
                          .rest = "GROUP BY 1 ORDER BY 2 DESC LIMIT 1" });
    assert_int_equal(service_spent_pico(&w.f), spent);
    int64_t most = 0;
    for (size_t r = 0; r < 30; r++)
        most = cell(&all, r, 1) > most ? cell(&all, r, 1) : most;
    assert_int_equal(cell(&best, 0, 1), most);
    arena_fini(&all.arena);
    arena_fini(&best.arena);
    close_world(&w);
}

/* A day that is not over is released with the others, and again when it is. */
static void check_open_day(void **state)
{
    struct world_ w;
    (void)state;
    open_world(&w, NULL);
    const uint64_t ten = price(
        &w,
        &(struct asking){
            .select = DAILY, .from = 0, .to = 10, .today = 9, .rho = 0.01 });
    /* At once the same: free.  Two days on, days 8 and 9 are closed. */
    assert_int_equal(price(&w, &(struct asking){ .select = DAILY,
                                                 .from = 0,
                                                 .to = 10,
                                                 .today = 9,
                                                 .rho = 0.01 }),
                     0);
    const uint64_t two = price(
        &w,
        &(struct asking){
            .select = DAILY, .from = 0, .to = 10, .today = 11, .rho = 0.01 });
    assert_true(two >= ten / 5 - 10 && two <= ten / 5 + 10);
    assert_int_equal(price(&w, &(struct asking){ .select = DAILY,
                                                 .from = 0,
                                                 .to = 10,
                                                 .today = 30,
                                                 .rho = 0.01 }),
                     0);
    close_world(&w);
}

/* A stored release serves no better than it is: more accuracy is paid anew. */
static void check_accuracy(void **state)
{
    struct world_ w;
    struct service_asked got;
    (void)state;
    open_world(&w, NULL);
    const struct asking rough = {
        .select = DAILY, .from = 0, .to = 10, .today = 12, .rho = 0.01
    };
    const struct asking fine = {
        .select = DAILY, .from = 0, .to = 10, .today = 12, .rho = 0.04
    };
    assert_true(price(&w, &rough) > 0);
    assert_true(price(&w, &fine) > 0);
    assert_int_equal(price(&w, &rough), 0);
    assert_int_equal(price(&w, &fine), 0);
    /* Eleven days at the finer noise: one is paid, ten are the finer ones. */
    ask(&got, &w,
        &(struct asking){
            .select = DAILY, .from = 0, .to = 11, .today = 13, .rho = 0.044 });
    const struct reply_interval *fine_i = &got.reply.table.intervals[1];
    const struct reply_interval *new_i = &got.reply.table.intervals[21];
    const double a = fine_i->hi - fine_i->lo, b = new_i->hi - new_i->lo;
    assert_true(got.reply.table.receipt.n_parts == 2 && a <= b && b < a * 1.1);
    arena_fini(&got.arena);
    close_world(&w);
}

/* The state of the data moves on: closed days stay, the open one does not. */
static void check_versions(void **state)
{
    struct world_ w;
    (void)state;
    open_world(&w, NULL);
    const struct asking a = {
        .select = DAILY, .from = 0, .to = 10, .today = 10, .rho = 0.01
    }; /* 9 is open */
    const uint64_t ten = price(&w, &a);
    w.f.policy->data_version = "v2";
    w.f.policy->hash[0] ^= 1; /* its file has changed, but for its meaning */
    const uint64_t one = price(&w, &a);
    assert_true(one >= ten / 10 - 10 && one <= ten / 10 + 10);
    w.f.policy->meaning[0] ^= 1;
    assert_true(price(&w, &a) >= ten - 10);
    close_world(&w);
}

/* Private keys beside the day: selected in each release by itself. */
static void check_selected(void **state)
{
    struct world_ w;
    struct service_asked got;
    const char *by = "SELECT date_trunc('day', ts) AS d, city, "
                     "count(DISTINCT customer_id)";
    (void)state;
    open_world(&w, NULL);
    const struct asking ten = {
        by, 0, 10, 12, .rest = "GROUP BY 1, 2", .max_groups = 10
    };
    struct asking eleven = ten;
    eleven.to = 11, eleven.today = 13;
    const uint64_t all = price(&w, &ten);
    ask(&got, &w, &eleven);
    assert_int_equal(got.reply.table.n_rows, 33); /* three made up a day */
    /* Of a private key nobody knows how many groups a day has: L0 stays. */
    const struct reply_receipt *r = &got.reply.table.receipt;
    assert_true(r->rho_pico > 0 && r->rho_pico <= all && r->delta_atto > 0);
    arena_fini(&got.arena);
    close_world(&w);
}

/* What may change when rows come later is no series. */
static void check_no_series(void **state)
{
    static const char *const fixed[] = {
        "SELECT date_trunc('day', t) AS d, count(*) FROM (SELECT customer_id, "
        "min(ts) AS t FROM shop.orders GROUP BY customer_id) x WHERE t >= "
        "'2024-03-01' AND t < '2024-03-11' GROUP BY 1",
        "SELECT date_trunc('day', ts) AS d, count(*) FROM shop.orders WHERE ts "
        ">= '2024-03-01' AND ts < '2024-03-11' AND customer_id IN (SELECT "
        "customer_id FROM shop.orders GROUP BY 1 HAVING count(*) > 3) GROUP BY "
        "1",
    };
    struct world_ w;
    (void)state;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        open_world(&w, NULL);
        uint64_t spent = 0;
        for (int day = 12; day <= 20; day += 8) {
            const struct service_ask_args args = { .sql = fixed[i],
                                                   .purpose = "analytics",
                                                   .key = "" };
            struct request req = service_request(&args);
            struct service_asked got;
            req.now_us = (MARCH + day) * US_PER_DAY;
            atomic_store(&w.clock.wall_us, req.now_us);
            service_ask_request(&got, &w.f, &args, &req);
            if (got.code != ERR_OK)
                fail_msg("%s: %s", fixed[i], got.err.msg);
            arena_fini(&got.arena);
            assert_true(service_spent_pico(&w.f) > spent); /* paid again */
            spent = service_spent_pico(&w.f);
        }
        close_world(&w);
    }
}

/* The engine fails: charged; the key runs it again, or who asks the same again
 * without one, and nothing more is paid. */
static const struct failing {
    const char *name, *key;
    int later; /* with a key even when its days are closed meanwhile */
} failing[] = {
    { "a series that failed is run again by its key", "k", 16 },
    { "a series without a key that failed is run again", NULL, 14 },
};

static void check_stumble(void **state)
{
    const struct failing *row = *state;
    struct engine_fake_script fails = { .fails = ERR_MISS };
    struct world_ w;
    struct service_asked got, again;
    open_world(&w, NULL);
    (void)price(
        &w,
        &(struct asking){
            .select = DAILY, .from = 0, .to = 10, .today = 12, .rho = 0.01 });
    const struct asking then = { .select = DAILY,
                                 .from = 1,
                                 .to = 12,
                                 .today = 14,
                                 .rho = 0.011,
                                 .key = row->key };
    struct engine *well = w.f.dataset.engine;
    w.f.dataset.engine = engine_fake_new(&fails);
    assert_int_equal(try_ask(&got, &w, &then), ERR_MISS);
    assert_non_null(strstr(got.err.hint, "nothing more is charged"));
    assert_true(got.delay_ns > 0);
    arena_fini(&got.arena);
    const uint64_t spent = service_spent_pico(&w.f);
    engine_close(w.f.dataset.engine);
    w.f.dataset.engine = well;
    struct asking later = then;
    later.today = row->later;
    if (row->later == then.today) /* the miss has left */
        w.after_us = INT64_C(3600000000);
    ask(&got, &w, &later);
    assert_int_equal(got.reply.table.n_rows, 11);
    assert_int_equal(service_spent_pico(&w.f), spent);
    ask(&again, &w, &later);
    assert_int_equal(again.reply.table.n_rows, 11);
    for (size_t r = 0; r < 11; r++)
        assert_int_equal(cell(&got, r, 1), cell(&again, r, 1));
    assert_int_equal(service_spent_pico(&w.f), spent);
    arena_fini(&got.arena);
    arena_fini(&again.arena);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_month),     cmocka_unit_test(check_best_days),
        cmocka_unit_test(check_open_day),  cmocka_unit_test(check_accuracy),
        cmocka_unit_test(check_versions),  cmocka_unit_test(check_selected),
        cmocka_unit_test(check_no_series),
    };
    dp_init();
    sql_init();
    return RUN_ROWS(rows, check_row) + RUN_ROWS(failing, check_stumble) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
