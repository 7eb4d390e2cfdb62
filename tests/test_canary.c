#include <duckdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>

#include "dp/init.h"
#include "server/sql/sql.h"
#include "tests/neighbour/crew.h"
#include "tests/neighbour/shop.h"
#include "tests/neighbour/side.h"
#include "tests/table.h"

/*
 * One person whose rows are made to break things: a million of them, texts of a
 * megabyte, every extreme number, a join that fans out a hundred thousand
 * times. Present or absent, an analyst sees the same: status and errors, slot,
 * columns, rows and their keys, notices but for their numbers, log, counters,
 * prices, the engine's statements; and no byte of the person's texts is
 * anywhere, nor in the ledger's files.
 */
#define CANARY "CANARY"
static const uint64_t STRICT_NS = UINT64_C(600000000000);

/* Ordinary people, 1..400, and the canary, 999, in the files of "@". */
static const char *const ORDINARY[] = {
    "CREATE TABLE customers AS SELECT range + 1 AS customer_id, "
    "['DE','FR','GB'][1 + range % 3] AS country, 'old' AS age, "
    "DATE '2024-01-05' AS joined, 1.5::DOUBLE AS score, true AS active FROM "
    "range(400)",
    "CREATE TABLE orders AS SELECT 1 + range % 400 AS customer_id, "
    "['books','food','games'][1 + range % 3] AS category, "
    "(range % 20)::DOUBLE AS amount, (range % 10)::BIGINT AS qty, "
    "TIMESTAMP '2024-01-10' AS \"at\", '' AS note, DATE '2024-01-10' AS day "
    "FROM range(1200)",
    "CREATE TABLE touches AS SELECT 1 + range % 400 AS customer_id, "
    "['email','post'][1 + range % 2] AS channel, 'spring' AS campaign, "
    "1::DOUBLE AS cost, TIMESTAMP '2024-01-10' AS \"at\" FROM range(800)",
    "CREATE TABLE campaigns AS SELECT 'spring' AS campaign, 'sale' AS kind, "
    "1::DOUBLE AS price",
};

#define MILLION                                                                \
    "INSERT INTO orders SELECT 999, 'books', "                                 \
    "['nan','inf','-inf','1e308','0'][1 + range % 5]::DOUBLE, "                \
    "[9223372036854775807, -9223372036854775808, 0][1 + range % 3], "          \
    "TIMESTAMP 'infinity', '" CANARY "', DATE '-infinity' "                    \
    "FROM range(1000000)"

static const struct bird {
    const char *name;
    const char *sql[4];
    unsigned policy;
} birds[] = {
    { "a million rows, kept in rollups", { MILLION }, SHOP_ROLLED },
    { "a million rows", { MILLION }, 0 },
    { "texts of a megabyte",
      { "INSERT INTO orders VALUES (999, repeat('" CANARY "', 170000), 1, 1, "
        "TIMESTAMP '2024-01-10', repeat('" CANARY "', 170000), '2024-01-10')",
        "INSERT INTO touches VALUES (999, repeat('" CANARY "', 170000), "
        "repeat('" CANARY "', 170000), 1, '2024-01-10'), (999, '', '', 1, "
        "NULL)",
        "INSERT INTO customers VALUES (999, repeat('" CANARY
        "', 170000), '" CANARY "', NULL, 'nan', NULL)" },
      0 },
    { "a join that fans out 100,000 times",
      { "INSERT INTO orders SELECT 999, 'food', 3, 3, TIMESTAMP '2024-01-10', "
        "'" CANARY "', DATE '2024-01-10' FROM range(320)",
        "INSERT INTO touches SELECT 999, 'email', '" CANARY "', 1, "
        "TIMESTAMP '2024-01-10' FROM range(320)" },
      0 },
    { "every extreme at once",
      { "INSERT INTO customers VALUES (999, '', '', 'infinity', 'inf', true), "
        "(999, NULL, NULL, '-infinity', '-inf', NULL), (999, '" CANARY
        "''\"\\;--', '%_', '5000000-01-01', 'nan', false)",
        "INSERT INTO orders SELECT 999, x, d::DOUBLE, i, t::TIMESTAMP, x, "
        "t::DATE FROM (VALUES (''), ('" CANARY "%'), (NULL)) a(x), (VALUES "
        "('nan'), ('inf'), ('-inf'), ('1.7e308'), ('-1.7e308'), ('5e-324'), "
        "('-0.0'), (NULL)) b(d), (VALUES (9223372036854775807), "
        "(-9223372036854775808), (NULL)) c(i), (VALUES ('infinity'), "
        "('-infinity'), ('290000-01-01'), ('0001-01-01'), (NULL)) e(t)" },
      0 },
};

