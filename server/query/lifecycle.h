#ifndef QUERY_LIFECYCLE_H
#define QUERY_LIFECYCLE_H

#include "server/base/err.h"

/*
 * The life of one query.  States are in order; stage[s] takes a query from
 * state s to s + 1, or fails it.
 *
 *   RECEIVED -plan-> PLANNED -charge-> CHARGED -execute-> EXECUTED
 *            -noise-> NOISED -store-> STORED -reply-> REPLIED
 *                                                 (any) -> FAILED
 *
 * Privacy rests on the order.  `charge` is durable before `execute` reads a
 * row, so a crash or a failure after it can only waste budget, never leak; and
 * no byte that depends on the engine leaves before `store` committed it.
 *
 * A stage that finds the answer already stored moves the query ahead with
 * lifecycle_skip(); nothing ever moves it back.
 */
enum query_state {
    QUERY_RECEIVED,
    QUERY_PLANNED,
    QUERY_CHARGED,
    QUERY_EXECUTED,
    QUERY_NOISED,
    QUERY_STORED,
    QUERY_REPLIED, /* terminal */
    QUERY_FAILED,  /* terminal */
};
enum { QUERY_STAGES = QUERY_REPLIED };

struct lifecycle;
typedef enum err_code lifecycle_stage_fn(struct lifecycle *q, struct err *err);

struct lifecycle {
    enum query_state state;
    enum query_state skip_to;         /* set by lifecycle_skip within a stage */
    lifecycle_stage_fn *const *stage; /* QUERY_STAGES entries, borrowed */
    void *ctx;                        /* the stages' own data */
};

/*
 * Run stages until the query is answered (ERR_OK, QUERY_REPLIED) or fails (its
 * error, QUERY_FAILED).  Stages block; ERR_AGAIN is none of their answers.
 */
enum err_code lifecycle_run(struct lifecycle *q, struct err *err) MUST_CHECK;

/* Called by a stage: after it, go on in `to`, which lies ahead. */
void lifecycle_skip(struct lifecycle *q, enum query_state to);

const char *query_state_name(enum query_state state);

#endif
