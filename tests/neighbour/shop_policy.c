#include "tests/neighbour/shop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The policies of the shop.  Under pure every column that is grouped by needs a
 * domain, so questions that select groups are refused there, alike on both
 * sides.
 */
#define TOP                                                                    \
    "dataset: shop\n"                                                          \
    "exclusive: true\n"                                                        \
    "version: 1\n"                                                             \
    "data_version: v1\n"                                                       \
    "max_people: 100\n"                                                        \
    "expected_size: 9\n"                                                       \
    "reuse_for: 0 s\n"                                                         \
    "slots: {first: 0 ms}\n"
#define FOR(basis)                                                             \
    "purposes:\n"                                                              \
    "  analytics: {help: How it goes., basis: " basis "}\n"
#define HEAD TOP FOR("legitimate_interest")
#define CAP                                                                    \
    "cap: {rho: 100, delta: 1e-2}\n"                                           \
    "max_price: {rho: 20, delta: 1e-4}\n"                                      \
    "default_price: {rho: 1.5}\n"                                              \
    "default_delta: 1e-5\n"
#define TABLES(of_orders, of_touches)                                          \
    "tables:\n"                                                                \
    "  customers:\n"                                                           \
    "    from: customers.parquet\n"                                            \
    "    key: customer_id\n"                                                   \
    "    max_groups: 3\n"                                                      \
    "    max_rows: 2\n"                                                        \
    "    columns:\n"                                                           \
    "      customer_id: int\n"                                                 \
    "      country: {type: text, domain: [DE, FR, GB], other: else, "          \
    "of_person: true}\n"                                                       \
    "      age: {type: text, domain: [old, young], of_person: true}\n"         \
    "      joined: {type: date, range: [2024-01-01, 2024-03-31]}\n"            \
    "      score: double\n"                                                    \
    "      active: bool\n"                                                     \
    "  orders:\n"                                                              \
    "    from: orders.parquet\n"                                               \
    "    key: customer_id\n"                                                   \
    "    max_groups: 2\n"                                                      \
    "    max_rows: 3\n"                                                        \
    "    columns:\n"                                                           \
    "      customer_id: int\n"                                                 \
    "      category: {type: text, domain: [books, food, games]}\n"             \
    "      amount: {type: double, range: [-1, 20], grid: 0.25, person_clamp: " \
    "[0, 30]}\n"                                                               \
    "      qty: {type: int, range: [0, 10]}\n"                                 \
    "      at: {type: timestamp, range: [2024-01-01, 2024-03-31]}\n"           \
    "      note: {type: text, group_by: false}\n"                              \
    "      day: {type: date, range: [2024-01-01, 2024-02-15]}\n" of_orders     \
    "  touches:\n"                                                             \
    "    from: touches.parquet\n"                                              \
    "    key: customer_id\n"                                                   \
    "    max_groups: 3\n"                                                      \
    "    max_rows: 4\n"                                                        \
    "    columns:\n"                                                           \
    "      customer_id: int\n"                                                 \
    "      channel: {type: text, domain: [email, post]}\n"                     \
    "      campaign: text\n"                                                   \
    "      cost: {type: double, range: [0, 5], grid: 0.5}\n"                   \
    "      at: {type: timestamp, range: [2024-01-01, "                         \
    "2024-03-31]}\n" of_touches "  campaigns:\n"                               \
    "    from: campaigns.parquet\n"                                            \
    "    public: true\n"                                                       \
    "    columns:\n"                                                           \
    "      campaign: text\n"                                                   \
    "      kind: {type: text, domain: [brand, sale]}\n"                        \
    "      price: {type: double, range: [0, 9], grid: 1}\n"

/* Kept up to date by the server: the same questions, another way to answer. */
#define ROLLED                                                                 \
    TABLES("    rollups:\n"                                                    \
           "      total: {sum: [amount, qty]}\n"                               \
           "      by_category: {by: [category], sum: [amount, qty]}\n"         \
           "      by_day: {by: [day], sum: [qty]}\n",                          \
           "    rollups:\n"                                                    \
           "      total: {sum: [cost]}\n"                                      \
           "      by_campaign: {by: [campaign], sum: [cost]}\n"                \
           "      by_channel: {by: [channel], sum: [cost]}\n")
#define PLAIN TABLES("", "")

const char SHOP_POLICY[] = HEAD CAP PLAIN;

