#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp/price.h"
#include "server/audit/note.h"
#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/err.h"

/*
 * The durable memory of what was spent.
 *
 * Accounts form a tree: a dataset (the filter) with quotas under it.  A charge
 * moves its price on all its accounts or on none, durably, before the engine
 * starts, and is resolved once:
 *
 *   (none) -charge-> OPEN -answer-> ANSWERED
 *                     |---miss----> MISS        (the charge stays)
 *                     '---void----> VOID        (the engine got nothing)
 *
 * An open charge is held by one run under a lease.  When the lease has lapsed,
 * or the process that held it is gone, the same question takes the charge over
 * as its next run, with a larger fence; the run before it can resolve nothing
 * any more.  After LEDGER_RUNS_MAX runs the charge closes as a miss.
 *
 * One caller commits for all who wait; callers block until their change is
 * durable (group commit: what queued while a commit ran is the next batch). Any
 * thread may call.  Integers only: available + pending + spent = limit on every
 * account, where open charges are pending and, after a restart, spent.  A limit
 * that is lowered below what is spent leaves nothing; spent never falls.
 *
 * A commit that fails leaves the ledger failed: nothing is known to be durable
 * then, so every later call is ERR_UNAVAILABLE and the server must stop.  What
 * the failed commit held is found, or not, when the file is opened again; both
 * are safe, since its callers were told of neither.
 *
 * Source: DESIGN 6.  docs/ledger.md is the page for operators.
 */
struct ledger;
struct cosigner;
struct seal_keys;

/*
 * Where a ledger is: the path of an SQLite file, which is one server's, or the
 * URI of a PostgreSQL database (postgresql://user@host/database?passfile=...),
 * which several servers may share.  What is said of "the file" below holds of
 * either.
 *
 * ledger_check_where is ERR_INVALID when libpq does not understand the URI, or
 * a password stands in it.
 */
bool ledger_is_shared(const char *where);
enum err_code ledger_check_where(const char *where, struct err *err) MUST_CHECK;

struct ledger_options {
    const char *path;    /* where; a file is created (mode 0600) when absent */
    struct clock *clock; /* borrowed; of a ledger that is shared the database's
                            clock counts instead, ... */
    bool own_clock;      /* ... but for tests, which set theirs */
    uint64_t lease_ns;   /* how long one run may hold a charge */
    uint32_t checkpoint_pages; /* of write-ahead log before the committer folds
                                  it into the file; 0 = 4096 */
    const char *witness; /* path on another disk (server/ledger/guard.h), or
                            NULL: then a rollback is not found out */
    struct cosigner *cosigner; /* a witness over HTTP instead, or NULL; borrowed
                                */
    const struct note_signer *key; /* of the log; NULL without a witness */
    const struct seal_keys *answer_keys; /* borrowed; NULL: answers are stored
                                            as they are */
    uint32_t free_keys; /* that a principal may bind in an hour to answers that
                           cost nothing (each is a row for ever); 0 = 10000 */
};

/*
 * Whose budget a charge draws on, from the filter down: the first one is the
 * dataset's, and the names of quotas begin with its name.
 *
 *   dataset/ID                    dataset/ID/principal/NAME
 *   dataset/ID/purpose/NAME        dataset/ID/team/NAME
 *                                 dataset/ID/dashboard/NAME
 *
 * A window is a stretch of window_s seconds counted from 1970-01-01 UTC; each
 * has a counter of its own and leaves nothing to the next.
 */
struct ledger_account_spec {
    const char *name;
    struct dp_price limit; /* as the policy says now */
    uint64_t window_s;     /* 0 = for life; at most LEDGER_WINDOW_MAX_S */
};

enum {
    LEDGER_ID_LEN = 16,
    LEDGER_HASH_LEN = 32,
    LEDGER_ACCOUNTS_MAX = 8,
    LEDGER_RUNS_MAX = 3
};
#define LEDGER_WINDOW_MAX_S (UINT64_C(100) * 366 * 86400)

/* Names a charge: its time in milliseconds, then random; not a count. */
struct ledger_id {
    uint8_t bytes[LEDGER_ID_LEN];
};
struct ledger_hex {
    char text[2 * LEDGER_ID_LEN + 1];
};
struct ledger_hex ledger_id_hex(struct ledger_id id);
bool ledger_id_parse(struct ledger_id *out, const char *hex);

