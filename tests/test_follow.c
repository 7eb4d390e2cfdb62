/* Two servers share a register: what one was told counts at the other. */
#include "server/consent/follow.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/consent/contact.h"
#include "server/consent/erase.h"
#include "server/consent/history.h"
#include "server/consent/parts.h"

#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/lib_relay.h"
#include "tests/table.h"

#define SECOND INT64_C(1000000)
#define DAY    (INT64_C(86400) * SECOND)
#define NOW    (INT64_C(20000) * DAY)

static struct policy_column columns[] = { { .name = "who",
                                            .type = POLICY_INT } };
static struct policy_table tables[] = {
    { .name = "t", .owned = true, .columns = columns, .n_columns = 1 }
};
static struct policy_purpose purposes[] = { { .id = "a", .help = "" },
                                            { .id = "b", .help = "" },
                                            { .id = "later", .help = "" } };
static const char *const SHOP[] = { "shop" };

struct server {
    char beside[96];
    struct consent *c;
    struct consent_circle *circle;
    struct policy policy;
    struct consent_options options;
};

struct fixture {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena a;
    struct server servers[2];
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s", err->msg);
}

static void open_server(struct server *s)
{
    struct err err = { 0 };
    must(consent_open(&s->c, &s->options, &err), &err);
    must(consent_circle(&s->circle, s->c, &s->policy, &err), &err);
}

static void fixture_open(struct fixture *f)
{
    ledger_dirs_in_postgres(true);
    ledger_dir_init(&f->dir);
    fake_clock_init(&f->clock, NOW);
    arena_init(&f->a, 16 << 20);
    for (int i = 0; i < 2; i++) {
        struct server *s = &f->servers[i];
        (void)snprintf(s->beside, sizeof s->beside, "%s/erasures%d", f->dir.dir,
                       i);
        s->policy = (struct policy){ .population = "people",
                                     .tables = tables,
                                     .n_tables = 1,
                                     .purposes = purposes,
                                     .n_purposes = 2 };
        s->options = (struct consent_options){ .path = f->dir.path,
                                               .erasures = s->beside,
                                               .clock = &f->clock.clock,
                                               .keeps_time = true,
                                               .keys = { .key = { { 1, 2, 3 } },
                                                         .n = 1 } };
        open_server(s);
    }
}

static void fixture_close(struct fixture *f)
{
    for (int i = 0; i < 2; i++)
        consent_close(f->servers[i].c);
    arena_fini(&f->a);
    ledger_dir_fini(&f->dir);
}

static enum err_code decide(struct server *s, const char *who,
                            enum consent_state state, int64_t at_us,
                            struct err *err)
{
    static const char *const to[] = { "a" };
    const struct consent_event e = { .subject = who,
                                     .subject_len = strlen(who),
                                     .state = state,
                                     .purposes = to,
                                     .n_purposes = consent_marks(state) ? 0 : 1,
                                     .at_us = at_us,
                                     .source = "a form",
                                     .by = "desk" };
    struct consent_recorded out;
    return consent_record(s->c, s->circle, &e, &out, err);
}

/* As a release sees it. */
static bool counts_for(struct server *s, const char *who, const char *purpose,
                       enum people_side side)
{
    struct err err = { 0 };
    must(consent_follow(s->c, &err), &err);
    const struct people_view *v = consent_pin(s->c, s->circle, purpose, side);
    const bool has =
        people_has(v, consent_number(s->c, s->circle, who, strlen(who), false));
    people_unpin(v);
    return has;
}

static bool counts(struct server *s, const char *who)
{
    return counts_for(s, who, "a", PEOPLE_YES);
}

/* ---- stories, word by word: a server, what it does, a person ---- */

