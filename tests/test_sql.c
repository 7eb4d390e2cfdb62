#include "server/sql/sql.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

enum { ARENA = 16 * 1024 * 1024, TEXT = 64 * 1024 };

static const struct accepted {
    const char *name; /* the SQL itself */
    const char *prints;
} accepted[] = {
#define ROW(sql, prints) { sql, prints },
#include "tests/sql_accepted.def"
#undef ROW
};

static const struct refused {
    const char *name; /* the SQL itself */
    enum err_code code;
    const char *reason;
    unsigned line, col;
} refused[] = {
#define ROW(sql, code, reason, line, col)                                      \
    { sql, ERR_##code, reason, line, col },
#include "tests/sql_refused.def"
#undef ROW
};

static void print(char text[TEXT], const struct select *s)
{
    struct writer w = writer_of(text, TEXT);
    select_print(&w, s);
    assert_true(writer_cstr(&w));
}

/* Prints as expected, and what it prints parses to an equal tree. */
static void check_accepted(void **state)
{
    static char text[TEXT];
    const struct accepted *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct select *s = NULL, *again = NULL;
    arena_init(&a, ARENA);
    if (sql_parse(&s, row->name, strlen(row->name), &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    print(text, s);
    assert_string_equal(text, row->prints);
    assert_int_equal(sql_parse(&again, text, strlen(text), &a, &err), ERR_OK);
    assert_true(select_equal(s, again));
    arena_fini(&a);
}

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct select *s = NULL;
    arena_init(&a, ARENA);
    const enum err_code code =
        sql_parse(&s, row->name, strlen(row->name), &a, &err);
    assert_int_equal(code, row->code);
    assert_int_equal(err.code, row->code);
    assert_int_equal(err.line, row->line);
    assert_int_equal(err.col, row->col);
    assert_true(err.msg[0] != '\0' && err.hint[0] != '\0');
    assert_true(!row->reason == !err.reason);
    if (row->reason)
        assert_string_equal(err.reason, row->reason);
    assert_null(s);
    arena_fini(&a);
}

/* prefix, then `unit` n times, `middle`, `close` n times, suffix. */
static const struct deep {
    const char *name, *prefix, *unit, *middle, *close, *suffix;
    size_t n;
    enum err_code want;
} deep[] = {
    { "a sum of 200", "select ", "1+", "1", "", " from t", 199, ERR_OK },
    { "a sum of 201", "select ", "1+", "1", "", " from t", 200, ERR_LIMIT },
    { "a sum of 6,000 (12 KB)", "select ", "1+", "1", "", " from t", 6000,
      ERR_LIMIT },
    { "a sum of 32,000", "select ", "1+", "1", "", " from t", 32000,
      ERR_LIMIT },
    { "minus, 20,000 times", "select ", "- ", "x", "", " from t", 20000,
      ERR_LIMIT },
    { "NOT, 10,000 times", "select count(*) from t where ", "not ", "x", "", "",
      10000, ERR_LIMIT },
    { "casts, 5,000 times", "select x", "::int", "", "", " from t", 5000,
      ERR_LIMIT },
    { "IS NULL, 7,000 times", "select x", " is null", "", "", " from t", 7000,
      ERR_LIMIT },
    { "COLLATE, 5,000 times", "select x", " collate c", "", "", " from t", 5000,
      ERR_LIMIT },
    { "brackets, 900", "select ", "(", "1", ")", " from t", 900, ERR_OK },
    { "brackets, 30,000", "select ", "(", "1", ")", " from t", 30000,
      ERR_LIMIT },
    { "open brackets only", "select ", "(", "", "", "", 60000, ERR_LIMIT },
    { "calls, 400", "select ", "lower(", "x", ")", " from t", 400, ERR_LIMIT },
    { "calls, 5,000", "select ", "f(", "x", ")", " from t", 5000, ERR_LIMIT },
    { "CASE, 2,000", "select ", "case when a then ", "1", " end", " from t",
      2000, ERR_LIMIT },
    { "sub-queries, 5,000", "select ", "(select ", "1", ")", "", 5000,
      ERR_LIMIT },
    { "joins, 4,000", "select 1 from a", " join a on x", "", "", "", 4000,
      ERR_LIMIT },
    { "unions, 4,000", "select 1", " union select 1", "", "", "", 4000,
      ERR_LIMIT },
    { "sums in brackets", "select ", "(1+", "1", ")", " from t", 900,
      ERR_LIMIT },
    { "an IN list of 1,000", "select count(*) from t where a in (0", ",1", "",
      "", ")", 999, ERR_OK },
    { "an IN list of 1,001", "select count(*) from t where a in (0", ",1", "",
      "", ")", 1000, ERR_LIMIT },
    { "an IN list of 30,000", "select count(*) from t where a in (0", ",1", "",
      "", ")", 30000, ERR_LIMIT },
    { "AND of 64", "select count(*) from t where a", " and a", "", "", "", 63,
      ERR_OK },
    { "AND of 65", "select count(*) from t where a", " and a", "", "", "", 64,
      ERR_LIMIT },
    { "256 output columns", "select 1", ",1", "", "", " from t", 255, ERR_OK },
    { "257 output columns", "select 1", ",1", "", "", " from t", 256,
      ERR_LIMIT },
    { "65 group keys", "select 1 from t group by a", ",a", "", "", "", 64,
      ERR_LIMIT },
    { "65 orders", "select 1 from t order by a", ",a", "", "", "", 64,
      ERR_LIMIT },
    { "sub-queries in FROM, 60", "select a from ", "(select a from ", "t",
      ") x", "", 60, ERR_OK },
    { "sub-queries in FROM, 3,000", "select a from ", "(select a from ", "t",
      ") x", "", 3000, ERR_LIMIT },
    { "tables in FROM, 64", "select 1 from t", ", t", "", "", "", 63, ERR_OK },
    { "tables in FROM, 65", "select 1 from t", ", t", "", "", "", 64,
      ERR_LIMIT },
    { "UNION ALL of 64", "select 1 from t", " union all select 1 from t", "",
      "", "", 62, ERR_OK },
    { "UNION ALL of 100", "select 1 from t", " union all select 1 from t", "",
      "", "", 99, ERR_LIMIT },
    { "64 KiB of spaces and a question", "", " ", "select 1 from t", "", "",
      65536 - 15, ERR_OK },
    { "one byte more", "", " ", "select 1 from t", "", "", 65536 - 14,
      ERR_LIMIT },
};

/* A quarter of the stack promised, so that the promise has room. */
static void on_small_stack(void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, SQL_STACK_MIN / 4), 0);
    assert_int_equal(pthread_create(&thread, &attr, run, arg), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_attr_destroy(&attr), 0);
}

