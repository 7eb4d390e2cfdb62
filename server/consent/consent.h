#ifndef CONSENT_CONSENT_H
#define CONSENT_CONSENT_H

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/consent/fold.h"
#include "server/consent/people.h"
#include "server/policy/often.h"
#include "server/policy/policy.h"

/*
 * The register of consent: who decided what about which purpose, for good, and
 * who counts now; in a file of one server, or in a database that several share
 * (shelf.h).
 *
 *   consent_record --> queued --> one transaction for all that wait --> durable
 *                                            '--> bits change --> callers go on
 *
 *   - Append-only.  An identifier is never stored: only its pseudonym
 *     (pseudonym.h).  What is told beside the decision is sealed under a key of
 *     that person.
 *   - When consent_record returns, the decision is on the disk, and whoever
 *     pins a view from then on sees it; after a crash too.
 *   - Decisions count by their own time (fold.h), so that a record that comes
 *     late does not undo a later decision.
 *   - An event that is there already is not recorded twice.
 *
 * Any thread.
 */
struct consent;

struct consent_options {
    const char *path; /* as shelf_open */
    struct pseudonym_keys keys;
    struct clock *clock;  /* borrowed */
    const char *erasures; /* path of erase_log.h; NULL: beside the file */
    bool keeps_time; /* tests: the clock's time counts, not the database's */
};

/* As shelf_open; ERR_LIMIT: no memory. */
enum err_code consent_open(struct consent **out,
                           const struct consent_options *o,
                           struct err *err) MUST_CHECK;
void consent_close(struct consent *c); /* NULL is allowed */

/*
 * The people of one dataset, and its purposes.  Of the register, which keeps it
 * while it is open; a later policy of the same population changes it.
 *
 * ERR_LIMIT  more than PEOPLE_PURPOSES purposes were ever named
 * ERR_UNAVAILABLE  the file cannot be written
 */
struct consent_circle;
enum err_code consent_circle(struct consent_circle **out, struct consent *c,
                             const struct policy *policy,
                             struct err *err) MUST_CHECK;

/* One decision. */
enum {
    CONSENT_SUBJECT_MAX = 1024, /* bytes */
    CONSENT_TEXT_MAX = 512,
};
struct consent_event {
    const char *subject; /* the identifier; is not stored */
    size_t subject_len;
    enum consent_state state;
    const char *const *purposes; /* ids; none twice */
    size_t n_purposes;
    int64_t at_us;      /* when the person decided; 0: now */
    int64_t until_us;   /* GRANTED: when it ends; 0: as the policy says */
    uint32_t notice;    /* version of the notice in force; 0: the policy's as of
                           at_us.  Of a yes no newer one */
    const char *source; /* "web form"; sealed, as the rest */
    const char *proof;  /* where the proof is; "" */
    const char *by;     /* principal that recorded it */
};

/* What was recorded. */
struct consent_recorded {
    uint64_t seq; /* the event's number; of several, the first */
    int64_t at_us;
    int64_t recorded_us; /* when all of it was there first */
    int64_t until_us;    /* FOLD_NEVER */
    uint32_t notice;
    struct pseudonym who;
    bool was_there; /* the same event before */
};

/*
 * ERR_INVALID      a field is wrong: which, and what it may be
 * ERR_NOT_FOUND    the dataset has no such purpose
 * ERR_UNAVAILABLE  the file could not be written: nothing was recorded
 */
enum err_code consent_record(struct consent *c, struct consent_circle *circle,
                             const struct consent_event *e,
                             struct consent_recorded *out,
                             struct err *err) MUST_CHECK;

/*
 * A file of decisions and choices of channels, sent piece by piece, which
 * counts whole or not at all.
 *
 *   chunk, chunk, ... are kept and count nothing --last--> all count, at once
 *                  '-- a chunk is wrong, or a day passes --> all are deleted
 *
 * A file is known by its digest: sent again it goes on where it stopped, and
 * once it is done nothing happens.  Events that are there already are passed
 * over.
 */
