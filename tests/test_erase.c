#include "server/consent/erase.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "server/consent/contact.h"
#include "server/consent/history.h"
#include "server/consent/parts.h"
#include "server/consent/shelf_sqlite.h"

#include "tests/lib_register.h"
#include "tests/table.h"

#define SECOND REGISTER_SECOND
#define DAY    REGISTER_DAY
#define NOW    REGISTER_NOW

static struct policy_purpose purposes[] = { { .id = "a", .help = "" },
                                            { .id = "b", .help = "" },
                                            { .id = "later", .help = "" } };
static struct policy policy = { .population = "people",
                                .tables = &register_table,
                                .n_tables = 1,
                                .purposes = purposes,
                                .n_purposes = 2 };
static const char *const SHOP[] = { "shop" };

static int64_t first_us; /* when the first erasure was asked for */
static uint64_t last_list;

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s", err->msg);
}

static void fixture_open(struct lib_register *f)
{
    first_us = 0;
    last_list = 0;
    register_open(f, &policy);
}

static enum err_code decide(struct lib_register *f, const char *who,
                            enum consent_state state, int64_t at_us,
                            struct err *err)
{
    const char *const to = "a";
    const struct consent_event e = register_event(who, state, &to, at_us);
    struct consent_recorded out;
    return consent_record(f->c, f->circle, &e, &out, err);
}

static enum err_code erase(struct lib_register *f, const char *who,
                           int64_t asked_us, struct erasure *out,
                           struct err *err)
{
    const struct erasure_request r = { .subject = who,
                                       .asked_us = asked_us,
                                       .deadline_s = 30 * 86400,
                                       .datasets = SHOP,
                                       .n_datasets = 1 };
    return consent_erase(f->c, f->circle, &r, out, &f->a, err);
}

static bool is_to_go(struct lib_register *f, const char *who)
{
    const struct people_view *v = consent_pin_erased(f->c);
    const bool has =
        people_has(v, consent_number(f->c, f->circle, who, strlen(who), false));
    people_unpin(v);
    return has;
}

/* ---- what happens to one person, step by step ---- */

static void look(struct lib_register *f, bool deleted, const char *found)
{
    struct err err = { 0 };
    const struct erasure_seen seen = { .dataset = "shop",
                                       .looked_us = f->clock.wall_us,
                                       .deleted_us =
                                           deleted ? f->clock.wall_us : 0,
                                       .subjects = &found,
                                       .n_subjects = found != NULL };
    must(consent_erasure_seen(f->c, f->circle, &seen, &err), &err);
}

static void hand(struct lib_register *f)
{
    struct erasure_list list;
    struct err err = { 0 };
    must(consent_list_new(f->c, f->circle, "shop", &list, &err), &err);
    must(consent_list_handed(f->c, f->circle, "shop", &list, &err), &err);
    last_list = list.number;
}

static void step(struct lib_register *f, char what)
{
    struct err err = { 0 };
    struct erasure e;
    bool was_there;
    f->clock.wall_us += SECOND;
    switch (what) {
    case 'y': /* yes */
        must(decide(f, "1", CONSENT_GRANTED, 0, &err), &err);
        break;
    case 'o': /* a yes of long ago, recorded now */
        assert_int_equal(decide(f, "1", CONSENT_GRANTED, NOW - DAY, &err),
                         ERR_CONFLICT);
        break;
    case 'w': /* no */
        must(decide(f, "1", CONSENT_WITHDRAWN, 0, &err), &err);
        break;
    case 'e':
        must(erase(f, "1", 0, &e, &err), &err);
        first_us = first_us ? first_us : e.asked_us;
        break;
    case 'R': /* the first request, replayed */
        must(erase(f, "1", first_us, &e, &err), &err);
        assert_true(e.was_there);
        break;
    case '+': /* somebody else */
        must(erase(f, "2", 0, &e, &err), &err);
        break;
    case 'l': /* a list is handed over */
        hand(f);
        break;
    case 'c': /* and confirmed */
        must(consent_list_confirm(f->c, f->circle, "shop", last_list,
                                  &was_there, &err),
             &err);
        assert_false(was_there);
        break;
    case 'v': /* she is not in the data */
        look(f, false, NULL);
        break;
    case 'f': /* she is */
        look(f, false, "1");
        break;
    case 'x': /* the server deleted her rows */
        look(f, true, NULL);
        break;
    case 'r': /* a restart */
        register_reopen(f);
        break;
    default:
        fail_msg("no step '%c'", what);
    }
}