static const char *const QUESTIONS[] = {
    "SELECT count(*), count(DISTINCT customer_id), sum(amount), avg(qty) FROM "
    "shop.orders",
    "SELECT category, count(*), sum(amount), avg(amount) FROM shop.orders "
    "GROUP BY 1 ORDER BY 1",
    "SELECT campaign, count(DISTINCT customer_id) FROM shop.touches GROUP BY "
    "1 ORDER BY 1",
    "SELECT channel, count(*) FROM shop.touches WHERE campaign LIKE '%A%' "
    "GROUP BY 1 ORDER BY 1",
    "SELECT country, age, count(*) FROM shop.customers GROUP BY 1, 2 ORDER BY "
    "1, 2",
    "SELECT date_trunc('month', at), count(*) FROM shop.orders WHERE note <> "
    "'x' OR amount / qty > 1 GROUP BY 1 ORDER BY 1",
    "SELECT o.category, count(*), sum(t.cost) FROM shop.orders o JOIN "
    "shop.touches t ON o.customer_id = t.customer_id GROUP BY 1 ORDER BY 1",
    "SELECT n, count(*) FROM (SELECT customer_id, count(*) AS n, sum(amount) "
    "AS s, max(note) AS m FROM shop.orders GROUP BY customer_id) q WHERE n < 9 "
    "GROUP BY 1 ORDER BY 1",
    "SELECT sum(least(9, greatest(0, amount * qty / score))) FROM shop.orders "
    "o JOIN shop.customers c ON o.customer_id = c.customer_id",
    "SELECT CASE WHEN amount > 5 THEN 'big' ELSE 'small' END, count(*) FROM "
    "shop.orders WHERE lower(category) LIKE '%o%' GROUP BY 1 ORDER BY 1",
    "SELECT category, median(amount), percentile_cont(0.9) WITHIN GROUP (ORDER "
    "BY qty) FROM shop.orders GROUP BY 1 ORDER BY 1",
    "SELECT category, day, count(*) FROM shop.orders GROUP BY ROLLUP (1, 2) "
    "ORDER BY 1, 2",
    "/*report*/ SELECT category, sum(amount), stddev(qty) FROM shop.orders "
    "GROUP BY 1 ORDER BY 1",
    "SELECT category, count(*) FROM shop.orders GROUP BY 1 ORDER BY 2 DESC "
    "LIMIT 1",
    "SELECT count(*) FROM shop.orders WHERE amount > (SELECT avg(amount) FROM "
    "shop.orders)",
    "SELECT k, n, rank() OVER (ORDER BY n DESC) FROM (SELECT country AS k, "
    "count(*) AS n FROM shop.customers GROUP BY 1) a ORDER BY 1",
    "SELECT count(*) FROM shop.customers c WHERE EXISTS (SELECT 1 FROM "
    "shop.orders o WHERE o.customer_id = c.customer_id AND o.note LIKE "
    "'%ANARY%')",
    "SELECT length(note), count(DISTINCT category) FROM shop.orders",
    "SELECT note, count(*) FROM shop.orders GROUP BY 1",
    "SELECT count(*) FROM shop.orders WHERE customer_id = 999",
    "SELECT max(amount) FROM shop.orders",
    "SELECT r, count(*) FROM (SELECT *, row_number() OVER (PARTITION BY "
    "customer_id ORDER BY at) AS r FROM shop.orders) q WHERE r <= 3 GROUP BY 1 "
    "ORDER BY 1",
};
enum { QUESTIONS_N = sizeof QUESTIONS / sizeof QUESTIONS[0] };

static void run(duckdb_connection con, const char *sql)
{
    duckdb_result r;
    if (duckdb_query(con, sql, &r) != DuckDBSuccess)
        fail_msg("%s\n%.300s", duckdb_result_error(&r), sql);
    duckdb_destroy_result(&r);
}

static void write_files(duckdb_connection con, const char *dir)
{
    static const char *const tables[] = { "customers", "orders", "touches",
                                          "campaigns" };
    char sql[256];
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        (void)snprintf(sql, sizeof sql, "COPY %s TO '%s/%s.parquet'", tables[i],
                       dir, tables[i]);
        run(con, sql);
    }
}

