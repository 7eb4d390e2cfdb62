#include "server/main/trail.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/log.h"
#include "server/consent/contact.h"
#include "server/ledger/interval.h"
#include "server/main/counts.h"
#include "server/main/keeping.h"
#include "server/main/workers.h"

enum {
    US_PER_S = 1000000,
    MINUTE_US = 60 * US_PER_S,
    CALLERS = WORK_OWNERS,
    WITNESS_TICKS = 10, /* seconds */
    AWAY_TICKS = 3,     /* while it is away */
    BEAT_TICKS = 3,
    LOGINS = 256,   /* queued in a second; past them, counted */
    TEXT_LEN = 160, /* bytes, with NUL */
};

/* Told one by one in this minute, and only counted, of the callers that share
 * a place in the table. */
struct quota {
    int64_t minute;
    uint32_t told;
};

struct login {
    int64_t time_us;
    char principal[TEXT_LEN], detail[TEXT_LEN];
};

/* What the thread writes at one go, and the texts of it. */
enum { TICK_ENTRIES = LOGINS + 2 };
struct tick {
    struct audit_entry entries[TICK_ENTRIES];
    size_t n;
    struct login logins[LOGINS];
    char text[2][TEXT_LEN];
};

struct trail {
    struct trail_options options;
    struct tick tick;    /* the thread's alone */
    uint64_t ticks;      /* likewise */
    bool is_unseen;      /* the witness does not answer; likewise */
    int64_t interval_us; /* likewise: end of the last interval that was told */
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t stopping;
    bool stops, has_thread;
    struct world *world; /* the newest; a reference, or NULL */
    struct quota quotas[CALLERS];
    struct login logins[LOGINS];
    size_t n_logins;
    uint64_t refusals_left_out, logins_left_out; /* since the last tick told */
    int64_t minute;                              /* of those two */
};

static bool may_tell(struct trail *t, unsigned caller, int64_t now_us)
{
    struct quota *q = &t->quotas[caller % CALLERS];
    const int64_t minute = now_us / MINUTE_US;
    if (q->minute != minute)
        *q = (struct quota){ .minute = minute };
    return q->told < TRAIL_PER_MINUTE && ++q->told > 0;
}

/* ---- the thread ---- */

static void add(struct tick *k, struct audit_entry e)
{
    k->entries[k->n++] = e;
}

static void add_left_out(struct tick *k, enum audit_kind kind, char *text,
                         uint64_t *n, int64_t now_us)
{
    if (*n == 0)
        return;
    (void)snprintf(text, TEXT_LEN, "%" PRIu64 " more in a minute, left out",
                   *n);
    add(k, (struct audit_entry){
               .kind = kind, .time_us = now_us, .detail = text });
    *n = 0;
}

/* No history: its commitment can be opened by nobody, as one that is kept can
 * by nobody here. */
static struct merkle_hash nobody(void)
{
    struct audit_salt salt = { { 0 } };
    (void)audit_salt_new(&salt); /* without randomness it tells only that
                                    nobody is there */
    return audit_commitment(&salt, "", 0);
}

/* Intervals are counted from 1970: their ends tell nothing about anybody.
 * True when one has ended and this server, of those that share the ledger, was
 * the one to tell it. */
static bool tell_interval(struct trail *t, int64_t now_us)
{
    char text[TEXT_LEN];
    struct err err;
    bool is_ours = false;
    const int64_t length_us = (int64_t)t->options.interval_s * US_PER_S;
    const int64_t end_us = now_us - now_us % length_us;
    if (end_us <= t->interval_us)
        return false;
    const struct trail_options *o = &t->options;
    const struct merkle_hash people =
        o->people ? o->people(o->people_ctx, end_us) : nobody();
    struct writer w = writer_of(text, sizeof text);
    writer_printf(&w, "from_us %" PRId64 " to_us %" PRId64 " people ",
                  t->interval_us, end_us);
    for (size_t i = 0; i < sizeof people.bytes; i++)
        writer_printf(&w, "%02x", people.bytes[i]);
    (void)writer_cstr(&w);
    const struct audit_entry e = { .kind = AUDIT_INTERVAL,
                                   .time_us = end_us,
                                   .detail = text };
    if (ledger_interval(o->ledger, &e, end_us, &is_ours, &err) != ERR_OK)
        log_event(LOG_QUERY_FAILED, (struct log_fields){ .error = err.code });
    t->interval_us = end_us;
    return is_ours;
}

