#ifndef LEDGER_PQ_ASK_H
#define LEDGER_PQ_ASK_H

#include "server/ledger/pq_memo.h"
#include "server/ledger/pq_pipe.h"

/*
 * What a batch will look for, asked for all of its works at once.
 *
 *   asks_add ... asks_send   behind the lock, in its round trip
 *                asks_learn  what came back, into the memo
 *                asks_forget
 */
enum ask_kind {
    ASK_KEYS,
    ASK_RELEASES,
    ASK_CHARGES,
    ASK_COUNTERS,
    ASK_MISSES,
    ASK_MISSES_DAY,
    ASK_NEWEST, /* these two as they are, once */
    ASK_LEAVES,
    ASK_KINDS
};
enum { ASKS_MAX = 512, ASK_VALUES = 3 };

struct ask {
    const char *values[ASK_VALUES]; /* borrowed until asks_forget, or numbers */
    int lengths[ASK_VALUES];
    uint8_t numbers[ASK_VALUES][8];
};
struct asks {
    struct ask *list[ASK_KINDS]; /* owned; ASKS_MAX each */
    int n[ASK_KINDS];
    unsigned types[ASK_KINDS][ASK_VALUES];
    int values[ASK_KINDS];
    uint8_t *data[ASK_VALUES]; /* owned: arrays as they are sent */
    size_t cap;
};

void asks_init(struct asks *a);
void asks_fini(struct asks *a);
void asks_forget(struct asks *a);

/* A statement of no kind, or one too many, is looked for when its time comes;
 * what is asked for already is asked for once. */
void asks_add(struct asks *a, enum sql sql, const struct pq_params *p);
bool asks_has(const struct asks *a, enum ask_kind kind);

/* Queue a query for each kind that has any.  A kind that cannot be sent is
 * forgotten. */
void asks_send(struct asks *a, struct pq_pipe *pipe,
               const char *const sql_text[SQL_COUNT]);

/* `rows` answer a kind; they are the memo's then, or freed. */
void asks_learn(const struct asks *a, enum ask_kind kind, struct memo *m,
                PGresult *rows);

#endif