static const struct life {
    const char *name, *steps;
    bool yes, no, to_go;
    enum erasure_state state;
} lives[] = {
    { "who is erased is out at once", "ye", false, true, true,
      ERASURE_SUPPRESSED },
    { "and after a restart", "yer", false, true, true, ERASURE_SUPPRESSED },
    { "so is somebody unknown", "e", false, true, true, ERASURE_SUPPRESSED },
    { "that she is not in the data tells nothing before it is done", "yev",
      false, true, true, ERASURE_SUPPRESSED },
    { "a list is handed over", "yel", false, true, true, ERASURE_HANDED },
    { "what an owner says is looked at", "yelc", false, true, true,
      ERASURE_DONE },
    { "and found to be so", "yelcv", false, true, true, ERASURE_VERIFIED },
    { "or not, and is to be done again", "yelcf", false, true, true,
      ERASURE_SUPPRESSED },
    { "a second list has her, too", "yell", false, true, true, ERASURE_HANDED },
    { "confirming the newer one is enough", "yellc", false, true, true,
      ERASURE_DONE },
    { "what the server deletes is verified", "yex", false, true, true,
      ERASURE_VERIFIED },
    { "old data that come back make it undone", "yexrf", false, true, true,
      ERASURE_SUPPRESSED },
    { "and it is done again", "yexrfx", false, true, true, ERASURE_VERIFIED },
    { "a yes of before is of before", "yeo", false, true, true,
      ERASURE_SUPPRESSED },
    { "a yes since counts nothing while her rows may be there", "yey", false,
      true, true, ERASURE_SUPPRESSED },
    { "once they are gone it does", "yeyx", true, false, false,
      ERASURE_VERIFIED },
    { "after a restart, too", "yexyr", true, false, false, ERASURE_VERIFIED },
    { "her new rows are hers", "yexyf", true, false, false,
      ERASURE_SUPPRESSED },
    { "who came back can take it back", "yexyw", false, true, false,
      ERASURE_VERIFIED },
    { "and be erased again", "yexye", false, true, true, ERASURE_SUPPRESSED },
    { "a request that is replayed erases nobody who came back", "yexyR", true,
      false, false, ERASURE_VERIFIED },
    { "a no since is none of a return", "yewxr", false, true, true,
      ERASURE_VERIFIED },
};

static void check_life(void **state)
{
    const struct life *row = *state;
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    fixture_open(&f);
    for (const char *s = row->steps; *s; s++)
        step(&f, *s);
    assert_int_equal(register_stands(&f, "1", "a", PEOPLE_YES), row->yes);
    assert_int_equal(register_stands(&f, "1", "a", PEOPLE_NO), row->no);
    /* What she said nothing of since: no, whatever its basis. */
    assert_true(register_stands(&f, "1", "b", PEOPLE_NO));
    assert_int_equal(is_to_go(&f, "1"), row->to_go);
    must(consent_erasure(f.c, f.circle, "1", &e, &f.a, &err), &err);
    assert_int_equal(e.n_places, 1);
    assert_int_equal(e.places[0].state, row->state);
    assert_int_equal(e.deadline_us, e.recorded_us + 30 * DAY);
    register_close(&f);
}

/* ---- what is left ---- */

