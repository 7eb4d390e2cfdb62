/* Answers at rest: what opens them, and what does not. */
#include "server/ledger/seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, PRICE = 3, LIMIT = 1000000 };
#define START_US (INT64_C(1760000400) * 1000000)
#define KEY_A                                                                  \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define KEY_B                                                                  \
    "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f\n"
static const uint8_t CHARGE[16] = { 1, 2, 3 }, OTHER[16] = { 1, 2, 4 };
static const char ANSWER[] = "country=PT n=1234";
static const char QUESTION[] = "SELECT count(*) FROM people WHERE town = 'Ur'";

static struct seal_keys keys_of(const char *text)
{
    struct seal_keys k;
    struct err err;
    assert_int_equal(seal_keys_parse(&k, text, strlen(text), &err), ERR_OK);
    return k;
}

static const struct row {
    const char *name, *by, *open_by;
    struct seal_of of;
    bool opens;
} rows[] = {
    { "the key that sealed opens",
      KEY_A,
      KEY_A,
      { "shop", CHARGE, SEAL_ANSWER },
      true },
    { "an older key still opens",
      KEY_A,
      KEY_B KEY_A,
      { "shop", CHARGE, SEAL_ANSWER },
      true },
    { "the newest key seals",
      KEY_B KEY_A,
      KEY_B,
      { "shop", CHARGE, SEAL_ANSWER },
      true },
    { "a key that was removed does not",
      KEY_A,
      KEY_B,
      { "shop", CHARGE, SEAL_ANSWER },
      false },
    { "another dataset's does not",
      KEY_A,
      KEY_A,
      { "bank", CHARGE, SEAL_ANSWER },
      false },
    { "it is no other charge's",
      KEY_A,
      KEY_A,
      { "shop", OTHER, SEAL_ANSWER },
      false },
    { "nor another piece's", KEY_A, KEY_A, { "shop", CHARGE, 0 }, false },
};

static void check(void **state)
{
    const struct row *row = *state;
    const struct seal_keys by = keys_of(row->by), with = keys_of(row->open_by);
    const struct seal_of of = { "shop", CHARGE, SEAL_ANSWER };
    const uint8_t *data = (const uint8_t *)ANSWER;
    size_t len = sizeof ANSWER;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, ARENA_CAP);
    assert_int_equal(seal(&by, &of, &data, &len, &a, &err), ERR_OK);
    assert_int_equal(len, sizeof ANSWER + SEAL_OVERHEAD);
    assert_null(memmem(data, len, "country", 7));
    assert_int_equal(unseal(&with, &row->of, &data, &len, &a, &err),
                     row->opens ? ERR_OK : ERR_INTERNAL);
    if (row->opens) {
        assert_int_equal(len, sizeof ANSWER);
        assert_memory_equal(data, ANSWER, len);
    } else {
        assert_true(err.msg[0] && err.hint[0]);
    }
    arena_fini(&a);
}

static void test_flips(void **state)
{
    const struct seal_keys k = keys_of(KEY_A);
    const struct seal_of of = { "shop", CHARGE, 5 };
    uint8_t bytes[sizeof ANSWER + SEAL_OVERHEAD];
    const uint8_t *data = (const uint8_t *)ANSWER;
    size_t len = sizeof ANSWER;
    struct arena a;
    struct err err;
    (void)state;
    arena_init(&a, ARENA_CAP);
    assert_int_equal(seal(&k, &of, &data, &len, &a, &err), ERR_OK);
    memcpy(bytes, data, len);
    for (size_t i = 4; i < len; i++) { /* before: not ours at all */
        const uint8_t *flipped = bytes;
        size_t n = len;
        bytes[i] ^= 1;
        assert_int_equal(unseal(&k, &of, &flipped, &n, &a, &err), ERR_INTERNAL);
        bytes[i] ^= 1;
        n = i;
        flipped = bytes;
        assert_int_equal(unseal(&k, &of, &flipped, &n, &a, &err), ERR_INTERNAL);
    }
    arena_fini(&a);
}

static const struct text {
    const char *name, *text;
    bool ok;
} texts[] = {
    { "one key", KEY_A, true },
    { "no newline at the end",
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      true },
    { "eight keys", KEY_A KEY_B KEY_A KEY_B KEY_A KEY_B KEY_A KEY_B, true },
    { "nine", KEY_A KEY_B KEY_A KEY_B KEY_A KEY_B KEY_A KEY_B KEY_A, false },
    { "none", "", false },
    { "an empty line", "\n" KEY_A, false },
    { "a short one", "0001\n", false },
    { "capitals",
      "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\n",
      false },
};

static void check_keys(void **state)
{
    const struct text *row = *state;
    struct seal_keys k;
    struct err err = { 0 };
    assert_int_equal(seal_keys_parse(&k, row->text, strlen(row->text), &err),
                     row->ok ? ERR_OK : ERR_INVALID);
    assert_null(strstr(err.msg, "0001"));
}

/* ---- in a ledger ---- */

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    struct ledger *ledger;
};

