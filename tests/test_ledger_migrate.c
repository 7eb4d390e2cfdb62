/* A ledger moved from a file to a database and back: nothing is lost, nothing
 * may be spent twice, and a move that was cut short goes on. */
#include "server/ledger/migrate.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/ledger/bundle.h"
#include "server/ledger/log.h"
#include "server/ledger/recover.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

enum { LIMIT = 100000, CHARGES = 300, US = 1000000, DIGEST = 32 };
#define START_US (INT64_C(1760000400) * US)
#define LEASE_NS (UINT64_C(60) * 1000000000)

struct world {
    struct ledger_dir dir;
    char back[96]; /* the file that it is moved to in the end */
    struct fake_clock clock;
    struct ledger *ledger;
    struct arena arena;
    bool real_time;
};

static void ignore(void *ctx, const char *line)
{
    (void)ctx;
    if (strncmp(line, "ok", 2) != 0)
        fprintf(stderr, "%s\n", line);
}

static enum err_code open_at(struct world *w, const char *where)
{
    struct err err;
    uint64_t found;
    const struct ledger_options o = { .path = where,
                                      .clock = &w->clock.clock,
                                      .own_clock = !w->real_time,
                                      .lease_ns = LEASE_NS };
    return ledger_open(&w->ledger, &o, &found, &err);
}

static void resolve(struct world *w, const struct ledger_run *run, int i)
{
    const uint8_t *answer = (const uint8_t *)"an answer";
    size_t len = i % 7 ? 9 : 0; /* an answer may be empty */
    struct err err;
    enum err_code code = ERR_OK;
    if (i % 50 == 1)
        code = ledger_miss(w->ledger, run->id, run->fence, 0, &err);
    else if (i % 50 == 2)
        code = ledger_void(w->ledger, run->id, run->fence, &err);
    else if (i % 50 != 3)
        code = ledger_answer(w->ledger, run->id, run->fence, 0, &answer, &len,
                             &w->arena, &err);
    assert_int_equal(code, ERR_OK);
}

/* A charge for two releases, which was answered after a run that failed. */
static void add_bundle(struct world *w)
{
    uint8_t hash[2][LEDGER_HASH_LEN], series[LEDGER_HASH_LEN];
    struct ledger_piece pieces[2];
    struct charge c;
    struct ledger_run run;
    struct err err;
    uint64_t rung;
    bool is_over;
    memset(series, 's', sizeof series);
    for (int i = 0; i < 2; i++) {
        memset(hash[i], 'p' + i, LEDGER_HASH_LEN);
        pieces[i] =
            (struct ledger_piece){ .want = { .release_hash = hash[i],
                                             .series_hash = i ? series : NULL,
                                             .to_us = i },
                                   .keep_s = 1000,
                                   .what = (const uint8_t *)"w",
                                   .what_len = (size_t)i };
    }
    charge_init(&c, "ann", "bundle", "whole", 5, LIMIT);
    c.args.max_misses = c.args.max_misses_day = 1000;
    assert_int_equal(ledger_charge_bundle(w->ledger, &run, &c.args, pieces, 2,
                                          1 << 30, &rung, &w->arena, &err),
                     ERR_OK);
    const struct ledger_piece_answer both[] = {
        { 0, (const uint8_t *)"first", 5 }, { 1, (const uint8_t *)"second", 6 }
    };
    const uint8_t *whole = (const uint8_t *)"whole";
    size_t len = 5;
    assert_int_equal(
        ledger_stumble(w->ledger, run.id, run.fence, 0, &is_over, &err),
        ERR_OK);
    assert_int_equal(ledger_answer_bundle(w->ledger, run.id, run.fence, 0, both,
                                          2, &whole, &len, &w->arena, &err),
                     ERR_OK);
}