enum { CONSENT_DIGEST_LEN = 32, CONSENT_KINDS_MAX = 4096 };
struct consent_kind {
    enum consent_state state;
    const char *const *purposes;
    size_t n_purposes;
    uint32_t notice; /* 0: the policy's */
    /* A choice of a channel (contact.h) is told by these two alone; or NULL. */
    const char *channel;
    struct often at_most;
};
struct consent_chunk {
    const uint8_t *digest; /* of the whole file */
    uint64_t first;        /* row of the file that is row 0 here */
    const struct consent_kind *kinds;
    size_t n_kinds; /* at most CONSENT_KINDS_MAX */
    /* By row: */
    const char *const *subjects;
    const uint32_t *kind;
    const int64_t *at_us;
    const int64_t *until_us; /* or NULL */
    size_t n_rows;
    bool last;
    const char *source, *by;
};
struct consent_imported {
    uint64_t n_rows; /* kept so far: what the next chunk's `first` must be */
    bool done;
};

/*
 * A chunk that is not the next one changes nothing and says which is.
 *
 * ERR_INVALID, ERR_NOT_FOUND  a row is wrong: which, and how; the whole file is
 *                             dropped
 * ERR_UNAVAILABLE             as consent_record
 */
enum err_code consent_import(struct consent *c, struct consent_circle *circle,
                             const struct consent_chunk *chunk,
                             struct consent_imported *out,
                             struct err *err) MUST_CHECK;

/*
 * A commitment to all that was recorded until now, for the leaf of the interval
 * that ends at to_us: SHA-256(salt || head of the chain over all events).  The
 * salt is fresh, so that an interval without events looks like one with; salt
 * and head are kept, to open it.  False: nothing could be kept.
 */
bool consent_commit(struct consent *c, int64_t to_us, uint8_t out[32]);

/*
 * Where the register stands, for whoever remembers it outside
 * (server/ledger/register.h): a name that is copied with the file, and a number
 * for the head of the chain, larger for each one.  Durable.
 */
enum { CONSENT_ID_LEN = 16, CONSENT_HEAD_LEN = 32 };
struct consent_mark {
    uint8_t id[CONSENT_ID_LEN];
    uint64_t number;
    uint8_t head[CONSENT_HEAD_LEN];
};
bool consent_mark(struct consent *c, struct consent_mark *out);

/* Was the register once there?  If not it is an older copy of the one that was,
 * or another. */
bool consent_has_been(struct consent *c, const struct consent_mark *there);

/*
 * Held: it may lack what people withdrew.  Everything is recorded as ever, and
 * whoever would release by it asks first.  Of the process, not of the file.
 */
void consent_hold(struct consent *c, bool holds);
bool consent_is_held(const struct consent *c);

/* What has come to its end counts no more.  Call it every second or so. */
void consent_tick(struct consent *c);

/* True once the file could not be written: nothing is recorded any more. */
bool consent_failed(const struct consent *c);

/* May several servers have it? */
bool consent_is_shared(const struct consent *c);

/* ---- who counts: for the engines' gate ---- */

/*
 * What any server of the register recorded, and whose call returned before this
 * one began, is in what is pinned afterwards.  Before each release; nothing to
 * do for a register of one server.
 *
 * ERR_UNAVAILABLE  the database cannot be reached, or the register is held:
 *                  nobody knows who counts
 */
enum err_code consent_follow(struct consent *c, struct err *err) MUST_CHECK;

/* The number of a person by the bytes of a key; PEOPLE_NONE. */
uint32_t consent_number(struct consent *c, const struct consent_circle *circle,
                        const void *key, size_t len, bool adds);
/* Given back by people_unpin.  A purpose that the circle has. */
const struct people_view *consent_pin(struct consent *c,
                                      const struct consent_circle *circle,
                                      const char *purpose,
                                      enum people_side side);

#endif
