#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/consent/erase.h"
#include "server/consent/parts.h"
#include "server/consent/shelf_sqlite.h"

#include "tests/lib_register.h"
#include "tests/table.h"

/* Files of decisions: whole or not at all, for whoever looks, too. */
#define DAY REGISTER_DAY
#define NOW REGISTER_NOW

static struct policy_purpose purposes[] = {
    { .id = "a", .help = "", .notice = 2 }, { .id = "b", .help = "" }
};
static const struct policy policy = { .population = "people",
                                      .tables = &register_table,
                                      .n_tables = 1,
                                      .purposes = purposes,
                                      .n_purposes = 2 };

static bool stands(struct lib_register *f, const char *who,
                   enum people_side side)
{
    return register_stands(f, who, "a", side);
}

/* ---- piece by piece ---- */

static const char *const just_a = "a";
static const struct consent_kind KINDS[] = {
    { .state = CONSENT_GRANTED, .purposes = &just_a, .n_purposes = 1 },
    { .state = CONSENT_WITHDRAWN, .purposes = &just_a, .n_purposes = 1 }
};

/* Rows first.. of the file `digest`: subjects first+1, .., of one kind. */
static enum err_code send(struct lib_register *f, uint8_t digest,
                          uint64_t first, size_t n, uint32_t kind,
                          int64_t at_us, bool last,
                          struct consent_imported *out, struct err *err)
{
    const uint8_t bytes[CONSENT_DIGEST_LEN] = { digest };
    static char text[64][16];
    const char *subjects[64];
    uint32_t kinds[64];
    int64_t at[64];
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text[i], sizeof text[i], "%d", (int)(first + i + 1));
        subjects[i] = text[i];
        kinds[i] = kind;
        at[i] = at_us;
    }
    const struct consent_chunk chunk = { .digest = bytes,
                                         .first = first,
                                         .kinds = KINDS,
                                         .n_kinds = 2,
                                         .subjects = subjects,
                                         .kind = kinds,
                                         .at_us = at,
                                         .n_rows = n,
                                         .last = last,
                                         .source = "a file",
                                         .by = "desk" };
    return consent_import(f->c, f->circle, &chunk, out, err);
}

static void must_send(struct lib_register *f, uint8_t digest, uint64_t first,
                      size_t n, bool last, uint64_t rows)
{
    struct consent_imported out;
    struct err err = { 0 };
    if (send(f, digest, first, n, 0, NOW - DAY, last, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(out.n_rows, rows);
    assert_int_equal(out.done, last);
}

static unsigned count_yes(struct lib_register *f, int n)
{
    unsigned yes = 0;
    for (int i = 1; i <= n; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "%d", i);
        yes += stands(f, who, PEOPLE_YES);
    }
    return yes;
}

static void check_file(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    must_send(&f, 1, 0, 30, false, 30);
    assert_int_equal(count_yes(&f, 60), 0); /* cut in half: nothing counts */
    register_reopen(&f);
    assert_int_equal(count_yes(&f, 60), 0);
    must_send(&f, 1, 10, 5, false, 30); /* not the next piece */
    register_decide(&f, "7", CONSENT_WITHDRAWN, "a", NOW); /* meanwhile */
    register_decide(&f, "40", CONSENT_WITHDRAWN, "a", NOW);
    must_send(&f, 1, 30, 30, true, 60);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(count_yes(&f, 60), 58);
        assert_false(stands(&f, "7", PEOPLE_YES));
        assert_false(stands(&f, "40", PEOPLE_YES));
        register_reopen(&f);
    }
    must_send(&f, 1, 0, 0, true, 60); /* once more: it is there */
    assert_int_equal(count_yes(&f, 60), 58);
    register_close(&f);
}

/* A mistake that many rows share is named by the first of them. */
static const char *const unknown = "z";
static const struct wrong_kind {
    const char *name;
    struct consent_kind kind;
    const char *says;
} wrong_kinds[] = {
    { "a purpose that is not there",
      { .state = CONSENT_GRANTED, .purposes = &unknown, .n_purposes = 1 },
      "row 3: the dataset has no purpose 'z'" },
    { "a notice that is not written yet",
      { .state = CONSENT_GRANTED,
        .purposes = &just_a,
        .n_purposes = 1,
        .notice = 3 },
      "row 3: notice: purpose 'a' has no version 3, its newest is 2" },
};

