/* Several releases under one charge: found, charged, answered, run again. */
#include "server/ledger/bundle.h"

#include <sqlite3.h>
#include <string.h>

#include "server/ledger/seal.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { LIMIT = 100, LEASE_S = 60, US = 1000000 };
#define START_US (INT64_C(1760000400) * US)

struct fixture {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct ledger *ledger;
    struct arena arena;
    struct seal_keys keys; /* none: answers are stored as they are */
};

static void open_ledger(struct fixture *f)
{
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = f->dir.path,
                                      .own_clock = true,
                                      .clock = &f->clock.clock,
                                      .answer_keys = &f->keys,
                                      .lease_ns =
                                          (uint64_t)LEASE_S * 1000000000 };
    if (ledger_open(&f->ledger, &o, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void open_fixture(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    ledger_dir_init(&f->dir);
    arena_init(&f->arena, 32 << 20);
    fake_clock_init(&f->clock, START_US);
    open_ledger(f);
}

static void close_fixture(struct fixture *f)
{
    ledger_close(f->ledger);
    assert_true(ledger_verifies(f->dir.path));
    arena_fini(&f->arena);
    ledger_dir_fini(&f->dir);
}

static void later(struct fixture *f, int s)
{
    atomic_fetch_add(&f->clock.wall_us, (int64_t)s * US);
}

/* Release 'a' has the hash "aaa..."; upper case: one of a series. */
struct releases {
    uint8_t hash[LEDGER_PIECES_MAX][LEDGER_HASH_LEN];
    uint8_t series[LEDGER_HASH_LEN];
    struct ledger_piece piece[LEDGER_PIECES_MAX];
    struct ledger_want want[LEDGER_PIECES_MAX];
    size_t n;
};

static void releases_of(struct releases *r, const char *names)
{
    *r = (struct releases){ .n = strlen(names) };
    memset(r->series, 'S', sizeof r->series);
    for (size_t i = 0; i < r->n; i++) {
        const bool in_series = names[i] < 'a';
        memset(r->hash[i], names[i], LEDGER_HASH_LEN);
        r->want[i] = (struct ledger_want){ .release_hash = r->hash[i] };
        if (in_series) { /* 'A' is day 0, 'B' day 1, ... */
            r->want[i].series_hash = r->series;
            r->want[i].from_us = names[i] - 'A';
            r->want[i].to_us = names[i] - 'A' + 1;
        }
        r->piece[i] =
            (struct ledger_piece){ r->want[i], 1000, r->hash[i], i + 1 };
    }
}

static enum err_code look(struct fixture *f, struct ledger_look *out,
                          const char *names, const struct ledger_id *held)
{
    struct releases r;
    struct err err;
    releases_of(&r, names);
    const struct ledger_look_args args = { .dataset = "shop",
                                           .purpose = "reporting",
                                           .reuse_for_s = 500,
                                           .series_for_s = 900,
                                           .wants = r.want,
                                           .n = r.n,
                                           .held = held };
    return ledger_look(f->ledger, out, &args, &f->arena, &err);
}

static enum err_code charge(struct fixture *f, struct ledger_run *run,
                            const char *key, const char *names, uint64_t rho,
                            struct err *err)
{
    struct releases r;
    struct charge c;
    struct ledger_look seen;
    uint64_t rung;
    releases_of(&r, names);
    charge_init(&c, "ann", key, "whole", rho, LIMIT);
    c.args.reuse_for_s = 500;
    memcpy(c.request_hash, names, strlen(names));
    assert_int_equal(look(f, &seen, names, NULL), ERR_OK);
    return ledger_charge_bundle(f->ledger, run, &c.args, r.piece, r.n,
                                seen.newest, &rung, &f->arena, err);
}

/* Answers "a", "b", .. of the places named by digits. */
static size_t answers_of(struct ledger_piece_answer *out, const char *places)
{
    size_t n = 0;
    for (; *places; places++)
        out[n++] = (struct ledger_piece_answer){ (unsigned)(*places - '0'),
                                                 (const uint8_t *)places, 1 };
    return n;
}

static enum err_code answer(struct fixture *f, const struct ledger_run *run,
                            const char *places)
{
    struct ledger_piece_answer pieces[8];
    const uint8_t *whole = (const uint8_t *)"whole";
    size_t len = 5;
    struct err err;
    return ledger_answer_bundle(f->ledger, run->id, run->fence, 0, pieces,
                                answers_of(pieces, places), &whole, &len,
                                &f->arena, &err);
}

static enum err_code stumble(struct fixture *f, const struct ledger_run *run,
                             bool *is_over)
{
    struct err err;
    return ledger_stumble(f->ledger, run->id, run->fence, 0, is_over, &err);
}

static uint64_t spent(struct fixture *f)
{
    struct ledger_balance b;
    struct err err;
    const struct ledger_account_spec a = { "dataset/shop",
                                           { .rho_pico = LIMIT },
                                           0 };
    assert_int_equal(ledger_balance(f->ledger, &b, &a, &err), ERR_OK);
    return b.spent.rho_pico;
}

/* Letters of the wants that are stored, '.' where a held one is yet to run. */
static const char *stored(struct fixture *f, const char *names,
                          const struct ledger_id *held)
{
    static char out[64];
    struct ledger_look seen;
    assert_int_equal(look(f, &seen, names, held), ERR_OK);
    for (size_t i = 0; i < seen.n; i++)
        out[i] =
            seen.found[i].answer ? (char)seen.found[i].release_hash[0] : '.';
    out[seen.n] = '\0';
    return out;
}

static void check_one_charge(void **state)
{
    struct fixture f;
    struct ledger_run run, again;
    struct err err;
    (void)state;
    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "k", "abc", 30, &err), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    assert_int_equal(spent(&f), 30);
    assert_int_equal(charge(&f, &again, "k", "abc", 30, &err), ERR_OK);
    assert_int_equal(again.verdict, LEDGER_IN_FLIGHT);
    assert_int_equal(answer(&f, &run, "012"), ERR_OK);
    assert_int_equal(charge(&f, &again, "k", "abc", 30, &err), ERR_OK);
    assert_int_equal(again.verdict, LEDGER_ANSWERED);
    assert_memory_equal(again.answer, "whole", 5);
    assert_int_equal(spent(&f), 30);
    assert_int_equal(charge(&f, &again, "k", "ab", 30, &err), ERR_CONFLICT);
    close_fixture(&f);
}

static void check_all_or_none(void **state)
{
    struct fixture f;
    struct ledger_run run;
    struct err err;
    (void)state;
    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "k", "abc", LIMIT + 1, &err), ERR_BUDGET);
    assert_int_equal(spent(&f), 0);
    assert_string_equal(stored(&f, "abc", NULL), "");
    /* Refused, the key is free. */
    assert_int_equal(charge(&f, &run, "k", "abc", LIMIT, &err), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    close_fixture(&f);
}

