#include "tests/neighbour/shop.h"

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>

const char SHOP_POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "cap: {rho: 100, delta: 1e-3}\n"
    "max_price: {rho: 20, delta: 1e-4}\n"
    "default_price: {rho: 1}\n"
    "default_delta: 1e-5\n"
    "max_people: 100\n"
    "expected_size: 9\n"
    "reuse_for: 0 s\n"
    "slots: {first: 0 ms}\n"
    "purposes:\n"
    "  analytics: {help: How it goes., basis: legitimate_interest}\n"
    "tables:\n"
    "  customers:\n"
    "    from: customers.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 1\n"
    "    max_rows: 2\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      country: {type: text, domain: [DE, FR, GB], other: else}\n"
    "      age: {type: text, domain: [old, young]}\n"
    "      joined: {type: date, range: [2024-01-01, 2024-03-31]}\n"
    "      score: double\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 2\n"
    "    max_rows: 3\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      category: {type: text, domain: [books, food, games]}\n"
    "      amount: {type: double, range: [-1, 20], grid: 0.25, person_clamp: "
    "[0, 30]}\n"
    "      qty: {type: int, range: [0, 10]}\n"
    "      at: {type: timestamp, range: [2024-01-01, 2024-03-31]}\n"
    "      note: {type: text, group_by: false}\n"
    "      day: {type: date, range: [2024-01-01, 2024-02-15]}\n"
    "    rollups:\n"
    "      total: {sum: [amount, qty]}\n"
    "      by_category: {by: [category], sum: [amount, qty]}\n"
    "      by_day: {by: [day], sum: [qty]}\n"
    "  touches:\n"
    "    from: touches.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 3\n"
    "    max_rows: 4\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      channel: {type: text, domain: [email, post]}\n"
    "      campaign: text\n"
    "      cost: {type: double, range: [0, 5], grid: 0.5}\n"
    "      at: {type: timestamp, range: [2024-01-01, 2024-03-31]}\n"
    "    rollups:\n"
    "      total: {sum: [cost]}\n"
    "      by_campaign: {by: [campaign], sum: [cost]}\n"
    "      by_channel: {by: [channel], sum: [cost]}\n"
    "  campaigns:\n"
    "    from: campaigns.parquet\n"
    "    public: true\n"
    "    columns:\n"
    "      campaign: text\n"
    "      kind: {type: text, domain: [brand, sale]}\n"
    "      price: {type: double, range: [0, 9], grid: 1}\n";

/* ---- cells, as SQL ---- */

static const char *const COUNTRIES[] = { "'DE'", "'FR'", "'GB'",
                                         "'XX'", "NULL", NULL };
static const char *const AGES[] = { "'old'", "'young'", "'old'", "NULL", NULL };
static const char *const CATEGORIES[] = { "'books'", "'food'", "'games'",
                                          "'wild'",  "NULL",   NULL };
static const char *const CHANNELS[] = { "'email'", "'post'", "'smoke'", NULL };
static const char *const CAMPAIGN_NAMES[] = {
    "'spring'", "'autumn'", "'x%'", "''", "'a:b|c,n'", "'Spring'", "NULL", NULL
};
static const char *const DAYS[] = {
    "'2024-01-02'", "'2024-01-05'", "'2024-02-01'", "'2024-01-01'",
    "'2024-01-31'", "'2024-02-10'", "'2024-03-31'", "'1999-12-31'",
    "'infinity'",   "'-infinity'",  "NULL",         NULL
};
static const char *const REALS[] = {
    "'1'",        "'2'",   "'3.25'",  "'4'",     "'4'",       "'8'",
    "'12.5'",     "\'0\'", "\'1.5\'", "\'2.5\'", "\'2.5\'",   "\'19.875\'",
    "\'-7\'",     "'nan'", "'inf'",   "'-inf'",  "\'1e308\'", "\'-1e308\'",
    "\'5e-324\'", "NULL",  "\'0.1\'", NULL
};
static const char *const INTS[] = { "'1'",
                                    "'2'",
                                    "'4'",
                                    "'5'",
                                    "'5'",
                                    "'8'",
                                    "\'0\'",
                                    "\'1\'",
                                    "\'2\'",
                                    "\'3\'",
                                    "\'3\'",
                                    "\'10\'",
                                    "\'11\'",
                                    "\'9223372036854775807\'",
                                    "\'-9223372036854775808\'",
                                    "NULL",
                                    NULL };
static const char *const NOTES[] = { "'Bobby''); DROP TABLE orders; --'",
                                     "'canary'", "''", "NULL", NULL };

typedef void row_fn(FILE *f, struct draw *d);

static void customer(FILE *f, struct draw *d)
{
    (void)fprintf(f, "%s, %s, %s, %s", draw_text(d, COUNTRIES),
                  draw_text(d, AGES), draw_text(d, DAYS), draw_text(d, REALS));
}

static void order(FILE *f, struct draw *d)
{
    (void)fprintf(f, "%s, %s, %s, %s, %s, %s", draw_text(d, CATEGORIES),
                  draw_text(d, REALS), draw_text(d, INTS), draw_text(d, DAYS),
                  draw_text(d, NOTES), draw_text(d, DAYS));
}

