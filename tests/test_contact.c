#include "server/consent/contact.h"

#include <string.h>

#include "server/consent/erase.h"
#include "server/consent/parts.h"

#include "tests/lib_register.h"
#include "tests/table.h"

#define DAY REGISTER_DAY
#define NOW REGISTER_NOW

static struct policy_purpose purposes[] = {
    { .id = "offers", .help = "", .basis = BASIS_CONSENT, .contact = true },
    { .id = "service",
      .help = "",
      .basis = BASIS_LEGITIMATE_INTEREST,
      .contact = true },
};
static struct policy_channel channels[] = {
    { .id = "email", .help = "", .at_most = { 3, 86400 } },
    { .id = "sms", .help = "", .at_most = { 1, 86400 } },
};
static const struct policy policy = { .population = "people",
                                      .tables = &register_table,
                                      .n_tables = 1,
                                      .purposes = purposes,
                                      .n_purposes = 2,
                                      .channels = channels,
                                      .n_channels = 2 };

static struct consent_recorded choose(struct lib_register *f, const char *who,
                                      const char *channel, const char *often,
                                      int64_t at_us)
{
    struct consent_recorded out;
    struct err err = { 0 };
    struct contact_choice choice = { .subject = who,
                                     .subject_len = strlen(who),
                                     .channel = channel,
                                     .at_us = at_us,
                                     .source = "a form",
                                     .proof = "in the drawer",
                                     .by = "desk" };
    assert_true(often_parse(&choice.at_most, often));
    if (contact_choose(f->c, f->circle, &choice, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return out;
}

static enum err_code ask(bool *may, struct lib_register *f, const char *who,
                         const char *purpose, const char *channel,
                         const char *key, uint32_t asks_per_day,
                         struct err *err)
{
    const struct contact_question q = {
        .subject = who,
        .subject_len = strlen(who),
        .purpose = policy_find_purpose(&policy, purpose),
        .channel = policy_find_channel(&policy, channel),
        .sender = "mailer",
        .key = key,
        .asks_per_day = asks_per_day,
    };
    return contact_may(may, f->c, f->circle, &q, err);
}

static bool may(struct lib_register *f, const char *who, const char *purpose,
                const char *channel, const char *key)
{
    struct err err = { 0 };
    bool out = false;
    if (ask(&out, f, who, purpose, channel, key, 1000, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return out;
}

/* ---- what a sender hears ---- */

enum what { END, YES_TO, NO_TO, OBJECTS, CHILD, CHOOSES, WAITS, ALLOWED, NOT };
struct step {
    enum what what;
    const char *a, *b; /* purpose; channel and how often; purpose and channel */
    const char *key;   /* of a question; days of a wait */
};
#define STEPS(...)                                                             \
    {                                                                          \
        __VA_ARGS__                                                            \
    }

static const struct story {
    const char *name;
    struct step steps[10];
} stories[] = {
    { "who never chose is never contacted",
      STEPS({ YES_TO, "offers", NULL, NULL }, { NOT, "offers", "email", "" }) },
    { "who chose the channel and not the purpose is not",
      STEPS({ CHOOSES, "email", "any", NULL },
            { NOT, "offers", "email", "" }) },
    { "who chose both is",
      STEPS({ YES_TO, "offers", NULL, NULL }, { CHOOSES, "email", "any", NULL },
            { ALLOWED, "offers", "email", "" }) },
    { "through that channel alone",
      STEPS({ YES_TO, "offers", NULL, NULL }, { CHOOSES, "email", "any", NULL },
            { NOT, "offers", "sms", "" }) },
    { "without consent being asked, the channel is enough",
      STEPS({ CHOOSES, "email", "any", NULL },
            { ALLOWED, "service", "email", "" }) },
    { "until she objects", STEPS({ CHOOSES, "email", "any", NULL },
                                 { ALLOWED, "service", "email", "" },
                                 { OBJECTS, "service", NULL, NULL },
                                 { NOT, "service", "email", "" }) },
    { "a withdrawal holds from the next question on",
      STEPS({ YES_TO, "offers", NULL, NULL }, { CHOOSES, "email", "any", NULL },
            { ALLOWED, "offers", "email", "" }, { NO_TO, "offers", NULL, NULL },
            { NOT, "offers", "email", "" }) },
    { "so does a channel that is closed",
      STEPS({ YES_TO, "offers", NULL, NULL }, { CHOOSES, "email", "any", NULL },
            { ALLOWED, "offers", "email", "" },
            { CHOOSES, "email", "never", NULL },
            { NOT, "offers", "email", "" }) },
    { "even for a retry of what was allowed",
      STEPS({ YES_TO, "offers", NULL, NULL }, { CHOOSES, "email", "any", NULL },
            { ALLOWED, "offers", "email", "k" },
            { CHOOSES, "email", "never", NULL },
            { NOT, "offers", "email", "k" }) },
    { "no more often than she allows",
      STEPS({ YES_TO, "offers", NULL, NULL },
            { CHOOSES, "email", "2 per week", NULL },
            { ALLOWED, "offers", "email", "" },
            { ALLOWED, "offers", "email", "" }, { NOT, "offers", "email", "" },
            { WAITS, NULL, NULL, "6" }, { NOT, "offers", "email", "" },
            { WAITS, NULL, NULL, "1" }, { ALLOWED, "offers", "email", "" }) },
    { "nor than the policy does",
      STEPS({ YES_TO, "offers", NULL, NULL }, { CHOOSES, "sms", "any", NULL },
            { ALLOWED, "offers", "sms", "" }, { NOT, "offers", "sms", "" },
            { WAITS, NULL, NULL, "1" }, { ALLOWED, "offers", "sms", "" }) },
    { "for all purposes together",
      STEPS({ YES_TO, "offers", NULL, NULL },
            { CHOOSES, "email", "1 per week", NULL },
            { ALLOWED, "offers", "email", "" },
            { NOT, "service", "email", "" }) },
    { "a retry with its key counts once",
      STEPS({ YES_TO, "offers", NULL, NULL },
            { CHOOSES, "email", "1 per week", NULL },
            { ALLOWED, "offers", "email", "k" },
            { ALLOWED, "offers", "email", "k" },
            { NOT, "offers", "email", "j" }) },
    { "a key of the day before is another contact",
      STEPS({ CHOOSES, "email", "1 per week", NULL },
            { ALLOWED, "service", "email", "k" }, { WAITS, NULL, NULL, "1" },
            { NOT, "service", "email", "k" }, { WAITS, NULL, NULL, "6" },
            { ALLOWED, "service", "email", "k" }) },
    { "and leaves the rest of what she allows",
      STEPS({ CHOOSES, "email", "2 per week", NULL },
            { ALLOWED, "service", "email", "k" },
            { ALLOWED, "service", "email", "k" },
            { ALLOWED, "service", "email", "j" },
            { NOT, "service", "email", "i" }) },
    { "a key is of one purpose and channel",
      STEPS({ YES_TO, "offers", NULL, NULL },
            { CHOOSES, "email", "1 per week", NULL },
            { ALLOWED, "offers", "email", "k" },
            { NOT, "service", "email", "k" }) },
    { "a no takes nothing away",
      STEPS({ CHOOSES, "email", "1 per week", NULL },
            { NOT, "offers", "email", "" }, { NOT, "offers", "email", "" },
            { YES_TO, "offers", NULL, NULL },
            { ALLOWED, "offers", "email", "" }) },
    { "a child is not contacted",
      STEPS({ CHOOSES, "email", "any", NULL }, { CHILD, NULL, NULL, NULL },
            { NOT, "service", "email", "" }) },
};

static void take(struct lib_register *f, const struct step *s)
{
    switch (s->what) {
    case YES_TO:
        register_decide(f, "7", CONSENT_GRANTED, s->a, 0);
        break;
    case NO_TO:
        register_decide(f, "7", CONSENT_WITHDRAWN, s->a, 0);
        break;
    case OBJECTS:
        register_decide(f, "7", CONSENT_OBJECTED, s->a, 0);
        break;
    case CHILD:
        register_decide(f, "7", CONSENT_SPECIAL, NULL, 0);
        break;
    case CHOOSES:
        (void)choose(f, "7", s->a, s->b, 0);
        break;
    case WAITS:
        f->clock.wall_us += (s->key[0] - '0') * DAY;
        break;
    case ALLOWED:
    case NOT:
        assert_int_equal(may(f, "7", s->a, s->b, s->key), s->what == ALLOWED);
        break;
    case END:
        break;
    }
}

static void check_story(void **state)
{
    const struct story *row = *state;
    struct lib_register f;
    register_open(&f, &policy);
    for (size_t i = 0; i < 10 && row->steps[i].what != END; i++) {
        take(&f, &row->steps[i]);
        f.clock.wall_us += 1000000;
        register_reopen(&f);
    }
    /* Whatever she said, somebody else is a no. */
    assert_false(may(&f, "8", "service", "email", ""));
    register_close(&f);
}

/* ---- the rest ---- */

/* Of two choices the later one by its own time holds. */
static void check_late(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    (void)choose(&f, "1", "email", "never", NOW - 10);
    (void)choose(&f, "1", "email", "any", NOW - 20);
    assert_false(may(&f, "1", "service", "email", ""));
    (void)choose(&f, "1", "email", "any", NOW - 5);
    assert_true(may(&f, "1", "service", "email", ""));
    register_close(&f);
}

static void check_twice(void **state)
{
    struct lib_register f;
    (void)state;
    register_open(&f, &policy);
    register_decide(&f, "1", CONSENT_GRANTED, "offers", 0);
    const struct consent_recorded one =
        choose(&f, "1", "email", "any", NOW - 1);
    f.clock.wall_us += 5;
    const struct consent_recorded two =
        choose(&f, "1", "email", "any", NOW - 1);
    assert_false(one.was_there);
    assert_true(two.was_there);
    assert_int_equal(one.seq, two.seq);
    assert_int_equal(one.recorded_us, NOW);
    assert_int_equal(two.recorded_us, NOW);
    assert_int_equal(one.seq, 2); /* one sequence with decisions */
    register_decide(&f, "1", CONSENT_WITHDRAWN, "offers", 0);
    assert_int_equal(choose(&f, "1", "sms", "any", 0).seq, 4);
    register_close(&f);
}

/* Whoever it asks about, a sender asks so often a day and no more. */
static void check_limit(void **state)
{
    struct lib_register f;
    struct err err = { 0 };
    bool out;
    (void)state;
    register_open(&f, &policy);
    (void)choose(&f, "1", "email", "any", 0);
    assert_int_equal(ask(&out, &f, "1", "service", "email", "k", 3, &err),
                     ERR_OK);
    assert_int_equal(ask(&out, &f, "1", "service", "email", "k", 3, &err),
                     ERR_OK);
    assert_int_equal(ask(&out, &f, "99", "offers", "sms", "", 3, &err), ERR_OK);
    register_reopen(&f);
    assert_int_equal(ask(&out, &f, "1", "service", "email", "k", 3, &err),
                     ERR_LIMIT);
    assert_int_equal(ask(&out, &f, "99", "service", "email", "", 3, &err),
                     ERR_LIMIT);
    assert_non_null(strstr(err.msg, "3 times today"));
    f.clock.wall_us += DAY;
    assert_int_equal(ask(&out, &f, "1", "service", "email", "", 3, &err),
                     ERR_OK);
    assert_true(out);
    register_close(&f);
}

/* The audit log hears of it once, with all that was asked since. */
static void check_told(void **state)
{
    struct lib_register f;
    struct contact_asked rows[4];
    (void)state;
    register_open(&f, &policy);
    for (int i = 0; i < 3; i++)
        (void)may(&f, "1", "service", "email", "");
    (void)may(&f, "1", "offers", "sms", "");
    assert_int_equal(contact_untold(f.c, rows, 4), 2);
    assert_int_equal(contact_untold(f.c, rows, 1), 1); /* others later */
    assert_int_equal(contact_untold(f.c, rows, 4), 2);
    assert_string_equal(rows[0].sender, "mailer");
    assert_string_equal(rows[0].purpose, "offers");
    assert_int_equal(rows[1].n, 3);
    assert_string_equal(rows[1].population, "people");
    assert_true(contact_told(f.c, rows, 2));
    assert_int_equal(contact_untold(f.c, rows, 4), 0);
    (void)may(&f, "1", "service", "email", "");
    assert_int_equal(contact_untold(f.c, rows, 4), 1);
    assert_int_equal(rows[0].n, 4);
    register_close(&f);
}

/* ---- files of choices ---- */

/* Everybody of 1..n chooses the channel so often, at that time. */
static enum err_code send(struct lib_register *f, uint8_t digest,
                          const char *channel, const char *often, size_t first,
                          size_t n, int64_t at_us, bool last, struct err *err)
{
    enum { MOST = 8 };
    const uint8_t bytes[CONSENT_DIGEST_LEN] = { digest };
    struct consent_kind kind = { .channel = channel };
    char text[MOST][4];
    const char *subjects[MOST];
    const uint32_t kinds[MOST] = { 0 };
    int64_t at[MOST];
    struct consent_imported out;
    assert_true(often_parse(&kind.at_most, often) && n <= MOST);
    for (size_t i = 0; i < n; i++) {
        text[i][0] = (char)('1' + first + i);
        text[i][1] = '\0';
        subjects[i] = text[i];
        at[i] = at_us;
    }
    const struct consent_chunk chunk = { .digest = bytes,
                                         .first = first,
                                         .kinds = &kind,
                                         .n_kinds = 1,
                                         .subjects = subjects,
                                         .kind = kinds,
                                         .at_us = at,
                                         .n_rows = n,
                                         .last = last,
                                         .source = "a file",
                                         .by = "desk" };
    return consent_import(f->c, f->circle, &chunk, &out, err);
}

static void check_file(void **state)
{
    struct lib_register f;
    struct history h;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    (void)choose(&f, "2", "email", "never", NOW - 5);
    (void)choose(&f, "3", "email", "any", NOW - 20);
    for (int again = 0; again < 2; again++) { /* half of it: nothing counts */
        assert_int_equal(
            send(&f, 1, "email", "1 per week", 0, 2, NOW - 10, false, &err),
            ERR_OK);
        assert_false(may(&f, "1", "service", "email", ""));
        assert_int_equal(consent_history(&h, f.c, f.circle, "1", 1, &f.a, &err),
                         ERR_OK);
        assert_int_equal(h.n, 0);
        register_reopen(&f);
    }
    assert_int_equal(
        send(&f, 1, "email", "1 per week", 2, 2, NOW - 10, true, &err), ERR_OK);
    register_reopen(&f);
    assert_true(may(&f, "1", "service", "email", ""));
    assert_false(may(&f, "1", "service", "email", "")); /* once a week */
    assert_false(may(&f, "2", "service", "email", "")); /* said later: never */
    assert_true(may(&f, "3", "service", "email", ""));
    assert_false(may(&f, "3", "service", "email", "")); /* the file is later */
    assert_true(may(&f, "4", "service", "email", ""));
    assert_int_equal(consent_history(&h, f.c, f.circle, "3", 1, &f.a, &err),
                     ERR_OK);
    assert_int_equal(h.n, 2);
    assert_false(h.events[0].holds);
    assert_true(h.events[1].holds);
    assert_string_equal(h.events[1].channel, "email");
    /* What a file said is recorded once. */
    assert_true(choose(&f, "4", "email", "1 per week", NOW - 10).was_there);
    register_close(&f);
}

/* A wrong row drops all of it, and whoever was in it alone is nobody. */
static void check_wrong_file(void **state)
{
    struct lib_register f;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    assert_int_equal(send(&f, 1, "email", "any", 0, 2, NOW, false, &err),
                     ERR_OK);
    const int64_t id =
        enroll_id(f.c, consent_number(f.c, f.circle, "1", 1, false));
    assert_true(shelf_find(&f.c->shelf, SHELF_CHOICES_OF, "i", id));
    shelf_end(&f.c->shelf, SHELF_CHOICES_OF);
    assert_int_equal(send(&f, 1, "email", "any", 2, 2, NOW + DAY, true, &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.msg, "row 3: at lies in the future"));
    for (int i = 0; i < 3; i++)
        consent_tick(f.c);
    assert_false(may(&f, "1", "service", "email", ""));
    assert_false(shelf_find(&f.c->shelf, SHELF_CHOICES_OF, "i", id));
    assert_int_equal(
        enroll_id(f.c, consent_number(f.c, f.circle, "1", 1, false)),
        PEOPLE_NONE);
    register_close(&f);
}

/* ---- history and erasure ---- */

static void check_history(void **state)
{
    struct lib_register f;
    struct history h;
    struct arena a;
    struct err err = { 0 };
    (void)state;
    register_open(&f, &policy);
    arena_init(&a, 8 << 20);
    register_decide(&f, "1", CONSENT_GRANTED, "offers", 0);
    (void)choose(&f, "1", "email", "1 per week", NOW + 1);
    (void)choose(&f, "1", "email", "2 per week", NOW + 2);
    f.clock.wall_us += 3;
    assert_true(may(&f, "1", "offers", "email", ""));
    assert_int_equal(consent_history(&h, f.c, f.circle, "1", 1, &a, &err),
                     ERR_OK);
    assert_int_equal(h.n, 3);
    assert_null(h.events[0].channel);
    assert_string_equal(h.events[1].channel, "email");
    assert_int_equal(h.events[1].at_most.n, 1);
    assert_false(h.events[1].holds);
    assert_true(h.events[2].holds);
    assert_string_equal(h.events[2].source, "a form");
    assert_string_equal(h.events[2].proof, "in the drawer");
    assert_int_equal(h.n_contacts, 1);
    assert_string_equal(h.contacts[0].sender, "mailer");
    assert_string_equal(h.contacts[0].purpose, "offers");
    arena_fini(&a);
    register_close(&f);
}

/* Of who was erased neither choices nor contacts are left, and a choice of
 * before is not recorded again. */
static void check_erased(void **state)
{
    static const char *const datasets[] = { "shop" };
    const struct erasure_request r = { .subject = "1",
                                       .deadline_s = 86400,
                                       .datasets = datasets,
                                       .n_datasets = 1 };
    struct lib_register f;
    struct history h;
    struct erasure e;
    struct arena a;
    struct err err = { 0 };
    struct consent_recorded out;
    (void)state;
    register_open(&f, &policy);
    arena_init(&a, 8 << 20);
    (void)choose(&f, "1", "email", "any", 0);
    assert_true(may(&f, "1", "service", "email", ""));
    const int64_t id =
        enroll_id(f.c, consent_number(f.c, f.circle, "1", 1, false));
    assert_int_equal(consent_erase(f.c, f.circle, &r, &e, &a, &err), ERR_OK);
    assert_false(may(&f, "1", "service", "email", ""));
    assert_int_equal(consent_history(&h, f.c, f.circle, "1", 1, &a, &err),
                     ERR_OK);
    assert_int_equal(h.n + h.n_contacts, 0);
    assert_false(shelf_find(&f.c->shelf, SHELF_CHOICES_OF, "i", id));
    assert_false(shelf_find(&f.c->shelf, SHELF_CONTACTS_OF, "i", id));
    const struct contact_choice old = { .subject = "1",
                                        .subject_len = 1,
                                        .channel = "email",
                                        .at_most = { 1, 0 },
                                        .at_us = NOW - 1 };
    assert_int_equal(contact_choose(f.c, f.circle, &old, &out, &err),
                     ERR_CONFLICT);
    arena_fini(&a);
    register_close(&f);
}

/* The same in a file and in a database. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        { "the later choice holds, whichever came first", check_late, NULL,
          NULL, NULL },
        { "a choice that is sent twice is one", check_twice, NULL, NULL, NULL },
        { "a sender's day has an end", check_limit, NULL, NULL, NULL },
        { "what was asked is told once", check_told, NULL, NULL, NULL },
        { "a file of choices counts whole, and later choices hold", check_file,
          NULL, NULL, NULL },
        { "a file with a wrong row leaves nothing", check_wrong_file, NULL,
          NULL, NULL },
        { "choices and contacts are in the history", check_history, NULL, NULL,
          NULL },
        { "erased, nothing of them is left", check_erased, NULL, NULL, NULL },
    };
    int failed = 0;
    for (int shared = 0; shared < 2; shared++) {
        ledger_dirs_in_postgres(shared);
        failed += RUN_ROWS(stories, check_story);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
