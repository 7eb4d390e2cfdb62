#include "server/ledger/pq_ask.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"
#include "server/ledger/pq_schema.h"

/* Whether there is any, and of what: only that there is none is learnt. */
/* clang-format off */
#define EACH                                                                   \
    "SELECT t.i FROM unnest($1) WITH ORDINALITY AS t(v1, i), LATERAL"          \
    " (SELECT 1 FROM "
static const char RELEASES[] =
    EACH "charges WHERE " PQ_OF_RELEASE("t.v1", "t.v1") " LIMIT 1) AS x"
    " UNION ALL "
    EACH "pieces WHERE release_hash = t.v1 LIMIT 1) AS x";
/* clang-format on */

/* In whose name it is learnt; that statement's text, or another. */
static const struct {
    enum sql sql;
    bool is_plain; /* one statement with its own parameters */
    const char *text;
} KINDS[ASK_KINDS] = {
    [ASK_KEYS] = { .sql = SQL_KEY_FIND },
    [ASK_RELEASES] = { .sql = SQL_CHARGE_ANSWERED, .text = RELEASES },
    [ASK_CHARGES] = { .sql = SQL_CHARGE_BY_ID },
    [ASK_COUNTERS] = { .sql = SQL_COUNTER_FIND },
    [ASK_MISSES] = { .sql = SQL_MISSES_DATASET },
    [ASK_MISSES_DAY] = { .sql = SQL_MISSES_DAY },
    [ASK_NEWEST] = { .sql = SQL_NEWEST, .is_plain = true },
    [ASK_LEAVES] = { .sql = SQL_LEAVES_SINCE, .is_plain = true },
};
enum { ARRAY_HEAD = 20 };
static_assert((int)ASK_KINDS == PIPE_STATEMENTS - PIPE_ASK, "an id each");

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

static bool is_same(const struct ask *ask, const struct pq_params *p)
{
    for (int i = 0; i < p->n; i++)
        if (ask->lengths[i] != p->lengths[i] ||
            memcmp(ask->values[i], p->values[i], (size_t)p->lengths[i]) != 0)
            return false;
    return true;
}

static bool is_asked(const struct asks *a, int kind, const struct pq_params *p)
{
    for (int i = a->n[kind] - 1; i >= 0; i--)
        if (is_same(&a->list[kind][i], p))
            return true;
    return false;
}

static void add(struct asks *a, int kind, const struct pq_params *p)
{
    assert(p->n <= ASK_VALUES);
    struct ask *ask = &a->list[kind][a->n[kind]++];
    a->values[kind] = p->n;
    for (int i = 0; i < p->n; i++) {
        a->types[kind][i] = p->types[i];
        ask->values[i] = p->values[i];
        ask->lengths[i] = p->lengths[i];
        if (p->types[i] != PQ_INT8)
            continue;
        memcpy(ask->numbers[i], p->values[i], sizeof ask->numbers[i]);
        ask->values[i] = (const char *)ask->numbers[i];
    }
}

