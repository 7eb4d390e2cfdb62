/* now(): the end of the day, or the time, that the data version names, never
 * past the clock; rounded down to the policy's time grain. */
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

#define DAY_US INT64_C(86400000000)

static const struct row {
    const char *name, *version;
    int64_t clock_us;
    const char *now; /* as the engine's statement has it */
} rows[] = {
    { "a day has ended", "2024-12-31", 20454 * DAY_US, "2025-01-01 00:00:00" },
    { "a time", "2024-12-31T06:30:00", 20454 * DAY_US, "2024-12-31 00:00:00" },
    { "a day to come is not reached", "2030-01-01", 20454 * DAY_US + 5,
      "2026-01-01 00:00:00" },
    { "any other name leaves the clock", "v1", 20454 * DAY_US + 5,
      "2026-01-01 00:00:00" },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct policy policy = plan_shop;
    struct request req = { .purpose = "stats", .now_us = row->clock_us };
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    policy.data_version = row->version;
    policy.time_grain_us = (uint64_t)DAY_US;
    arena_init(&a, 1 << 24);
    if (plan_sql(&plan, "SELECT COUNT(*) FROM buys WHERE at < now()", &req,
                 &policy, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    if (!strstr(plan->sql, row->now))
        fail_msg("not %s: %s", row->now, plan->sql);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check_row);
}
