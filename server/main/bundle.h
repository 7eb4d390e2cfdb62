#ifndef MAIN_BUNDLE_H
#define MAIN_BUNDLE_H

#include "server/main/question.h"
#include "server/plan/series.h"
#include "server/query/answer.h"

/*
 * Several releases answered as one: the questions of a batch, the days of a
 * series.  What is stored already is free; the rest is one charge, all or none,
 * under the request's key (server/ledger/bundle.h).
 *
 *   plan -> look -> cover -> charge -> run -> store -> finish
 *             ^________________|  somebody else charged the same meanwhile
 *
 * Each question is finished from its uses: rows of stored releases and of the
 * one made for it, or for an equal question before it.
 */
struct bundle_use {
    const struct answer *answer; /* stored; or to be filled when it is made */
    const bool *days;            /* of the question's series; NULL: all rows */
    bool is_new;                 /* this charge pays for it */
    struct ledger_id charge;     /* !is_new */
    int64_t as_of_us;            /* !is_new */
};

struct bundle_item {
    const struct request *req;
    struct question question; /* planned, before bundle_look */

    /* By bundle_cover: */
    struct bundle_use *uses;
    size_t n_uses;
    const struct plan *fresh; /* what is to be paid; NULL: nothing */
    struct answer *made;      /* ... what it will be, or is already */
    bool is_made;
    unsigned place;      /* ... among the charge's pieces */
    const uint8_t *what; /* ... which days it has, for its next run */
    size_t what_len;
};

struct bundle {
    struct service_call *call;
    const struct dataset *dataset;
    struct arena *arena;
    struct bundle_item *items;
    size_t n;
    bool only_told; /* nobody is answered: what is explained is looked for as if
                       it had been asked */

    uint8_t hash[LEDGER_HASH_LEN]; /* of all the questions */
    struct dp_price price;         /* of all that is fresh */
    size_t n_fresh;
    int64_t newest; /* of the ledger, as looked at */
    bool in_flight; /* somebody else is at something wanted */
    int64_t lease_left_us;
    uint64_t rung;
    bool is_charged; /* some run of `charge` is ours */
    struct ledger_run charge;
};

/* `items` are planned, of one dataset and purpose.  At least one. */
enum err_code bundle_init(struct bundle *b, struct service_call *call,
                          struct bundle_item *items, size_t n, struct arena *a,
                          struct err *err) MUST_CHECK;

/*
 * What is stored, and so what is fresh and its price; charges nothing.  When
 * the charge is ours already, what is left of it.
 * ERR_EXPIRED  it cannot be gone on with under the policy of today
 */
enum err_code bundle_cover(struct bundle *b, struct err *err) MUST_CHECK;

/* While somebody else is at something wanted, wait.  ERR_DEADLINE. */
enum err_code bundle_wait(struct bundle *b, struct err *err) MUST_CHECK;

/*
 * Charge, run and store: the tables of all questions, n of them.
 * ERR_MISS   charged; nothing is stored, and the key runs it again
 * else as ledger_charge_bundle.
 */
enum err_code bundle_answer(struct bundle *b, struct reply_table *tables,
                            struct err *err) MUST_CHECK;

/* The question is one that a bundle answers better than a charge by itself. */
static inline bool bundle_suits(const struct plan *plan)
{
    return plan->series != NULL;
}

/* bundle_finish.c: question `i` from its uses, all of them made; its receipt.
 */
enum err_code bundle_finish(struct reply_table *out, const struct bundle *b,
                            size_t i, struct err *err) MUST_CHECK;

/* For people, before the plan's text: which days are stored, which are not; ""
 * for what is no series.  NULL when the arena is full. */
const char *bundle_story(const struct bundle *b, size_t i);

#endif