struct job {
    const char *text;
    size_t len;
    struct err err;
    enum err_code code;
};

static void *parse_job(void *arg)
{
    struct job *job = arg;
    struct arena a;
    struct select *s;
    arena_init(&a, ARENA);
    job->code = sql_parse(&s, job->text, job->len, &a, &job->err);
    arena_fini(&a);
    return NULL;
}

static void check_deep(void **state)
{
    const struct deep *row = *state;
    char *text = calloc(1, 4 * TEXT);
    assert_non_null(text);
    char *at = stpcpy(text, row->prefix);
    for (size_t i = 0; i < row->n; i++)
        at = stpcpy(at, row->unit);
    at = stpcpy(at, row->middle);
    for (size_t i = 0; i < row->n; i++)
        at = stpcpy(at, row->close);
    at = stpcpy(at, row->suffix);
    struct job job = { .text = text, .len = (size_t)(at - text) };
    on_small_stack(parse_job, &job);
    free(text);
    assert_int_equal(job.code, row->want);
    assert_true(row->want == ERR_OK || job.err.hint[0] != '\0');
}

static void check_bytes(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {
        { "select 1 from t\0", 16 },
        { "select '\xff' from t", 17 },
        { "select '\xc0\x80' from t", 18 },
        { "select '\xed\xa0\x80' from t", 19 },
    };
    struct arena a;
    (void)state;
    arena_init(&a, ARENA);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = { 0 };
        struct select *s;
        assert_int_equal(sql_parse(&s, rows[i].text, rows[i].len, &a, &err),
                         ERR_INVALID);
        assert_string_equal(err.reason, "text_encoding");
    }
    arena_fini(&a);
}

/* With any arena, from none to enough: a tree or a clean ERR_LIMIT. */
static void check_arena_sweep(void **state)
{
    static const char sql[] =
        "select a, sum(b) s from d.t where c in (1, 'x') and d > date "
        "'2011-01-01' group by 1 having sum(b) > 5 order by s desc limit 3";
    bool done = false;
    (void)state;
    for (size_t cap = 0; !done; cap += 16) {
        struct arena a;
        struct err err = { 0 };
        struct select *s;
        arena_init(&a, cap);
        const enum err_code code = sql_parse(&s, sql, strlen(sql), &a, &err);
        assert_true(code == ERR_OK || code == ERR_LIMIT);
        done = code == ERR_OK;
        arena_fini(&a);
        assert_true(cap < ARENA);
    }
}

/* Several threads parse at once, end, and leave nothing behind (SAN, TSAN). */
static void *parse_many(void *arg)
{
    enum { TURNS = 50 };
    static const char *const texts[] = {
        "select a, count(*) from t group by a",
        "select a into b from t",
        "selec 1",
    };
    struct job *job = arg;
    for (int i = 0; i < TURNS; i++) {
        job->text = texts[i % 3];
        job->len = strlen(job->text);
        (void)parse_job(job);
    }
    return NULL;
}

static void check_threads(void **state)
{
    enum { THREADS = 4, ROUNDS = 5 };
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        pthread_t threads[THREADS];
        struct job jobs[THREADS] = { { 0 } };
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, parse_many, &jobs[i]), 0);
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(jobs[i].code, ERR_REFUSED);
        }
    }
}

/* The alias a key was written as is kept where a column might hide it. */
static void check_key_aliases(void **state)
{
    static const char sql[] = "select lower(a) as k, lower(b) as b, c from t "
                              "group by k, b, c, 1";
    struct arena a;
    struct err err = { 0 };
    struct select *s;
    (void)state;
    arena_init(&a, ARENA);
    assert_int_equal(sql_parse(&s, sql, strlen(sql), &a, &err), ERR_OK);
    assert_int_equal(s->n_keys, 4);
    assert_string_equal(s->key_aliases[0], "k");
    assert_null(s->key_aliases[1]); /* b is read: the input column is meant */
    assert_int_equal(s->keys[1]->kind, EXPR_COLUMN);
    assert_null(s->key_aliases[2]);
    assert_null(s->key_aliases[3]);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_bytes),
        cmocka_unit_test(check_arena_sweep),
        cmocka_unit_test(check_threads),
        cmocka_unit_test(check_key_aliases),
    };
    sql_init();
    return RUN_ROWS(accepted, check_accepted) +
           RUN_ROWS(refused, check_refused) + RUN_ROWS(deep, check_deep) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
