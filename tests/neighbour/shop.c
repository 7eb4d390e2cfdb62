#include "tests/neighbour/shop.h"

#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/neighbour/pgshop.h"

static const char SHOP_FILE[] = "shop.duckdb";

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
    "'1'",      "'2'",   "'3.25'", "'4'",    "'4'",     "'8'",
    "'12.5'",   "'0'",   "'1.5'",  "'2.5'",  "'2.5'",   "'19.875'",
    "'-7'",     "'nan'", "'inf'",  "'-inf'", "'1e308'", "'-1e308'",
    "'5e-324'", "NULL",  "'0.1'",  NULL
};
static const char *const INTS[] = { "'1'",
                                    "'2'",
                                    "'4'",
                                    "'5'",
                                    "'5'",
                                    "'8'",
                                    "'0'",
                                    "'1'",
                                    "'2'",
                                    "'3'",
                                    "'3'",
                                    "'10'",
                                    "'11'",
                                    "'9223372036854775807'",
                                    "'-9223372036854775808'",
                                    "NULL",
                                    NULL };
static const char *const NOTES[] = { "'Bobby''); DROP TABLE orders; --'",
                                     "'canary'", "''", "NULL", NULL };

static const char *const KIND_NAMES[] = { "'a'", "'b'", "'c'", "NULL", NULL };
static const char *const CITIES[] = { "'V'", "'W'", "'X'", "''", "NULL", NULL };
static const char *const TRUTHS[] = { "'true'", "'false'", "NULL", NULL };

/* A table: its columns in SQL, what each cell is drawn from, and how many rows
 * most people have, and the heaviest. */
static const struct kind {
    const char *name, *key, *cast;
    const char *const *cells[SHOP_CELLS];
    const char *columns[SHOP_CELLS];
    unsigned light, heavy;
} KINDS[] = {
    { "customers",
      "customer_id",
      "c1::VARCHAR AS country, c2::VARCHAR AS age, c3::VARCHAR::DATE AS "
      "joined, c4::VARCHAR::FLOAT8 AS score, c5::VARCHAR::BOOLEAN AS "
      "active",
      { COUNTRIES, AGES, DAYS, REALS, TRUTHS },
      { "country", "age", "joined", "score", "active" },
      1,
      3 },
    { "orders",
      "customer_id",
      "c1::VARCHAR AS category, c2::VARCHAR::FLOAT8 AS amount, "
      "c3::VARCHAR::BIGINT AS qty, c4::VARCHAR::TIMESTAMP AS \"at\", "
      "c5::VARCHAR AS note, c6::VARCHAR::DATE AS day",
      { CATEGORIES, REALS, INTS, DAYS, NOTES, DAYS },
      { "category", "amount", "qty", "at", "note", "day" },
      4,
      30 },
    { "touches",
      "customer_id",
      "c1::VARCHAR AS channel, c2::VARCHAR AS campaign, "
      "c3::VARCHAR::FLOAT8 AS cost, c4::VARCHAR::TIMESTAMP AS \"at\"",
      { CHANNELS, CAMPAIGN_NAMES, REALS, DAYS },
      { "channel", "campaign", "cost", "at" },
      3,
      20 },
    { "buys",
      "who",
      "c1::VARCHAR AS land, c2::VARCHAR AS kind, c3::VARCHAR AS city, "
      "c4::VARCHAR::BIGINT AS n, c5::VARCHAR::FLOAT8 AS price, "
      "c6::VARCHAR::FLOAT8 AS free, c7::VARCHAR::FLOAT8 AS total, "
      "c8::VARCHAR::BOOLEAN AS ok, c9::VARCHAR::DATE AS day, "
      "c10::VARCHAR::TIMESTAMP AS \"at\", c11::VARCHAR AS note",
      { COUNTRIES, KIND_NAMES, CITIES, INTS, REALS, REALS, REALS, TRUTHS, DAYS,
        DAYS, NOTES },
      { "land", "kind", "city", "n", "price", "free", "total", "ok", "day",
        "at", "note" },
      2,
      24 },
    { "trips",
      "who",
      "c1::VARCHAR AS city, c2::VARCHAR::BIGINT AS km, c3::VARCHAR::DATE AS "
      "day",
      { CITIES, INTS, DAYS },
      { "city", "km", "day" },
      2,
      20 },
};
enum { LISTS_FIRST = 3, KINDS_N = sizeof KINDS / sizeof KINDS[0] };

const char *shop_table(size_t i, size_t *n_cells)
{
    if (i >= KINDS_N)
        return NULL;
    *n_cells = 0;
    while (*n_cells < SHOP_CELLS && KINDS[i].columns[*n_cells])
        (*n_cells)++;
    return KINDS[i].name;
}

const char *shop_column(size_t table, size_t cell)
{
    return KINDS[table].columns[cell];
}

/* The neighbour that alone has this person, or s->n. */
static size_t more_of(const struct shop *s, unsigned person)
{
    size_t i = 0;
    while (i < s->n && s->person[i] != person)
        i++;
    return i;
}