/* A piece serves whoever asks for that release alone, and the other way. */
static void check_reuse(void **state)
{
    struct fixture f;
    struct ledger_run run, alone;
    struct charge one;
    struct err err;
    (void)state;
    open_fixture(&f);
    charge_init(&one, "bob", "", "", 5, LIMIT);
    memset(one.release_hash, 'b', sizeof one.release_hash);
    one.args.reuse_for_s = 500;
    assert_int_equal(charge(&f, &run, "k", "ab", 20, &err), ERR_OK);
    assert_int_equal(ledger_charge(f.ledger, &alone, &one.args, &f.arena, &err),
                     ERR_OK);
    assert_int_equal(alone.verdict, LEDGER_IN_FLIGHT);
    assert_int_equal(answer(&f, &run, "01"), ERR_OK);
    assert_int_equal(ledger_charge(f.ledger, &alone, &one.args, &f.arena, &err),
                     ERR_OK);
    assert_int_equal(alone.verdict, LEDGER_ANSWERED);
    assert_int_equal(*alone.answer, '1');
    assert_int_equal(spent(&f), 20);

    memset(one.release_hash, 'z', sizeof one.release_hash);
    const uint8_t *bytes = (const uint8_t *)"Z";
    size_t len = 1;
    assert_int_equal(ledger_charge(f.ledger, &alone, &one.args, &f.arena, &err),
                     ERR_OK);
    struct ledger_look seen;
    assert_int_equal(look(&f, &seen, "az", NULL), ERR_OK);
    assert_true(seen.in_flight);
    assert_int_equal(ledger_answer(f.ledger, alone.id, alone.fence, 0, &bytes,
                                   &len, &f.arena, &err),
                     ERR_OK);
    assert_string_equal(stored(&f, "az", NULL), "az");
    later(&f, 501); /* past reuse_for */
    assert_string_equal(stored(&f, "az", NULL), "");
    close_fixture(&f);
}

/* Days of a series are found by overlap, oldest first, for longer. */
static void check_series(void **state)
{
    struct fixture f;
    struct ledger_run run;
    struct err err;
    (void)state;
    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "", "A", 10, &err), ERR_OK);
    assert_int_equal(answer(&f, &run, "0"), ERR_OK);
    assert_int_equal(charge(&f, &run, "", "B", 10, &err), ERR_OK);
    struct ledger_look seen;
    assert_int_equal(look(&f, &seen, "B", NULL), ERR_OK);
    assert_true(seen.in_flight);
    assert_int_equal(look(&f, &seen, "C", NULL), ERR_OK);
    assert_false(seen.in_flight); /* another day */
    assert_int_equal(answer(&f, &run, "0"), ERR_OK);
    later(&f, 501);
    assert_string_equal(stored(&f, "A", NULL), "A");
    assert_string_equal(stored(&f, "B", NULL), "B");
    later(&f, 400);
    assert_string_equal(stored(&f, "A", NULL), "");
    close_fixture(&f);
}

