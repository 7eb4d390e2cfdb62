/* Conversations with a backend: scripts and what comes back (lib_pg.h). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_pg.h"
#include "tests/table.h"

#define COUNT "SELECT country, count(*) AS n FROM shop.orders GROUP BY country"
#define ROWS  "T(country:25 n:20) D(DE,1) D(FR,2) D(GB,3)"

static const struct row {
    const char *name, *script, *want;
    unsigned asked; /* how often the service was: what may cost */
} rows[] = {
    { "a ping is answered without the service", "Q:SELECT 1",
      "T(?column?:23) D(1) C(SELECT 1) Z(I)", 0 },
    { "nothing is answered by nothing", "Q:", "I Z(I)", 0 },
    { "a question is asked once, and tells its price", "Q:" COUNT,
      "N(NOTICE) " ROWS " C(SELECT 3) Z(I)", 1 },
    { "statements of one text are done in turn, up to the first error",
      "Q:SELECT 1; SELECT nothing FROM; SELECT 2", "E(42601) Z(I)", 0 },
    { "what stands before a refused statement is done",
      "Q:SELECT 1; DELETE FROM t; SELECT 2",
      "T(?column?:23) D(1) C(SELECT 1) E(0A000) Z(I)", 0 },
    { "a transaction is told of", "Q:BEGIN|Q:SELECT 1|Q:COMMIT",
      "C(BEGIN) Z(T) T(?column?:23) D(1) C(SELECT 1) Z(T) C(COMMIT) Z(I)", 0 },
    { "after an error it takes only its end",
      "Q:BEGIN|Q:SELEC|Q:SELECT 1|Q:COMMIT|Q:SELECT 1",
      "C(BEGIN) Z(T) E(42601) Z(E) E(25P02) Z(E) C(ROLLBACK) Z(I) "
      "T(?column?:23) D(1) C(SELECT 1) Z(I)",
      0 },
    { "a savepoint brings it back",
      "Q:BEGIN; SAVEPOINT a; SELEC 1|Q:ROLLBACK TO a|Q:RELEASE a|Q:ROLLBACK",
      "E(42601) Z(I) E(25P01) Z(I) E(25P01) Z(I) N(WARNING) C(ROLLBACK) Z(I)",
      0 },
    { "a savepoint after an error brings it back",
      "Q:BEGIN|Q:SAVEPOINT a|Q:SELEC|Q:ROLLBACK TO a|Q:RELEASE b|Q:ROLLBACK",
      "C(BEGIN) Z(T) C(SAVEPOINT) Z(T) E(42601) Z(E) C(ROLLBACK) Z(T) E(3B001) "
      "Z(E) C(ROLLBACK) Z(I)",
      0 },
    { "BEGIN twice and COMMIT alone are warned of",
      "Q:BEGIN; BEGIN; COMMIT; "
      "COMMIT",
      "C(BEGIN) N(WARNING) C(BEGIN) C(COMMIT) N(WARNING) C(COMMIT) Z(I)", 0 },

    { "a prepared statement is described before it has values",
      "P:a:SELECT country, count(*) AS n FROM shop.orders WHERE amount > $1 "
      "GROUP BY country|D:S:a|S",
      "1 t(20) T(country:25 n:20) Z(I)", 0 },
    { "one that SQL prepares is described and executed as one of Parse",
      "Q:PREPARE a AS SELECT country, count(*) AS n FROM shop.orders WHERE "
      "amount > $1 GROUP BY country|D:S:a|S|Q:EXECUTE a(5)|B::a:7|E::0|S",
      "C(PREPARE) Z(I) t(20) T(country:25 n:20) Z(I) N(NOTICE) T(country:25 "
      "n:20) D(DE,1) D(FR,2) D(GB,3) C(SELECT 3) Z(I) 2 N(NOTICE) D(DE,1) "
      "D(FR,2) D(GB,3) C(SELECT 3) Z(I)",
      2 },
    { "EXECUTE over the extended protocol has the columns of what it executes",
      "Q:PREPARE a (int, numeric) AS SELECT $1::int AS i, $2::numeric AS d|"
      "P::EXECUTE a(5, 1.50)|B:::|D:P:|E::0|S",
      "C(PREPARE) Z(I) 1 2 T(i:23 d:1700) D(5,1.50) C(SELECT 1) Z(I)", 0 },
    { "EXECUTE of nothing, with too few values, and with what is no value",
      "Q:EXECUTE a|Q:PREPARE a AS SELECT $1::int|Q:EXECUTE a|Q:EXECUTE a('x')|"
      "Q:PREPARE a AS SELECT 1|Q:DEALLOCATE a|Q:EXECUTE a",
      "E(26000) Z(I) C(PREPARE) Z(I) E(42601) Z(I) E(22P02) Z(I) E(42P05) Z(I) "
      "C(DEALLOCATE) Z(I) E(26000) Z(I)",
      0 },
    { "a statement that executes itself does not",
      "P:a:EXECUTE a|S|Q:EXECUTE a", "1 Z(I) E(42601) Z(I)", 0 },
    { "it is asked when it is executed", "P::" COUNT "|B:::|D:P:|E::0|S",
      "1 2 T(country:25 n:20) N(NOTICE) D(DE,1) D(FR,2) D(GB,3) C(SELECT 3) "
      "Z(I)",
      1 },
    { "pages of a portal are asked for once",
      "P::" COUNT "|B:p::|E:p:2|E:p:2|E:p:2|S",
      "1 2 N(NOTICE) D(DE,1) D(FR,2) s D(GB,3) C(SELECT 1) C(SELECT 0) Z(I)",
      1 },
    { "a page that holds just all the rows is not the last",
      "P::" COUNT "|B:p::|E:p:3|E:p:3|S",
      "1 2 N(NOTICE) D(DE,1) D(FR,2) D(GB,3) s C(SELECT 0) Z(I)", 1 },
    { "a portal that was executed whole gives no more",
      "P::" COUNT "|B:p::|E:p:0|E:p:0|S",
      "1 2 N(NOTICE) D(DE,1) D(FR,2) D(GB,3) C(SELECT 3) C(SELECT 0) Z(I)", 1 },
    { "a portal ends with Sync outside of a transaction",
      "P::" COUNT "|B:p::|E:p:2|S|E:p:2|S",
      "1 2 N(NOTICE) D(DE,1) D(FR,2) s Z(I) E(34000) Z(I)", 1 },
    { "and lives on inside one",
      "Q:BEGIN|P::" COUNT "|B:p::|E:p:2|S|E:p:2|S|Q:COMMIT",
      "C(BEGIN) Z(T) 1 2 N(NOTICE) D(DE,1) D(FR,2) s Z(T) D(GB,3) C(SELECT 1) "
      "Z(T) C(COMMIT) Z(I)",
      1 },
    { "after an error all is skipped until Sync",
      "P::SELEC|B:::|E::0|P::SELECT 1|S|Q:SELECT 1",
      "E(42601) Z(I) T(?column?:23) D(1) C(SELECT 1) Z(I)", 0 },
    { "values that are too few",
      "P::SELECT country, count(*) FROM shop.orders WHERE amount > $1 GROUP BY "
      "1|B:::|S",
      "1 E(08P01) Z(I)", 0 },
    { "a value that is none",
      "P::SELECT country, count(*) FROM shop.orders WHERE amount > $1 GROUP BY "
      "1|B:::x|S",
      "1 E(22P02) Z(I)", 0 },
    { "a statement of a name that is taken", "P:a:SELECT 1|P:a:SELECT 2|S",
      "1 E(42P05) Z(I)", 0 },
    { "closing gives its name back",
      "P:a:SELECT 1|C:S:a|P:a:SELECT 2|C:S:none|S", "1 3 1 3 Z(I)", 0 },
    { "statements that are not there", "B::a:|S|D:S:a|S|D:P:a|S|E:a:0|S",
      "E(26000) Z(I) E(26000) Z(I) E(34000) Z(I) E(34000) Z(I)", 0 },
    { "a parameter of a ping", "P::SELECT $1::int AS a, $2|D:S:|B:::7,x|E::0|S",
      "1 t(23 25) T(a:23 ?column?:25) 2 D(7,x) C(SELECT 1) Z(I)", 0 },
    { "several statements cannot be prepared", "P::SELECT 1; SELECT 2|S",
      "E(42601) Z(I)", 0 },
    { "an empty statement", "P::|B:::|D:P:|E::0|S", "1 2 n I Z(I)", 0 },
    { "DEALLOCATE forgets one, or all",
      "P:a:SELECT 1|P:b:SELECT 1|S|Q:DEALLOCATE a|Q:DEALLOCATE a|Q:DEALLOCATE "
      "ALL|D:S:b|S",
      "1 1 Z(I) C(DEALLOCATE) Z(I) E(26000) Z(I) C(DEALLOCATE) Z(I) E(26000) "
      "Z(I)",
      0 },

    { "a cursor is asked for once, at DECLARE",
      "Q:BEGIN; DECLARE c CURSOR FOR " COUNT
      "; FETCH 2 FROM c; FETCH 2 FROM c; CLOSE c; COMMIT",
      "C(BEGIN) N(NOTICE) C(DECLARE CURSOR) T(country:25 n:20) D(DE,1) D(FR,2) "
      "C(FETCH 2) T(country:25 n:20) D(GB,3) C(FETCH 1) C(CLOSE CURSOR) "
      "C(COMMIT) Z(I)",
      1 },
    { "and goes any way",
      "Q:BEGIN; DECLARE c CURSOR FOR " COUNT
      "; FETCH LAST FROM c; FETCH BACKWARD 2 FROM c; FETCH PRIOR FROM c; FETCH "
      "ABSOLUTE 2 FROM c; MOVE FIRST IN c; FETCH RELATIVE 1 FROM c; FETCH ALL "
      "FROM c; FETCH NEXT FROM c; FETCH BACKWARD ALL FROM c",
      "C(BEGIN) N(NOTICE) C(DECLARE CURSOR) T(country:25 n:20) D(GB,3) "
      "C(FETCH 1) T(country:25 n:20) D(FR,2) D(DE,1) C(FETCH 2) T(country:25 "
      "n:20) C(FETCH 0) T(country:25 n:20) D(FR,2) C(FETCH 1) C(MOVE 1) "
      "T(country:25 n:20) D(FR,2) C(FETCH 1) T(country:25 n:20) D(GB,3) "
      "C(FETCH 1) T(country:25 n:20) C(FETCH 0) T(country:25 n:20) D(GB,3) "
      "D(FR,2) D(DE,1) C(FETCH 3) Z(T)",
      1 },
    { "a cursor ends with its transaction, unless held",
      "Q:BEGIN; DECLARE a CURSOR FOR " COUNT
      "; DECLARE b CURSOR WITH HOLD FOR " COUNT
      "; COMMIT|Q:FETCH 1 FROM b|Q:FETCH 1 FROM a",
      "C(BEGIN) N(NOTICE) C(DECLARE CURSOR) N(NOTICE) C(DECLARE CURSOR) "
      "C(COMMIT) Z(I) T(country:25 n:20) D(DE,1) C(FETCH 1) Z(I) E(34000) Z(I)",
      2 },
    { "FETCH through the extended protocol has its cursor's columns",
      "Q:BEGIN; DECLARE c CURSOR FOR " COUNT
      "|P::FETCH 1 FROM c|D:S:|B:::|D:P:|E::0|S",
      "C(BEGIN) N(NOTICE) C(DECLARE CURSOR) Z(T) 1 t() T(country:25 n:20) 2 "
      "T(country:25 n:20) D(DE,1) C(FETCH 1) Z(T)",
      1 },
    { "COPY gives lines", "Q:COPY (" COUNT ") TO STDOUT",
      "N(NOTICE) H d(DE\t1\n) d(FR\t2\n) d(GB\t3\n) c C(COPY 3) Z(I)", 1 },
    { "COPY gives CSV with a header",
      "Q:COPY (" COUNT ") TO STDOUT (FORMAT csv, HEADER true, DELIMITER ';')",
      "N(NOTICE) H d(country;n\n) d(DE;1\n) d(FR;2\n) d(GB;3\n) c C(COPY 3) "
      "Z(I)",
      1 },

    { "a setting that is reported is reported",
      "Q:SET application_name = 'x'; SHOW application_name",
      "C(SET) T(application_name:25) D(x) C(SHOW) S(application_name=x) Z(I)",
      0 },
    { "ROLLBACK takes settings back",
      "Q:BEGIN; SET application_name = 'x'|Q:ROLLBACK|Q:SHOW application_name",
      "C(BEGIN) C(SET) S(application_name=x) Z(T) C(ROLLBACK) "
      "S(application_name=) Z(I) T(application_name:25) D() C(SHOW) Z(I)",
      0 },
    { "SET LOCAL ends with COMMIT",
      "Q:SET halftone.rho = 0.5|Q:BEGIN; SET LOCAL halftone.rho = 0.25; SHOW "
      "halftone.rho; COMMIT; SHOW halftone.rho",
      "C(SET) Z(I) C(BEGIN) C(SET) T(halftone.rho:25) D(0.25) C(SHOW) "
      "C(COMMIT) T(halftone.rho:25) D(0.5) C(SHOW) Z(I)",
      0 },
    { "accuracy takes rho back",
      "Q:SET halftone.rho = 0.5; SET halftone.accuracy = '5%'; SHOW "
      "halftone.rho; SHOW halftone.accuracy",
      "C(SET) C(SET) T(halftone.rho:25) D() C(SHOW) T(halftone.accuracy:25) "
      "D(5%) C(SHOW) Z(I)",
      0 },
    { "settings that are none, or cannot be",
      "Q:SET nothing = 1|Q:SET halftone.nothing = 1|Q:SET halftone.rho = "
      "x|Q:SET "
      "server_version = 9|Q:SET client_encoding = LATIN1|Q:SET DateStyle = "
      "German|Q:SHOW nothing",
      "E(42704) Z(I) E(42704) Z(I) E(22023) Z(I) E(22023) Z(I) E(22023) Z(I) "
      "E(22023) Z(I) E(42704) Z(I)",
      0 },
    { "what asyncpg sends to reset",
      "Q:SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
      "T(pg_advisory_unlock_all:2278) D() C(SELECT 1) C(CLOSE CURSOR) "
      "C(UNLISTEN) C(RESET) Z(I)",
      0 },
    { "what psqlODBC sends at first",
      "Q:SET DateStyle = 'ISO';SET extra_float_digits = 2;show "
      "transaction_isolation",
      "C(SET) C(SET) T(transaction_isolation:25) D(read committed) C(SHOW) "
      "Z(I)",
      0 },
    { "DISCARD ALL", "P:a:SELECT 1|S|Q:DISCARD ALL|D:S:a|S",
      "1 Z(I) C(DISCARD ALL) Z(I) E(26000) Z(I)", 0 },
    { "session characteristics are so already",
      "Q:SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET TRANSACTION "
      "ISOLATION LEVEL SERIALIZABLE",
      "C(SET) C(SET) Z(I)", 0 },
    { "what is not supported",
      "Q:INSERT INTO t VALUES (1)|Q:CREATE TABLE t (a int)|Q:COPY t FROM "
      "STDIN|Q:COPY t TO STDOUT|Q:CALL nothing()|Q:LISTEN a|Q:EXPLAIN ANALYZE "
      "SELECT count(*) FROM shop.orders",
      "E(0A000) Z(I) E(0A000) Z(I) E(0A000) Z(I) E(0A000) Z(I) E(0A000) Z(I) "
      "E(0A000) Z(I) E(0A000) Z(I)",
      0 },
    { "a function that is none", "Q:SELECT nothing()", "E(42883) Z(I)", 0 },
    { "one of the catalog's, which is not here", "Q:SELECT 1, now()",
      "E(0A000) Z(I)", 0 },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct pg_fake fake;
    struct pg_backend *b = pg_backend_new("ana", "shop", "shop");
    pg_fake_init(&fake);
    assert_non_null(b);
    char *got = pg_talk(b, &fake, row->script);
    assert_non_null(got);
    assert_string_equal(got, row->want);
    assert_int_equal(fake.asked, row->asked);
    free(got);
    pg_fake_fini(&fake);
    pg_backend_free(b);
}

