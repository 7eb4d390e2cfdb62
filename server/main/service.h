#ifndef MAIN_SERVICE_H
#define MAIN_SERVICE_H

#include "server/audit/note.h"
#include "server/base/clock.h"
#include "server/ledger/ledger.h"
#include "server/main/trail.h"
#include "server/main/world.h"
#include "server/query/reply.h"

/*
 * What the server does with a request, whichever front end it came through.
 * Blocking; worker threads call it (with SQL_STACK_MIN bytes of stack).
 */
struct audit_pages;
struct service {
    struct ledger *ledger;
    struct clock *clock;
    struct trail *trail;              /* NULL: no refusal is recorded */
    struct audit_pages *pages;        /* NULL: the log cannot be read */
    struct consent *consent;          /* NULL: there is no register */
    const struct note_signer *signer; /* of receipts; NULL: none is given */
    uint8_t secret[32]; /* keys the hash that bounds contributions */
    size_t page_rows;   /* groups of an engine's page; 0: as many as fit */
};

/* One request on its way; everything borrowed for the call. */
struct service_call {
    const struct service *service;
    const struct world *world;
    const struct auth_principal *who;
    const struct request *req;
    gsl_rng *rng;           /* the worker's */
    const atomic_int *gone; /* not 0: the caller left; noticed until charged */
    const atomic_int *stop; /* engine_ops.run's */
    void (*limit_run)(void *ctx, uint64_t deadline_ns); /* the engine starts:
                                 set *stop at this monotonic time */
    void *limit_ctx;
    uint64_t received_ns; /* monotonic */
    uint64_t started_ns;  /* monotonic: a worker began */

    /* Set on the way. */
    bool holds;         /* the worker stays with it until leave_ns */
    uint64_t leave_ns;  /* monotonic time at which the reply, or the error,
                           may leave; 0 = at once */
    int64_t expires_us; /* wall time to which a stored answer is kept */
};

/*
 * Answer: *out lives in `a`.  Errors are the caller's to read; those that could
 * depend on data have leave_ns set, too.
 */
enum err_code service_answer(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;

/* EXPLAIN (PRIVACY): the plan's text, a row per line. */
struct question; /* question.h */
enum err_code service_explain(struct service_call *call, struct reply *out,
                              const struct question *question, struct arena *a,
                              struct err *err) MUST_CHECK;

/* ---- operations, one file each ---- */

enum err_code service_query(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_estimate(struct service_call *call, struct reply *out,
                               struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_batch(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_list(struct service_call *call, struct reply *out,
                           struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_describe(struct service_call *call, struct reply *out,
                               struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_budget(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_charges(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_misses(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_record(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_audit_checkpoint(struct service_call *call,
                                       struct reply *out, struct arena *a,
                                       struct err *err) MUST_CHECK;
enum err_code service_audit_entries(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code service_audit_prove(struct service_call *call, struct reply *out,
                                  struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_import(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_signal(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_history(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_receipt(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_choose(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_may_contact(struct service_call *call, struct reply *out,
                                  struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_check_receipt(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code service_erase(struct service_call *call, struct reply *out,
                            struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_erasure(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_erasures_list(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code service_erasures_sign(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code service_erasures_confirm(struct service_call *call,
                                       struct reply *out, struct arena *a,
                                       struct err *err) MUST_CHECK;
enum err_code service_erasures_run(struct service_call *call, struct reply *out,
                                   struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_confirm(struct service_call *call, struct reply *out,
                              struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_counts(struct service_call *call, struct reply *out,
                             struct arena *a, struct err *err) MUST_CHECK;
enum err_code service_lift(struct service_call *call, struct reply *out,
                           struct arena *a, struct err *err) MUST_CHECK;

#endif