static enum err_code import(struct server *s, const char *who, uint64_t first,
                            bool last, struct consent_imported *out,
                            struct err *err)
{
    static const char *const to[] = { "a" };
    static const uint8_t digest[CONSENT_DIGEST_LEN] = { 9 };
    const struct consent_kind kind = { .state = CONSENT_GRANTED,
                                       .purposes = to,
                                       .n_purposes = 1 };
    const char next[2] = { (char)(who[0] + 1), '\0' };
    const char *const subjects[] = { who, next, who };
    const int64_t at_us[] = { NOW - 5, NOW - 5, NOW - 5 };
    const uint32_t kinds[] = { 0, 0, 0 };
    const struct consent_chunk chunk = { .digest = digest,
                                         .first = first,
                                         .kinds = &kind,
                                         .n_kinds = 1,
                                         .subjects = subjects,
                                         .kind = kinds,
                                         .at_us = at_us,
                                         .n_rows = 3,
                                         .last = last,
                                         .source = "",
                                         .by = "desk" };
    return consent_import(s->c, s->circle, &chunk, out, err);
}

static void look(struct fixture *f, struct server *s, bool finds,
                 const char *who)
{
    struct err err = { 0 };
    const struct erasure_seen seen = { .dataset = "shop",
                                       .looked_us = f->clock.wall_us,
                                       .deleted_us =
                                           finds ? 0 : f->clock.wall_us,
                                       .subjects = &who,
                                       .n_subjects = finds };
    must(consent_erasure_seen(s->c, s->circle, &seen, &err), &err);
}

/* Everything that others changed and that is older than now is forgotten. */
static void forget_changes(void)
{
    postgres_run("DELETE FROM halftone_consent.changes;"
                 "DELETE FROM halftone_consent.serials WHERE serial <"
                 " (SELECT max(serial) FROM halftone_consent.serials)");
}

/* What a server does; false: there is no such step. */
static bool does(struct fixture *f, struct server *s, char what,
                 const char *who)
{
    struct err err = { 0 };
    struct consent_imported done;
    struct erasure e;
    const struct erasure_request r = {
        .subject = who, .deadline_s = 86400, .datasets = SHOP, .n_datasets = 1
    };
    switch (what) {
    case 'y':
        must(decide(s, who, CONSENT_GRANTED, 0, &err), &err);
        break;
    case 'w':
        must(decide(s, who, CONSENT_WITHDRAWN, 0, &err), &err);
        break;
    case 'e':
        must(consent_erase(s->c, s->circle, &r, &e, &f->a, &err), &err);
        break;
    case 'x': /* her rows are deleted */
        look(f, s, false, who);
        break;
    case 'f': /* she is in the data */
        look(f, s, true, who);
        break;
    case 'm': /* somebody is met in the data */
        (void)consent_number(s->c, s->circle, who, 1, true);
        break;
    case 'i': /* a file about her and the next one */
        must(import(s, who, 0, true, &done, &err), &err);
        break;
    case 'b': /* its beginning */
        must(import(s, who, 0, false, &done, &err), &err);
        break;
    case 'l': /* its end, as the server that has the beginning says */
        must(import(s, who, 3, true, &done, &err), &err);
        assert_true(done.done);
        break;
    case 'p': /* somebody else's purpose */
        s->policy.n_purposes = 3;
        must(consent_circle(&s->circle, s->c, &s->policy, &err), &err);
        break;
    case 'o': /* away, for long */
        forget_changes();
        break;
    case 'r': /* a restart */
        consent_close(s->c);
        open_server(s);
        break;
    case 't':
        consent_tick(s->c);
        break;
    default:
        return false;
    }
    return true;
}

/* What a server is held to; false: there is no such step. */
static bool holds(struct fixture *f, struct server *s, char what,
                  const char *who)
{
    struct err err = { 0 };
    struct erasure e;
    switch (what) {
    case 'Y':
        assert_true(counts(s, who));
        break;
    case 'N':
        assert_false(counts(s, who));
        break;
    case 'O': /* a no to all purposes there are */
        assert_true(counts_for(s, who, "a", PEOPLE_NO));
        assert_true(counts_for(s, who, "b", PEOPLE_NO));
        break;
    case 'L': /* also the one that came later */
        assert_true(counts_for(s, who, "later", PEOPLE_NO));
        break;
    case 'V': /* an erasure is verified */
        must(consent_erasure(s->c, s->circle, who, &e, &f->a, &err), &err);
        assert_int_equal(e.places[0].state, ERASURE_VERIFIED);
        break;
    case 'S': /* ... or her rows may be there */
        must(consent_erasure(s->c, s->circle, who, &e, &f->a, &err), &err);
        assert_int_equal(e.places[0].state, ERASURE_SUPPRESSED);
        break;
    default:
        return false;
    }
    return true;
}