void asks_add(struct asks *a, enum sql sql, const struct pq_params *p)
{
    for (int k = 0; k < ASK_KINDS; k++)
        if (KINDS[k].sql == sql && a->list[k] &&
            a->n[k] < (KINDS[k].is_plain ? 1 : ASKS_MAX) && !is_asked(a, k, p))
            add(a, k, p);
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
        for (int v = 0; v < a->values[k]; v++)
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

/* The statement of sql.def for as many parameters as the arrays are long, and
 * which of them a row is for.  LIMIT keeps each look-up one by one, by its
 * index. */
static bool print_text(char out[PQ_TEXT_CAP], const char *text, int values)
{
    struct writer w = writer_of(out, PQ_TEXT_CAP);
    int next = 1;
    writer_str(&w, "SELECT x.*, t.i FROM unnest(");
    for (int i = 1; i <= values; i++)
        writer_printf(&w, i > 1 ? ", $%d" : "$%d", i);
    writer_str(&w, ") WITH ORDINALITY AS t(");
    for (int i = 1; i <= values; i++)
        writer_printf(&w, "v%d, ", i);
    writer_str(&w, "i), LATERAL (");
    for (; *text; text++) {
        if (*text != '?')
            writer_u8(&w, (uint8_t)*text);
        else if (text[1] >= '1' && text[1] <= '9')
            writer_str(&w, "t.v");
        else
            writer_printf(&w, "t.v%d", next++);
    }
    writer_str(&w, " LIMIT 1) AS x");
    return writer_cstr(&w);
}

static void params_of(struct pq_params *p, const struct asks *a, int i,
                      enum ask_kind k)
{
    const struct ask *ask = &a->list[k][i];
    p->n = 0;
    for (int v = 0; v < a->values[k]; v++)
        pq_params_add(p, a->types[k][v], ask->values[v],
                      (size_t)ask->lengths[v]);
}

static bool send_plain(struct asks *a, enum ask_kind k, struct pq_pipe *pipe,
                       const char *text)
{
    char numbered[PQ_TEXT_CAP];
    struct pq_params p;
    params_of(&p, a, 0, k);
    return pq_text_of(numbered, text) &&
           pipe_send_as(pipe, PIPE_ASK + (int)k, numbered, &p);
}

static bool send_kind(struct asks *a, enum ask_kind k, struct pq_pipe *pipe,
                      const char *text)
{
    char printed[PQ_TEXT_CAP];
    struct pq_params p = { .n = 0 };
    if (!reserve(a, k) || !print_text(printed, text, a->values[k]))
        return false;
    for (int v = 0; v < a->values[k]; v++) {
        struct writer w = writer_of(a->data[v], a->cap);
        const unsigned type = a->types[k][v];
        const size_t len = print_array(&w, a->list[k], a->n[k], v, type);
        pq_params_add(&p, pq_array_of(type), a->data[v], len);
    }
    /* libpq copies what it queues. */
    return pipe_send_as(pipe, PIPE_ASK + (int)k,
                        KINDS[k].text ? KINDS[k].text : printed, &p);
}

void asks_send(struct asks *a, struct pq_pipe *pipe,
               const char *const sql_text[SQL_COUNT])
{
    for (int i = 0; i < ASK_KINDS; i++) {
        const enum ask_kind k = (enum ask_kind)i;
        const char *text = sql_text[KINDS[k].sql];
        if (a->n[k] > 0 && !(KINDS[k].is_plain ? send_plain(a, k, pipe, text)
                                               : send_kind(a, k, pipe, text)))
            a->n[k] = 0;
    }
}

/* Which of the list, from 0; it is the last column. */
static int place_of(const PGresult *rows, int row)
{
    const uint8_t *at =
        (const uint8_t *)PQgetvalue(rows, row, PQnfields(rows) - 1);
    return (at[6] << 8 | at[7]) - 1; /* of an int8 */
}

/* Each row is one's; whoever has none has none. */
static void learn_each(const struct asks *a, enum ask_kind k, struct memo *m,
                       PGresult *rows)
{
    const bool tells_rows = !KINDS[k].text;
    bool is_there[ASKS_MAX] = { false };
    struct pq_params p;
    for (int row = 0; row < PQntuples(rows); row++) {
        const int i = place_of(rows, row);
        assert(i >= 0 && i < a->n[k]);
        is_there[i] = true;
        params_of(&p, a, i, k);
        if (tells_rows)
            memo_learn(m, KINDS[k].sql, &p, rows, row, 1);
    }
    for (int i = 0; i < a->n[k]; i++) {
        params_of(&p, a, i, k);
        if (!is_there[i])
            memo_learn(m, KINDS[k].sql, &p, NULL, 0, 0);
    }
}

void asks_learn(const struct asks *a, enum ask_kind kind, struct memo *m,
                PGresult *rows)
{
    struct pq_params p;
    if (!memo_keep(m, rows)) {
        PQclear(rows);
    } else if (KINDS[kind].is_plain) {
        params_of(&p, a, 0, kind);
        memo_learn(m, KINDS[kind].sql, &p, rows, 0, PQntuples(rows));
    } else {
        learn_each(a, kind, m, rows);
    }
}