static void open_with(struct world *w, const struct seal_keys *keys)
{
    uint64_t found;
    struct err err;
    const struct ledger_options o = { .path = w->dir.path,
                                      .own_clock = true,
                                      .clock = &w->clock.clock,
                                      .lease_ns = UINT64_C(10000000000),
                                      .answer_keys = keys };
    assert_int_equal(ledger_open(&w->ledger, &o, &found, &err), ERR_OK);
}

static enum err_code ask(struct world *w, const char *key,
                         struct ledger_run *run, struct err *err)
{
    struct charge c;
    charge_init(&c, "ann", key, key, PRICE, LIMIT);
    c.args.text = QUESTION;
    TRY(ledger_charge(w->ledger, run, &c.args, &w->arena, err));
    if (run->verdict != LEDGER_CHARGED)
        return ERR_OK;
    const uint8_t *answer = (const uint8_t *)ANSWER;
    size_t len = sizeof ANSWER;
    TRY(ledger_answer(w->ledger, run->id, run->fence, 0, &answer, &len,
                      &w->arena, err));
    run->answer = answer;
    run->answer_len = len;
    return ERR_OK;
}

static void must_get(struct world *w, const char *key)
{
    struct ledger_run run;
    struct err err;
    assert_int_equal(ask(w, key, &run, &err), ERR_OK);
    assert_int_equal(run.answer_len, sizeof ANSWER);
    assert_memory_equal(run.answer, ANSWER, sizeof ANSWER);
}

static bool file_holds(const char *path, const char *what)
{
    static char bytes[1 << 20];
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    const ssize_t n = read(fd, bytes, sizeof bytes);
    assert_int_equal(close(fd), 0);
    assert_true(n > 0);
    return memmem(bytes, (size_t)n, what, strlen(what)) != NULL;
}

static void test_ledger(void **state)
{
    const struct seal_keys a = keys_of(KEY_A), b = keys_of(KEY_B),
                           both = keys_of(KEY_B KEY_A);
    struct world w = { 0 };
    struct ledger_run run;
    struct err err = { 0 };
    (void)state;
    ledger_dir_init(&w.dir);
    fake_clock_init(&w.clock, START_US);
    arena_init(&w.arena, ARENA_CAP);
    open_with(&w, NULL);
    must_get(&w, "plain");
    ledger_close(w.ledger);
    assert_true(file_holds(w.dir.path, "country=PT")); /* it would be found */
    assert_true(file_holds(w.dir.path, "FROM people"));

    open_with(&w, &a);
    must_get(&w, "plain");
    must_get(&w, "sealed");
    must_get(&w, "sealed");
    ledger_close(w.ledger);

    open_with(&w, &b);
    assert_int_equal(ask(&w, "sealed", &run, &err), ERR_INTERNAL);
    assert_non_null(strstr(err.msg, "key is not here"));
    ledger_close(w.ledger);

    open_with(&w, &both);
    must_get(&w, "sealed");
    must_get(&w, "newer");
    ledger_close(w.ledger);
    open_with(&w, &b);
    must_get(&w, "newer");
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

static void test_nothing_in_the_file(void **state)
{
    const struct seal_keys a = keys_of(KEY_A);
    struct world w = { 0 };
    char wal[96];
    (void)state;
    ledger_dir_init(&w.dir);
    fake_clock_init(&w.clock, START_US);
    arena_init(&w.arena, ARENA_CAP);
    open_with(&w, &a);
    must_get(&w, "one");
    must_get(&w, "two");
    (void)snprintf(wal, sizeof wal, "%s-wal", w.dir.path);
    assert_false(file_holds(wal, "country=PT"));
    assert_false(file_holds(wal, "FROM people"));
    ledger_close(w.ledger);
    assert_false(file_holds(w.dir.path, "country=PT"));
    assert_false(file_holds(w.dir.path, "FROM people"));
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

/* The text that a list shows of the only charge. */
static const char *listed(struct world *w, bool with_text)
{
    struct ledger_row *list;
    const char *next;
    struct err err;
    size_t n;
    assert_int_equal(ledger_list(w->ledger, &list, &n, &next, "shop", "ann", "",
                                 10, with_text, &w->arena, &err),
                     ERR_OK);
    assert_true(n >= 1);
    return list[n - 1].text;
}

static void test_question(void **state)
{
    const struct seal_keys a = keys_of(KEY_A), b = keys_of(KEY_B);
    struct world w = { 0 };
    (void)state;
    ledger_dir_init(&w.dir);
    fake_clock_init(&w.clock, START_US);
    arena_init(&w.arena, ARENA_CAP);
    open_with(&w, &a);
    must_get(&w, "one");
    assert_null(listed(&w, false)); /* nobody asked for it */
    assert_string_equal(listed(&w, true), QUESTION);
    ledger_close(w.ledger);
    open_with(&w, &b); /* without its key it is gone, and the charge is there */
    assert_null(listed(&w, true));
    ledger_close(w.ledger);
    open_with(&w, &a);
    atomic_fetch_add(&w.clock.wall_us, INT64_C(1001) * 1000000); /* keep_s */
    assert_null(listed(&w, true));
    must_get(&w, "two"); /* clears away what has expired */
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_nothing_in_the_file),
        cmocka_unit_test(test_question),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL) |
           RUN_ROWS(rows, check) | RUN_ROWS(texts, check_keys);
}