static void step(struct fixture *f, const char word[3])
{
    struct server *s = &f->servers[word[0] - 'A'];
    const char who[2] = { word[2], '\0' };
    f->clock.wall_us += SECOND;
    if (!does(f, s, word[1], who) && !holds(f, s, word[1], who))
        fail_msg("no step '%c'", word[1]);
}

static const struct story {
    const char *name, *words;
} stories[] = {
    { "a yes that one was told counts at the other", "BN1 Ay1 BY1 AY1" },
    { "a no does", "Ay1 BY1 Aw1 BN1 AN1" },
    { "whoever says which", "Ay1 Bw1 AN1 By1 AY1 Aw1 BN1" },
    { "a server that starts knows what was said before", "Ay1 By2 Br0 BY1 BY2"
                                                         " Aw2 BN2" },
    { "people who were met in the data have numbers of their own",
      "Bm7 Bm8 Am8 Ay1 By7 AY7 BY1 AN8 Ay8 BY8" },
    { "a server that was away for long reads all anew",
      "Ay1 BY1 Aw1 Ay2 Ae3 Ao0 BN1 BY2 BO3 By4 AY4" },
    { "and forgets who is no more", "Ay1 Ay2 BY2 Aw2 Ao0 BN2 BY1" },
    { "who is erased at one is out at the other", "Ay1 BY1 Ae1 BO1 BS1" },
    { "one asks, the other does it, and both know", "Ay1 Ae1 Bx0 AV1 BV1" },
    { "she comes back at the other", "Ay1 Ae1 Bx0 By1 AY1 BY1" },
    { "whichever she said yes at", "Ay1 Ae1 By1 AN1 BN1 Ax0 BY1 AY1" },
    { "found again at one she is out at both", "Ay1 Ae1 Ax0 Bf1 AS1 AO1" },
    { "erased again she is out again", "Ay1 Be1 Ax0 Ay1 BY1 Be1 AO1 BO1" },
    { "an erasure of somebody unknown is one at both", "Ae9 BO9 Br0 BO9" },
    { "a file counts at both", "Ai1 BY1 BY2 AY2" },
    { "half of a file counts nowhere", "Ab1 BN1 AN1 Br0 BN1 At0 BN2" },
    { "and is continued at the other", "Ab1 Bl1 AY1 BY2 AY2 Aw1 BN1" },
    { "a decision beside a file holds as its time says",
      "Bw1 Ai1 BN1 AN1 BY2" },
    { "a purpose that one names later is no yes of who was erased",
      "Ae1 BO1 Ap0 AL1 Bp0 BL1" },
    { "nor where it is heard of by the other alone", "Ae1 Ap0 BO1 Bp0 BL1" },
};

static const char *const DIGITS[] = { "0", "1", "2", "3", "4",
                                      "5", "6", "7", "8", "9" };

static void check_story(void **state)
{
    const struct story *row = *state;
    struct fixture f;
    fixture_open(&f);
    for (const char *w = row->words; *w; w += w[3] ? 4 : 3)
        step(&f, w);
    /* Whoever starts now sees the same. */
    for (int i = 0; i < 2; i++) {
        bool before[10];
        for (int who = 0; who < 10; who++)
            before[who] = counts(&f.servers[i], DIGITS[who]);
        consent_close(f.servers[i].c);
        open_server(&f.servers[i]);
        for (int who = 0; who < 10; who++)
            assert_int_equal(counts(&f.servers[i], DIGITS[who]), before[who]);
    }
    fixture_close(&f);
}

/* ---- limits, leaves, the file of erasures ---- */