/* Something in every table. */
static void world_init(struct world *w)
{
    struct err err;
    uint64_t lifted;
    *w = (struct world){ 0 };
    ledger_dirs_in_postgres(false);
    ledger_dir_init(&w->dir);
    (void)snprintf(w->back, sizeof w->back, "%s/back.db", w->dir.dir);
    postgres_clear();
    arena_init(&w->arena, 1 << 24);
    fake_clock_init(&w->clock, START_US);
    assert_int_equal(open_at(w, w->dir.path), ERR_OK);
    for (int i = 0; i < CHARGES; i++) {
        char name[16];
        struct charge c;
        struct ledger_run run;
        (void)snprintf(name, sizeof name, "r%d", i);
        charge_init(&c, i % 2 ? "ann" : "bob\xc3\xa9", i % 3 ? name : "", name,
                    (uint64_t)i, LIMIT + (uint64_t)(i / 100));
        c.args.policy_version = (uint64_t)(1 + i / 100);
        c.args.text = i % 4 ? "SELECT count(*) FROM visits" : NULL;
        c.args.max_misses = c.args.max_misses_day = 1000;
        const struct ledger_segment segment = { .hash = { (uint8_t)i },
                                                .n = 1 };
        c.args.segments = &segment;
        c.args.n_segments = i % 7 == 0;
        c.args.max_segment_day = 1000;
        c.args.asker = "principal/ann";
        charge_add_quota(&c, LIMIT, 0);
        charge_add_quota(&c, LIMIT, 3600);
        atomic_fetch_add(&w->clock.wall_us, US);
        assert_int_equal(
            ledger_charge(w->ledger, &run, &c.args, &w->arena, &err), ERR_OK);
        resolve(w, &run, i);
    }
    add_bundle(w);
    assert_int_equal(
        ledger_lift(w->ledger, &lifted, "shop", "steward", "why", &err),
        ERR_OK);
    ledger_close(w->ledger);
}

static void world_fini(struct world *w)
{
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

/* ---- all that is in it ---- */

static const struct {
    const char *name, *columns, *types;
} TABLES[] = {
#define TABLE(name, key, columns, types) { #name, columns, types },
#include "server/ledger/tables.def"
#undef TABLE
};
enum { N_TABLES = sizeof TABLES / sizeof TABLES[0] };

struct sums {
    uint8_t digest[N_TABLES][DIGEST];
    unsigned rows[N_TABLES];
};

static void add_value(EVP_MD_CTX *md, struct store *s, char type, int column)
{
    size_t len = 0;
    const bool null = store_is_null(s, SQL_QUERY, column);
    int64_t number =
        tolower(type) == 'i' && !null ? store_int(s, SQL_QUERY, column) : null;
    const void *data =
        tolower(type) == 'i' ? "" : store_blob(s, SQL_QUERY, column, &len);
    assert_int_equal(EVP_DigestUpdate(md, &number, sizeof number), 1);
    assert_int_equal(EVP_DigestUpdate(md, &len, sizeof len), 1);
    assert_int_equal(EVP_DigestUpdate(md, data, len), 1);
}

static void sum(struct sums *out, const char *where)
{
    struct store *s;
    struct err err;
    char select[600];
    *out = (struct sums){ 0 };
    assert_int_equal(store_open_read(&s, where, &err), ERR_OK);
    for (size_t t = 0; t < N_TABLES; t++) {
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        unsigned n;
        assert_int_equal(EVP_DigestInit_ex(md, EVP_sha256(), NULL), 1);
        (void)snprintf(select, sizeof select, "SELECT %s FROM %s ORDER BY 1, 2",
                       TABLES[t].columns, TABLES[t].name);
        if (strcmp(TABLES[t].name, "meta") == 0)
            (void)snprintf(select, sizeof select,
                           "SELECT key, value FROM meta WHERE key NOT IN"
                           " ('moved', 'moving', 'arrived') ORDER BY 1");
        bool more = store_query(s, select, "");
        for (; more; more = store_next(s, SQL_QUERY)) {
            for (int i = 0; TABLES[t].types[i]; i++)
                add_value(md, s, TABLES[t].types[i], i);
            out->rows[t]++;
        }
        assert_int_equal(s->rc, STORE_OK);
        assert_int_equal(EVP_DigestFinal_ex(md, out->digest[t], &n), 1);
        EVP_MD_CTX_free(md);
    }
    store_close(s);
}

static void assert_same(const struct sums *a, const struct sums *b)
{
    for (size_t t = 0; t < N_TABLES; t++)
        if (a->rows[t] != b->rows[t] ||
            memcmp(a->digest[t], b->digest[t], DIGEST) != 0)
            fail_msg("%s: %u rows became %u", TABLES[t].name, a->rows[t],
                     b->rows[t]);
}

static void head_of(struct merkle_hash *out, const char *where)
{
    struct ledger_log *log;
    struct merkle_frontier f;
    struct err err;
    assert_int_equal(ledger_log_open(&log, where, &err), ERR_OK);
    assert_int_equal(ledger_log_head(log, &f, &err), ERR_OK);
    *out = merkle_root(&f);
    ledger_log_close(log);
}

static enum err_code move(const char *from, const char *to)
{
    struct err err = { .msg = "" };
    const enum err_code code = ledger_migrate(from, to, ignore, NULL, &err);
    if (code == ERR_INTERNAL || code == ERR_UNAVAILABLE)
        fprintf(stderr, "%s\n", err.msg);
    return code;
}

/* The key's answer is the one that was stored before. */
static void assert_answered(struct world *w, const char *name)
{
    struct charge c;
    struct ledger_run run;
    struct err err;
    charge_init(&c, "ann", name, name, 1, LIMIT);
    assert_int_equal(ledger_charge(w->ledger, &run, &c.args, &w->arena, &err),
                     ERR_OK);
    assert_int_equal(run.verdict, LEDGER_ANSWERED);
    assert_int_equal(run.answer_len, 9);
    assert_memory_equal(run.answer, "an answer", 9);
}

/* ---- tests ---- */

static void test_both_ways(void **state)
{
    struct world w;
    struct sums before, there, back;
    struct merkle_hash root, root_there;
    (void)state;
    world_init(&w);
    sum(&before, w.dir.path);
    for (size_t t = 0; t < N_TABLES; t++)
        if (strcmp(TABLES[t].name, "meta") != 0 && before.rows[t] == 0)
            fail_msg("the test has no row in %s", TABLES[t].name);
    head_of(&root, w.dir.path);

    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    sum(&there, postgres_uri());
    assert_same(&before, &there);
    head_of(&root_there, postgres_uri());
    assert_memory_equal(&root, &root_there, sizeof root);
    assert_int_equal(open_at(&w, w.dir.path), ERR_CONFLICT);

    assert_int_equal(open_at(&w, postgres_uri()), ERR_OK);
    assert_answered(&w, "r5");
    ledger_close(w.ledger);
    sum(&there, postgres_uri());

    assert_int_equal(move(postgres_uri(), w.back), ERR_OK);
    sum(&back, w.back);
    assert_same(&there, &back);
    assert_int_equal(open_at(&w, postgres_uri()), ERR_CONFLICT);
    assert_int_equal(open_at(&w, w.back), ERR_OK);
    assert_answered(&w, "r11");
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.back));
    world_fini(&w);
}