bool shop_has(const struct shop *s, size_t side, unsigned person)
{
    const size_t more = more_of(s, person);
    return more == s->n || more == side;
}

/* ---- drawing ---- */

const struct shop_event *shop_decide(struct shop *s, struct draw *d)
{
    static const enum consent_state states[] = {
        CONSENT_GRANTED,  CONSENT_GRANTED, CONSENT_WITHDRAWN, CONSENT_EXPIRED,
        CONSENT_OBJECTED, CONSENT_SPECIAL, CONSENT_GRANTED,   CONSENT_ORDINARY,
        CONSENT_EXPLICIT, SHOP_ERASED,
    };
    if (s->n_events == SHOP_EVENTS_MAX)
        return NULL;
    struct shop_event *e = &s->events[s->n_events++];
    e->person = (uint8_t)(1 + draw_below(d, SHOP_PEOPLE));
    e->state = states[draw_below(d, sizeof states / sizeof *states)];
    return e;
}

/* Most say yes first. */
static void draw_events(struct shop *s, struct draw *d)
{
    for (unsigned person = 1; person <= SHOP_PEOPLE; person++)
        if (draw_chance(d, 90))
            s->events[s->n_events++] =
                (struct shop_event){ (uint8_t)person, CONSENT_GRANTED };
    for (unsigned n = draw_below(d, 10); n > 0; n--)
        (void)shop_decide(s, d);
}

static void draw_rows(struct shop *s, struct draw *d, size_t table)
{
    const struct kind *k = &KINDS[table];
    for (unsigned person = 0; person <= SHOP_PEOPLE; person++) {
        /* Those of one side alone have much to do with everybody, mostly. */
        const unsigned chance = more_of(s, person) < s->n ? 60 : 20;
        const unsigned most = draw_chance(d, chance) ? k->heavy : k->light;
        for (unsigned n = draw_below(d, most + 1); n > 0; n--) {
            struct shop_row *r = &s->rows[s->n_rows++];
            *r = (struct shop_row){ .table = (uint8_t)table,
                                    .person = (uint8_t)person };
            for (size_t c = 0; c < SHOP_CELLS && k->cells[c]; c++)
                r->cells[c] = draw_text(d, k->cells[c]);
        }
    }
}

static void make_dir(struct lib_files *f)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(f->dir, sizeof f->dir, "%s/halftone-shop-XXXXXX",
                   tmp ? tmp : "/tmp");
    if (!mkdtemp(f->dir)) {
        perror(f->dir);
        abort();
    }
}

static bool is_of(size_t table, enum shop_tables which)
{
    return (table >= LISTS_FIRST) == (which == SHOP_OF_LISTS);
}

void shop_empty(struct shop *out, enum shop_tables which, const char *policy)
{
    out->n_rows = out->n_events = 0;
    out->which = which;
    out->person[0] = 1;
    out->n = 1;
    out->policy = policy;
    out->source = SHOP_IN_DUCKDB;
    out->has_databases = false;
    for (size_t i = 0; i < SHOP_NEIGHBOURS; i++)
        make_dir(&out->with[i]);
    make_dir(&out->without);
}

void shop_add(struct shop *s, size_t table, unsigned person,
              const char *const *cells)
{
    struct shop_row *r = &s->rows[s->n_rows++];
    *r =
        (struct shop_row){ .table = (uint8_t)table, .person = (uint8_t)person };
    for (size_t c = 0; c < SHOP_CELLS && KINDS[table].cells[c]; c++)
        r->cells[c] = cells[c];
}

void shop_draw(struct shop *out, struct draw *d, enum shop_tables which)
{
    const unsigned policy =
        draw_chance(d, 50) ? 0 : draw_below(d, SHOP_POLICIES);
    shop_empty(out, which,
               which == SHOP_OF_LISTS ? SHOP_LISTS_POLICY
                                      : shop_policy(policy));
    out->source = draw_chance(d, 10) ? SHOP_IN_PARQUET : SHOP_IN_DUCKDB;
    const unsigned first = draw_below(d, SHOP_PEOPLE);
    for (out->n = 0; out->n < SHOP_NEIGHBOURS; out->n++)
        out->person[out->n] =
            1 + (first + (unsigned)out->n) % (unsigned)SHOP_PEOPLE;
    for (size_t i = 0; i < KINDS_N; i++)
        if (is_of(i, which))
            draw_rows(out, d, i);
    draw_events(out, d);
}

/* ---- writing ---- */

static void run(duckdb_connection con, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(con, sql, &r) != DuckDBSuccess) {
        (void)fprintf(stderr, "%s\n%s\n", duckdb_result_error(&r), sql);
        abort();
    }
    duckdb_destroy_result(&r);
}

static void write_row(FILE *f, const struct shop_row *r)
{
    (void)fputs(", (", f);
    if (r->person)
        (void)fprintf(f, "%u", r->person);
    else
        (void)fputs("NULL", f);
    for (size_t c = 0; c < SHOP_CELLS && r->cells[c]; c++)
        (void)fprintf(f, ", %s", r->cells[c]);
    (void)fputs(")", f);
}

