#include "server/ledger/pq_ask.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"

/* LIMIT keeps each look-up one by one, by its index. */
static const struct {
    enum sql sql; /* in whose name it is learnt */
    int values;
    const char *text;
} KINDS[ASK_KINDS] = {
    [ASK_KEYS] = { SQL_KEY_FIND, 2,
                   "SELECT t.i FROM unnest($1, $2) WITH ORDINALITY"
                   " AS t(p, k, i), LATERAL (SELECT 1 FROM keys WHERE"
                   " principal = t.p AND key = t.k LIMIT 1) AS x" },
    [ASK_RELEASES] = { SQL_CHARGE_ANSWERED, 1,
                       "SELECT t.i FROM unnest($1) WITH ORDINALITY AS t(h, i),"
                       " LATERAL (SELECT 1 FROM charges WHERE release_hash ="
                       " t.h LIMIT 1) AS x UNION ALL"
                       " SELECT t.i FROM unnest($1) WITH ORDINALITY AS t(h, i),"
                       " LATERAL (SELECT 1 FROM pieces WHERE release_hash ="
                       " t.h LIMIT 1) AS x" },
    [ASK_CHARGES] = { SQL_CHARGE_BY_ID, 1,
                      "SELECT " CHARGE_COLUMNS
                      " FROM charges WHERE id = ANY($1)" },
};
enum { ID_COLUMN = 1, ARRAY_HEAD = 20 };

void asks_init(struct asks *a)
{
    *a = (struct asks){ .cap = 0 };
    for (int k = 0; k < ASK_KINDS; k++)
        a->list[k] = calloc(ASKS_MAX, sizeof *a->list[k]);
}

void asks_fini(struct asks *a)
{
    for (int k = 0; k < ASK_KINDS; k++)
        free(a->list[k]);
    for (int i = 0; i < ASK_VALUES; i++)
        free(a->data[i]);
    *a = (struct asks){ .cap = 0 };
}

void asks_forget(struct asks *a)
{
    memset(a->n, 0, sizeof a->n);
}

bool asks_has(const struct asks *a, enum ask_kind kind)
{
    return a->n[kind] > 0;
}

void asks_add(struct asks *a, enum sql sql, const struct pq_params *p)
{
    for (int k = 0; k < ASK_KINDS; k++) {
        if (KINDS[k].sql != sql || !a->list[k] || a->n[k] == ASKS_MAX)
            continue;
        struct ask *ask = &a->list[k][a->n[k]++];
        for (int i = 0; i < KINDS[k].values; i++) {
            ask->values[i] = p->values[i];
            ask->lengths[i] = p->lengths[i];
        }
    }
}

/* One dimension from 1, nothing NULL (array_send in PostgreSQL's arrayfuncs.c).
 */
static size_t print_array(struct writer *w, const struct ask *list, int n,
                          int value, unsigned type)
{
    writer_be32(w, 1);
    writer_be32(w, 0);
    writer_be32(w, type);
    writer_be32(w, (uint32_t)n);
    writer_be32(w, 1);
    for (int i = 0; i < n; i++) {
        writer_be32(w, (uint32_t)list[i].lengths[value]);
        writer_bytes(w, list[i].values[value], (size_t)list[i].lengths[value]);
    }
    return w->len;
}

static bool reserve(struct asks *a, enum ask_kind k)
{
    size_t need = ARRAY_HEAD;
    for (int i = 0; i < a->n[k]; i++)
        for (int v = 0; v < KINDS[k].values; v++)
            need += 4 + (size_t)a->list[k][i].lengths[v];
    if (need <= a->cap)
        return true;
    for (int v = 0; v < ASK_VALUES; v++) {
        uint8_t *more = realloc(a->data[v], need * 2);
        if (!more)
            return false;
        a->data[v] = more;
    }
    a->cap = need * 2;
    return true;
}

static bool send_kind(struct asks *a, enum ask_kind k, struct pq_pipe *pipe)
{
    const bool texts = k == ASK_KEYS;
    struct pq_params p = { .n = 0 };
    if (!reserve(a, k))
        return false;
    for (int v = 0; v < KINDS[k].values; v++) {
        struct writer w = writer_of(a->data[v], a->cap);
        const size_t len =
            print_array(&w, a->list[k], a->n[k], v, texts ? PQ_TEXT : PQ_BYTEA);
        pq_params_add(&p, texts ? PQ_TEXTS : PQ_BYTEAS, a->data[v], len);
    }
    /* libpq copies what it queues. */
    return pipe_send_as(pipe, PIPE_ASK + (int)k, KINDS[k].text, &p);
}

void asks_send(struct asks *a, struct pq_pipe *pipe)
{
    for (int k = 0; k < ASK_KINDS; k++)
        if (a->n[k] > 0 && !send_kind(a, (enum ask_kind)k, pipe))
            a->n[k] = 0;
}

static void params_of(struct pq_params *p, const struct ask *ask,
                      enum ask_kind k)
{
    p->n = 0;
    for (int v = 0; v < KINDS[k].values; v++)
        pq_params_add(p, k == ASK_KEYS ? PQ_TEXT : PQ_BYTEA, ask->values[v],
                      (size_t)ask->lengths[v]);
}

/* Whatever is not among the rows is nowhere. */
static void learn_absent(const struct asks *a, enum ask_kind k, struct memo *m,
                         const PGresult *rows)
{
    bool is_there[ASKS_MAX] = { false };
    struct pq_params p;
    for (int row = 0; row < PQntuples(rows); row++) {
        const uint8_t *at = (const uint8_t *)PQgetvalue(rows, row, 0);
        const unsigned i = (unsigned)(at[6] << 8 | at[7]); /* of an int8 */
        if (i >= 1 && i <= ASKS_MAX)
            is_there[i - 1] = true;
    }
    for (int i = 0; i < a->n[k]; i++) {
        params_of(&p, &a->list[k][i], k);
        if (!is_there[i])
            memo_learn(m, KINDS[k].sql, &p, NULL, 0, 0);
    }
}

static void learn_rows(const struct asks *a, enum ask_kind k, struct memo *m,
                       PGresult *rows)
{
    struct pq_params p;
    for (int row = 0; row < PQntuples(rows); row++)
        for (int i = 0; i < a->n[k]; i++) {
            const struct ask *ask = &a->list[k][i];
            if (ask->lengths[0] != PQgetlength(rows, row, ID_COLUMN) ||
                memcmp(ask->values[0], PQgetvalue(rows, row, ID_COLUMN),
                       (size_t)ask->lengths[0]) != 0)
                continue;
            params_of(&p, ask, k);
            memo_learn(m, KINDS[k].sql, &p, rows, row, 1);
        }
}

void asks_learn(const struct asks *a, enum ask_kind kind, struct memo *m,
                PGresult *rows)
{
    if (kind != ASK_CHARGES) {
        learn_absent(a, kind, m, rows);
        PQclear(rows);
    } else if (memo_keep(m, rows)) {
        learn_rows(a, kind, m, rows);
    } else {
        PQclear(rows);
    }
}