/* Under the lock: take what is due. */
static void collect(struct trail *t, struct tick *k, bool is_last)
{
    const int64_t now_us = clock_wall_us(t->options.clock);
    k->n = 0;
    memcpy(k->logins, t->logins, t->n_logins * sizeof t->logins[0]);
    for (size_t i = 0; i < t->n_logins; i++)
        add(k, (struct audit_entry){ .kind = AUDIT_LOGIN,
                                     .time_us = k->logins[i].time_us,
                                     .principal = k->logins[i].principal[0]
                                                      ? k->logins[i].principal
                                                      : NULL,
                                     .detail = k->logins[i].detail });
    t->n_logins = 0;
    if (is_last || now_us / MINUTE_US != t->minute) {
        add_left_out(k, AUDIT_REFUSAL, k->text[0], &t->refusals_left_out,
                     now_us);
        add_left_out(k, AUDIT_LOGIN, k->text[1], &t->logins_left_out, now_us);
        t->minute = now_us / MINUTE_US;
    }
}

/*
 * That senders asked, by purpose and channel: neither whom, nor what they were
 * answered, nor just how often, for one person more on a sender's list is one
 * question more.  As many leaves as there are senders, purposes and channels,
 * however much they ask.
 */
static void tell_asked(struct trail *t)
{
    enum { ROWS = 64 };
    struct contact_asked rows[ROWS];
    struct audit_entry entries[ROWS];
    char text[ROWS][TEXT_LEN];
    struct err err;
    if (!t->options.consent)
        return;
    const size_t n = contact_untold(t->options.consent, rows, ROWS);
    for (size_t i = 0; i < n; i++) {
        uint64_t most = 10;
        while (most < rows[i].n)
            most *= 10;
        (void)snprintf(text[i], sizeof text[i],
                       "channel %s day %" PRId64 " at most %" PRIu64,
                       rows[i].channel, rows[i].day, most);
        entries[i] =
            (struct audit_entry){ .kind = AUDIT_CONTACT,
                                  .time_us = clock_wall_us(t->options.clock),
                                  .principal = rows[i].sender,
                                  .dataset = rows[i].population,
                                  .purpose = rows[i].purpose,
                                  .detail = text[i] };
    }
    /* Told twice after a crash between the two, and never forgotten. */
    if (n > 0 && ledger_record(t->options.ledger, entries, n, &err) == ERR_OK &&
        !contact_told(t->options.consent, rows, n))
        log_event(LOG_QUERY_FAILED,
                  (struct log_fields){ .error = ERR_UNAVAILABLE });
}

/* So that what may be lost unseen is what happened in this time. */
static void tell_witness(struct trail *t)
{
    struct err err;
    const unsigned every = t->is_unseen ? AWAY_TICKS : WITNESS_TICKS;
    if (t->ticks++ % every != 0)
        return;
    t->is_unseen = ledger_witness(t->options.ledger, &err) != ERR_OK;
    /* A ledger that failed tells of itself, and ends the server. */
    if (t->is_unseen && !ledger_failed(t->options.ledger))
        log_event(LOG_WITNESS_FAILED, (struct log_fields){ .error = err.code });
}

/* A server that shares its ledger is over when it is silent. */
static void beat(struct trail *t, bool is_last)
{
    struct err err;
    if (t->ticks % BEAT_TICKS != 0 && !is_last)
        return;
    if (ledger_beat(t->options.ledger, &err) != ERR_OK &&
        !ledger_failed(t->options.ledger))
        log_event(LOG_QUERY_FAILED, (struct log_fields){ .error = err.code });
    keeping_beat(t->options.ledger, t->options.consent);
}

/* A ledger that failed stops the server by itself. */
static void write_tick(struct trail *t, const struct tick *k)
{
    struct err err;
    if (k->n > 0 &&
        ledger_record(t->options.ledger, k->entries, k->n, &err) != ERR_OK)
        log_event(LOG_QUERY_FAILED, (struct log_fields){ .error = err.code });
}

static void release_counts(struct trail *t)
{
    (void)pthread_mutex_lock(&t->lock);
    struct world *w = t->world ? world_keep(t->world) : NULL;
    (void)pthread_mutex_unlock(&t->lock);
    if (w && t->options.counts)
        counts_tick(t->options.counts, w);
    if (w)
        world_drop(w);
}

static void *run(void *arg)
{
    struct trail *t = arg;
    bool stops = false;
    while (!stops) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        (void)pthread_mutex_lock(&t->lock);
        int rc = 0;
        while (!t->stops && rc == 0)
            rc = pthread_cond_clockwait(&t->stopping, &t->lock, CLOCK_MONOTONIC,
                                        &until);
        stops = t->stops;
        collect(t, &t->tick, stops);
        (void)pthread_mutex_unlock(&t->lock);
        write_tick(t, &t->tick);
        if (tell_interval(t, clock_wall_us(t->options.clock)))
            tell_asked(t);
        if (t->options.consent)
            consent_tick(t->options.consent);
        if (!stops)
            release_counts(t);
        beat(t, stops);
        tell_witness(t);
    }
    return NULL;
}

