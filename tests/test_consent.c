#include "server/consent/consent.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/consent/history.h"
#include "server/consent/receipt.h"

#include "tests/lib_register.h"
#include "tests/table.h"

#define DAY REGISTER_DAY
#define NOW REGISTER_NOW
#define TO(...)                                                                \
    {                                                                          \
        __VA_ARGS__                                                            \
    }

/* ---- how a person stands ---- */

enum { A = 1, B = 2 }; /* purposes, as bits */

static const struct folded {
    const char *name;
    struct fold_event events[4]; /* in the order in which they count */
    uint64_t yes, no;
    bool never; /* who is marked */
} folded[] = {
    { "who never decided is unknown", TO({ 0 }), 0, 0, false },
    { "a yes is for its purposes alone",
      TO({ 1, CONSENT_GRANTED, A, 0, FOLD_NEVER }), A, 0, false },
    { "a withdrawal is a no",
      TO({ 1, CONSENT_GRANTED, A | B, 2, FOLD_NEVER },
         { 2, CONSENT_WITHDRAWN, A, 0, FOLD_NEVER }),
      B, A, false },
    { "who comes back counts again",
      TO({ 1, CONSENT_WITHDRAWN, A, 0, FOLD_NEVER },
         { 2, CONSENT_GRANTED, A, 0, FOLD_NEVER }),
      A, 0, false },
    { "an objection is a no", TO({ 1, CONSENT_OBJECTED, B, 0, FOLD_NEVER }), 0,
      B, false },
    { "what expired is neither",
      TO({ 1, CONSENT_GRANTED, A, 0, FOLD_NEVER },
         { 2, CONSENT_EXPIRED, A, 0, FOLD_NEVER }),
      0, 0, false },
    { "nothing expires a no",
      TO({ 1, CONSENT_OBJECTED, A, 0, FOLD_NEVER },
         { 2, CONSENT_EXPIRED, A, 0, FOLD_NEVER }),
      0, A, false },
    { "a yes ends at its end", TO({ 1, CONSENT_GRANTED, A, 0, NOW }), 0, 0,
      false },
    { "and not before", TO({ 1, CONSENT_GRANTED, A, 0, NOW + 1 }), A, 0,
      false },
    { "a yes that has ended takes back a no",
      TO({ 1, CONSENT_OBJECTED, A, 0, FOLD_NEVER },
         { 2, CONSENT_GRANTED, A, 0, NOW }),
      0, 0, false },
    { "a yes to an old notice is none",
      TO({ 1, CONSENT_GRANTED, A | B, 1, FOLD_NEVER }), A, 0, false },
    { "a yes to the new notice is one",
      TO({ 1, CONSENT_GRANTED, A | B, 2, FOLD_NEVER }), A | B, 0, false },
    { "a child never counts, whatever was granted",
      TO({ 1, CONSENT_SPECIAL, ~0ULL, 0, FOLD_NEVER },
         { 2, CONSENT_EXPLICIT, A, 0, FOLD_NEVER }),
      0, ~0ULL, true },
    { "who was marked counts by explicit consent alone",
      TO({ 1, CONSENT_EXPLICIT, A, 0, FOLD_NEVER },
         { 2, CONSENT_GRANTED, B, 2, FOLD_NEVER },
         { 3, CONSENT_SPECIAL, ~0ULL, 0, FOLD_NEVER }),
      A, ~(uint64_t)A, false },
    { "a mark that is taken back is none",
      TO({ 1, CONSENT_SPECIAL, ~0ULL, 0, FOLD_NEVER },
         { 2, CONSENT_GRANTED, A, 0, FOLD_NEVER },
         { 3, CONSENT_ORDINARY, ~0ULL, 0, FOLD_NEVER }),
      A, 0, true },
    { "explicit consent is a yes",
      TO({ 1, CONSENT_EXPLICIT, A, 0, FOLD_NEVER }), A, 0, false },
};

static void check_fold(void **state)
{
    const struct folded *row = *state;
    const uint32_t least[FOLD_PURPOSES] = { 0, 2 };
    struct fold f = { 0 };
    for (size_t i = 0; i < 4 && row->events[i].state; i++)
        fold_add(&f, &row->events[i], NOW, least);
    fold_end(&f, row->never);
    assert_int_equal(f.yes, row->yes);
    assert_int_equal(f.no, row->no);
}

/* ---- the register ---- */