static void make(struct shop *shop, const struct bird *bird)
{
    duckdb_database db;
    duckdb_connection con;
    lib_files_make(&shop->with[0], NULL, 0);
    lib_files_make(&shop->without, NULL, 0);
    assert_int_equal(duckdb_open(NULL, &db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(db, &con), DuckDBSuccess);
    for (size_t i = 0; i < sizeof ORDINARY / sizeof ORDINARY[0]; i++)
        run(con, ORDINARY[i]);
    write_files(con, shop->without.dir);
    for (size_t i = 0; i < 4 && bird->sql[i]; i++)
        run(con, bird->sql[i]);
    write_files(con, shop->with[0].dir);
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

/*
 * What of an answer may not move: its columns and their types, how many rows,
 * and the keys of them.  Static, one for each `which`.
 */
static const char *shape_of(const char *text, unsigned which)
{
    static char shapes[2][65536];
    struct writer w = writer_of(shapes[which], sizeof shapes[which]);
    const size_t head = strcspn(text, "\n");
    const bool keyed =
        head > 2 && strstr(text, " 1|") && strstr(text, " 1|") < text + head;
    writer_bytes(&w, text, head);
    for (const char *at = text + head; *at; at += strcspn(at, "\n")) {
        at++;
        /* Bytes on the wire follow from the noise, as the numbers do. */
        const bool told =
            strncmp(at, "note ", 5) == 0 || strncmp(at, "wire ", 5) == 0;
        writer_str(&w, "\n");
        if (keyed || told)
            writer_bytes(&w, at, strcspn(at, told ? "0123456789\n" : "|\n"));
    }
    assert_true(writer_cstr(&w));
    return shapes[which];
}

/* A refusal is the same bytes; an answer has the same shape. */
static void shows_nothing(const char *sql, const struct seen *with,
                          const struct seen *without)
{
    const bool refused = with->code != ERR_OK;
    if (with->code != without->code || with->code == ERR_INTERNAL ||
        with->code == ERR_MISS)
        fail_msg("%s: %d with, %d without\n%s%s", sql, (int)with->code,
                 (int)without->code, with->text, without->text);
    const char *a = refused ? with->text : shape_of(with->text, 0);
    const char *b = refused ? without->text : shape_of(without->text, 1);
    if (strcmp(a, b) != 0)
        fail_msg("%s: another shape\n%s\n%s", sql, with->text, without->text);
    if (strstr(with->text, CANARY) || strstr(with->log, CANARY) ||
        strstr(with->metrics, CANARY) || strstr(with->statements, CANARY) ||
        strstr(with->leaves, CANARY))
        fail_msg("%s: the canary sings\n%s\n%s", sql, with->text, with->log);
    /* Strict mode: what could tell of data at the slot, and none other. */
    assert_true(with->slot_ns == without->slot_ns);
    assert_true(with->slot_ns == STRICT_NS || refused);
    assert_string_equal(with->log, without->log);
    if (!strstr(sql, "(SELECT avg")) /* else it holds an earlier noisy answer */
        assert_string_equal(with->statements, without->statements);
    assert_string_equal(with->metrics, without->metrics);
    assert_string_equal(with->leaves, without->leaves);
    assert_true(with->spent.rho_pico == without->spent.rho_pico);
    assert_true(with->spent.delta_atto == without->spent.delta_atto);
}

/* Nor in what the ledger keeps on disk. */
static void keeps_nothing(const struct side *s)
{
    DIR *dir = opendir(s->ledger.dir);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[512], *bytes;
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/%s", s->ledger.dir, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!f)
            continue;
        assert_int_equal(fstat(fileno(f), &st), 0);
        bytes = calloc(1, (size_t)st.st_size + 1);
        assert_non_null(bytes);
        assert_int_equal(fread(bytes, 1, (size_t)st.st_size, f), st.st_size);
        if (memmem(bytes, (size_t)st.st_size, CANARY, strlen(CANARY)))
            fail_msg("the canary is in %s", e->d_name);
        free(bytes);
        (void)fclose(f);
    }
    (void)closedir(dir);
}

/* One slot, that no answer of a busy machine misses; nobody waits for it. */
static void strictly(struct side *s)
{
    struct policy *p = (struct policy *)(uintptr_t)s->dataset.policy;
    p->slot_strict_ns = STRICT_NS;
}

static void is_silent(void **state)
{
    const struct bird *bird = *state;
    struct shop shop = { 0 };
    struct side with, without;
    make(&shop, bird);
    side_open(&with, shop_policy(bird->policy), shop.with[0].dir);
    side_open(&without, shop_policy(bird->policy), shop.without.dir);
    strictly(&with);
    strictly(&without);
    for (size_t i = 0; i < QUESTIONS_N; i++) {
        struct seen a, b;
        side_ask(&a, &with, QUESTIONS[i]);
        side_ask(&b, &without, QUESTIONS[i]);
        shows_nothing(QUESTIONS[i], &a, &b);
        seen_fini(&a);
        seen_fini(&b);
    }
    keeps_nothing(&with);
    side_close(&with);
    side_close(&without);
    shop_remove(&shop);
}

int main(void)
{
    dp_init();
    sql_init();
    crew_in_memory();
    return RUN_ROWS(birds, is_silent);
}
