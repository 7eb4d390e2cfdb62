#ifndef PG_PG_MEMO_H
#define PG_PG_MEMO_H

#include "server/pg/pg_rows.h"

/*
 * Answers of a moment ago, of one connection: what a stored answer said to the
 * same words is said again without a worker.  Drivers and dashboards repeat
 * themselves within a second; longer than that nothing is kept, so that a
 * question is planned anew against policy, data version and the clock.
 *
 * Only answers from the store are kept, which cost nothing and are the same
 * bytes every time; what a question charged is told once.  They leave no sooner
 * than they did (slot_ns).
 */
enum {
    PG_MEMO_N = 8,
    PG_MEMO_NS = 1000000000,
    PG_MEMO_ARENA = 256 * 1024,
    PG_MEMO_NOTICES = 32,
};

/* What was asked; borrowed. */
struct pg_asked {
    const char *text;
    const struct value *params;
    size_t n_params;
    unsigned settings; /* which they were: pg_vars.generation */
    uint64_t now_ns;   /* monotonic */
};

struct pg_memory {
    struct arena arena;
    const char *text; /* NULL: empty */
    struct value *params;
    size_t n_params;
    unsigned settings;
    uint64_t until_ns;
    struct pg_rows rows;
    const char *notices[PG_MEMO_NOTICES];
    size_t n_notices;
    uint64_t slot_ns; /* it leaves so long after it was asked for */
};

struct pg_memo {
    struct pg_memory list[PG_MEMO_N];
    size_t next; /* to be replaced */
};

void pg_memo_init(struct pg_memo *m);
void pg_memo_fini(struct pg_memo *m);
void pg_memo_clear(struct pg_memo *m);

/* NULL: it was not asked so, or too long ago.  Until the next put. */
const struct pg_memory *pg_memo_find(const struct pg_memo *m,
                                     const struct pg_asked *q);

/* Keep it if there is room. */
void pg_memo_put(struct pg_memo *m, const struct pg_asked *q,
                 const struct pg_rows *rows, const char *const *notices,
                 size_t n_notices, uint64_t slot_ns);

#endif
