/* The accounts that a charge moves on: the filter, and each quota that fits. */
#include <string.h>

#include "server/main/service_charge.h"
#include "tests/table.h"

static struct policy_quota QUOTAS[] = {
    { .kind = QUOTA_PRINCIPAL, .name = "*", .window_s = 86400 },
    { .kind = QUOTA_PRINCIPAL, .name = "ann" },
    { .kind = QUOTA_TEAM, .name = "growth" },
    { .kind = QUOTA_TEAM, .name = "*", .window_s = 60 },
    { .kind = QUOTA_PURPOSE, .name = "ads" },
    { .kind = QUOTA_DASHBOARD, .name = "*" },
    { .kind = QUOTA_DASHBOARD, .name = "weekly", .window_s = 60 },
};

static const struct row {
    const char *name, *who, *team, *purpose, *dashboard;
    const char *accounts; /* in order */
} rows[] = {
    { "one without a team, for a purpose without a quota", "bob", NULL, "ops",
      NULL, "dataset/shop dataset/shop/principal/bob" },
    { "a name of its own beside the star", "ann", NULL, "ops", NULL,
      "dataset/shop dataset/shop/principal/ann dataset/shop/principal/ann" },
    { "a team and a purpose", "bob", "growth", "ads", NULL,
      "dataset/shop dataset/shop/principal/bob dataset/shop/team/growth"
      " dataset/shop/team/growth dataset/shop/purpose/ads" },
    { "another team draws on the star's alone", "bob", "sales", "ops", NULL,
      "dataset/shop dataset/shop/principal/bob dataset/shop/team/sales" },
    { "no purpose, as a budget is asked for", "bob", "growth", NULL, NULL,
      "dataset/shop dataset/shop/principal/bob dataset/shop/team/growth"
      " dataset/shop/team/growth" },
    { "a dashboard with a quota of its own", "bob", NULL, "ops", "weekly",
      "dataset/shop dataset/shop/principal/bob dataset/shop/dashboard/weekly"
      " dataset/shop/dashboard/weekly" },
    { "another dashboard draws on the star's alone", "bob", NULL, "ops",
      "daily",
      "dataset/shop dataset/shop/principal/bob dataset/shop/dashboard/daily" },
};

static void check(void **state)
{
    const struct row *row = *state;
    const struct policy policy = { .name = "shop",
                                   .id = "shop",
                                   .notion = DP_ZCDP,
                                   .quotas = QUOTAS,
                                   .n_quotas =
                                       sizeof QUOTAS / sizeof QUOTAS[0] };
    const struct auth_principal who = { .name = row->who, .team = row->team };
    struct service_accounts out;
    struct arena a;
    struct err err;
    char names[512] = "";
    arena_init(&a, 1 << 16);
    assert_int_equal(service_accounts_of(&out, &policy, &who, row->purpose,
                                         row->dashboard, &a, &err),
                     ERR_OK);
    for (size_t i = 0; i < out.n; i++) {
        if (i > 0)
            strcat(names, " ");
        strcat(names, out.spec[i].name);
    }
    assert_string_equal(names, row->accounts);
    arena_fini(&a);
}

/* "*" and a name, in one window: one account, and both hold of it. */
static void check_twice(void **state)
{
    static struct policy_quota quotas[] = {
        { .kind = QUOTA_PRINCIPAL,
          .name = "*",
          .window_s = 60,
          .limit = { .rho_pico = 10, .delta_atto = 7 } },
        { .kind = QUOTA_PRINCIPAL,
          .name = "ann",
          .window_s = 60,
          .limit = { .rho_pico = 20, .delta_atto = 5 } },
    };
    const struct policy policy = {
        .name = "shop", .id = "shop", .quotas = quotas, .n_quotas = 2
    };
    const struct auth_principal ann = { .name = "ann" };
    struct service_accounts out;
    struct arena a;
    struct err err;
    (void)state;
    arena_init(&a, 1 << 16);
    assert_int_equal(
        service_accounts_of(&out, &policy, &ann, "ops", NULL, &a, &err),
        ERR_OK);
    assert_int_equal(out.n, 2);
    assert_string_equal(out.spec[1].name, "dataset/shop/principal/ann");
    assert_int_equal(out.spec[1].limit.rho_pico, 10);
    assert_int_equal(out.spec[1].limit.delta_atto, 5);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_twice) };
    return RUN_ROWS(rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