static bool may(struct server *s, const char *sender, struct err *err,
                enum err_code *code)
{
    static const struct policy_purpose purpose = { .id = "a" };
    static const struct policy_channel channel = { .id = "email",
                                                   .at_most = { 9, 60 } };
    const struct contact_question q = { .subject = "1",
                                        .subject_len = 1,
                                        .purpose = &purpose,
                                        .channel = &channel,
                                        .sender = sender,
                                        .key = "",
                                        .asks_per_day = 5 };
    bool out = false;
    *code = contact_may(&out, s->c, s->circle, &q, err);
    return out;
}

static void check_limits(void **state)
{
    static const bool answers[] = { true, true, false, false, false };
    struct fixture f;
    struct err err = { 0 };
    struct consent_recorded out;
    enum err_code code;
    const struct contact_choice choice = { .subject = "1",
                                           .subject_len = 1,
                                           .channel = "email",
                                           .at_most = { 2, 86400 },
                                           .by = "desk" };
    (void)state;
    fixture_open(&f);
    step(&f, "Ay1");
    must(contact_choose(f.servers[0].c, f.servers[0].circle, &choice, &out,
                        &err),
         &err);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(may(&f.servers[i % 2], "mail", &err, &code),
                         answers[i]);
        assert_int_equal(code, ERR_OK);
    }
    /* The sender's own day, too. */
    (void)may(&f.servers[1], "mail", &err, &code);
    assert_int_equal(code, ERR_LIMIT);
    assert_false(may(&f.servers[0], "other", &err, &code));
    assert_int_equal(code, ERR_OK);
    fixture_close(&f);
}

/* One interval is one commitment, whoever says it; the next is another. */
static void check_commitment(void **state)
{
    struct fixture f;
    uint8_t leaves[3][32];
    (void)state;
    fixture_open(&f);
    step(&f, "Ay1");
    assert_true(consent_commit(f.servers[0].c, NOW, leaves[0]));
    step(&f, "By2");
    assert_true(consent_commit(f.servers[1].c, NOW, leaves[1]));
    assert_true(consent_commit(f.servers[1].c, NOW + 1, leaves[2]));
    assert_memory_equal(leaves[0], leaves[1], 32);
    assert_memory_not_equal(leaves[1], leaves[2], 32);
    fixture_close(&f);
}

static size_t count_lines(const char *path)
{
    size_t n = 0;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    for (int c; (c = fgetc(in)) != EOF;)
        n += c == '\n';
    (void)fclose(in);
    return n;
}

/* The register is put back from before, and one server's file is enough. */
static void check_put_back(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f);
    step(&f, "Ay1");
    step(&f, "Ay2");
    postgres_run(
        "SET client_min_messages = error; CREATE SCHEMA copy;"
        "CREATE TABLE copy.subjects AS TABLE halftone_consent.subjects;"
        "CREATE TABLE copy.events AS TABLE halftone_consent.events");
    step(&f, "Ae1");
    step(&f, "BO1"); /* it hears of it, and writes it down */
    consent_close(f.servers[1].c);
    step(&f, "Ae2"); /* ... and of this one when it starts */
    open_server(&f.servers[1]);
    assert_int_equal(count_lines(f.servers[0].beside), 2);
    assert_int_equal(count_lines(f.servers[1].beside), 2);
    for (int i = 0; i < 2; i++)
        consent_close(f.servers[i].c);
    postgres_run("SET client_min_messages = error;"
                 "DELETE FROM halftone_consent.erasures;"
                 "DELETE FROM halftone_consent.erasure_places;"
                 "TRUNCATE halftone_consent.subjects, halftone_consent.events;"
                 "INSERT INTO halftone_consent.subjects TABLE copy.subjects;"
                 "INSERT INTO halftone_consent.events TABLE copy.events;"
                 "DROP SCHEMA copy CASCADE");
    assert_int_equal(unlink(f.servers[0].beside), 0);
    for (int i = 1; i >= 0; i--)
        open_server(&f.servers[i]);
    step(&f, "AO1");
    step(&f, "AO2");
    step(&f, "BO1");
    assert_int_equal(count_lines(f.servers[0].beside), 2);
    fixture_close(&f);
}

/* ---- what a server is not to go on with ---- */

