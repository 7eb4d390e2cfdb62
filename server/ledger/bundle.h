#ifndef LEDGER_BUNDLE_H
#define LEDGER_BUNDLE_H

#include "server/ledger/ledger.h"

/*
 * A bundle: one charge that pays for several releases, its pieces, all or none.
 *
 *   look ---> what is stored of all that is wanted: free
 *    '------> charge_bundle: the rest, at one price, under one key
 *                '--> every piece answered: answer_bundle
 *                '--> one failed: stumble; nothing is kept, and the key's next
 *                     run runs all of them, under the same charge
 *
 * Each piece is found by others by the hash of its release, as if it had been
 * charged alone, whatever becomes of the others; one that is a part of a series
 * (of days) is found by the hash of the series, too.
 *
 * A run that stumbles shows a bit that no noise covers, as a miss does: it
 * counts as one, and after LEDGER_RUNS_MAX runs the charge closes as one.  What
 * was found before a piece failed is dropped: kept, it would tell which piece it
 * was.
 *
 * Between look and charge somebody else may have charged the same release: then
 * the charge is not made and the verdict is LEDGER_STALE.
 */
enum { LEDGER_PIECES_MAX = 64, LEDGER_FOUND_MAX = 1024 };

/* A release that is wanted, by its hash; or days of a series. */
struct ledger_want {
    const uint8_t *release_hash; /* 32 bytes */
    const uint8_t *series_hash;  /* 32 bytes, or NULL */
    int64_t from_us, to_us;      /* of a series: its days, to_us not among them;
                                    what they count from is the caller's */
};

/* One that is to be paid: a want, and how long its answer is kept. */
struct ledger_piece {
    struct ledger_want want;
    uint64_t keep_s;
    const uint8_t *what; /* what its next run has to know of it, if any */
    size_t what_len;     /* bytes */
};

struct ledger_look_args {
    const char *dataset, *purpose;
    uint64_t reuse_for_s;  /* an equal release this young serves; 0 = none */
    uint64_t series_for_s; /* ... days of a series; at least reuse_for_s */
    const struct ledger_want *wants;
    size_t n;
    const struct ledger_id *held; /* the charge whose next run asks, or NULL */
    bool brief; /* only whether one is in flight: nothing is found */
};

/* A stored release, or one that the charge held has still to run. */
struct ledger_found {
    size_t want; /* index; of pieces of the charge held: SIZE_MAX */
    struct ledger_id charge;
    int64_t charged_us, answered_us, expires_us;
    bool is_held; /* by the charge held */
    unsigned place;
    uint8_t release_hash[LEDGER_HASH_LEN];
    uint8_t series_hash[LEDGER_HASH_LEN]; /* zeros: of none */
    const uint8_t *what;                  /* as charged, of those held */
    size_t what_len;                      /* bytes */
    const uint8_t *answer;                /* in the arena; NULL: still to run */
    size_t answer_len;                    /* bytes */
};

struct ledger_look {
    struct ledger_found *found; /* those held first, then wants in order */
    size_t n;
    bool in_flight;        /* another run is at one of the wants: wait */
    int64_t lease_left_us; /* ... for at most so long */
    int64_t newest;        /* what has been seen, for ledger_charge_bundle */
    uint64_t rung;         /* ... for ledger_listen */
};

/*
 * What is stored of these releases, without a charge.  Of a series at most
 * LEDGER_FOUND_MAX, oldest first.  ERR_LIMIT: the arena is full.
 */
enum err_code ledger_look(struct ledger *l, struct ledger_look *out,
                          const struct ledger_look_args *args, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Sleep until some charge is resolved after `rung`, a lease is over, or
 * deadline_ns (monotonic; 0 = none), past which it is ERR_DEADLINE. */
enum err_code ledger_listen(struct ledger *l, uint64_t rung,
                            int64_t lease_left_us, uint64_t deadline_ns,
                            struct err *err) MUST_CHECK;

/*
 * Charge args->price for the pieces, 1..LEDGER_PIECES_MAX of them; `newest` is
 * of the look that found them missing.  args->release_hash names the whole: a
 * client without a key adopts its lapsed charge by it.
 *
 *   CHARGED, fence 1   new: run the pieces
 *   CHARGED, fence > 1 the next run of a charge made earlier: look again with
 *                      it held, and run what is missing of its pieces
 *   ANSWERED           the key's charge: the answer given to
 * ledger_answer_bundle IN_FLIGHT          another run holds the key's charge:
 * listen, look again STALE              look again
 *
 * Errors as ledger_charge.
 */
enum err_code ledger_charge_bundle(struct ledger *l, struct ledger_run *out,
                                   const struct ledger_charge_args *args,
                                   const struct ledger_piece *pieces, size_t n,
                                   int64_t newest, uint64_t *rung,
                                   struct arena *a, struct err *err) MUST_CHECK;

/* The answer of the piece at `place`. */
struct ledger_piece_answer {
    unsigned place;
    const uint8_t *answer; /* borrowed */
    size_t len;            /* bytes */
};

/*
 * Store what a run found: the answers of its pieces, and the charge's own, all
 * or none, also when it fails; the rest as ledger_answer.  Every piece has an
 * answer then.
 */
enum err_code ledger_answer_bundle(struct ledger *l, struct ledger_id id,
                                   uint64_t fence, int64_t release_us,
                                   const struct ledger_piece_answer *pieces,
                                   size_t n, const uint8_t **answer,
                                   size_t *answer_len, struct arena *a,
                                   struct err *err) MUST_CHECK;

/*
 * Some piece failed.  The charge waits for its next run, from release_us on;
 * after the last one it is a miss (*is_over).
 */
enum err_code ledger_stumble(struct ledger *l, struct ledger_id id,
                             uint64_t fence, int64_t release_us, bool *is_over,
                             struct err *err) MUST_CHECK;

#endif