/* What a charge asks about (server/plan/segment.h), and in how many of its
 * questions. */
struct ledger_segment {
    uint8_t hash[16];
    uint32_t n;
};

struct ledger_charge_args {
    const char *principal, *dataset, *purpose;
    const char *idempotency_key; /* "" = none */
    const uint8_t *request_hash; /* 32 bytes, binds the key */
    const uint8_t *release_hash; /* 32 bytes, DESIGN 5 "Reuse" */
    const uint8_t *wider_hash; /* 32 bytes: a release whose stored answer holds
                                  this one's, and serves too; or NULL */
    struct dp_price price;
    const struct ledger_account_spec *accounts;
    size_t n_accounts; /* 1..LEDGER_ACCOUNTS_MAX */
    const char *text;  /* what was asked, kept encrypted as long as the answer
                          would be; or NULL */
    const char *interval; /* of the public clock, as the log's entry names it;
                             NULL: none */
    uint64_t policy_version;
    uint64_t reuse_for_s; /* an equal release this young answers instead */
    uint64_t keep_s;      /* how long the answer stays readable */
    uint32_t max_misses, max_misses_day;   /* DESIGN 2 */
    const struct ledger_segment *segments; /* that a cap counts; none without */
    size_t n_segments;
    uint32_t max_segment_day; /* questions of `asker` about each, in a day */
    const char *asker;        /* "team/NAME" or "principal/NAME" */
};

enum ledger_verdict {
    LEDGER_CHARGED,   /* this run holds the charge: then answer, miss or void */
    LEDGER_ANSWERED,  /* a stored answer serves: nothing charged */
    LEDGER_IN_FLIGHT, /* another run holds the charge: wait with ledger_wait */
    LEDGER_UNKNOWN,   /* ledger_find: the key was never used */
    LEDGER_CAPPED,    /* asked often enough about a segment today: nothing
                         charged; out->capped says which */
    LEDGER_STALE,     /* bundle.h: what is stored has changed, look again */
};

struct ledger_run {
    enum ledger_verdict verdict;
    struct ledger_id id;
    uint64_t fence;          /* names this run; a later run has a larger one */
    int64_t charged_us;      /* wall time of the charge */
    struct dp_price price;   /* as charged (pinned when replayed) */
    uint64_t policy_version; /* pinned */
    uint8_t release_hash[LEDGER_HASH_LEN]; /* pinned: a run, or a re-read, of
                                              another release is none */
    const char *dataset, *purpose; /* of the charge, in the arena: authorise
                                      each re-read by them */
    const uint8_t *answer;         /* ANSWERED: in the arena */
    size_t answer_len;             /* bytes */
    int64_t answered_us;           /* ANSWERED: wall time of the release */
    int64_t expires_us;    /* ANSWERED: wall time the answer is kept to */
    int64_t lease_left_us; /* CHARGED, IN_FLIGHT: how long the run holds it */
    struct dp_price left;  /* charge, wait: left of accounts[0] after this */
    size_t capped;         /* CAPPED: index in the arguments' segments */
};

/*
 * ERR_NOT_FOUND    the folder does not exist or cannot be written
 * ERR_UNAVAILABLE  another server has the file open
 * ERR_INVALID      the file is not a ledger, or of a newer schema
 * ERR_INTERNAL     it is damaged
 * ERR_CONFLICT     it is older than its witness, a backup, or its log has ended
 * ERR_UNAVAILABLE  also when the witness cannot be written
 * Open charges of an earlier process become spent; *found says how many.
 */
enum err_code ledger_open(struct ledger **out, const struct ledger_options *o,
                          uint64_t *found, struct err *err) MUST_CHECK;

/* No other thread may be in a call.  NULL is allowed. */
void ledger_close(struct ledger *l);

/* True once a commit failed: stop the server.  Any thread, never blocks. */
bool ledger_failed(const struct ledger *l);

