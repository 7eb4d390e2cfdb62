/*
 * wire HALFTONED PLANTED: the real server whose ledger is in PostgreSQL, and
 * what can happen between the two at any message.
 *
 * The connection is cut there, with the message there, lost or in half, or at
 * any message that the database answers with, lost or in half; the server is
 * killed; the database is; or the message waits so long that the run's lease
 * lapses and a second server is asked the same.  Whatever a client was sent
 * before must be there after: the same bytes, one charge a key, every sum.  A
 * server outlives its connection and its database.
 *
 *   WIRE_POINTS  messages to try, of each kind (0 = all)
 *   WIRE_ONLY    words of the names of tests to run; all others are left out
 *   CRASH_SEED   chooses which
 *   CRASH_PART   K/N: the K-th of N runs that share them (points.h)
 *
 * A line a test as the scripts of tests/system have it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/points.h"
#include "tests/crash/promise.h"
#include "tests/lib_postgres.h"
#include "tests/lib_relay.h"

enum { HOLD_MS = 1600, AT_ONCE = 3 };

struct world {
    struct relay relay;
    const char *planted;  /* program */
    uint64_t took_over;   /* charges that had a second run, so far */
    uint64_t sent_away;   /* questions whose run was taken over: ask again */
    struct life one, two; /* the second one without a relay */
};

enum victim { NOBODY, SERVER, DATABASE };
static const struct kind {
    const char *name;
    enum relay_fault fault;
    enum victim victim;
    bool races;        /* a second server is asked the same */
    const char *plant; /* the server that does this wrong (plant.c), or NULL */
    uint64_t share;    /* of the points: one in so many */
} KINDS[] = {
    { "cut before a message", RELAY_CUT_BEFORE, NOBODY, false, NULL, 1 },
    { "cut within a message", RELAY_CUT_WITHIN, NOBODY, false, NULL, 1 },
    { "cut after a message, its answer lost", RELAY_CUT_AFTER, NOBODY, false,
      NULL, 1 },
    { "cut before an answer", RELAY_CUT_ANSWER, NOBODY, false, NULL, 1 },
    { "cut within an answer", RELAY_CUT_WITHIN_ANSWER, NOBODY, false, NULL, 1 },
    { "the server is killed before a message", RELAY_STRIKE_BEFORE, SERVER,
      false, NULL, 1 },
    { "the server is killed after a message", RELAY_STRIKE_AFTER, SERVER, false,
      NULL, 1 },
    { "the database is killed before a message", RELAY_STRIKE_BEFORE, DATABASE,
      false, NULL, 3 },
    { "the database is killed after a message", RELAY_STRIKE_AFTER, DATABASE,
      false, NULL, 3 },
    { "a message waits, and a second server is asked the same", RELAY_HOLD,
      NOBODY, true, NULL, 2 },
    { "likewise, and then the connection is cut", RELAY_HOLD_CUT, NOBODY, true,
      NULL, 2 },
    { "control: a charge after its release is found out", RELAY_STRIKE_BEFORE,
      SERVER, false, "charge", 1 },
};

static void kill_server(void *ctx)
{
    const struct world *w = ctx;
    (void)kill(w->one.pid, SIGKILL);
}

static void kill_database(void *ctx)
{
    (void)ctx;
    postgres_kill();
    postgres_again();
}

/* Nobody heard of the dead for a while. */
static void pass_silence(void)
{
    postgres_run("DO $$ BEGIN IF to_regclass('halftone.boots') IS NOT NULL "
                 "THEN UPDATE halftone.boots SET alive_until_us = 1 WHERE "
                 "settled = 0; END IF; END $$");
}

static void clear(struct world *w)
{
    relay_arm(&w->relay, RELAY_NONE, 0);
    postgres_clear();
    life_wipe(&w->one);
    life_wipe(&w->two);
}

/* ---- one server ---- */

static const char *check_sent(struct world *w, const struct life_replies *r,
                              const char *plant)
{
    struct sent sent = { .replies = r };
    for (size_t i = 0; i < LIFE_ASKED; i++)
        sent.was[i] = r->of[i].is_there && r->of[i].status == 0;
    relay_arm(&w->relay, RELAY_NONE, 0);
    pass_silence();
    return promise_check(&w->one, &sent, !plant, !plant);
}

static const char *outlives(const struct life_replies *r)
{
    for (size_t i = 0; i < LIFE_ASKED; i++)
        if (!life_is_decision(i) &&
            (!r->of[i].is_there || r->of[i].status != 0)) {
            printf("    question %zu: status %d %s\n", i, r->of[i].status,
                   r->of[i].what);
            return "a server does not outlive it";
        }
    return NULL;
}