static struct policy_purpose purposes[] = {
    { .id = "a", .help = "", .notice = 2 }, { .id = "b", .help = "" }
};
static const struct policy policy = { .population = "people",
                                      .tables = &register_table,
                                      .n_tables = 1,
                                      .purposes = purposes,
                                      .n_purposes = 2 };

static enum err_code decide(struct lib_register *f, const char *who,
                            enum consent_state state, const char *purpose,
                            int64_t at_us, struct consent_recorded *out,
                            struct err *err)
{
    const struct consent_event e = register_event(who, state, &purpose, at_us);
    return consent_record(f->c, f->circle, &e, out, err);
}

static void must(struct lib_register *f, const char *who,
                 enum consent_state state, int64_t at_us)
{
    register_decide(f, who, state, "a", at_us);
}

static bool stands(struct lib_register *f, const char *who,
                   enum people_side side)
{
    return register_stands(f, who, "a", side);
}

static void check_reopened(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    must(&f, "1", CONSENT_GRANTED, 0);
    must(&f, "2", CONSENT_GRANTED, 0);
    must(&f, "2", CONSENT_WITHDRAWN, NOW + 1);
    must(&f, "3", CONSENT_OBJECTED, 0);
    for (int again = 0; again < 2; again++) {
        assert_true(stands(&f, "1", PEOPLE_YES));
        assert_false(stands(&f, "2", PEOPLE_YES));
        assert_true(stands(&f, "2", PEOPLE_NO));
        assert_true(stands(&f, "3", PEOPLE_NO));
        assert_false(stands(&f, "4", PEOPLE_YES));
        assert_false(stands(&f, "4", PEOPLE_NO));
        register_reopen(&f);
    }
    register_close(&f);
}

/* A late record of an early yes is no new one. */
/* A register has one server, by whatever name it came to it. */
static void check_link(void **state)
{
    struct lib_register f;
    struct consent *second = NULL;
    struct err err;
    char other[128];
    (void)state;
    register_open(&f, &policy);
    (void)snprintf(other, sizeof other, "%s/other", f.dir.dir);
    const struct consent_options o = { .path = other,
                                       .clock = &f.clock.clock,
                                       .keys = { .key = { { 1 } }, .n = 1 } };
    assert_int_equal(symlink(f.dir.path, other), 0);
    assert_int_equal(consent_open(&second, &o, &err), ERR_UNAVAILABLE);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(link(f.dir.path, other), 0);
    assert_int_equal(consent_open(&second, &o, &err), ERR_CONFLICT);
    register_close(&f);
}

static void check_late(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    must(&f, "7", CONSENT_WITHDRAWN, NOW - 10);
    must(&f, "7", CONSENT_GRANTED, NOW - 20);
    assert_false(stands(&f, "7", PEOPLE_YES));
    must(&f, "7", CONSENT_GRANTED, NOW - 5);
    assert_true(stands(&f, "7", PEOPLE_YES));
    register_close(&f);
}

static void check_pinned(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    must(&f, "1", CONSENT_GRANTED, 0);
    const struct people_view *v = consent_pin(f.c, f.circle, "a", PEOPLE_YES);
    must(&f, "1", CONSENT_WITHDRAWN, NOW + 1);
    assert_true(people_has(v, consent_number(f.c, f.circle, "1", 1, false)));
    people_unpin(v);
    assert_false(stands(&f, "1", PEOPLE_YES));
    register_close(&f);
}

/* A person met in the data first keeps the number when she decides. */
static void check_number(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    const uint32_t met = consent_number(f.c, f.circle, "9", 1, true);
    must(&f, "8", CONSENT_GRANTED, 0);
    must(&f, "9", CONSENT_GRANTED, 0);
    assert_int_equal(consent_number(f.c, f.circle, "9", 1, false), met);
    assert_int_not_equal(consent_number(f.c, f.circle, "8", 1, false), met);
    assert_int_equal(consent_number(f.c, f.circle, "10", 2, false),
                     PEOPLE_NONE);
    register_close(&f);
}