/*
 * Charge, or find the answer of an equal earlier one.
 *
 *   the key is known       its charge: the stored answer, in flight, or (lease
 *                          lapsed) the next run of it
 *   an equal release       (dataset, purpose, release_hash) answered at most
 *                          reuse_for_s ago serves anyone; in flight, it is
 *                          shared when reuse_for_s > 0
 *   a wider release        (.., wider_hash) answered at most reuse_for_s ago
 *                          serves; out->release_hash tells which it was
 *   no key                 an open charge of the same principal and release
 *                          whose lease lapsed is adopted
 *   else                   a new charge
 *
 * The caller has authorised the principal for dataset and purpose.
 *
 * ERR_OK           *out says which
 * ERR_BUDGET       some account does not cover it; the message tells which
 *                  kind, what is left, the hint what would fit; nothing charged
 * ERR_CONFLICT     the key was used by this principal for another request
 * ERR_EXPIRED      the key's charge was answered, the answer is gone
 * ERR_MISS         the key's charge is a miss; nothing more is charged
 * ERR_MISSES       too many misses: the steward must act (ledger_lift)
 * ERR_LIMIT        too many free_keys, or the arena is full
 * ERR_UNAVAILABLE  the ledger failed (every function below, too)
 */
enum err_code ledger_charge(struct ledger *l, struct ledger_run *out,
                            const struct ledger_charge_args *args,
                            struct arena *a, struct err *err) MUST_CHECK;

/*
 * What became of this principal's key, without a charge: UNKNOWN (also when its
 * charge was voided, or waits for its next run), ANSWERED or IN_FLIGHT.  Asked
 * before planning, so that a retry gets its answer whatever the policy says
 * now. Errors as ledger_charge.
 */
enum err_code ledger_find(struct ledger *l, struct ledger_run *out,
                          const char *principal, const char *idempotency_key,
                          const uint8_t *request_hash, struct arena *a,
                          struct err *err) MUST_CHECK;

/*
 * Store the answer of a run: compare-and-set, one answer per charge for ever.
 * It leaves at release_us (wall time; 0 = now): until then the charge shows as
 * open, and
 * the answer's age counts from then.
 * When another run was first, *answer and *answer_len become the stored one.
 *
 * ERR_MISS         the charge was closed as a miss meanwhile
 * ERR_EXPIRED      another run was first and its answer is gone already
 * ERR_UNAVAILABLE  a later run holds the charge: ledger_wait_later
 */
enum err_code ledger_answer(struct ledger *l, struct ledger_id id,
                            uint64_t fence, int64_t release_us,
                            const uint8_t **answer, size_t *answer_len,
                            struct arena *a, struct err *err) MUST_CHECK;

/*
 * This run lost its charge to a later one: wait until that one ended.
 * ERR_OK           it did: ledger_answer says how
 * ERR_DEADLINE     it did not by deadline_ns (0 = none)
 * ERR_UNAVAILABLE  no run is at it any more: ask again with the same key
 */
enum err_code ledger_wait_later(struct ledger *l, struct ledger_id id,
                                uint64_t fence, uint64_t deadline_ns,
                                struct err *err) MUST_CHECK;

/*
 * The engine started and no answer will come, which the caller hears (and the
 * charge shows) at release_us, as above.  Once more is harmless.
 * ERR_UNAVAILABLE  this run no longer holds the charge; nothing changed
 */
enum err_code ledger_miss(struct ledger *l, struct ledger_id id, uint64_t fence,
                          int64_t release_us, struct err *err) MUST_CHECK;

/*
 * The engine got nothing, and this process knows it: the price goes back.
 * ERR_UNAVAILABLE  this run does not hold the charge, or an earlier run of it
 *                  may have reached the engine: the charge stays
 */
enum err_code ledger_void(struct ledger *l, struct ledger_id id, uint64_t fence,
                          struct err *err) MUST_CHECK;

/*
 * As ledger_charge, but while the verdict is IN_FLIGHT block until that charge
 * is resolved, its lease lapses or deadline_ns (monotonic; 0 = none) passes:
 * ERR_DEADLINE.
 */
