/* The daily cap of questions about one segment, through the whole pipeline but
 * sockets and data. */
#include <string.h>

#include "dp/init.h"
#include "server/sql/sql.h"

#include "tests/lib_service.h"
#include "tests/table.h"

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "notion: zcdp\n"
    "cap: {rho: 1, delta: 1e-6}\n"
    "default_price: {rho: 0.01}\n"
    "max_people: 100000\n"
    "reuse_for: 1 day\n"
    "max_segment_day: 2\n"
    "purposes:\n"
    "  analytics: {help: How it goes., basis: legitimate_interest}\n"
    "  ads: {help: Adverts., basis: legitimate_interest}\n"
    "tables:\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      country: {type: text, domain: [DE, FR]}\n"
    "      amount: {type: double, range: [0, 500], grid: 0.01}\n";

#define COUNT "SELECT count(*) FROM shop.orders WHERE country = 'DE'"
#define SUM   "SELECT sum(amount) FROM shop.orders WHERE country IN ('DE')"
#define AVG   "SELECT avg(amount) FROM shop.orders WHERE NOT country <> 'DE'"
#define FR    "SELECT count(*) FROM shop.orders WHERE country = 'FR'"
#define ALL   "SELECT count(*) FROM shop.orders"
#define BY    "SELECT country, count(*) FROM shop.orders GROUP BY country"
#define BOTH                                                                   \
    "SELECT count(*) FROM shop.orders WHERE country = 'FR' OR 'DE' = country"

static const struct row {
    const char *name;
    const char *asks[5], *purpose; /* purpose of the last one, or NULL */
    bool capped;                   /* the last one; the others are answered */
} rows[] = {
    { "as often as the cap", { COUNT, SUM }, NULL, false },
    { "and not once more, however it is written",
      { COUNT, SUM, AVG },
      NULL,
      true },
    { "nor among others", { COUNT, SUM, BOTH }, NULL, true },
    { "another segment is another", { COUNT, SUM, FR }, NULL, false },
    { "all people are none", { COUNT, SUM, ALL }, NULL, false },
    { "what is stored is asked again for nothing",
      { COUNT, SUM, COUNT, SUM },
      NULL,
      false },
    { "for another purpose it is asked anew, and counted",
      { COUNT, SUM, COUNT },
      "ads",
      true },
    { "a split counts by its column", { BY, COUNT, SUM }, NULL, false },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct service_fixture f;
    struct service_asked out;
    const struct engine_fake_script script = { 0 };
    service_fixture_open(&f, POLICY, &script, NULL);
    for (size_t i = 0; i < 5 && row->asks[i]; i++) {
        const bool last = i == 4 || !row->asks[i + 1];
        const struct service_ask_args args = {
            row->asks[i],
            last && row->purpose ? row->purpose : "analytics",
            "",
            0,
            0,
            0
        };
        const uint64_t spent = service_spent_pico(&f);
        service_ask(&out, &f, &args);
        const bool capped = last && row->capped;
        assert_int_equal(out.code, capped ? ERR_LIMIT : ERR_OK);
        if (capped) {
            assert_string_equal(out.err.reason, "segment_day");
            assert_non_null(strstr(out.err.msg, "country = DE"));
            assert_int_equal(service_spent_pico(&f), spent);
            assert_int_equal(out.leave_ns, 0); /* at once: data had no part */
        }
        arena_fini(&out.arena);
    }
    service_fixture_close(&f);
}

/* Three at once, in a batch, are three. */
static void check_batch(void **state)
{
    struct service_fixture f;
    struct service_asked out;
    const struct engine_fake_script script = { 0 };
    const struct service_ask_args args = { "", "analytics", "k", 0, 0, 0 };
    const char *const sql[] = { COUNT, SUM, AVG };
    struct request queries[3], req;
    (void)state;
    for (size_t n = 3; n >= 2; n--) {
        service_fixture_open(&f, POLICY, &script, NULL);
        req = service_request(&args);
        req.op = REQUEST_BATCH;
        req.is_batch = true;
        req.sql = NULL;
        req.queries = queries;
        req.n_queries = n;
        for (size_t i = 0; i < n; i++) {
            const struct service_ask_args one = { sql[i], "", "", 0, 0, 0 };
            queries[i] = service_request(&one);
        }
        service_ask_request(&out, &f, &args, &req);
        assert_int_equal(out.code, n == 3 ? ERR_LIMIT : ERR_OK);
        assert_int_equal(service_spent_pico(&f) > 0, n == 2);
        arena_fini(&out.arena);
        service_fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest single[] = {
        { "a batch counts each of its questions, and is all or nothing",
          check_batch, NULL, NULL, NULL },
    };
    dp_init();
    sql_init();
    const int failed = RUN_ROWS(rows, check);
    return failed + cmocka_run_group_tests(single, NULL, NULL);
}