/* ---- limits ---- */

static void statements_and_portals_are_limited(void **state)
{
    struct pg_fake fake;
    char script[64];
    (void)state;
    pg_fake_init(&fake);
    struct pg_backend *b = pg_backend_new("ana", "shop", "shop");
    for (int i = 0; i <= PG_STATEMENTS_MAX; i++) {
        (void)snprintf(script, sizeof script, "P:s%d:SELECT 1|S", i);
        b->out.len = 0;
        char *got = pg_talk(b, &fake, script);
        assert_string_equal(got,
                            i < PG_STATEMENTS_MAX ? "1 Z(I)" : "E(54000) Z(I)");
        free(got);
    }
    b->out.len = 0;
    free(pg_talk(b, &fake, "Q:BEGIN"));
    for (int i = 0; i <= PG_PORTALS_MAX; i++) {
        (void)snprintf(script, sizeof script, "B:p%d:s1:|S", i);
        b->out.len = 0;
        char *got = pg_talk(b, &fake, script);
        assert_string_equal(got,
                            i < PG_PORTALS_MAX ? "2 Z(T)" : "E(54000) Z(E)");
        free(got);
    }
    pg_fake_fini(&fake);
    pg_backend_free(b);
}

/* The deepest and longest texts are refused, each with one clear error. */
static void long_texts_get_one_error(void **state)
{
    static const struct {
        const char *head, *part, *tail;
        int n;
    } texts[] = {
        { "SELECT 1", "+1", "", 6000 },               /* 12 KB */
        { "SELECT ", "NOT ", "true", 8000 },          /* 8,000 NOTs */
        { "SELECT 1", " UNION SELECT 1", "", 2000 },  /* 30 KB */
        { "SELECT 1", " UNION SELECT 1", "", 32000 }, /* 480 KB */
        { "SELECT ", "(", "", 12000 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const size_t part = strlen(texts[i].part);
        const size_t len = strlen(texts[i].head) + part * (size_t)texts[i].n +
                           strlen(texts[i].tail);
        uint8_t *text = malloc(len + 1), *at = text;
        struct pg_fake fake;
        struct pg_backend *b = pg_backend_new("ana", "shop", "shop");
        assert_true(text && b);
        pg_fake_init(&fake);
        at += strlen(strcpy((char *)at, texts[i].head));
        for (int k = 0; k < texts[i].n; k++, at += part)
            memcpy(at, texts[i].part, part);
        (void)strcpy((char *)at, texts[i].tail);
        const struct pg_frame f = { .type = 'Q',
                                    .body = text,
                                    .body_len = len + 1 };
        assert_int_equal(pg_backend_handle(b, &f, &fake.service), PG_HANDLED);
        char *got = pg_transcript(b->out.data, b->out.len);
        assert_true(strcmp(got, "E(54001) Z(I)") == 0 ||
                    strcmp(got, "E(54000) Z(I)") == 0 ||
                    strcmp(got, "E(42601) Z(I)") == 0);
        free(got);
        pg_fake_fini(&fake);
        pg_backend_free(b);
        free(text);
    }
}

/* Turned down, each time, is recorded; how a client talks is not. */
static void refusals_are_recorded(void **state)
{
    static const struct {
        const char *script;
        unsigned refused;
    } scripts[] = {
        { "Q:SELEC|Q:SELEC", 2 },
        { "Q:DELETE FROM t|Q:DELETE FROM t", 2 },
        { "P::DELETE FROM t|S|P::SELECT * FROM|S", 2 },
        { "Q:SELECT * FROM halftone.budget WHERE true", 1 },
        { "Q:BEGIN|Q:SELEC|Q:SELECT 1", 1 },
        { "Q:FETCH c|Q:SET nothing = 1|B::x:|S|Q:SELECT nothing()", 0 },
        { "Q:SELECT 1; " COUNT, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct pg_fake fake;
        struct pg_backend *b = pg_backend_new("ana", "shop", "shop");
        pg_fake_init(&fake);
        free(pg_talk(b, &fake, scripts[i].script));
        assert_int_equal(fake.refused, scripts[i].refused);
        pg_fake_fini(&fake);
        pg_backend_free(b);
    }
}

/* ---- answers of a moment ago ---- */

struct hand_clock {
    struct clock clock; /* first */
    uint64_t ns;
};

static uint64_t mono(struct clock *clock)
{
    return ((struct hand_clock *)(void *)clock)->ns;
}

static const struct again {
    const char *name;
    const char *between; /* said before the question comes again */
    uint64_t later_ns;
    bool cached;
    unsigned asked; /* for the second time */
    uint64_t slot_ns, wait_ns;
} agains[] = {
    { "a stored answer is said again within a second", "S", 1, true, 0, 5, 5 },
    { "and so does one that leaves at once", "S", 999999999, true, 0, 0, 0 },
    { "after a second it is asked anew", "S", 1000000000, true, 1, 5, 0 },
    { "another setting asks anew", "Q:SET halftone.rho = 1", 1, true, 1, 0, 0 },
    { "what was charged is not said again", "S", 1, false, 1, 0, 0 },
    { "behind a setting in the same text it is asked anew",
      "Q:SET halftone.rho = 1; " COUNT, 1, true, 2, 0, 0 },
    { "in strict mode a worker is held for each", "S", 1, true, 1,
      PG_SLOT_STRICT, 0 },
};

static void check_again(void **state)
{
    const struct again *row = *state;
    struct hand_clock clock = { { NULL, mono }, 1 };
    struct pg_fake fake;
    struct pg_backend *b = pg_backend_new("ana", "shop", "shop");
    pg_fake_init(&fake);
    fake.cached = row->cached;
    fake.slot_ns = row->slot_ns;
    b->clock = &clock.clock;
    char *first = pg_talk(b, &fake, "Q:" COUNT);
    assert_int_equal(fake.asked, 1);
    free(pg_talk(b, &fake, row->between));
    b->out.len = 0;
    clock.ns += row->later_ns;
    char *second = pg_talk(b, &fake, "Q:" COUNT);
    assert_string_equal(first, second);
    assert_int_equal(fake.asked, 1 + row->asked);
    assert_true(b->wait_ns == row->wait_ns);
    b->out.len = 0;
    free(pg_talk(b, &fake, "P::" COUNT "|B:::|E::0|S"));
    assert_int_equal(fake.asked,
                     1 + row->asked +
                         (!row->cached || row->slot_ns == PG_SLOT_STRICT));
    free(first);
    free(second);
    pg_fake_fini(&fake);
    pg_backend_free(b);
}

/* What a transaction block cannot be told twice. */
static void an_error_of_the_service_is_told(void **state)
{
    static const struct {
        enum err_code code;
        const char *want;
    } codes[] = { { ERR_BUDGET, "E(HT001) Z(I)" },
                  { ERR_MISS, "E(HT004) Z(I)" },
                  { ERR_DENIED, "E(42501) Z(I)" },
                  { ERR_CANCELLED, "E(57014) Z(I)" },
                  { ERR_UNAVAILABLE, "E(57P03) Z(I)" } };
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct pg_fake fake;
        struct pg_backend *b = pg_backend_new("ana", "shop", "shop");
        pg_fake_init(&fake);
        fake.fails = codes[i].code;
        char *got = pg_talk(b, &fake, "Q:" COUNT);
        assert_string_equal(got, codes[i].want);
        free(got);
        pg_fake_fini(&fake);
        pg_backend_free(b);
    }
}

static void *run(void *arg)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(statements_and_portals_are_limited),
        cmocka_unit_test(long_texts_get_one_error),
        cmocka_unit_test(an_error_of_the_service_is_told),
        cmocka_unit_test(refusals_are_recorded),
    };
    int *failed = arg;
    sql_init();
    *failed = RUN_ROWS(rows, check);
    *failed += RUN_ROWS(agains, check_again);
    *failed +=
        cmocka_run_group_tests_name("limits and errors", others, NULL, NULL);
    return NULL;
}

/* PostgreSQL's parser needs a stack of its own size. */
int main(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    int failed = 1;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, SQL_STACK_MIN);
    if (pthread_create(&thread, &attr, run, &failed) == 0)
        (void)pthread_join(thread, NULL);
    return failed;
}
