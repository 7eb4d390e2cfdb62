#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp/price.h"
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
 * One thread commits; callers block until their change is durable (group
 * commit: what queued while a commit ran is the next batch).  Any thread may
 * call.  Integers only: available + spent = limit on every account.
 * Source: DESIGN 6.
 */
struct ledger;

struct ledger_options {
    const char *path;    /* of the SQLite file; created when absent */
    struct clock *clock; /* borrowed */
    uint64_t lease_ns;   /* how long one run may hold a charge */
};

/* Whose budget a charge draws on, from the filter down. */
struct ledger_account_spec {
    const char *name;       /* "dataset/ID", "dataset/ID/principal/NAME", ... */
    struct dp_price limit;  /* as the policy says now; never below spent */
    uint64_t window_s;      /* 0 = for life */
};

enum { LEDGER_ID_LEN = 16, LEDGER_ACCOUNTS_MAX = 8 };

struct ledger_id {
    uint8_t bytes[LEDGER_ID_LEN];
};
struct ledger_hex {
    char text[2 * LEDGER_ID_LEN + 1];
};
struct ledger_hex ledger_id_hex(struct ledger_id id);
bool ledger_id_parse(struct ledger_id *out, const char *hex);

struct ledger_charge_args {
    const char *principal, *dataset, *purpose;
    const char *idempotency_key;     /* "" = none */
    const uint8_t *request_hash;     /* 32 bytes, binds the key */
    const uint8_t *release_hash;     /* 32 bytes, DESIGN 5 "Reuse" */
    struct dp_price price;
    const struct ledger_account_spec *accounts;
    size_t n_accounts;
    uint64_t policy_version;
    uint64_t reuse_for_s;  /* an equal release this young answers instead */
    uint64_t keep_s;       /* how long the answer stays readable */
    uint32_t max_misses, max_misses_day; /* DESIGN 2 */
};

enum ledger_verdict {
    LEDGER_CHARGED,   /* new charge: run it, then answer, miss or void */
    LEDGER_ANSWERED,  /* a stored answer serves: nothing charged */
    LEDGER_IN_FLIGHT, /* another run holds the charge: wait with ledger_wait */
};

struct ledger_run {
    enum ledger_verdict verdict;
    struct ledger_id id;
    uint64_t fence;        /* names this run; a later run has a larger one */
    int64_t charged_us;    /* wall time of the charge */
    struct dp_price price; /* as charged (pinned when replayed) */
    uint64_t policy_version; /* pinned */
    const uint8_t *answer; /* ANSWERED: in the arena */
    size_t answer_len;     /* bytes */
    int64_t answered_us;   /* ANSWERED: wall time of the release */
};

/*
 * ERR_NOT_FOUND  the folder does not exist or cannot be written
 * ERR_INTERNAL   the file is damaged, or of a newer schema
 * Open charges of an earlier process stay spent; *found says how many.
 */
enum err_code ledger_open(struct ledger **out, const struct ledger_options *o,
                          uint64_t *found, struct err *err) MUST_CHECK;
void ledger_close(struct ledger *l);

/*
 * Charge, or find the answer of an equal earlier one.
 *
 * ERR_OK        *out says which
 * ERR_BUDGET    some account does not cover it; the message tells what is left
 *               and what would fit; nothing was charged
 * ERR_CONFLICT  the key was used by this principal for another request
 * ERR_EXPIRED   the key's charge was answered, the answer is gone
 * ERR_MISS      the key's charge is a miss; nothing more is charged
 * ERR_LIMIT     too many misses: the steward must act
 */
enum err_code ledger_charge(struct ledger *l, struct ledger_run *out,
                            const struct ledger_charge_args *args,
                            struct arena *a, struct err *err) MUST_CHECK;

/*
 * Store the answer of a run: compare-and-set, one answer per charge for ever.
 * When another run was first, *answer and *answer_len become the stored one.
 * ERR_MISS when the charge was closed as a miss meanwhile.
 */
enum err_code ledger_answer(struct ledger *l, struct ledger_id id,
                            uint64_t fence, const uint8_t **answer,
                            size_t *answer_len, struct arena *a,
                            struct err *err) MUST_CHECK;

/* The engine started and no answer will come. */
enum err_code ledger_miss(struct ledger *l, struct ledger_id id, uint64_t fence,
                          struct err *err) MUST_CHECK;

/* The engine got nothing, and this process knows it: the price goes back. */
enum err_code ledger_void(struct ledger *l, struct ledger_id id, uint64_t fence,
                          struct err *err) MUST_CHECK;

/* Block until an in-flight charge is resolved or deadline_ns (monotonic);
 * then as ledger_charge.  ERR_DEADLINE. */
enum err_code ledger_wait(struct ledger *l, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          uint64_t deadline_ns, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Spent on one account within its window, and since the start. */
struct ledger_balance {
    struct dp_price spent, lifetime;
};
enum err_code ledger_balance(struct ledger *l, struct ledger_balance *out,
                             const struct ledger_account_spec *account,
                             struct err *err) MUST_CHECK;

enum ledger_state { LEDGER_OPEN, LEDGER_DONE, LEDGER_MISSED, LEDGER_VOIDED };
const char *ledger_state_name(enum ledger_state s); /* open, answered, ... */

struct ledger_row {
    struct ledger_id id;
    const char *principal, *dataset, *purpose;
    enum ledger_state state;
    int64_t charged_us;
    struct dp_price price;
};

/* Charges newest first, `principal` NULL = everyone's, after page token
 * `after` ("" = from the top); *next is "" on the last page. */
enum err_code ledger_list(struct ledger *l, struct ledger_row **rows, size_t *n,
                          const char **next, const char *dataset,
                          const char *principal, const char *after,
                          uint32_t limit, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Bumped at each commit that changed an account: WatchBudget polls it. */
uint64_t ledger_epoch(const struct ledger *l);

/*
 * Check every invariant of the file at `path`, read-only: sums of charges are
 * the spent of each account, nothing above its limit, keys unique, states
 * consistent.  `say` gets one line per finding.  ERR_INTERNAL when any failed.
 */
typedef void ledger_say_fn(void *ctx, const char *line);
enum err_code ledger_verify(const char *path, ledger_say_fn *say, void *ctx,
                            struct err *err) MUST_CHECK;

#endif