enum err_code ledger_wait(struct ledger *l, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          uint64_t deadline_ns, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Pending and spent on one account, in its window and since the start. */
struct ledger_balance {
    struct dp_price spent, lifetime;
    struct dp_price left; /* of account->limit, in its window */
};
enum err_code ledger_balance(struct ledger *l, struct ledger_balance *out,
                             const struct ledger_account_spec *account,
                             struct err *err) MUST_CHECK;

/*
 * Misses: charges that ended without an answer, by dataset.  At max_misses of
 * them (ledger_charge_args) nothing new is charged, until a steward lifts the
 * stop: the misses so far count no more, neither for the dataset nor for a
 * principal's day.  Who lifted it and why stays in the file for ever.
 */
struct ledger_lift {
    int64_t at_us;
    const char *principal, *reason;
    uint64_t lifted; /* misses that counted until then */
};
struct ledger_missed {
    const char *principal;
    uint64_t n;
};
struct ledger_misses {
    uint64_t counted;  /* since the last lift: what the limit is about */
    uint64_t lifetime; /* all there ever were */
    const struct ledger_missed *today; /* whose, of those counted; UTC */
    size_t n_today;
    const struct ledger_lift *lifts; /* newest first, the last hundred */
    size_t n_lifts;
};
enum err_code ledger_misses(struct ledger *l, struct ledger_misses *out,
                            const char *dataset, struct arena *a,
                            struct err *err) MUST_CHECK;

/*
 * *lifted = how many misses counted until now.  The caller has authorised the
 * principal; `reason` is not empty.
 * ERR_INVALID  none did: there is nothing to lift
 */
enum err_code ledger_lift(struct ledger *l, uint64_t *lifted,
                          const char *dataset, const char *principal,
                          const char *reason, struct err *err) MUST_CHECK;

enum ledger_state { LEDGER_OPEN, LEDGER_DONE, LEDGER_MISSED, LEDGER_VOIDED };
const char *ledger_state_name(enum ledger_state s); /* open, answered, ... */

struct ledger_row {
    struct ledger_id id;
    const char *principal, *dataset, *purpose;
    enum ledger_state state; /* as it may be known now */
    int64_t charged_us;
    struct dp_price price;
    const char *text; /* what was asked; NULL: not wanted, or no longer kept */
};

/*
 * Charges newest first, `principal` NULL = everyone's, after page token `after`
 * ("" = from the top); *next is "" on the last page.  With texts a page is
 * large.
 * ERR_INVALID  `after` is no page token of this dataset
 */
enum err_code ledger_list(struct ledger *l, struct ledger_row **rows, size_t *n,
                          const char **next, const char *dataset,
                          const char *principal, const char *after,
                          uint32_t limit, bool with_text, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Append entries to the audit log, all or none; durable when it returns. */
struct audit_entry;
enum err_code ledger_record(struct ledger *l, const struct audit_entry *entries,
                            size_t n, struct err *err) MUST_CHECK;

/*
 * Tell the witness how far the log has come, if there is one and it grew.
 * ERR_UNAVAILABLE  it cannot be written now
 */
enum err_code ledger_witness(struct ledger *l, struct err *err) MUST_CHECK;

/*
 * A ledger that several servers share: say that this one lives, and count as
 * spent what those left open that do not.  Within every 5 seconds; with one
 * server it does nothing.  Open charges of a server that was silent for 15
 * seconds are spent, and their leases void.
 */
enum err_code ledger_beat(struct ledger *l, struct err *err) MUST_CHECK;

/*
 * After a recovery without a witness: all of these filters counts as spent, as
 * the policies say now, which may know datasets and limits that the copy did
 * not.  Once; else it does nothing.  Before anything is charged.
 */
enum err_code ledger_burn(struct ledger *l,
                          const struct ledger_account_spec *filters, size_t n,
                          struct err *err) MUST_CHECK;

/* Bumped at each commit that charged or voided: WatchBudget polls it. */
uint64_t ledger_epoch(const struct ledger *l);

/*
 * Check every invariant of the file at `path`, read-only, also while a server
 * has it open: sums of charges are pending and spent of each account, nothing
 * above its limit, keys unique, states consistent.  `say` gets one line per
 * finding and a last line that sums up.  ERR_INTERNAL when any failed,
 * ERR_NOT_FOUND when it cannot be read, ERR_INVALID when it is no ledger.
 */
typedef void ledger_say_fn(void *ctx, const char *line);
enum err_code ledger_verify(const char *path, ledger_say_fn *say, void *ctx,
                            struct err *err) MUST_CHECK;

#endif