/* ---- life ---- */

enum err_code trail_new(struct trail **out, const struct trail_options *o,
                        struct err *err)
{
    struct trail *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, ERR_INTERNAL, "no memory");
    const int64_t now_us = clock_wall_us(o->clock);
    t->options = *o;
    t->minute = now_us / MINUTE_US;
    t->interval_us = now_us - now_us % ((int64_t)o->interval_s * US_PER_S);
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->stopping, NULL);
    *out = t;
    return ERR_OK;
}

enum err_code trail_start(struct trail *t, struct err *err)
{
    const int rc = pthread_create(&t->thread, NULL, run, t);
    if (rc != 0)
        return err_set(err, ERR_INTERNAL, "no thread: %s", strerror(rc));
    t->has_thread = true;
    return ERR_OK;
}

void trail_free(struct trail *t)
{
    if (!t)
        return;
    (void)pthread_mutex_lock(&t->lock);
    t->stops = true;
    (void)pthread_cond_signal(&t->stopping);
    (void)pthread_mutex_unlock(&t->lock);
    if (t->has_thread)
        (void)pthread_join(t->thread, NULL);
    if (t->world)
        world_drop(t->world);
    (void)pthread_cond_destroy(&t->stopping);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- what is told ---- */

enum err_code trail_refusal(struct trail *t, const struct auth_principal *who,
                            const char *dataset, const char *purpose,
                            const struct err *why, struct err *err)
{
    const int64_t now_us = clock_wall_us(t->options.clock);
    (void)pthread_mutex_lock(&t->lock);
    const bool tells = may_tell(t, auth_number(who), now_us);
    t->refusals_left_out += !tells;
    (void)pthread_mutex_unlock(&t->lock);
    if (!tells)
        return ERR_OK;
    const struct audit_entry e = {
        .kind = AUDIT_REFUSAL,
        .time_us = now_us,
        .principal = who->name,
        .dataset = dataset,
        .purpose = purpose,
        .detail = why->reason ? why->reason : err_info_of(why->code)->name,
    };
    return ledger_record(t->options.ledger, &e, 1, err);
}

void trail_login(struct trail *t, const struct auth_principal *who,
                 const char *address)
{
    const int64_t now_us = clock_wall_us(t->options.clock);
    /* It comes when a person decides: a leaf would tell when. */
    if (who && who->role == ROLE_SUBJECT_SERVICE)
        return;
    (void)pthread_mutex_lock(&t->lock);
    if (t->n_logins < LOGINS &&
        may_tell(t, who ? auth_number(who) : CALLERS - 1, now_us)) {
        struct login *l = &t->logins[t->n_logins++];
        *l = (struct login){ .time_us = now_us };
        (void)snprintf(l->principal, sizeof l->principal, "%s",
                       who ? who->name : "");
        (void)snprintf(l->detail, sizeof l->detail, "%s from %s",
                       who ? "token" : "no valid credentials", address);
    } else {
        t->logins_left_out++;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

enum err_code trail_world(struct trail *t, struct world *w, struct err *err)
{
    (void)pthread_mutex_lock(&t->lock);
    struct world *old = t->world;
    t->world = world_keep(w);
    (void)pthread_mutex_unlock(&t->lock);
    if (old)
        world_drop(old);
    const int64_t now_us = clock_wall_us(t->options.clock);
    for (size_t i = 0; i < w->n_datasets; i++) {
        const struct policy *p = w->datasets[i]->policy;
        char hash[2 * sizeof p->hash + sizeof "sha256 "];
        struct writer text = writer_of(hash, sizeof hash);
        writer_str(&text, "sha256 ");
        for (size_t k = 0; k < sizeof p->hash; k++)
            writer_printf(&text, "%02x", p->hash[k]);
        (void)writer_cstr(&text);
        const struct audit_entry e = { .kind = AUDIT_POLICY,
                                       .time_us = now_us,
                                       .dataset = p->name,
                                       .policy_version = p->version,
                                       .detail = hash };
        TRY(ledger_record(t->options.ledger, &e, 1, err));
    }
    return ERR_OK;
}

enum err_code trail_admin(struct trail *t, const char *who, const char *dataset,
                          const char *what, struct err *err)
{
    const struct audit_entry e = { .kind = AUDIT_ADMIN,
                                   .time_us = clock_wall_us(t->options.clock),
                                   .principal = who,
                                   .dataset = dataset,
                                   .detail = what };
    return ledger_record(t->options.ledger, &e, 1, err);
}