/* What was charged since the look is not charged again. */
static void check_stale(void **state)
{
    struct fixture f;
    struct ledger_run first, run;
    struct ledger_look seen;
    struct releases r;
    struct charge c;
    struct err err;
    uint64_t rung;
    (void)state;
    open_fixture(&f);
    assert_int_equal(look(&f, &seen, "aB", NULL), ERR_OK);
    assert_int_equal(charge(&f, &first, "", "B", 10, &err), ERR_OK);
    releases_of(&r, "aB");
    charge_init(&c, "bob", "", "both", 20, LIMIT);
    c.args.reuse_for_s = 500;
    assert_int_equal(ledger_charge_bundle(f.ledger, &run, &c.args, r.piece, r.n,
                                          seen.newest, &rung, &f.arena, &err),
                     ERR_OK);
    assert_int_equal(run.verdict, LEDGER_STALE);
    assert_int_equal(spent(&f), 10);
    c.args.reuse_for_s = 0; /* nobody's answer serves anyone */
    assert_int_equal(ledger_charge_bundle(f.ledger, &run, &c.args, r.piece, r.n,
                                          seen.newest, &rung, &f.arena, &err),
                     ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    close_fixture(&f);
}

/* A run fails: nothing is kept, the next run has all of it. */
static void check_stumble(void **state)
{
    struct fixture f;
    struct ledger_run run, next;
    struct err err;
    bool is_over;
    (void)state;
    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "k", "abc", 30, &err), ERR_OK);
    assert_int_equal(stumble(&f, &run, &is_over), ERR_OK);
    assert_false(is_over);
    assert_string_equal(stored(&f, "abc", NULL), "");
    assert_int_equal(answer(&f, &run, "012"), ERR_OK); /* still its run */
    assert_string_equal(stored(&f, "abc", NULL), "abc");
    close_fixture(&f);

    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "k", "abc", 30, &err), ERR_OK);
    assert_int_equal(stumble(&f, &run, &is_over), ERR_OK);
    assert_int_equal(charge(&f, &next, "k", "abc", 30, &err), ERR_OK);
    assert_int_equal(next.verdict, LEDGER_CHARGED);
    assert_int_equal(next.fence, 2);
    assert_string_equal(stored(&f, "", &next.id), "...");
    struct ledger_look seen;
    assert_int_equal(look(&f, &seen, "", &next.id), ERR_OK);
    assert_int_equal(seen.found[2].what_len, 3); /* as it was charged */
    assert_memory_equal(seen.found[2].what, "ccc", 3);
    assert_int_equal(answer(&f, &run, "012"), ERR_UNAVAILABLE); /* fenced off */
    assert_int_equal(answer(&f, &next, "012"), ERR_OK);
    assert_int_equal(spent(&f), 30);
    close_fixture(&f);
}

/* Memory ends while an answer is encrypted: whatever was done by then, nothing
 * of it is stored, and the charge is as it was. */
static void check_no_memory(void **state)
{
    static const char key[] =
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    static const uint8_t body[4000];
    const struct ledger_piece_answer pieces[] = { { 0, body, sizeof body },
                                                  { 1, body, sizeof body } };
    struct fixture f;
    struct ledger_run run;
    struct err err;
    (void)state;
    open_fixture(&f);
    ledger_close(f.ledger);
    assert_int_equal(seal_keys_parse(&f.keys, key, strlen(key), &err), ERR_OK);
    open_ledger(&f);
    assert_int_equal(charge(&f, &run, "k", "ab", 10, &err), ERR_OK);
    enum err_code code = ERR_LIMIT;
    for (size_t cap = 256; code == ERR_LIMIT; cap += 256) {
        struct arena small;
        const uint8_t *whole = body;
        size_t len = sizeof body;
        arena_init(&small, cap);
        code = ledger_answer_bundle(f.ledger, run.id, run.fence, 0, pieces, 2,
                                    &whole, &len, &small, &err);
        arena_fini(&small);
        assert_string_equal(stored(&f, "ab", NULL), code == ERR_OK ? "ab" : "");
        assert_true(cap < 1 << 16);
    }
    assert_int_equal(code, ERR_OK);
    assert_int_equal(charge(&f, &run, "k", "ab", 10, &err), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_ANSWERED);
    close_fixture(&f);
}