static void check_wrong_kind(void **state)
{
    const struct wrong_kind *row = *state;
    const struct consent_kind kinds[] = {
        { .state = CONSENT_GRANTED, .purposes = &just_a, .n_purposes = 1 },
        row->kind
    };
    static const uint8_t digest[CONSENT_DIGEST_LEN] = { 9 };
    static const char *const subjects[] = { "1", "2", "3" };
    static const uint32_t kind[] = { 0, 0, 1 };
    static const int64_t at[] = { NOW - DAY, NOW - DAY, NOW - DAY };
    const struct consent_chunk chunk = { .digest = digest,
                                         .kinds = kinds,
                                         .n_kinds = 2,
                                         .subjects = subjects,
                                         .kind = kind,
                                         .at_us = at,
                                         .n_rows = 3,
                                         .last = true,
                                         .source = "",
                                         .by = "desk" };
    struct lib_register f;
    struct consent_imported out;
    struct err err = { 0 };
    register_open(&f, &policy);
    assert_int_not_equal(consent_import(f.c, f.circle, &chunk, &out, &err),
                         ERR_OK);
    if (!strstr(err.msg, row->says))
        fail_msg("%s", err.msg);
    assert_int_equal(count_yes(&f, 3), 0);
    register_close(&f);
}

/* The hash of a file of one row tells whose it is, to who guesses. */
static void check_unguessed(void **state)
{
    uint8_t digest[CONSENT_DIGEST_LEN];
    struct lib_register f;
    struct err err = { 0 };
    struct consent_imported out;
    const char *who = "5";
    const uint32_t kind = 0;
    const int64_t at = NOW;
    (void)state;
    memset(digest, 0xa7, sizeof digest);
    const struct consent_chunk chunk = { .digest = digest,
                                         .kinds = KINDS,
                                         .n_kinds = 2,
                                         .subjects = &who,
                                         .kind = &kind,
                                         .at_us = &at,
                                         .n_rows = 1,
                                         .last = true,
                                         .source = "",
                                         .by = "desk" };
    register_open(&f, &policy);
    assert_int_equal(consent_import(f.c, f.circle, &chunk, &out, &err), ERR_OK);
    register_reopen(&f);
    assert_int_equal(consent_import(f.c, f.circle, &chunk, &out, &err), ERR_OK);
    assert_true(out.done && out.n_rows == 1);
    register_shut(&f);
    for (int i = 0; i < 2; i++) {
        static char bytes[1 << 20];
        char path[128];
        (void)snprintf(path, sizeof path, "%s%s", f.dir.path, i ? "-wal" : "");
        FILE *file = fopen(path, "rb");
        const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
        if (file)
            (void)fclose(file);
        assert_null(memmem(bytes, n, digest, sizeof digest));
    }
    register_close(&f);
}

static void check_wrong_row(void **state)
{
    struct lib_register f;
    struct consent_imported out;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    must_send(&f, 2, 0, 20, false, 20);
    assert_int_equal(send(&f, 2, 20, 5, 0, NOW + DAY, true, &out, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.msg, "row 21: at lies in the future"));
    assert_int_equal(count_yes(&f, 60), 0);
    for (int i = 0; i < 3; i++)
        consent_tick(f.c);             /* what was kept of it goes */
    must_send(&f, 2, 0, 20, true, 20); /* mended, under the same digest even */
    assert_int_equal(count_yes(&f, 60), 20);
    register_close(&f);
}

/* Half a file is gone after a day. */
static void check_stale(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    must_send(&f, 3, 0, 20, false, 20);
    f.clock.wall_us = NOW + 2 * DAY;
    for (int i = 0; i < 4; i++)
        consent_tick(f.c);
    must_send(&f, 3, 0, 10, true, 10);
    assert_int_equal(count_yes(&f, 60), 10);
    register_close(&f);
}

/* ---- for whoever looks ---- */

enum { MANY = 25000 }; /* more than are staged at a time, twice */