/* The history is another's: a copy was put back, and others wrote on. */
static void check_other_history(void **state)
{
    struct fixture f;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    step(&f, "Ay1");
    step(&f, "BY1");
    postgres_run("UPDATE halftone_consent.serials SET token ="
                 " decode(repeat('ab', 16), 'hex')");
    assert_int_equal(consent_follow(f.servers[1].c, &err), ERR_UNAVAILABLE);
    assert_true(consent_is_held(f.servers[1].c));
    /* Everything is recorded as ever. */
    must(decide(&f.servers[1], "2", CONSENT_GRANTED, 0, &err), &err);
    consent_hold(f.servers[1].c, false);
    step(&f, "BY2");
    fixture_close(&f);
}

static void check_keys(void **state)
{
    struct fixture f;
    struct err err = { 0 };
    struct consent *c;
    (void)state;
    fixture_open(&f);
    step(&f, "Ay1");
    struct consent_options o = f.servers[0].options;
    o.keys = (struct pseudonym_keys){ .key = { { 7 } }, .n = 1 };
    assert_int_equal(consent_open(&c, &o, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "pseudonym keys"));
    /* One that rotates takes the others along, or they stop. */
    memcpy(o.keys.key[1], f.servers[0].options.keys.key[0], PSEUDONYM_KEY_LEN);
    o.keys.n = 2;
    consent_close(f.servers[0].c);
    f.servers[0].options = o;
    open_server(&f.servers[0]);
    step(&f, "AY1");
    assert_int_equal(consent_follow(f.servers[1].c, &err), ERR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "file of keys"));
    assert_int_equal(decide(&f.servers[1], "2", CONSENT_GRANTED, 0, &err),
                     ERR_UNAVAILABLE);
    fixture_close(&f);
}

/* Without its database nobody counts for anybody, and nothing is lost. */
static void check_away(void **state)
{
    struct fixture f;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    step(&f, "Ay1");
    step(&f, "BY1");
    step(&f, "Aw1");
    postgres_kill();
    assert_int_equal(consent_follow(f.servers[1].c, &err), ERR_UNAVAILABLE);
    assert_int_equal(decide(&f.servers[0], "2", CONSENT_GRANTED, 0, &err),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "nothing was recorded"));
    postgres_again();
    for (int i = 0; i < 2; i++) {
        enum err_code code = ERR_UNAVAILABLE;
        for (int n = 0; n < 100 && code != ERR_OK; n++) {
            code = consent_follow(f.servers[i].c, &err);
            (void)usleep(50 * 1000);
        }
        must(code, &err);
    }
    step(&f, "BN1");
    step(&f, "AN2");
    step(&f, "Ay2");
    step(&f, "BY2");
    fixture_close(&f);
}

/* ---- all at once ---- */

enum { THREADS = 3, EACH = 40 };
struct crowd {
    struct fixture *f;
    int from;
    int failed;
};

/* Says yes here and no there; after each no there is no release that counts
 * her, at the server that was not told. */
static void *come_and_go(void *arg)
{
    struct crowd *k = arg;
    for (int i = k->from; i < k->from + EACH; i++) {
        struct server *told = &k->f->servers[i % 2],
                      *other = &k->f->servers[1 - i % 2];
        char who[16];
        struct err err = { 0 };
        (void)snprintf(who, sizeof who, "%d", i);
        k->failed += decide(other, who, CONSENT_GRANTED, NOW - 9, &err) != 0;
        k->failed += !counts(told, who);
        k->failed += decide(told, who, CONSENT_WITHDRAWN, NOW - 8, &err) != 0;
        k->failed += counts(other, who);
        if (i % 3 == 0)
            k->failed += decide(told, who, CONSENT_GRANTED, NOW - 7, &err) != 0;
    }
    return NULL;
}

static void check_crowd(void **state)
{
    struct fixture f;
    pthread_t threads[2 * THREADS];
    struct crowd crowd[2 * THREADS];
    (void)state;
    fixture_open(&f);
    for (int i = 0; i < 2 * THREADS; i++) {
        crowd[i] = (struct crowd){ &f, i * EACH, 0 };
        assert_int_equal(
            pthread_create(&threads[i], NULL, come_and_go, &crowd[i]), 0);
    }
    for (int i = 0; i < 2 * THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(crowd[i].failed, 0);
    }
    for (int i = 0; i < 2 * THREADS * EACH; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "%d", i);
        assert_int_equal(counts(&f.servers[0], who), i % 3 == 0);
        assert_int_equal(counts(&f.servers[1], who), i % 3 == 0);
    }
    fixture_close(&f);
}