/* Each run that failed is a miss: past the limits it does not run again. */
static void check_stumbles_count(void **state)
{
    struct fixture f;
    struct ledger_run run;
    struct err err;
    bool is_over;
    (void)state;
    open_fixture(&f);
    for (int i = 0; i < 3; i++) { /* max_misses_day */
        assert_int_equal(charge(&f, &run, "k", "ab", 10, &err), ERR_OK);
        assert_int_equal(run.fence, i + 1);
        assert_int_equal(stumble(&f, &run, &is_over), ERR_OK);
    }
    assert_true(is_over); /* LEDGER_RUNS_MAX */
    assert_int_equal(charge(&f, &run, "k", "ab", 10, &err), ERR_MISS);
    assert_int_equal(charge(&f, &run, "k2", "cd", 10, &err), ERR_MISSES);
    assert_string_equal(stored(&f, "ab", NULL), "");
    assert_int_equal(spent(&f), 10);
    close_fixture(&f);

    open_fixture(&f);
    for (int i = 0; i < 3; i++) {
        const char key[] = { (char)('0' + i), '\0' };
        const char names[] = { (char)('a' + i), '\0' };
        assert_int_equal(charge(&f, &run, key, names, 10, &err), ERR_OK);
        assert_int_equal(stumble(&f, &run, &is_over), ERR_OK);
    }
    assert_int_equal(charge(&f, &run, "0", "a", 10, &err), ERR_MISSES);
    close_fixture(&f);

    /* Nor for a client without a key, who finds its charge by the release. */
    open_fixture(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            charge(&f, &run, i ? "k" : "", i ? "cd" : "ab", 10, &err), ERR_OK);
        assert_int_equal(run.fence, i == 2 ? 2 : 1);
        assert_int_equal(stumble(&f, &run, &is_over), ERR_OK);
    }
    assert_int_equal(charge(&f, &run, "", "ab", 10, &err), ERR_MISSES);
    assert_int_equal(spent(&f), 20);
    close_fixture(&f);
}

/* The process dies after the charge: spent, and the key runs it again. */
static void check_crash(void **state)
{
    struct fixture f;
    struct ledger_run run;
    struct err err;
    (void)state;
    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "k", "ab", 30, &err), ERR_OK);
    ledger_close(f.ledger);
    open_ledger(&f);
    assert_int_equal(spent(&f), 30);
    assert_string_equal(stored(&f, "ab", NULL), "");
    assert_int_equal(charge(&f, &run, "k", "ab", 30, &err), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    assert_int_equal(run.fence, 2);
    assert_string_equal(stored(&f, "", &run.id), "..");
    assert_int_equal(answer(&f, &run, "01"), ERR_OK);
    assert_int_equal(spent(&f), 30);
    close_fixture(&f);
}

/* Without a key the lapsed charge of the same whole is adopted. */
static void check_adopt(void **state)
{
    struct fixture f;
    struct ledger_run run;
    struct err err;
    (void)state;
    open_fixture(&f);
    assert_int_equal(charge(&f, &run, "", "ab", 30, &err), ERR_OK);
    later(&f, LEASE_S + 1);
    assert_int_equal(charge(&f, &run, "", "ab", 30, &err), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    assert_int_equal(run.fence, 2);
    assert_int_equal(spent(&f), 30);
    close_fixture(&f);
}

/* A file written before there were bundles is brought up to date. */
static void check_old_file(void **state)
{
    struct fixture f;
    struct ledger_run run;
    struct err err;
    (void)state;
    open_fixture(&f);
    ledger_close(f.ledger);
    ledger_make_old(f.dir.path, 2);
    open_ledger(&f);
    assert_int_equal(charge(&f, &run, "k", "ab", 30, &err), ERR_OK);
    assert_int_equal(answer(&f, &run, "01"), ERR_OK);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_one_charge),
        cmocka_unit_test(check_all_or_none),
        cmocka_unit_test(check_reuse),
        cmocka_unit_test(check_series),
        cmocka_unit_test(check_stale),
        cmocka_unit_test(check_stumble),
        cmocka_unit_test(check_stumbles_count),
        cmocka_unit_test(check_no_memory),
        cmocka_unit_test(check_crash),
        cmocka_unit_test(check_adopt),
    };
    const struct CMUnitTest of_file[] = { cmocka_unit_test(check_old_file) };
    const int in_file = cmocka_run_group_tests(tests, NULL, NULL) |
                        cmocka_run_group_tests(of_file, NULL, NULL);
    ledger_dirs_in_postgres(true);
    return in_file | cmocka_run_group_tests(tests, NULL, NULL);
}