/* A file of the people 1..MANY, who all say yes. */
static enum err_code send_many(struct lib_register *f, bool last,
                               struct err *err)
{
    enum { PIECE = 5000 };
    static char text[PIECE][8];
    static const char *subjects[PIECE];
    static uint32_t kinds[PIECE];
    static int64_t at[PIECE];
    static const uint8_t digest[CONSENT_DIGEST_LEN] = { 7 };
    struct consent_imported out;
    for (int first = 0; first < MANY; first += PIECE) {
        for (int i = 0; i < PIECE; i++) {
            (void)snprintf(text[i], sizeof text[i], "%d", first + i + 1);
            subjects[i] = text[i];
            at[i] = NOW - DAY;
        }
        const struct consent_chunk chunk = { .digest = digest,
                                             .first = (uint64_t)first,
                                             .kinds = KINDS,
                                             .n_kinds = 2,
                                             .subjects = subjects,
                                             .kind = kinds,
                                             .at_us = at,
                                             .n_rows = PIECE,
                                             .last =
                                                 last && first + PIECE == MANY,
                                             .source = "a file",
                                             .by = "desk" };
        TRY(consent_import(f->c, f->circle, &chunk, &out, err));
    }
    return ERR_OK;
}

static uint32_t count_bits(struct lib_register *f)
{
    const struct people_view *v = consent_pin(f->c, f->circle, "a", PEOPLE_YES);
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n / 64; i++)
        n += (uint32_t)__builtin_popcountll(v->bits[i]);
    people_unpin(v);
    return n;
}

struct watcher {
    struct lib_register *f;
    atomic_bool stops;
    bool saw_half;
    unsigned looks;
};

static void *watch(void *arg)
{
    struct watcher *w = arg;
    while (!atomic_load(&w->stops)) {
        const uint32_t n = count_bits(w->f);
        w->saw_half |= n != 0 && n != MANY;
        w->looks++;
    }
    return NULL;
}

static void check_at_once(void **state)
{
    struct lib_register f;
    struct watcher w = { .f = &f };
    struct err err = { 0 };
    pthread_t thread;
    (void)state;
    register_open(&f, &policy);
    assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
    const enum err_code code = send_many(&f, true, &err);
    atomic_store(&w.stops, true);
    (void)pthread_join(thread, NULL);
    assert_int_equal(code, ERR_OK);
    assert_false(w.saw_half);
    assert_true(w.looks > 100);
    assert_int_equal(count_bits(&f), MANY);
    register_close(&f);
}

/* ---- what others decide meanwhile ---- */

struct decider {
    struct lib_register *f;
    atomic_bool stops;
    unsigned seed;
    unsigned n;
};

static void *decide_meanwhile(void *arg)
{
    static const char *const shop = "shop";
    struct decider *d = arg;
    struct arena a;
    arena_init(&a, 1 << 22);
    for (; !atomic_load(&d->stops); d->n++) {
        char who[16];
        const char *to = d->n % 2 ? "a" : "b";
        struct consent_recorded out;
        struct erasure e;
        struct err err = { 0 };
        const unsigned r = d->seed = d->seed * 1103515245 + 12345;
        (void)snprintf(who, sizeof who, "%u", r / 65536 % (MANY + 5000) + 1);
        const struct consent_event event = register_event(
            who, r & 1024 ? CONSENT_WITHDRAWN : CONSENT_GRANTED, &to, NOW + 9);
        const struct erasure_request erased = { .subject = who,
                                                .deadline_s = 86400,
                                                .datasets = &shop,
                                                .n_datasets = 1 };
        const enum err_code code =
            d->n % 3
                ? consent_record(d->f->c, d->f->circle, &event, &out, &err)
                : consent_erase(d->f->c, d->f->circle, &erased, &e, &a, &err);
        if (code != ERR_OK && code != ERR_CONFLICT)
            abort();
        arena_reset(&a);
        /* Of what she said here, the last word holds: seen at once. */
        if (code == ERR_OK && d->n % 3 && (r & 1024) &&
            register_stands(d->f, who, to, PEOPLE_YES))
            abort();
    }
    arena_fini(&a);
    return NULL;
}

/* How people stand in memory, by what they decided while a file was made to
 * count, is how they stand by what is in the file. */