/* Tables of one side: `without` is neighbour s->n. */
struct writing {
    duckdb_connection con;
    PGconn *pg;
    const struct shop *shop;
    size_t side;
    const char *dir;
};

static bool is_there(const struct writing *w, const struct shop_row *r)
{
    return !r->gone && shop_has(w->shop, w->side, r->person);
}

/* The rows of `select`, which is freed, under a name. */
static void write_as(const struct writing *w, const char *name, char *select)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&sql, &len);
    if (!f)
        abort();
    if (w->shop->source == SHOP_IN_PARQUET)
        (void)fprintf(f, "COPY (%s) TO '%s/%s.parquet'", select, w->dir, name);
    else
        (void)fprintf(f, "CREATE TABLE shop.%s AS %s", name, select);
    (void)fclose(f);
    if (w->pg)
        pgshop_run(w->pg, sql);
    else
        run(w->con, sql);
    free(sql);
    free(select);
}

/* The first VALUES give types to a table of no rows. */
static void write_table(const struct writing *w, size_t table)
{
    const struct kind *k = &KINDS[table];
    const struct shop *s = w->shop;
    char *sql = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&sql, &len);
    if (!f)
        abort();
    (void)fprintf(f, "SELECT k0::BIGINT AS %s, %s FROM (VALUES (-1", k->key,
                  k->cast);
    for (size_t c = 0; c < SHOP_CELLS && k->cells[c]; c++)
        (void)fputs(", NULL", f);
    (void)fputs(")", f);
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct shop_row *r =
            &s->rows[w->side < s->n ? i : s->n_rows - 1 - i];
        if (r->table == table && is_there(w, r))
            write_row(f, r);
    }
    (void)fputs(") t(k0", f);
    for (unsigned c = 0; c < SHOP_CELLS && k->cells[c]; c++)
        (void)fprintf(f, ", c%u", c + 1);
    (void)fputs(") WHERE k0 IS DISTINCT FROM -1", f);
    (void)fclose(f);
    write_as(w, k->name, sql);
}

static char *copied(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

static void write_public(const struct writing *w)
{
    write_as(
        w, "campaigns",
        copied(
            "SELECT * FROM (VALUES ('spring', 'sale', 1::FLOAT8), ('autumn', "
            "'brand', 2.0), ('x%', 'sale', 3.0), ('spring', 'brand', "
            "4.0)) t(campaign, kind, price)"));
    write_as(w, "towns",
             copied("SELECT * FROM (VALUES ('V', 1), ('W', 2), ('W', 3), ('', "
                    "9)) t(city, zone)"));
}

static void attach(const struct writing *w)
{
    char path[128], sql[160];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, SHOP_FILE);
    (void)unlink(path);
    (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS shop", path);
    run(w->con, sql);
}

static void write_side(const struct writing *w)
{
    if (w->shop->source == SHOP_IN_DUCKDB)
        attach(w);
    write_public(w);
    for (size_t i = 0; i < KINDS_N; i++)
        if (is_of(i, w->shop->which))
            write_table(w, i);
    if (w->shop->source == SHOP_IN_DUCKDB)
        run(w->con, "DETACH shop");
}

static void write_in_postgres(struct shop *s)
{
    s->has_databases = true;
    for (size_t i = 0; i <= s->n; i++) {
        const char *dir = i < s->n ? s->with[i].dir : s->without.dir;
        const struct writing w = {
            .pg = pgshop_begin(dir), .shop = s, .side = i, .dir = dir
        };
        write_side(&w);
        pgshop_end(w.pg);
    }
}

void shop_write(struct shop *s)
{
    if (s->source == SHOP_IN_POSTGRESQL) {
        write_in_postgres(s);
        return;
    }
    duckdb_database db;
    duckdb_connection con;
    if (duckdb_open(NULL, &db) != DuckDBSuccess ||
        duckdb_connect(db, &con) != DuckDBSuccess)
        abort();
    run(con, "SET threads = 1");
    for (size_t i = 0; i <= s->n; i++) {
        const struct writing w = { .con = con,
                                   .shop = s,
                                   .side = i,
                                   .dir = i < s->n ? s->with[i].dir
                                                   : s->without.dir };
        write_side(&w);
    }
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

void shop_keep(struct shop *s, size_t i)
{
    for (size_t r = 0; r < s->n_rows; r++) {
        const size_t more = more_of(s, s->rows[r].person);
        s->rows[r].gone |= more < s->n && more != i;
    }
    s->person[0] = s->person[i];
    s->n = 1;
}

void shop_remove(const struct shop *s)
{
    for (size_t i = 0; i < SHOP_NEIGHBOURS && s->has_databases; i++)
        pgshop_remove(s->with[i].dir);
    if (s->has_databases)
        pgshop_remove(s->without.dir);
    for (size_t i = 0; i < SHOP_NEIGHBOURS; i++)
        if (s->with[i].dir[0])
            lib_files_remove(&s->with[i]);
    lib_files_remove(&s->without);
}