static void check_history(void **state)
{
    struct lib_register f;
    struct history h;
    struct erasure e, again;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    must(decide(&f, "1", CONSENT_GRANTED, NOW - 2, &err), &err);
    must(erase(&f, "1", 0, &e, &err), &err);
    must(erase(&f, "1", 0, &again, &err), &err);
    assert_true(again.was_there);
    assert_int_equal(again.number, e.number);
    assert_int_equal(again.recorded_us, e.recorded_us);
    must(consent_history(&h, f.c, f.circle, "1", 1, &f.a, &err), &err);
    assert_int_equal(h.n, 0);
    assert_int_equal(h.n_yes, 0);
    assert_int_equal(consent_erasure(f.c, f.circle, "2", &e, &f.a, &err),
                     ERR_NOT_FOUND);
    register_close(&f);
}

static size_t read_all(uint8_t *out, size_t cap, const char *path)
{
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        char name[160];
        (void)snprintf(name, sizeof name, "%s%s", path, i ? "-wal" : "");
        FILE *f = fopen(name, "rb");
        n += f ? fread(out + n, 1, cap - n, f) : 0;
        if (f)
            (void)fclose(f);
    }
    return n;
}

/* The key of a person as it stands in the file. */
static void key_in_file(uint8_t out[32], const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT key FROM subjects", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    memcpy(out, sqlite3_column_blob(stmt, 0), 32);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
}

/* The key is gone from the file and its log, and the pseudonym from what was
 * decided; that she was erased is all that is kept of her. */
static void check_destroyed(void **state)
{
    static uint8_t bytes[8 << 20];
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    uint8_t key[32];
    (void)state;
    fixture_open(&f);
    must(decide(&f, "1", CONSENT_GRANTED, 0, &err), &err);
    key_in_file(key, f.dir.path);
    assert_non_null(memmem(bytes, read_all(bytes, sizeof bytes, f.dir.path),
                           key, sizeof key));
    must(erase(&f, "1", 0, &e, &err), &err);
    assert_null(memmem(bytes, read_all(bytes, sizeof bytes, f.dir.path), key,
                       sizeof key));
    register_close(&f);
}

static int64_t count_in_file(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return n;
}

/* How she wished to be contacted. */
static void check_choices(void **state)
{
    static const char sql[] = "SELECT count(*) FROM choices";
    const struct contact_choice choice = { .subject = "1",
                                           .subject_len = 1,
                                           .channel = "email",
                                           .at_most = { 1, 86400 },
                                           .source = "a form",
                                           .proof = "",
                                           .by = "desk" };
    struct lib_register f;
    struct consent_recorded out;
    struct erasure e;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    must(contact_choose(f.c, f.circle, &choice, &out, &err), &err);
    assert_int_equal(count_in_file(f.dir.path, sql), 1);
    must(erase(&f, "1", 0, &e, &err), &err);
    assert_int_equal(count_in_file(f.dir.path, sql), 0);
    register_close(&f);
}