static void touch(FILE *f, struct draw *d)
{
    (void)fprintf(f, "%s, %s, %s, %s", draw_text(d, CHANNELS),
                  draw_text(d, CAMPAIGN_NAMES), draw_text(d, REALS),
                  draw_text(d, DAYS));
}

struct kind {
    const char *name, *cast, *cols;
    row_fn *row;
    unsigned light, heavy; /* rows of most people, of the heaviest */
};

static const struct kind KINDS[] = {
    { "customers",
      "c1::VARCHAR AS country, c2::VARCHAR AS age, TRY_CAST(c3::VARCHAR AS "
      "DATE) AS joined, c4::VARCHAR::DOUBLE AS score",
      "c1, c2, c3, c4", customer, 1, 3 },
    { "orders",
      "c1::VARCHAR AS category, c2::VARCHAR::DOUBLE AS amount, "
      "c3::VARCHAR::BIGINT AS qty, c4::VARCHAR::TIMESTAMP AS \"at\", "
      "c5::VARCHAR AS note, c6::VARCHAR::DATE AS day",
      "c1, c2, c3, c4, c5, c6", order, 4, 30 },
    { "touches",
      "c1::VARCHAR AS channel, c2::VARCHAR AS campaign, "
      "c3::VARCHAR::DOUBLE AS cost, c4::VARCHAR::TIMESTAMP AS \"at\"",
      "c1, c2, c3, c4", touch, 3, 20 },
};
enum { KINDS_N = sizeof KINDS / sizeof KINDS[0] };

static void one_row(FILE *f, const struct kind *k, struct draw *d,
                    unsigned person, unsigned keep)
{
    char *cells = NULL;
    size_t len = 0;
    FILE *c = open_memstream(&cells, &len);
    if (!c)
        abort();
    k->row(c, d);
    (void)fclose(c);
    if (keep >> person & 1) {
        if (person)
            (void)fprintf(f, ", (%u, %s)", person, cells);
        else
            (void)fprintf(f, ", (NULL, %s)", cells);
    }
    free(cells);
}

/* Person 0 stands for rows that belong to nobody. */
static char *fill(const struct kind *k, const char *dir, struct draw *d,
                  unsigned keep)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&sql, &len);
    if (!f)
        abort();
    (void)fprintf(f,
                  "COPY (SELECT customer_id::BIGINT AS customer_id, %s FROM "
                  "(VALUES (-1",
                  k->cast);
    for (const char *c = k->cols; *c; c++)
        if (*c == 'c')
            (void)fputs(", NULL", f);
    (void)fputs(")", f);
    for (unsigned person = 0; person <= SHOP_PEOPLE; person++) {
        const unsigned most = draw_chance(d, 20) ? k->heavy : k->light;
        for (unsigned n = draw_below(d, most + 1); n > 0; n--)
            one_row(f, k, d, person, keep);
    }
    (void)fprintf(f,
                  ") t(customer_id, %s) WHERE customer_id IS DISTINCT FROM "
                  "-1) TO '%s/%s.parquet'",
                  k->cols, dir, k->name);
    (void)fclose(f);
    return sql;
}

static void run(duckdb_connection con, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(con, sql, &r) != DuckDBSuccess) {
        (void)fprintf(stderr, "%s\n%s\n", duckdb_result_error(&r), sql);
        abort();
    }
    duckdb_destroy_result(&r);
}

static void campaigns(duckdb_connection con, const char *dir)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "COPY (SELECT * FROM (VALUES ('spring', 'sale', 1.0), "
                   "('autumn', 'brand', 2.0), ('x%%', 'sale', 3.0), ('spring', "
                   "'brand', 4.0)) t(campaign, kind, price)) TO "
                   "'%s/campaigns.parquet'",
                   dir);
    run(con, sql);
}

static void without(duckdb_connection con, const struct shop *s,
                    const char *table, unsigned person)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "COPY (SELECT * FROM read_parquet('%s/%s.parquet') WHERE "
                   "customer_id IS DISTINCT FROM %u) TO '%s/%s.parquet'",
                   s->with.dir, table, person, s->without.dir, table);
    run(con, sql);
}

void shop_make(struct shop *out, struct draw *d, unsigned person, unsigned keep)
{
    duckdb_database db;
    duckdb_connection con;
    lib_files_make(&out->with, NULL, 0);
    lib_files_make(&out->without, NULL, 0);
    if (duckdb_open(NULL, &db) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess)
        abort();
    campaigns(con, out->with.dir);
    campaigns(con, out->without.dir);
    for (size_t i = 0; i < KINDS_N; i++) {
        char *sql = fill(&KINDS[i], out->with.dir, d, keep);
        run(con, sql);
        free(sql);
        without(con, out, KINDS[i].name, person);
    }
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

void shop_remove(const struct shop *s)
{
    lib_files_remove(&s->with);
    lib_files_remove(&s->without);
}
