#ifndef LEDGER_BOOK_H
#define LEDGER_BOOK_H

#include "server/ledger/bond.h"
#include "server/ledger/counter.h"
#include "server/ledger/guard.h"
#include "server/ledger/ledger.h"
#include "server/ledger/seal.h"
#include "server/ledger/store.h"

/*
 * What the ledger decides, inside a transaction that the committer runs.
 *
 * Each book_ function is one operation of ledger.h: it reads, decides in C,
 * writes, and says the outcome.  Nothing it says may be told to anyone before
 * the transaction has committed.  A function that fails on the file leaves the
 * error in store->rc, and its own result means nothing then.
 */
enum { BOOK_CALLERS = 256, MISS_MEMOS = 256, MISS_NAME_CAP = 64 };

/* How many misses count, as long as none is added or lifted: until one shows
 * that nobody has heard of, or a day is over. */
struct miss_memo {
    char name[MISS_NAME_CAP]; /* a dataset's or a principal's; "" = none */
    uint64_t n;
    int64_t from_us, until_us;
};

struct book {
    struct store *store; /* owned by whoever opened it */
    struct counters counters;
    struct journal journal;
    struct guard guard;
    struct bond_secret bonds;
    const struct seal_keys *keys; /* borrowed; NULL = nothing is sealed */
    struct clock *clock;          /* borrowed */
    bool own_clock;               /* though the store tells the time */
    int64_t now_us;               /* of the open transaction: wall time */
    int64_t asked_us;             /* the time that misses were asked for; 0 */
    int64_t lease_us;
    int64_t boot;       /* this process, in the file */
    int64_t newest;     /* seq of the newest charge, the open transaction's too;
                           negative: to be read */
    uint32_t free_keys; /* allowed in an hour */
    int64_t free_hour;  /* that the counts below are of */
    uint32_t free_used[BOOK_CALLERS]; /* by a hash of the principal */
    struct miss_memo misses[2]
                           [MISS_MEMOS]; /* by a hash of dataset, principal */
    int64_t stored, asked; /* answers and texts, in the open transaction */
    bool moved;            /* some account was charged or given back */
    bool resolved;         /* some charge was resolved: waiters look again */
};

/* One charge, as the file has it. */
struct charge {
    int64_t seq;
    struct ledger_id id;
    enum ledger_state state;
    uint64_t runs; /* also the fence of its newest run */
    int64_t boot;
    bool is_settled; /* its boot is over: it is spent, not pending */
    bool is_held;    /* a run may still come back, if its lease holds */
    int64_t lease_until_us, charged_us, resolved_us, expires_us, keep_us;
    struct dp_price price;
    uint64_t policy_version;
    uint8_t release_hash[LEDGER_HASH_LEN];
    int64_t route, leaf;
    const char *dataset, *purpose; /* in the arena, or NULL without one */
};

/* What its row is found by: a store knows by the id what this batch changed. */
#define CHARGE_ROW(c) (c)->seq, (c)->id.bytes, (size_t)LEDGER_ID_LEN

/* As many seconds as fit a date; policies hold far less. */
static inline int64_t book_us_of_s(uint64_t s)
{
    return (int64_t)(s < LEDGER_WINDOW_MAX_S ? s : LEDGER_WINDOW_MAX_S) *
           1000000;
}