static const char *try_one(struct world *w, const struct kind *kind,
                           uint64_t at)
{
    const struct life_how how = { .server = kind->plant ? w->planted : NULL,
                                  .plant = kind->plant };
    struct life_replies *r = life_replies_new();
    const char *why = NULL;
    w->relay.strike = kind->victim == SERVER ? kill_server : kill_database;
    relay_arm(&w->relay, kind->fault, at);
    const bool starts = life_start(&w->one, &how);
    if (starts)
        life_ask(&w->one, r, 0, LIFE_ASKED, AT_ONCE);
    if (starts && kind->victim != SERVER)
        why = outlives(r);
    if (why)
        life_show_log(&w->one);
    const char *end = life_stop(&w->one, starts ? SIGKILL : 0);
    if (!why)
        why = end;
    if (!why)
        why = check_sent(w, r, kind->plant);
    life_replies_free(r);
    return why;
}

/* ---- two servers ---- */

struct asker {
    struct life *life;
    struct life_replies *replies;
    pthread_t thread;
};

static void *ask_all(void *arg)
{
    struct asker *a = arg;
    life_ask(a->life, a->replies, 0, LIFE_ASKED, AT_ONCE);
    return NULL;
}

/* Told to ask again: another run, at the other server, was at it then. */
enum { GRPC_UNAVAILABLE = 14 };
static bool ask_again(struct world *w, struct life *l, struct life_replies *r)
{
    size_t n = 0;
    for (size_t i = 0; i < LIFE_ASKED; i++)
        n += r->of[i].is_there && r->of[i].status == GRPC_UNAVAILABLE;
    if (n > 0)
        life_ask(l, r, 0, LIFE_ASKED, AT_ONCE);
    w->sent_away += n;
    return n > 0;
}

static const char *compare(const struct life_replies *one,
                           const struct life_replies *two)
{
    for (size_t i = 0; i < LIFE_ASKED; i++) {
        const struct life_reply *a = &one->of[i], *b = &two->of[i];
        if (life_is_decision(i))
            continue;
        if (!a->is_there || !b->is_there || a->status != 0 || b->status != 0) {
            printf("    question %zu: %d %s | %d %s\n", i, a->status, a->what,
                   b->status, b->what);
            return "one of two servers gives no answer";
        }
        if (!promise_repeats(a, b, true))
            return "two servers give two answers";
    }
    return NULL;
}

/* What was answered at first is what is answered now. */
static const char *compare_again(const struct life_replies *first,
                                 const struct life_replies *now)
{
    for (size_t i = 0; i < LIFE_ASKED; i++) {
        const struct life_reply *a = &first->of[i];
        if (a->is_there && a->status == 0 &&
            !promise_repeats(&now->of[i], a, true))
            return "a server gives two answers";
    }
    return NULL;
}

static const char *race(struct world *w, const struct kind *kind, uint64_t at)
{
    struct asker one = { &w->one, life_replies_new(), 0 };
    struct asker two = { &w->two, life_replies_new(), 0 };
    relay_arm(&w->relay, kind->fault, at);
    if (pthread_create(&one.thread, NULL, ask_all, &one) != 0)
        abort();
    while (relay_done(&w->relay) == 0 &&
           !one.replies->of[LIFE_ASKED - 1].is_there)
        (void)usleep(2000);
    (void)ask_all(&two);
    (void)pthread_join(one.thread, NULL);
    struct life_replies *first = life_replies_new();
    *first = *one.replies;
    relay_arm(&w->relay, RELAY_NONE, 0);
    const char *why = NULL;
    if (ask_again(w, &w->one, one.replies))
        why = compare_again(first, one.replies);
    *first = *two.replies;
    if (!why && ask_again(w, &w->two, two.replies))
        why = compare_again(first, two.replies);
    life_replies_free(first);
    if (!why)
        why = compare(one.replies, two.replies);
    if (why) {
        life_show_log(&w->one);
        life_show_log(&w->two);
    }
    (void)life_stop(&w->two, SIGKILL);
    (void)life_stop(&w->one, SIGKILL);
    w->took_over +=
        postgres_count("SELECT count(*) FROM halftone.charges WHERE runs > 1");
    if (!why)
        why = check_sent(w, one.replies, NULL);
    life_replies_free(one.replies);
    life_replies_free(two.replies);
    return why;
}