static void check_meanwhile(void **state)
{
    static bool yes[MANY + 5001], no[MANY + 5001];
    struct lib_register f;
    enum { THREADS = 6 };
    struct decider d[THREADS];
    pthread_t threads[THREADS];
    struct err err = { 0 };
    char who[16];
    unsigned n_yes = 0, n = 0;
    (void)state;
    register_open(&f, &policy);
    f.clock.wall_us = NOW + 20;
    for (unsigned i = 0; i < THREADS; i++) {
        d[i] = (struct decider){ .f = &f, .seed = i };
        assert_int_equal(
            pthread_create(&threads[i], NULL, decide_meanwhile, &d[i]), 0);
    }
    const enum err_code code = send_many(&f, true, &err);
    for (unsigned i = 0; i < THREADS; i++) {
        atomic_store(&d[i].stops, true);
        (void)pthread_join(threads[i], NULL);
        n += d[i].n;
    }
    assert_int_equal(code, ERR_OK);
    for (int again = 0; again < 2; again++) {
        for (int i = 1; i <= MANY + 5000; i++) {
            (void)snprintf(who, sizeof who, "%d", i);
            const bool y = stands(&f, who, PEOPLE_YES);
            const bool x = stands(&f, who, PEOPLE_NO);
            if (again && (y != yes[i] || x != no[i]))
                fail_msg("person %d stands otherwise after a restart", i);
            yes[i] = y;
            no[i] = x;
            n_yes += y;
        }
        register_reopen(&f);
    }
    assert_true(n > THREADS);
    assert_true(n_yes / 2 > MANY / 2);
    register_close(&f);
}

/* The disk is full while it is made to count: later it counts, all of it. */
static void check_full(void **state)
{
    struct lib_register f;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    assert_int_equal(send_many(&f, false, &err), ERR_OK);
    static const uint8_t digest[CONSENT_DIGEST_LEN] = { 7 };
    const struct consent_chunk end = { .digest = digest,
                                       .first = MANY,
                                       .kinds = KINDS,
                                       .last = true,
                                       .source = "a file",
                                       .by = "desk" };
    struct consent_imported out;
    /* The next statement that writes is interrupted: its row is read only. */
    assert_int_equal(sqlite3_exec(shelf_sqlite_of(&f.c->shelf),
                                  "CREATE TEMP TRIGGER stop BEFORE UPDATE OF "
                                  "state ON main.imports BEGIN SELECT "
                                  "RAISE(ABORT, 'no'); END",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(consent_import(f.c, f.circle, &end, &out, &err),
                     ERR_UNAVAILABLE);
    assert_int_equal(count_bits(&f), 0);
    register_decide(&f, "5", CONSENT_WITHDRAWN, "a", NOW);
    assert_int_equal(count_bits(&f), 0);
    assert_int_equal(sqlite3_exec(shelf_sqlite_of(&f.c->shelf),
                                  "DROP TRIGGER temp.stop", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(consent_import(f.c, f.circle, &end, &out, &err), ERR_OK);
    assert_true(out.done);
    assert_int_equal(count_bits(&f), MANY - 1);
    register_close(&f);
}

/* The same in a file and in a database. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        { "half a file counts nothing, and goes on", check_file, NULL, NULL,
          NULL },
        { "a file is known, and not by its hash", check_unguessed, NULL, NULL,
          NULL },
        { "a wrong row drops the file", check_wrong_row, NULL, NULL, NULL },
        { "half a file is gone after a day", check_stale, NULL, NULL, NULL },
        { "nobody ever sees half of a file", check_at_once, NULL, NULL, NULL },
        { "what is decided meanwhile holds", check_meanwhile, NULL, NULL,
          NULL },
    };
    const struct CMUnitTest of_the_file[] = {
        { "a disk that is full at the end leaves nothing half done", check_full,
          NULL, NULL, NULL },
    };
    int failed = cmocka_run_group_tests_name(__FILE__, of_the_file, NULL, NULL);
    for (int shared = 0; shared < 2; shared++) {
        ledger_dirs_in_postgres(shared);
        failed += RUN_ROWS(wrong_kinds, check_wrong_kind);
        failed += cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
    }
    return failed;
}