const char *shop_policy(unsigned i)
{
    static const char *const policies[SHOP_POLICIES] = {
        SHOP_POLICY,
        HEAD CAP "min_audience: 3\nnotion: gdp\n" PLAIN,
        HEAD "notion: pure\n"
             "cap: {epsilon: 100}\n"
             "max_price: {epsilon: 20}\n"
             "default_price: {epsilon: 2}\n" PLAIN,
        HEAD CAP "min_audience: 2\ntime_grain: 7 days\n" PLAIN,
        HEAD CAP ROLLED,
        TOP "consent: {}\n" FOR("consent") CAP PLAIN,
        HEAD "consent: {special: explicit_consent}\n" CAP ROLLED,
    };
    return policies[i];
}

const char SHOP_LISTS_POLICY[] = HEAD CAP
    "tables:\n"
    "  buys:\n"
    "    from: buys.parquet\n"
    "    key: who\n"
    "    max_groups: 2\n"
    "    max_rows: 3\n"
    "    columns:\n"
    "      who: int\n"
    "      land: {type: text, domain: [DE, FR, AT], other: other}\n"
    "      kind: {type: text, domain: [a, b]}\n"
    "      city: text\n"
    "      n: {type: int, range: [0, 10]}\n"
    "      price: {type: double, range: [-1, 7.5], grid: 0.25}\n"
    "      free: double\n"
    "      total: {type: double, range: [0, 100], grid: 1, person_clamp: [0, "
    "150]}\n"
    "      ok: bool\n"
    "      day: {type: date, range: [2024-01-01, 2024-03-31]}\n"
    "      at: timestamp\n"
    "      note: {type: text, group_by: false, filter: false}\n"
    "  trips:\n"
    "    from: trips.parquet\n"
    "    key: who\n"
    "    max_groups: 3\n"
    "    max_rows: 2\n"
    "    columns:\n"
    "      who: int\n"
    "      city: text\n"
    "      km: {type: int, range: [0, 20]}\n"
    "      day: {type: date, range: [2024-01-01, 2024-03-31]}\n"
    "  towns:\n"
    "    from: towns.parquet\n"
    "    public: true\n"
    "    columns:\n"
    "      city: text\n"
    "      zone: {type: int, range: [0, 9]}\n";

/* "shop.parquet" is the table shop in a database. */
static void print_tables(FILE *f, const char *from, const char *schema)
{
    static const char ending[] = ".parquet", named[] = "    from: ";
    const char *at;
    for (; (at = strstr(from, ending)); from = at + strlen(ending)) {
        const char *name = strstr(from, named) + strlen(named);
        (void)fprintf(f, "%.*s%s%.*s", (int)(name - from), from, schema,
                      (int)(at - name), name);
    }
    (void)fputs(from, f);
}

/* Rollups are for other sources. */
static void print_without_rollups(FILE *f, const char *text)
{
    bool rolls = false;
    for (const char *end; *text; text = end) {
        end = strchr(text, '\n') + 1;
        rolls = strncmp(text, "    rollups:", 12) == 0 ||
                (rolls && strncmp(text, "      ", 6) == 0);
        if (!rolls)
            (void)fwrite(text, 1, (size_t)(end - text), f);
    }
}

static FILE *text_open(char **text, size_t *len)
{
    FILE *f = open_memstream(text, len);
    if (!f)
        abort();
    return f;
}

char *shop_policy_of(const struct shop *s)
{
    char *text = NULL, *plain = NULL;
    size_t len = 0;
    FILE *f = text_open(&text, &len);
    switch (s->source) {
    case SHOP_IN_PARQUET:
        (void)fputs(s->policy, f);
        break;
    case SHOP_IN_DUCKDB:
        (void)fputs("source: duckdb\ndatabase: shop.duckdb\n", f);
        print_tables(f, s->policy, "");
        break;
    case SHOP_IN_POSTGRESQL: /* side.c knows which database */
        (void)fputs("source: postgresql\ndatabase: postgresql:///of_a_side\n"
                    "writer: postgresql:///of_a_side\n",
                    f);
        print_tables(f, s->policy, "shop.");
        (void)fclose(f);
        plain = text;
        f = text_open(&text, &len);
        print_without_rollups(f, plain);
        free(plain);
        break;
    }
    (void)fclose(f);
    return text;
}