static const char *try_two(struct world *w, const struct kind *kind,
                           uint64_t at)
{
    static const struct life_how calm = { .traced = false };
    if (!life_start(&w->one, &calm)) {
        (void)life_stop(&w->one, 0);
        return "a server does not start";
    }
    if (!life_start(&w->two, &calm)) {
        (void)life_stop(&w->two, 0);
        (void)life_stop(&w->one, SIGKILL);
        life_show_log(&w->two);
        return "a second server does not start";
    }
    return race(w, kind, at);
}

/* ---- tests ---- */

/* Of a life in which nothing happens, from when it starts and from when it is
 * asked: messages of the server, and answers of the database. */
struct lengths {
    uint64_t whole, asked, whole_answers, asked_answers;
};
static struct lengths measure(struct world *w)
{
    static const struct life_how calm = { .traced = false };
    struct life_replies *r = life_replies_new();
    struct lengths n = { 0 };
    clear(w);
    if (!life_start(&w->one, &calm))
        return n;
    const uint64_t messages = relay_count(&w->relay, RELAY_NONE),
                   answers = relay_count(&w->relay, RELAY_CUT_ANSWER);
    life_ask(&w->one, r, 0, LIFE_ASKED, AT_ONCE);
    const bool ok = outlives(r) == NULL;
    (void)life_stop(&w->one, SIGKILL);
    life_replies_free(r);
    if (!ok)
        return n;
    n.whole = relay_count(&w->relay, RELAY_NONE);
    n.whole_answers = relay_count(&w->relay, RELAY_CUT_ANSWER);
    n.asked = n.whole - messages;
    n.asked_answers = n.whole_answers - answers;
    return n;
}

static uint64_t length_of(const struct lengths *n, const struct kind *kind)
{
    if (relay_is_of_answer(kind->fault))
        return kind->races ? n->asked_answers : n->whole_answers;
    return kind->races ? n->asked : n->whole;
}

static bool run_kind(struct world *w, const struct kind *kind, uint64_t length)
{
    const uint64_t all = points_number("WIRE_POINTS", 3),
                   seed = points_number("CRASH_SEED", 1);
    const uint64_t points = all ? all / kind->share + 1 : 0;
    const uint64_t stride = points && points < length ? length / points : 1;
    uint64_t n = 0, due = 0, broken = 0;
    const uint64_t took_over = w->took_over, sent_away = w->sent_away;
    for (uint64_t at = 1 + seed * 7919 % stride; at <= length; at += stride) {
        if (!points_has(due++) && !kind->plant)
            continue;
        clear(w);
        const char *why =
            kind->races ? try_two(w, kind, at) : try_one(w, kind, at);
        n++;
        if (why && broken++ == 0)
            printf("note at message %llu: %s\n", (unsigned long long)at, why);
    }
    const bool ok = n > 0 && (broken == 0) == (kind->plant == NULL);
    if (kind->races)
        printf("note %llu runs were taken over, %llu callers sent away\n",
               (unsigned long long)(w->took_over - took_over),
               (unsigned long long)(w->sent_away - sent_away));
    printf("%s %s (%llu points)\n", ok ? "ok" : "FAILED", kind->name,
           (unsigned long long)n);
    return ok;
}

int main(int argc, char **argv)
{
    struct world w = { 0 };
    char dir[64], keys[LIFE_PATH];
    const char *only = getenv("WIRE_ONLY");
    bool ok = true;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: wire HALFTONED PLANTED\n");
        return EXIT_FAILURE;
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* it forks */
    const char *host = strstr(postgres_uri(), "host=") + strlen("host=");
    (void)snprintf(dir, sizeof dir, "%.*s", (int)strcspn(host, "&"), host);
    w.planted = argv[2];
    w.relay = (struct relay){
        .database = dir, .strike = kill_server, .ctx = &w, .hold_ms = HOLD_MS
    };
    relay_start(&w.relay);
    life_init_at(&w.one, argv[1], w.relay.uri, NULL);
    life_path(keys, &w.one, "state/c");
    life_init_at(&w.two, argv[1], postgres_uri(), keys);
    const struct lengths n = measure(&w);
    printf("note %llu messages and %llu answers in a life, %llu and %llu of "
           "them since it was asked\n",
           (unsigned long long)n.whole, (unsigned long long)n.whole_answers,
           (unsigned long long)n.asked, (unsigned long long)n.asked_answers);
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (!only || strstr(KINDS[i].name, only))
            ok = run_kind(&w, &KINDS[i], length_of(&n, &KINDS[i])) && ok;
    life_fini(&w.one);
    life_fini(&w.two);
    relay_stop(&w.relay);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