/* ---- a wire that breaks in a decision ---- */

static const struct cut {
    const char *name;
    enum relay_fault fault;
} cuts[] = {
    { "a wire that breaks before any message of a decision: it is recorded, or "
      "not, and so it is told",
      RELAY_CUT_BEFORE },
    { "... that breaks within any message", RELAY_CUT_WITHIN },
    { "... after any message, and what is said to it is lost",
      RELAY_CUT_AFTER },
    { "... before any answer", RELAY_CUT_ANSWER },
    { "... within any answer", RELAY_CUT_WITHIN_ANSWER },
};

/* Person 2 decides otherwise: what is recorded is so once and counts at both
 * servers, and what is not, nowhere. */
static void check_decision(struct fixture *f)
{
    static const char EVENTS[] = "SELECT count(*) FROM halftone_consent.events";
    struct err err = { 0 };
    const bool was = counts(&f->servers[1], "2");
    const unsigned long events = postgres_count(EVENTS);
    f->clock.wall_us += SECOND;
    const enum err_code code =
        decide(&f->servers[0], "2", was ? CONSENT_WITHDRAWN : CONSENT_GRANTED,
               0, &err);
    if (code != ERR_OK) {
        assert_int_equal(code, ERR_UNAVAILABLE);
        assert_non_null(strstr(err.msg, "nothing was recorded"));
    }
    for (int i = 1; i >= 0; i--)
        assert_int_equal(counts(&f->servers[i], "2"), was != (code == ERR_OK));
    assert_int_equal(postgres_count(EVENTS), events + (code == ERR_OK));
}

/* Messages or answers of a decision. */
static uint64_t length_of(struct fixture *f, struct relay *relay,
                          enum relay_fault fault)
{
    step(f, "Ay1");
    relay_arm(relay, RELAY_NONE, 0);
    step(f, "Aw1");
    return relay_count(relay, fault);
}

static void check_cut(void **state)
{
    const struct cut *row = *state;
    struct fixture f;
    char folder[64];
    fixture_open(&f);
    const char *host = strstr(postgres_uri(), "host=") + strlen("host=");
    (void)snprintf(folder, sizeof folder, "%.*s", (int)strcspn(host, "&"),
                   host);
    struct relay relay = { .database = folder };
    relay_start(&relay);
    struct server *s = &f.servers[0];
    consent_close(s->c);
    s->options.path = relay.uri;
    open_server(s);
    const uint64_t length = length_of(&f, &relay, row->fault);
    assert_true(length > 2);
    for (uint64_t at = 1; at <= length; at++) {
        relay_arm(&relay, row->fault, at);
        check_decision(&f);
        assert_int_equal(relay_done(&relay), 1);
    }
    print_message("  each of %llu\n", (unsigned long long)length);
    relay_arm(&relay, RELAY_NONE, 0);
    step(&f, "Ay1");
    step(&f, "BY1");
    consent_close(s->c);
    s->options.path = f.dir.path;
    open_server(s);
    relay_stop(&relay);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        { "limits of contact hold at both together", check_limits, NULL, NULL,
          NULL },
        { "an interval has one commitment", check_commitment, NULL, NULL,
          NULL },
        { "one file of erasures is enough for a register that is put back",
          check_put_back, NULL, NULL, NULL },
        { "another history is held", check_other_history, NULL, NULL, NULL },
        { "servers have the same keys, or stop", check_keys, NULL, NULL, NULL },
        { "without its database nothing is released or recorded", check_away,
          NULL, NULL, NULL },
        { "no release after a withdrawal counts her", check_crowd, NULL, NULL,
          NULL },
    };
    return RUN_ROWS(stories, check_story) + RUN_ROWS(cuts, check_cut) +
           cmocka_run_group_tests_name(__FILE__, others, NULL, NULL);
}