static inline int64_t book_later_us(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Begin this process's life in the file; *found = charges left open. */
enum err_code book_boot(struct book *b, uint64_t *found,
                        struct err *err) MUST_CHECK;

/* Begin a transaction; now_us is its time, the store's if that tells one. */
void book_begin(struct book *b);

/* Before it commits: clear away answers that expired, by how many came. */
void book_prune(struct book *b);

/* Say that this server lives, and end the lives of those that do not. */
void book_beat(struct book *b);

/* This server ends: what it leaves open is spent, not only when it is missed.
 */
void book_end(struct book *b);
int64_t book_now_us(const struct book *b);

/* What book_charge will look for, told the store before it begins. */
void book_ask_charge(struct book *b, const struct ledger_charge_args *args);
enum err_code book_charge(struct book *b, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          struct arena *a, struct err *err) MUST_CHECK;
enum err_code book_find(struct book *b, struct ledger_run *out,
                        const char *principal, const char *key,
                        const uint8_t *request_hash, struct arena *a,
                        struct err *err) MUST_CHECK;
enum err_code book_answer(struct book *b, struct ledger_id id, uint64_t fence,
                          int64_t release_us, const uint8_t **answer,
                          size_t *answer_len, struct arena *a,
                          struct err *err) MUST_CHECK;
enum err_code book_miss(struct book *b, struct ledger_id id, uint64_t fence,
                        int64_t release_us, struct err *err) MUST_CHECK;
/* Is a later run at it?  *left_us: how long it may be; 0: it ended. */
enum err_code book_later(struct book *b, int64_t *left_us, struct ledger_id id,
                         uint64_t fence, struct err *err) MUST_CHECK;
enum err_code book_void(struct book *b, struct ledger_id id, uint64_t fence,
                        struct err *err) MUST_CHECK;
enum err_code book_balance(struct book *b, struct ledger_balance *out,
                           const struct ledger_account_spec *account,
                           struct err *err) MUST_CHECK;

enum err_code book_lift(struct book *b, uint64_t *lifted, const char *dataset,
                        const char *principal, const char *reason,
                        struct err *err) MUST_CHECK;
enum err_code book_misses(struct book *b, struct ledger_misses *out,
                          const char *dataset, struct arena *a,
                          struct err *err) MUST_CHECK;

struct book_page {
    struct ledger_row *rows;
    size_t n;
    const char *next;
};
enum err_code book_list(struct book *b, struct book_page *out,
                        const char *dataset, const char *principal,
                        const char *after, uint32_t limit, bool with_text,
                        struct arena *a, struct err *err) MUST_CHECK;

/* Between the operations: */

/* Read a charge by one of the SQL_CHARGE_ statements whose row is there, and
 * end it.  With an arena its texts, too; ERR_LIMIT when that is full. */
enum err_code charge_read(struct book *b, enum sql sql, struct charge *out,
                          struct arena *a, struct err *err) MUST_CHECK;

/* The charge that this key is bound to: IN_FLIGHT (any state but VOID), or
 * UNKNOWN when it binds to none. */
enum err_code charge_by_key(struct book *b, struct ledger_run *out,
                            struct charge *c, const char *principal,
                            const char *key, const uint8_t *request_hash,
                            struct arena *a, struct err *err) MUST_CHECK;

/* ... what it says to its key: its answer, in flight, or its next run. */
enum err_code charge_retry(struct book *b, struct ledger_run *out,
                           struct charge *c, int64_t now_us, struct arena *a,
                           struct err *err) MUST_CHECK;

/* A client without keys finds its own charge again, or UNKNOWN. */
enum err_code charge_adopt(struct book *b, struct ledger_run *out,
                           const struct ledger_charge_args *args,
                           int64_t now_us, struct arena *a,
                           struct err *err) MUST_CHECK;

/* A new charge, *seq in the file; nothing when misses or accounts forbid it, or
 * (verdict CAPPED) segments do.  `pieces` is their digest (bond.h), or NULL. */
enum err_code charge_anew(struct book *b, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          const uint8_t *pieces, int64_t now_us, int64_t *seq,
                          struct arena *a, struct err *err) MUST_CHECK;

/* The seq of the newest charge; 0 = there is none. */
int64_t charge_newest(struct book *b);

/* Each miss is a bit that no noise covers: ERR_MISSES when the dataset, or the
 * principal today, has reached its limit.  One that its own caller has not
 * heard of yet does not show here, either. */
enum err_code charge_check_misses(struct book *b,
                                  const struct ledger_charge_args *args,
                                  struct err *err) MUST_CHECK;

/* What charge_check_misses will look for, as book_ask_charge. */
void charge_ask_misses(struct book *b, const struct ledger_charge_args *args);

/* Misses changed, or the transaction that read them is undone. */
void book_forget_misses(struct book *b);

/* segments.c: may the caller ask once more about each segment today?  Else
 * out says CAPPED.  Then: it did. */
bool segments_fit(struct book *b, struct ledger_run *out,
                  const struct ledger_charge_args *args, int64_t now_us);
void segments_count(struct book *b, const struct ledger_charge_args *args,
                    int64_t now_us);

/* A run that stumbled is one more bit when it runs again, whoever finds it: the
 * same, of a charge that is about to. */
enum err_code charge_check_stumbled(struct book *b, const struct charge *c,
                                    const struct ledger_charge_args *args,
                                    int64_t now_us, struct err *err) MUST_CHECK;

/* The charge with this id (its texts in `a`, or not without one), and that this
 * run of it may resolve it. */
enum err_code charge_find(struct book *b, struct charge *c, struct ledger_id id,
                          struct arena *a, struct err *err) MUST_CHECK;
enum err_code charge_check_fence(const struct charge *c, uint64_t fence,
                                 struct err *err) MUST_CHECK;

/* The charge's own answer as it is stored: all that can fail of storing it. */
enum err_code charge_seal(const struct book *b, const struct charge *c,
                          const uint8_t **answer, size_t *len, struct arena *a,
                          struct err *err) MUST_CHECK;
/* Store it; the charge's state is OPEN and the fence holds. */
void charge_store(struct book *b, const struct charge *c, int64_t release_us,
                  const uint8_t *sealed, size_t len);

/* True while a run of a living server may still come back. */
bool charge_is_held(const struct charge *c, int64_t now_us);

/* Close an open charge as a miss, which shows at release_us. */
void charge_close_missed(struct book *b, const struct charge *c,
                         int64_t release_us);

/* The stored answer of an answered charge; ERR_EXPIRED, ERR_LIMIT. */
enum err_code charge_body(struct book *b, const struct charge *c,
                          int64_t now_us, const uint8_t **answer, size_t *len,
                          struct arena *a, struct err *err) MUST_CHECK;

/* The log's entry of a charge or of its end, `more` beside what the charge
 * says; returns its index. */
struct book_note {
    enum audit_kind kind;
    int64_t time_us;
    const char *principal, *detail, *bond; /* each may be NULL */
};
int64_t book_note_charge(struct book *b, const struct charge *c,
                         const struct book_note *more);

/* Append any other entry. */
void book_note(struct book *b, const struct audit_entry *e);

/* ERR_EXPIRED and ERR_MISS, in words. */
enum err_code say_expired(struct err *err);
enum err_code say_missed(struct err *err);

/*
 * The accounts of a charge.
 * accounts_take checks all, then moves all (making them pending); *route is the
 * set of them, borrowed until the next; ERR_BUDGET with nothing moved.  *left
 * is what the first has left afterwards.
 */
enum err_code accounts_take(struct book *b, const struct route **route,
                            struct dp_price *left,
                            const struct ledger_charge_args *args,
                            int64_t now_us, struct err *err) MUST_CHECK;
void accounts_settle(struct book *b, const struct charge *c);
void accounts_give_back(struct book *b, const struct charge *c);

/* What the first account has left. */
struct dp_price accounts_left(struct book *b,
                              const struct ledger_charge_args *args,
                              int64_t now_us);

/* Say which account does not cover `price` and what would fit. */
struct refusal {
    const struct ledger_account_spec *accounts;
    size_t n_accounts, failing; /* index of the first that refused */
    struct dp_price price;
    struct dp_price left; /* of the failing account */
    struct dp_price fits; /* under every account */
};
enum err_code say_over_budget(struct err *err, const struct refusal *r);

#endif