static void check_twice(void **state)
{
    struct lib_register f;
    struct consent_recorded one, two;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    assert_int_equal(decide(&f, "1", CONSENT_GRANTED, "a", NOW - 1, &one, &err),
                     ERR_OK);
    f.clock.wall_us += 5;
    assert_int_equal(decide(&f, "1", CONSENT_GRANTED, "a", NOW - 1, &two, &err),
                     ERR_OK);
    assert_false(one.was_there);
    assert_true(two.was_there);
    assert_int_equal(one.seq, two.seq);
    assert_int_equal(one.recorded_us, NOW);
    assert_int_equal(two.recorded_us, NOW);
    register_close(&f);
}

/* Of whom and of what is told there is no trace in the file. */
static void check_no_identifier(void **state)
{
    static const char who[] = "8412907733190022417";
    struct lib_register f;
    char path[128];
    (void)state;
    register_open(&f, &policy);
    must(&f, who, CONSENT_GRANTED, 0);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s%s", f.dir.path, i ? "-wal" : "");
        FILE *file = fopen(path, "rb");
        static char bytes[1 << 20];
        const size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
        if (file)
            (void)fclose(file);
        assert_null(memmem(bytes, n, who, strlen(who)));
        assert_null(memmem(bytes, n, "drawer", 6));
    }
    register_close(&f);
}

static const struct refused {
    const char *name, *who, *purpose;
    enum consent_state state;
    int64_t at_us, until_us;
    enum err_code code;
    uint32_t notice;
} refused[] = {
    { "a purpose that is not there", "1", "c", CONSENT_GRANTED, 0, 0,
      ERR_NOT_FOUND, 0 },
    { "a time in the future", "1", "a", CONSENT_GRANTED, NOW + DAY, 0,
      ERR_INVALID, 0 },
    { "a time before there were any", "1", "a", CONSENT_GRANTED, -1, 0,
      ERR_INVALID, 0 },
    { "an end before the beginning", "1", "a", CONSENT_GRANTED, NOW, NOW - 1,
      ERR_INVALID, 0 },
    { "an end of a no", "1", "a", CONSENT_OBJECTED, 0, NOW + 1, ERR_INVALID,
      0 },
    { "nobody", "", "a", CONSENT_GRANTED, 0, 0, ERR_INVALID, 0 },
    { "somebody who is no number", "one", "a", CONSENT_GRANTED, 0, 0,
      ERR_INVALID, 0 },
    { "no state", "1", "a", CONSENT_UNKNOWN, 0, 0, ERR_INVALID, 0 },
    { "a yes to a notice that is not written yet", "1", "a", CONSENT_GRANTED, 0,
      0, ERR_INVALID, 3 },
    { "nor explicitly", "1", "a", CONSENT_EXPLICIT, 0, 0, ERR_INVALID, 3 },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct lib_register f;
    struct consent_recorded out;
    struct err err = { 0 };
    register_open(&f, &policy);
    const struct consent_event e = { .subject = row->who,
                                     .subject_len = strlen(row->who),
                                     .state = row->state,
                                     .purposes = &row->purpose,
                                     .n_purposes = 1,
                                     .at_us = row->at_us,
                                     .until_us = row->until_us,
                                     .notice = row->notice };
    assert_int_equal(consent_record(f.c, f.circle, &e, &out, &err), row->code);
    assert_true(err.msg[0] != '\0');
    assert_int_equal(
        consent_number(f.c, f.circle, row->who, strlen(row->who), false),
        PEOPLE_NONE);
    register_close(&f);
}

static void check_ends(void **state)
{
    struct lib_register f;
    struct consent_recorded out;
    struct err err = { 0 };
    const char *a = "a";
    (void)state;
    register_open(&f, &policy);
    const struct consent_event e = { .subject = "1",
                                     .subject_len = 1,
                                     .state = CONSENT_GRANTED,
                                     .purposes = &a,
                                     .n_purposes = 1,
                                     .until_us = NOW + DAY };
    assert_int_equal(consent_record(f.c, f.circle, &e, &out, &err), ERR_OK);
    assert_true(stands(&f, "1", PEOPLE_YES));
    f.clock.wall_us = NOW + DAY;
    consent_tick(f.c);
    assert_false(stands(&f, "1", PEOPLE_YES));
    register_close(&f);
}

/* What is no key of the data is nobody, not the key that is near. */
static void check_no_key(void **state)
{
    static const char *const none[] = { "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999",
                                        "5x",
                                        " 5",
                                        "\t5" };
    struct lib_register f;
    struct consent_recorded out;
    (void)state;
    register_open(&f, &policy);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct err err = { 0 };
        if (decide(&f, none[i], CONSENT_GRANTED, "a", NOW, &out, &err) !=
            ERR_INVALID)
            fail_msg("'%s' is taken for a key", none[i]);
    }
    must(&f, "9223372036854775807", CONSENT_GRANTED, NOW);
    must(&f, "-9223372036854775808", CONSENT_GRANTED, NOW);
    register_close(&f);
}

