#ifndef LEDGER_COUNTER_H
#define LEDGER_COUNTER_H

#include "server/ledger/bond.h"
#include "server/ledger/journal.h"
#include "server/ledger/ledger.h"
#include "server/ledger/store.h"

/*
 * Counters in memory: limit, pending and spent of an account in one window.
 *
 * A counter is read once and then kept; a batch of charges changes it here and
 * writes it once, before the commit (counters_flush).  The file's triggers
 * check that write.  After a rollback the cache forgets everything.  A limit
 * that is granted or changed, and a window that begins, is told the journal.
 *
 * invariant: pending + spent <= limit, but for a limit that was lowered.
 */
struct counter {
    int64_t id;              /* 0 = not in the file yet */
    uint64_t policy_version; /* that set the limit */
    struct dp_price limit, pending, spent;
    int64_t start_us; /* of the window */
    uint64_t window_s;
    bool is_dirty;
    uint32_t read_at;     /* the `reading` it is of */
    uint32_t batch;       /* that wrote it last */
    struct counter *next; /* in its bucket */
    char account[];
};

/* A set of counters that charges moved together, as the file names it. */
struct route {
    int64_t ids[LEDGER_ACCOUNTS_MAX]; /* ascending, then zeros */
    int64_t id;                       /* 0 = none */
    uint8_t accounts[BOND_DIGEST];    /* what a bond has of it; not of those
                                         found by their id */
};

enum { COUNTER_BUCKETS = 1024, ROUTE_BUCKETS = 256 };
struct counters {
    struct counter *buckets[COUNTER_BUCKETS]; /* owned */
    struct route routes[ROUTE_BUCKETS];       /* the last one of each hash */
    struct route routes_by_id[ROUTE_BUCKETS]; /* the same, of each id */
    struct counter *recent[COUNTER_BUCKETS];  /* the last one of each id */
    uint32_t reading; /* counters of an older one are read again */
    uint32_t batch;   /* flushes, so far */
    size_t n;
    struct journal *journal; /* borrowed */
};

/*
 * The counter of `spec` in the window that holds now_us.  A limit newer than
 * the one in force is put in force.  NULL after an error in `s`.
 */
struct counter *counter_of(struct counters *c, struct store *s,
                           const struct ledger_account_spec *spec,
                           uint64_t policy_version, int64_t now_us);

/* The counter with this id, which is in the file. */
struct counter *counter_by_id(struct counters *c, struct store *s, int64_t id);

/* Put a counter that has no id yet into the file. */
void counter_create(struct counters *c, struct counter *counter,
                    struct store *s, int64_t now_us);

/*
 * What may still be charged under a policy that allows `spec`: an older
 * policy's limit counts only where it is lower.
 */
struct dp_price counter_left(const struct counter *counter,
                             const struct ledger_account_spec *spec,
                             uint64_t policy_version);

struct dp_price counter_taken(const struct counter *counter);

/*
 * Another server may have moved counters: each is read again when it is next
 * looked at.  What never changes, names and routes, stays.
 * counters_ask goes before the transaction: for what this server moved lately;
 * counter_ask for one that is not in memory.
 */
void counters_doubt(struct counters *c);
void counters_ask(const struct counters *c, struct store *s);
void counter_ask(const struct counters *c, struct store *s,
                 const struct ledger_account_spec *spec, int64_t now_us);

/* The counters of a route, which never change; returns how many. */
size_t counters_of_route(struct counters *c, struct store *s,
                         int64_t ids[LEDGER_ACCOUNTS_MAX], int64_t route);

/* Of a file that had no log yet: the leaves of its limits. */
void counters_note_limits(struct counters *c, struct store *s);

/* Write what changed. */
void counters_flush(struct counters *c, struct store *s);
void counters_forget(struct counters *c);

/* Bound memory: forget when many are held and all are written. */
void counters_trim(struct counters *c);

/* a - b, where b is part of a. */
struct dp_price price_minus(struct dp_price a, struct dp_price b);

#endif
