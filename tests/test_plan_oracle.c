#include <math.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * The printed statement against bounding written down a second time, naively,
 * from docs/bounds.md alone: the same integers on small random tables, whatever
 * the order of their rows.
 *
 *   SELECT city, COUNT(DISTINCT who), COUNT(*), SUM(n), SUM(price)
 *   FROM buys GROUP BY city             with L0 = 2, Linf = 3
 *
 * Sums on a grid 2^12 times finer than their values': n in 4096ths, price in
 * 16384ths.
 */
enum { FINE = 1 << 12, PRICE_FINE = 4 * FINE };
enum { ROWS = 80, PEOPLE = 6, CITIES = 5, L0 = 2, LINF = 3, SECRET = 9 };

struct buy {
    int who, city; /* city 0 is NULL */
    bool has_n, has_price;
    int n;                /* -3..13, range 0..10 */
    int price_eighths;    /* -16..80, range -8..60 */
    long long vn, vprice; /* clamped, on the grid */
};

struct tally {
    long long people, rows, n, price;
};

static unsigned draw(unsigned *seed, unsigned below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

static const char *city_text(int city)
{
    static const char *const names[CITIES] = { NULL, "W", "", "a:b|c",
                                               "\xc3\xa9" };
    return names[city];
}

static void fill(struct buy *b, unsigned *seed)
{
    *b = (struct buy){ .who = (int)draw(seed, PEOPLE),
                       .city = (int)draw(seed, CITIES) };
    b->has_n = draw(seed, 5) > 0;
    b->has_price = draw(seed, 5) > 0;
    b->n = (int)draw(seed, 9) * 2 - 3;
    b->price_eighths = (int)draw(seed, 6) * 19 - 16;
    b->vn = (b->n < 0 ? 0 : b->n > 10 ? 10 : b->n) * FINE;
    const double price = b->price_eighths / 8.0;
    const double clamped = price < -1 ? -1 : price > 7.5 ? 7.5 : price;
    b->vprice = (long long)floor(clamped * PRICE_FINE + 0.5);
}

/* The digits from..from + n - 1 of the keyed hash of a text. */
static unsigned long long digits_of(const char *text, int from, int n)
{
    enum { KEY = 64 }; /* the secret and 32 zero bytes */
    unsigned char in[512] = { 0 }, digest[32];
    char hex[65], some[20] = "";
    const size_t len = strlen(text);
    memset(in, SECRET, 32);
    memcpy(in + KEY, text, len);
    SHA256(in, KEY + len, digest);
    for (int i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    memcpy(some, hex + from, (size_t)n);
    return strtoull(some, NULL, 16);
}

/* Of 128 bits modulo 2^61 - 1, bit by bit. */
static unsigned long long place_of(int who, int city)
{
    const unsigned long long prime = (1ULL << 61) - 1;
    const char *name = city_text(city);
    char person[32], group[64] = "cn";
    (void)snprintf(person, sizeof person, "p%d,", who);
    if (name)
        (void)snprintf(group, sizeof group, "c%zu:%s", strlen(name), name);
    const unsigned long long code = digits_of(group, 0, 16);
    unsigned long long place = 0, a = digits_of(person, 0, 15) + 1;
    for (int bit = 63; bit >= 0; bit--) {
        place = 2 * place % prime;
        if (code >> bit & 1)
            place = (place + a) % prime;
    }
    return (place + digits_of(person, 15, 15)) % prime;
}

/* More than LINF rows count as LINF that weigh alike; to the nearest step. */
static long long limited(long long sum, int rows)
{
    return rows > LINF ? (long long)floor((double)sum * LINF / rows + 0.5)
                       : sum;
}

/* One person in one city. */
static struct tally bounded(const struct buy *buys, int who, int city)
{
    struct tally t = { 0 };
    int rows = 0, ns = 0, prices = 0;
    for (int i = 0; i < ROWS; i++) {
        if (buys[i].who != who || buys[i].city != city)
            continue;
        t.people = 1;
        rows++;
        ns += buys[i].has_n;
        prices += buys[i].has_price;
        t.n += buys[i].has_n ? buys[i].vn : 0;
        t.price += buys[i].has_price ? buys[i].vprice : 0;
    }
    t.rows = rows < LINF ? rows : LINF;
    t.n = limited(t.n, ns);
    t.price = limited(t.price, prices);
    return t;
}

/* The cities of one person before `city`. */
static int rank_of(const struct buy *buys, int who, int city)
{
    int rank = 0;
    for (int c = 0; c < CITIES; c++)
        rank += bounded(buys, who, c).people &&
                place_of(who, c) < place_of(who, city);
    return rank;
}

static int by_line(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void oracle(char *out, size_t cap, const struct buy *rows)
{
    char lines[CITIES][96] = { "" };
    for (int c = 0; c < CITIES; c++) {
        struct tally sum = { 0 };
        for (int who = 0; who < PEOPLE; who++) {
            const struct tally t = bounded(rows, who, c);
            if (!t.people || rank_of(rows, who, c) >= L0)
                continue;
            sum.people++;
            sum.rows += t.rows;
            sum.n += t.n;
            sum.price += t.price;
        }
        if (sum.people)
            (void)snprintf(lines[c], sizeof lines[c],
                           "%s|%lld|%lld|%lld|%lld\n",
                           city_text(c) ? city_text(c) : "NULL", sum.people,
                           sum.rows, sum.n, sum.price);
    }
    qsort(lines, CITIES, sizeof lines[0], by_line);
    out[0] = '\0';
    for (int c = 0; c < CITIES; c++)
        (void)strncat(out, lines[c], cap - strlen(out) - 1);
}

/* Everyone's rows in the least of their cities, by bytes; NULL only if all are.
 */
static void take_home(struct buy *rows)
{
    for (int who = 0; who < PEOPLE; who++) {
        int home = 0;
        for (int i = 0; i < ROWS; i++)
            if (rows[i].who == who && rows[i].city &&
                (!home || strcmp(city_text(rows[i].city), city_text(home)) < 0))
                home = rows[i].city;
        for (int i = 0; i < ROWS; i++)
            if (rows[i].who == who)
                rows[i].city = home;
    }
}

static void insert(struct plan_db *db, const struct buy *b)
{
    char sql[256], city[32] = "NULL", n[32] = "NULL", price[32] = "NULL";
    if (city_text(b->city))
        (void)snprintf(city, sizeof city, "'%s'", city_text(b->city));
    if (b->has_n)
        (void)snprintf(n, sizeof n, "%d", b->n);
    if (b->has_price)
        (void)snprintf(price, sizeof price, "%.3f", b->price_eighths / 8.0);
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO src.buys(who, city, home, n, price) VALUES (%d, %s, %s, "
        "%s, %s)",
        b->who, city, city, n, price);
    plan_db_run(db, sql);
}

/* Both ways of bounding: inside the engine's aggregate, and by a window. */
static const struct form {
    const char *name, *from, *stage, *key;
    bool portable;
} forms[] = {
    { "in one pass over a table", "buys", "\nkept AS", "city", false },
    { "in one pass over a sub-query's rows",
      "(SELECT who, city, n, price FROM buys) AS b", "\nkept AS", "city",
      false },
    { "by a window", "buys", "\nranked AS", "city", true },
    { "by a window over a sub-query's rows", "(SELECT * FROM buys) AS b",
      "\nranked AS", "city", true },
    { "by an attribute of the person", "buys", "min(\"home\")", "home", false },
    { "by an attribute out of a sub-query", "(SELECT * FROM buys) AS b",
      "min(\"home\")", "home", false },
};

static void same_integers(void **state)
{
    const struct form *form = *state;
    const struct request req = { .purpose = "stats",
                                 .portable = form->portable };
    struct plan_db db;
    struct arena a;
    struct err err = { 0 };
    struct plan *plan = NULL;
    char sql[256];

    arena_init(&a, 1 << 20);
    (void)snprintf(sql, sizeof sql,
                   "SELECT %s, COUNT(DISTINCT who), COUNT(*), SUM(n), "
                   "SUM(price) FROM %s GROUP BY 1",
                   form->key, form->from);
    const bool is_home = strcmp(form->key, "home") == 0;
    assert_int_equal(plan_sql(&plan, sql, &req, &plan_shop, &a, &err), ERR_OK);
    assert_non_null(strstr(plan->sql, form->stage));
    assert_int_equal(plan->l0, is_home ? 1 : L0);
    plan_db_open(&db);
    for (unsigned round = 0; round < 25; round++) {
        struct buy rows[ROWS];
        char want[1024];
        unsigned seed = round;
        plan_db_run(&db, "BEGIN; DELETE FROM src.buys");
        for (int i = 0; i < ROWS; i++)
            fill(&rows[i], &seed);
        for (int i = ROWS; i-- > 0;) /* another order than the oracle's */
            insert(&db, &rows[i]);
        plan_db_run(&db, "COMMIT");
        if (is_home)
            take_home(rows);
        oracle(want, sizeof want, rows);
        char *got = plan_db_answer(&db, plan, SECRET);
        assert_non_null(got);
        assert_string_equal(got, want);
        free(got);
    }
    plan_db_close(&db);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(forms, same_integers);
}