/* ---- notices ---- */

static uint32_t told_notice(struct lib_register *f, const char *who,
                            enum consent_state state, uint32_t notice)
{
    const char *a = "a";
    struct consent_recorded out;
    struct err err = { 0 };
    const struct consent_event e = { .subject = who,
                                     .subject_len = strlen(who),
                                     .state = state,
                                     .purposes = &a,
                                     .n_purposes = consent_marks(state) ? 0 : 1,
                                     .notice = notice };
    if (consent_record(f->c, f->circle, &e, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return out.notice;
}

/* A receipt tells the notice in force, of a no as of a yes. */
static void check_notice(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    assert_int_equal(told_notice(&f, "1", CONSENT_GRANTED, 0), 2);
    assert_int_equal(told_notice(&f, "2", CONSENT_GRANTED, 1), 1);
    assert_int_equal(told_notice(&f, "3", CONSENT_OBJECTED, 0), 2);
    assert_int_equal(told_notice(&f, "4", CONSENT_WITHDRAWN, 0), 2);
    /* Nobody's no is turned away for the number of a page. */
    assert_int_equal(told_notice(&f, "4", CONSENT_WITHDRAWN, 9), 9);
    assert_true(stands(&f, "4", PEOPLE_NO));
    assert_int_equal(told_notice(&f, "5", CONSENT_SPECIAL, 0), 0);
    register_close(&f);
}

/* What people are told changes: who said yes before is asked anew. */
static void check_new_notice(void **state)
{
    struct policy_purpose newer[] = { { .id = "a",
                                        .help = "",
                                        .notice = 3,
                                        .notice_since_us = NOW - 10,
                                        .least_notice = 3 },
                                      { .id = "b", .help = "" } };
    struct policy next = policy;
    struct lib_register f;
    struct err err = { 0 };
    (void)state;
    next.purposes = newer;
    register_open(&f, &policy);
    must(&f, "1", CONSENT_GRANTED, 0);
    must(&f, "2", CONSENT_OBJECTED, 0);
    assert_int_equal(consent_circle(&f.circle, f.c, &next, &err), ERR_OK);
    assert_false(stands(&f, "1", PEOPLE_YES));
    assert_true(stands(&f, "2", PEOPLE_NO));
    assert_int_equal(told_notice(&f, "1", CONSENT_GRANTED, 2), 2);
    assert_false(stands(&f, "1", PEOPLE_YES));
    /* An old yes, recorded now, was no yes to what is told now. */
    must(&f, "4", CONSENT_GRANTED, NOW - 11);
    assert_false(stands(&f, "4", PEOPLE_YES));
    must(&f, "4", CONSENT_GRANTED, NOW - 10);
    assert_true(stands(&f, "4", PEOPLE_YES));
    assert_int_equal(told_notice(&f, "1", CONSENT_GRANTED, 3), 3);
    assert_true(stands(&f, "1", PEOPLE_YES));
    register_close(&f);
}

/* ---- what is kept of a person ---- */

static void check_history(void **state)
{
    struct lib_register f;
    struct arena a;
    struct history h, nobody;
    struct err err = { 0 };
    static char text[8192];
    (void)state;
    register_open(&f, &policy);
    arena_init(&a, 1 << 22);
    must(&f, "5", CONSENT_GRANTED, NOW - 2);
    must(&f, "6", CONSENT_GRANTED, NOW - 2);
    must(&f, "5", CONSENT_WITHDRAWN, NOW - 1);
    register_reopen(&f);
    assert_int_equal(consent_history(&h, f.c, f.circle, "5", 1, &a, &err),
                     ERR_OK);
    assert_int_equal(h.n, 2);
    assert_int_equal(h.events[0].state, CONSENT_GRANTED);
    assert_int_equal(h.events[1].state, CONSENT_WITHDRAWN);
    assert_false(h.events[0].holds);
    assert_true(h.events[1].holds);
    assert_string_equal(h.events[0].source, "a form");
    assert_string_equal(h.events[0].proof, "in the drawer");
    assert_string_equal(h.events[0].by, "desk");
    assert_int_equal(h.n_yes, 0);
    assert_int_equal(h.n_no, 1);
    assert_string_equal(h.no[0], "a");
    assert_int_equal(consent_history(&nobody, f.c, f.circle, "99", 2, &a, &err),
                     ERR_OK);
    assert_int_equal(nobody.n, 0);

    struct writer w = writer_of(text, sizeof text);
    const struct policy shown = { .name = "people",
                                  .controller = "us \"here\"",
                                  .purposes = purposes,
                                  .n_purposes = 2 };
    receipt_print(&w, &h.events[1], &shown);
    assert_true(writer_cstr(&w));
    assert_int_equal(receipt_record(text, w.len), h.events[1].record);
    assert_non_null(strstr(text, "\"event_state\":\"consent withdrawn\""));
    assert_non_null(strstr(text, "\"privacy_notice\":\"version 2\""));
    assert_non_null(strstr(text, "\"party_name\":\"us \\\"here\\\"\""));
    assert_null(strstr(text, "\"5\""));
    arena_fini(&a);
    register_close(&f);
}

/* A mark and a decision do not put an end to one another. */
static void of_marks_the_newest_holds(void **state)
{
    static const struct {
        enum consent_state state;
        bool holds;
    } told[] = {
        { CONSENT_GRANTED, true },
        { CONSENT_SPECIAL, false },
        { CONSENT_ORDINARY, false },
        { CONSENT_SPECIAL, true },
    };
    enum { N = sizeof told / sizeof told[0] };
    struct lib_register f;
    struct arena a;
    struct history h;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    arena_init(&a, 1 << 22);
    for (int i = 0; i < N; i++)
        must(&f, "5", told[i].state, NOW - N + i);
    assert_int_equal(consent_history(&h, f.c, f.circle, "5", 1, &a, &err),
                     ERR_OK);
    assert_int_equal(h.n, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(h.events[i].state, told[i].state);
        assert_int_equal(h.events[i].holds, told[i].holds);
    }
    arena_fini(&a);
    register_close(&f);
}

/* ---- many at a time ---- */

enum { THREADS = 8, EACH = 60 };

struct crowd {
    struct lib_register *f;
    int first;
};

static void *decide_much(void *arg)
{
    const struct crowd *crowd = arg;
    for (int i = 0; i < EACH; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "%d", crowd->first + i);
        must(crowd->f, who, CONSENT_GRANTED, NOW);
        if (!stands(crowd->f, who, PEOPLE_YES))
            abort();
        if (i % 2 == 0)
            must(crowd->f, who, CONSENT_WITHDRAWN, NOW + 1);
        if (stands(crowd->f, who, PEOPLE_YES) != (i % 2 != 0))
            abort();
    }
    return NULL;
}

static void check_crowd(void **state)
{
    struct lib_register f;
    pthread_t threads[THREADS];
    struct crowd crowd[THREADS];
    (void)state;
    register_open(&f, &policy);
    for (int i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){ &f, i * EACH };
        assert_int_equal(
            pthread_create(&threads[i], NULL, decide_much, &crowd[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    register_reopen(&f);
    for (int i = 0; i < THREADS * EACH; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "%d", i);
        assert_int_equal(stands(&f, who, PEOPLE_YES), i % EACH % 2 != 0);
    }
    register_close(&f);
}

/* The same in a file and in a database. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_reopened),
        cmocka_unit_test(check_late),
        cmocka_unit_test(check_pinned),
        cmocka_unit_test(check_number),
        cmocka_unit_test(check_twice),
        cmocka_unit_test(check_ends),
        cmocka_unit_test(check_history),
        cmocka_unit_test(of_marks_the_newest_holds),
        cmocka_unit_test(check_notice),
        cmocka_unit_test(check_new_notice),
        cmocka_unit_test(check_no_key),
        cmocka_unit_test(check_crowd),
    };
    const struct CMUnitTest of_the_file[] = {
        cmocka_unit_test(check_no_identifier),
        cmocka_unit_test(check_link),
    };
    int failed = RUN_ROWS(folded, check_fold) +
                 cmocka_run_group_tests(of_the_file, NULL, NULL);
    for (int shared = 0; shared < 2; shared++) {
        ledger_dirs_in_postgres(shared);
        failed += RUN_ROWS(refused, check_refused) +
                  cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