/* What is guarded before is guarded after. */
static void test_guards(void **state)
{
    struct world w;
    sqlite3 *db;
    (void)state;
    world_init(&w);
    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    postgres_run("SET search_path = halftone; DO $$ BEGIN"
                 " UPDATE charges SET rho = 0; RAISE 'it was let'; EXCEPTION"
                 " WHEN check_violation THEN NULL; END $$");
    assert_int_equal(move(postgres_uri(), w.back), ERR_OK);
    assert_int_equal(sqlite3_open(w.back, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE charges SET rho = 0", NULL, NULL, NULL),
        SQLITE_CONSTRAINT);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    world_fini(&w);
}

static void run_in_file(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define MOVE_ID "x'000102030405060708090a0b0c0d0e0f'"
static void test_cut_short(void **state)
{
    static const char begun[] =
        "INSERT OR REPLACE INTO meta VALUES ('moving', " MOVE_ID ");"
        "DELETE FROM meta WHERE key = 'moved'";
    struct world w;
    struct sums before, there;
    (void)state;
    world_init(&w);
    sum(&before, w.dir.path);

    /* before a row was copied */
    run_in_file(w.dir.path, begun);
    assert_int_equal(open_at(&w, w.dir.path), ERR_CONFLICT);
    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    sum(&there, postgres_uri());
    assert_same(&before, &there);

    /* before the file said that it was moved: neither is used until it goes on
     */
    run_in_file(w.dir.path, begun);
    postgres_run("INSERT INTO halftone.meta VALUES ('arrived',"
                 " '\\x000102030405060708090a0b0c0d0e0f')");
    assert_int_equal(open_at(&w, w.dir.path), ERR_CONFLICT);
    assert_int_equal(open_at(&w, postgres_uri()), ERR_CONFLICT);
    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    sum(&there, postgres_uri());
    assert_same(&before, &there);
    assert_int_equal(open_at(&w, postgres_uri()), ERR_OK);
    ledger_close(w.ledger);
    assert_int_equal(move(w.dir.path, w.back), ERR_CONFLICT);
    world_fini(&w);
}

static void test_refused(void **state)
{
    struct world w, other;
    (void)state;
    world_init(&w);
    assert_int_equal(move(w.dir.path, w.dir.path), ERR_INVALID);
    assert_int_equal(move("/nowhere/at.all", postgres_uri()), ERR_NOT_FOUND);
    assert_int_equal(move(postgres_uri(), w.back), ERR_NOT_FOUND);
    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    world_init(&other);
    other.real_time = true;
    assert_int_equal(open_at(&other, postgres_uri()), ERR_OK);
    assert_int_equal(move(postgres_uri(), other.back), ERR_UNAVAILABLE);
    assert_int_equal(move(other.dir.path, postgres_uri()), ERR_INVALID);
    ledger_close(other.ledger);
    world_fini(&other);
    world_fini(&w);
}

/* A copy of a database is a file: no server opens it, recovered and moved it is
 * the ledger again. */
static void test_backup(void **state)
{
    struct world w;
    struct sums before, copy;
    struct err err;
    const struct note_verifier key = { .name = "a/log" };
    (void)state;
    world_init(&w);
    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    assert_int_equal(open_at(&w, postgres_uri()), ERR_OK);
    assert_int_equal(ledger_backup(postgres_uri(), w.back, &err), ERR_OK);
    ledger_close(w.ledger);
    sum(&before, w.dir.path);
    sum(&copy, w.back);
    for (size_t t = 0; t < N_TABLES; t++) /* but for the start since */
        if (strcmp(TABLES[t].name, "charges") == 0 ||
            strcmp(TABLES[t].name, "answers") == 0)
            assert_memory_equal(before.digest[t], copy.digest[t], DIGEST);
    assert_int_equal(open_at(&w, w.back), ERR_CONFLICT);
    assert_int_equal(move(w.back, postgres_uri()), ERR_CONFLICT);
    postgres_clear();
    assert_int_equal(
        ledger_recover(w.back, NULL, &key, &w.clock.clock, ignore, NULL, &err),
        ERR_OK);
    assert_int_equal(move(w.back, postgres_uri()), ERR_OK);
    assert_int_equal(open_at(&w, postgres_uri()), ERR_OK);
    assert_answered(&w, "r5");
    ledger_close(w.ledger);
    world_fini(&w);
}

/* A database that was put back is recovered where it is. */
static void test_recover(void **state)
{
    struct world w;
    struct err err;
    const struct note_verifier key = { .name = "a/log" };
    const struct ledger_account_spec shop = { "dataset/shop",
                                              { .rho_pico = LIMIT },
                                              0 };
    struct ledger_balance b;
    (void)state;
    world_init(&w);
    assert_int_equal(move(w.dir.path, postgres_uri()), ERR_OK);
    w.real_time = true;
    assert_int_equal(open_at(&w, postgres_uri()), ERR_OK);
    assert_int_equal(ledger_recover(postgres_uri(), NULL, &key, &w.clock.clock,
                                    ignore, NULL, &err),
                     ERR_UNAVAILABLE);
    ledger_close(w.ledger);
    assert_int_equal(ledger_recover(postgres_uri(), NULL, &key, &w.clock.clock,
                                    ignore, NULL, &err),
                     ERR_OK);
    assert_true(ledger_verifies(postgres_uri()));
    assert_int_equal(open_at(&w, postgres_uri()), ERR_OK);
    assert_int_equal(ledger_balance(w.ledger, &b, &shop, &err), ERR_OK);
    assert_int_equal(b.left.rho_pico, 0);
    ledger_close(w.ledger);
    world_fini(&w);
}

/* A table or a column that is not copied would be lost. */
static void test_all_columns(void **state)
{
    struct world w;
    struct store *s;
    struct err err;
    (void)state;
    world_init(&w);
    assert_int_equal(store_open_read(&s, w.dir.path, &err), ERR_OK);
    bool more = store_query(
        s,
        "SELECT t.name, (SELECT group_concat(name, ',') FROM (SELECT name FROM"
        " pragma_table_info(t.name) ORDER BY name)) FROM sqlite_schema t"
        " WHERE t.type = 'table' AND t.name NOT LIKE 'lookup%' ORDER BY"
        " t.name",
        "");
    for (; more; more = store_next(s, SQL_QUERY)) {
        const char *name = store_text(s, SQL_QUERY, 0);
        const char *columns = store_text(s, SQL_QUERY, 1);
        size_t found = N_TABLES, n = 1, listed = 1;
        for (size_t t = 0; t < N_TABLES; t++)
            if (strcmp(TABLES[t].name, name) == 0)
                found = t;
        if (found == N_TABLES)
            fail_msg("%s is not in tables.def", name);
        for (const char *c = columns; *c; c++)
            n += *c == ',';
        for (const char *c = TABLES[found].columns; *c; c++)
            listed += *c == ',';
        const size_t wanted = listed + (strcmp(name, "keys") == 0); /* its id */
        if (n != wanted)
            fail_msg("%s has %zu columns, tables.def %zu", name, n, listed);
        assert_int_equal(strlen(TABLES[found].types), listed);
    }
    store_close(s);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),   cmocka_unit_test(test_guards),
        cmocka_unit_test(test_cut_short),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_all_columns), cmocka_unit_test(test_backup),
        cmocka_unit_test(test_recover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