/* The file refuses: nothing is half done, and later all of it is. */
static void check_full(void **state)
{
    enum { PEOPLE = 2000 };
    struct lib_register f;
    struct erasure e;
    struct history h;
    struct err err = { 0 };
    enum err_code code = ERR_OK;
    char who[16] = "";
    (void)state;
    fixture_open(&f);
    for (int i = 1; i <= 3; i++) {
        (void)snprintf(who, sizeof who, "%d", i);
        must(decide(&f, who, CONSENT_GRANTED, 0, &err), &err);
    }
    assert_int_equal(sqlite3_exec(shelf_sqlite_of(&f.c->shelf),
                                  "PRAGMA max_page_count = 1", NULL, NULL,
                                  NULL),
                     SQLITE_OK); /* no page more than there are */
    for (int i = 4; code == ERR_OK && i < PEOPLE; i++) {
        (void)snprintf(who, sizeof who, "%d", i);
        code = erase(&f, who, 0, &e, &err);
        arena_reset(&f.a);
    }
    assert_int_equal(code, ERR_UNAVAILABLE);
    assert_false(is_to_go(&f, who));
    /* Somebody of whom something is kept. */
    assert_int_equal(erase(&f, "2", 0, &e, &err), ERR_UNAVAILABLE);
    assert_true(register_stands(&f, "2", "a", PEOPLE_YES));
    assert_false(is_to_go(&f, "2"));
    must(consent_history(&h, f.c, f.circle, "2", 1, &f.a, &err), &err);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.events[0].proof, "in the drawer");
    assert_int_equal(consent_erasure(f.c, f.circle, "2", &e, &f.a, &err),
                     ERR_NOT_FOUND);
    assert_int_equal(sqlite3_exec(shelf_sqlite_of(&f.c->shelf),
                                  "PRAGMA max_page_count = 1000000", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    must(erase(&f, "2", 0, &e, &err), &err);
    assert_false(e.was_there);
    assert_false(register_stands(&f, "2", "a", PEOPLE_YES));
    register_close(&f);
}

/* ---- an older copy of the register ---- */

static void copy_file(const char *to, const char *from)
{
    static uint8_t bytes[4 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    const size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    (void)fclose(in);
    (void)fclose(out);
}

static const struct put_back {
    const char *name, *before, *after; /* the copy was made between */
    const char *tail;                  /* added to the file of erasures */
    bool yes, to_go;
} put_backs[] = {
    { "an older register forgets no erasure", "y", "e", "", false, true },
    { "nor one of somebody it never heard of", "", "e", "", false, true },
    { "what it knows is not done again", "yex", "y", "", false, true },
    { "who came back before the copy was made is back", "yexy", "w", "", true,
      false },
    { "who was erased again after it is erased", "yexy", "e", "", false, true },
    { "a line that was cut is passed over", "y", "e", "0102", false, true },
};

static void check_put_back(void **state)
{
    const struct put_back *row = *state;
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    char copy[128], beside[128];
    fixture_open(&f);
    (void)snprintf(copy, sizeof copy, "%s/copy", f.dir.dir);
    (void)snprintf(beside, sizeof beside, "%s", f.dir.beside);
    for (const char *s = row->before; *s; s++)
        step(&f, *s);
    register_shut(&f);
    copy_file(copy, f.dir.path);
    register_reopen(&f);
    for (const char *s = row->after; *s; s++)
        step(&f, *s);
    register_shut(&f);
    copy_file(f.dir.path, copy);
    FILE *log = fopen(beside, "ab");
    assert_non_null(log);
    (void)fputs(row->tail, log);
    (void)fclose(log);
    for (int again = 0; again < 2; again++) {
        register_reopen(&f);
        assert_int_equal(register_stands(&f, "1", "a", PEOPLE_YES), row->yes);
        assert_int_equal(is_to_go(&f, "1"), row->to_go);
        must(consent_erasure(f.c, f.circle, "1", &e, &f.a, &err), &err);
        if (again == 0)
            step(&f, '+'); /* the next line is its own */
        register_shut(&f);
    }
    register_reopen(&f);
    must(consent_erasure(f.c, f.circle, "2", &e, &f.a, &err), &err);
    register_close(&f);
}

static void check_damaged(void **state)
{
    struct lib_register f;
    char beside[128];
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    step(&f, 'e');
    register_shut(&f);
    (void)snprintf(beside, sizeof beside, "%s", f.dir.beside);
    FILE *log = fopen(beside, "r+b");
    assert_non_null(log);
    (void)fputs("zz", log);
    (void)fclose(log);
    const struct consent_options o = { .path = f.dir.path,
                                       .erasures = f.dir.beside,
                                       .clock = &f.clock.clock,
                                       .keys = { .key = { { 1, 2, 3 } },
                                                 .n = 1 } };
    assert_int_equal(consent_open(&f.c, &o, &err), ERR_INTERNAL);
    assert_non_null(strstr(err.msg, "line 1"));
    assert_int_equal(remove(beside), 0); /* what the register knows is put in */
    register_reopen(&f);
    assert_true(is_to_go(&f, "1"));
    FILE *again = fopen(beside, "rb");
    assert_non_null(again);
    assert_true(fgetc(again) != EOF);
    (void)fclose(again);
    register_close(&f);
}

/* A purpose that a later policy names. */
static void check_new_purpose(void **state)
{
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    must(erase(&f, "1", 0, &e, &err), &err);
    policy.n_purposes = 3;
    const enum err_code code = consent_circle(&f.circle, f.c, &policy, &err);
    policy.n_purposes = 2;
    must(code, &err);
    assert_true(register_stands(&f, "1", "later", PEOPLE_NO));
    register_close(&f);
}

/* A dataset that serves the same people later has its own state. */
static void check_cover(void **state)
{
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    must(erase(&f, "1", 0, &e, &err), &err);
    step(&f, 'x');
    must(consent_erasure_cover(f.c, f.circle, "web", &err), &err);
    must(consent_erasure(f.c, f.circle, "1", &e, &f.a, &err), &err);
    assert_int_equal(e.n_places, 2);
    assert_int_equal(e.places[0].state, ERASURE_VERIFIED);
    assert_int_equal(e.places[1].state, ERASURE_SUPPRESSED);
    step(&f, 'y'); /* no return while it may have her rows */
    assert_false(register_stands(&f, "1", "a", PEOPLE_YES));
    register_close(&f);
}

/* Rows of a file that were decided before are passed over. */
static void check_import(void **state)
{
    static const char *const to[] = { "a" };
    const struct consent_kind kind = { .state = CONSENT_GRANTED,
                                       .purposes = to,
                                       .n_purposes = 1 };
    const uint8_t digest[CONSENT_DIGEST_LEN] = { 9 };
    const char *const subjects[] = { "1", "2" };
    const int64_t at_us[] = { NOW - 5, NOW - 5 };
    const uint32_t kinds[] = { 0, 0 };
    const struct consent_chunk chunk = { .digest = digest,
                                         .kinds = &kind,
                                         .n_kinds = 1,
                                         .subjects = subjects,
                                         .kind = kinds,
                                         .at_us = at_us,
                                         .n_rows = 2,
                                         .last = true,
                                         .source = "",
                                         .by = "desk" };
    struct lib_register f;
    struct consent_imported out;
    struct erasure e;
    struct history h;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    must(erase(&f, "1", 0, &e, &err), &err);
    must(consent_import(f.c, f.circle, &chunk, &out, &err), &err);
    assert_true(out.done);
    assert_int_equal(out.n_rows, 2);
    assert_true(register_stands(&f, "2", "a", PEOPLE_YES));
    must(consent_history(&h, f.c, f.circle, "1", 1, &f.a, &err), &err);
    assert_int_equal(h.n, 0);
    register_close(&f);
}

/* Somebody's end of consent, after she was erased, brings nothing back. */
static void check_tick(void **state)
{
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    (void)state;
    purposes[0].valid_for_s = 60;
    fixture_open(&f);
    must(decide(&f, "1", CONSENT_GRANTED, 0, &err), &err);
    must(erase(&f, "1", 0, &e, &err), &err);
    f.clock.wall_us += 61 * SECOND;
    consent_tick(f.c);
    purposes[0].valid_for_s = 0;
    assert_true(register_stands(&f, "1", "a", PEOPLE_NO));
    register_close(&f);
}

/* The disk is full in the middle of a line of the file beside the register. */
static void check_part(void **state)
{
    enum { PART = 10 };
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    struct rlimit all, few;
    struct stat st;
    char beside[96];
    (void)state;
    fixture_open(&f);
    (void)snprintf(beside, sizeof beside, "%s", f.dir.beside);
    must(erase(&f, "1", 0, &e, &err), &err);
    assert_int_equal(stat(beside, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    few = (struct rlimit){ (rlim_t)st.st_size + PART, all.rlim_max };
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    const enum err_code code = erase(&f, "2", 0, &e, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    assert_int_equal(code, ERR_UNAVAILABLE);
    assert_false(is_to_go(&f, "2"));
    must(erase(&f, "3", 0, &e, &err), &err);
    register_reopen(&f);
    assert_true(is_to_go(&f, "1") && is_to_go(&f, "3"));
    register_close(&f);
}

/* ---- a look that begins while somebody is erased ---- */

/* A clock that, while she is erased, has another thread look. */
struct racing_clock {
    struct clock clock;
    struct lib_register *f;
    pthread_t looker;
    atomic_uint reads, looks_at; /* which read of the clock; 0: none */
    int64_t looked_us;
    bool saw;
};

static void *look_at_once(void *arg)
{
    struct racing_clock *r = arg;
    struct err err = { 0 };
    must(consent_erasure_look(r->f->c, &r->looked_us, &err), &err);
    r->saw = is_to_go(r->f, "1");
    return NULL;
}

static int64_t race(struct clock *clock)
{
    struct racing_clock *r = (struct racing_clock *)clock;
    const struct timespec enough = { .tv_nsec = 50 * 1000 * 1000 };
    if (r->looks_at == 0 || ++r->reads != r->looks_at)
        return NOW;
    assert_int_equal(pthread_create(&r->looker, NULL, look_at_once, r), 0);
    (void)nanosleep(&enough, NULL);
    return NOW;
}

/* Who is not seen, and was erased before the look, passes for verified. */
static void check_look(void **state)
{
    enum { IN_ITS_TURN = 2 }; /* the call itself reads it once before */
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    struct racing_clock r = { .f = &f };
    (void)state;
    fixture_open(&f);
    register_shut(&f);
    r.clock = (struct clock){ race, f.clock.clock.mono_ns };
    struct consent_options o = { .path = f.dir.path,
                                 .clock = &r.clock,
                                 .keys = { .key = { { 1, 2, 3 } }, .n = 1 } };
    must(consent_open(&f.c, &o, &err), &err);
    must(consent_circle(&f.circle, f.c, &policy, &err), &err);
    r.looks_at = IN_ITS_TURN;
    must(erase(&f, "1", 0, &e, &err), &err);
    r.looks_at = 0;
    assert_int_equal(pthread_join(r.looker, NULL), 0);
    assert_true(r.saw || r.looked_us < e.recorded_us);
    register_close(&f);
}

static const struct refused {
    const char *name, *who;
    int64_t asked_us;
} refused[] = {
    { "an erasure of nobody", "", 0 },
    { "an erasure of somebody who is no key", "me", 0 },
    { "an erasure asked for in the future", "1", NOW + DAY },
    { "an erasure asked for before there were any", "1", -1 },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct lib_register f;
    struct erasure e;
    struct err err = { 0 };
    fixture_open(&f);
    assert_int_equal(erase(&f, row->who, row->asked_us, &e, &err), ERR_INVALID);
    assert_true(err.msg[0] != '\0');
    assert_false(is_to_go(&f, "1"));
    register_close(&f);
}

static void check_lists(void **state)
{
    struct lib_register f;
    struct erasure e, *all;
    struct err err = { 0 };
    bool was_there;
    size_t n = 10;
    (void)state;
    fixture_open(&f);
    must(erase(&f, "1", 0, &e, &err), &err);
    step(&f, 'l');
    assert_int_equal(
        consent_list_confirm(f.c, f.circle, "web", last_list, &was_there, &err),
        ERR_NOT_FOUND);
    assert_int_equal(consent_list_confirm(f.c, f.circle, "shop", last_list + 1,
                                          &was_there, &err),
                     ERR_NOT_FOUND);
    step(&f, 'c');
    must(consent_list_confirm(f.c, f.circle, "shop", last_list, &was_there,
                              &err),
         &err);
    assert_true(was_there);
    must(erase(&f, "2", 0, &e, &err), &err);
    must(consent_erasures(f.c, f.circle, "shop", 0, &all, &n, &f.a, &err),
         &err);
    assert_int_equal(n, 2);
    assert_int_equal(all[0].places[0].state, ERASURE_DONE);
    assert_int_equal(all[1].places[0].state, ERASURE_SUPPRESSED);
    n = 10;
    must(consent_erasures(f.c, f.circle, "shop", all[0].number, &all, &n, &f.a,
                          &err),
         &err);
    assert_int_equal(n, 1);
    register_close(&f);
}

/* What is not verified when the deadline has passed is late, to a steward; not
 * a moment sooner, nor who came back, nor what is verified. */
static void check_late(void **state)
{
    static const struct {
        const char *steps;
        int64_t days;
        uint64_t late;
    } rows[] = {
        { "ye", 29, 0 },   { "ye", 31, 1 },    { "yel", 31, 1 },
        { "yelc", 31, 1 }, { "yelcv", 31, 0 }, { "yexyf", 31, 0 },
        { "yexf", 31, 1 }, { "ye+", 31, 2 },   { "y", 31, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct lib_register f;
        struct erasure_counts n;
        struct err err = { 0 };
        fixture_open(&f);
        for (const char *s = rows[i].steps; *s; s++)
            step(&f, *s);
        f.clock.wall_us += rows[i].days * DAY;
        must(consent_erasure_counts(f.c, f.circle, "shop", &n, &err), &err);
        if (n.late != rows[i].late)
            fail_msg("%s after %d days: %d are late", rows[i].steps,
                     (int)rows[i].days, (int)n.late);
        register_close(&f);
    }
}

/* A file of before there were erasures. */
static void check_old_file(void **state)
{
    struct lib_register f;
    sqlite3 *db = NULL;
    (void)state;
    fixture_open(&f);
    step(&f, 'y');
    register_shut(&f);
    assert_int_equal(sqlite3_open(f.dir.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP TABLE choices;"
                                  "DROP TABLE contacts;"
                                  "DROP TABLE asks;"
                                  "DROP TABLE erasure_lists;"
                                  "DROP TABLE erasure_places;"
                                  "DROP TABLE erasures;"
                                  "PRAGMA user_version = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    (void)sqlite3_close(db);
    register_reopen(&f);
    assert_true(register_stands(&f, "1", "a", PEOPLE_YES));
    step(&f, 'e');
    assert_false(register_stands(&f, "1", "a", PEOPLE_YES));
    register_close(&f);
}

/* The same in a file and in a database. */
int main(void)
{
    const struct CMUnitTest others[] = {
        { "asked twice it is once, and no history is left", check_history, NULL,
          NULL, NULL },
        { "a damaged file of erasures is told, and made again", check_damaged,
          NULL, NULL, NULL },
        { "a purpose that comes later is none of hers", check_new_purpose, NULL,
          NULL, NULL },
        { "a dataset that comes later has to do it, too", check_cover, NULL,
          NULL, NULL },
        { "a file of old decisions brings nobody back", check_import, NULL,
          NULL, NULL },
        { "an end of consent brings nobody back", check_tick, NULL, NULL,
          NULL },
        { "lists are a dataset's own, and confirmed once", check_lists, NULL,
          NULL, NULL },
        { "what is not done in time is late", check_late, NULL, NULL, NULL },
    };
    const struct CMUnitTest of_the_file[] = {
        { "the key is in no file any more", check_destroyed, NULL, NULL, NULL },
        { "nor how she wished to be contacted", check_choices, NULL, NULL,
          NULL },
        { "a full disk leaves nothing half done", check_full, NULL, NULL,
          NULL },
        { "a full disk leaves no part of a line", check_part, NULL, NULL,
          NULL },
        { "a look sees whoever was erased before it", check_look, NULL, NULL,
          NULL },
        { "a register of an older server is taken over", check_old_file, NULL,
          NULL, NULL },
    };
    int failed = RUN_ROWS(put_backs, check_put_back);
    failed += cmocka_run_group_tests(of_the_file, NULL, NULL);
    for (int shared = 0; shared < 2; shared++) {
        ledger_dirs_in_postgres(shared);
        failed += RUN_ROWS(lives, check_life);
        failed += RUN_ROWS(refused, check_refused);
        failed += cmocka_run_group_tests_name(__FILE__, others, NULL, NULL);
    }
    return failed;
}
