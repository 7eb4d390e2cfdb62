#include "server/ledger/pq_memo.h"

#include <stdlib.h>
#include <string.h>

enum { MEMO_CAP = 4 << 20, RESULTS_STEP = 256, ALL = 0xff };

/* By which class and parameters a statement finds, and which it changes; n = 0:
 * nothing, ALL: all parameters, or the whole class. */
static const struct rule {
    enum memo_class finds;
    uint8_t find_from, find_n;
    enum memo_class changes;
    uint8_t change_from, change_n;
} RULES[SQL_COUNT] = {
    [SQL_KEY_FIND] = { .finds = MEMO_KEY, .find_n = 2 },
    [SQL_KEY_NEW] = { .changes = MEMO_KEY, .change_n = 2 },
    [SQL_CHARGE_ANSWERED] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_CHARGE_OPEN] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_CHARGE_LAPSED] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_CHARGE_NEWER] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_PIECE_ANSWERED] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_PIECE_OPEN] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_PIECE_NEWER] = { .finds = MEMO_RELEASE, .find_n = 1 },
    [SQL_CHARGE_NEW] = { .changes = MEMO_RELEASE,
                         .change_from = 5,
                         .change_n = 1 },
    [SQL_PIECE_NEW] = { .changes = MEMO_RELEASE,
                        .change_from = 2,
                        .change_n = 1 },
    [SQL_CHARGE_BY_ID] = { .finds = MEMO_CHARGE, .find_n = 1 },
    [SQL_CHARGE_RUN] = { .changes = MEMO_CHARGE,
                         .change_from = 3,
                         .change_n = 1 },
    [SQL_CHARGE_RESOLVE] = { .changes = MEMO_CHARGE,
                             .change_from = 3,
                             .change_n = 1 },
    [SQL_CHARGE_ANSWER] = { .changes = MEMO_CHARGE,
                            .change_from = 3,
                            .change_n = 1 },
    [SQL_CHARGE_LEASE] = { .changes = MEMO_CHARGE,
                           .change_from = 2,
                           .change_n = 1 },
    [SQL_CHARGE_LEAF] = { .changes = MEMO_CHARGE, .change_n = ALL },
    [SQL_BOOT_SETTLED] = { .changes = MEMO_CHARGE, .change_n = ALL },
    [SQL_MISSES_DATASET] = { .finds = MEMO_MISSES, .find_n = ALL },
    [SQL_MISSES_DAY] = { .finds = MEMO_MISSES, .find_n = ALL },
    [SQL_STUMBLE_NEW] = { .changes = MEMO_MISSES, .change_n = ALL },
    [SQL_LIFT_NEW] = { .changes = MEMO_MISSES, .change_n = ALL },
    [SQL_COUNTER_FIND] = { .finds = MEMO_COUNTER, .find_n = ALL },
    [SQL_COUNTER_NEW] = { .changes = MEMO_COUNTER, .change_n = ALL },
    [SQL_COUNTER_LIMIT] = { .changes = MEMO_COUNTER, .change_n = ALL },
    [SQL_COUNTER_MOVE] = { .changes = MEMO_COUNTER, .change_n = ALL },
    [SQL_ROUTE_FIND] = { .finds = MEMO_ROUTE, .find_n = ALL },
    [SQL_ROUTE_COUNTERS] = { .finds = MEMO_ROUTE, .find_n = ALL },
    [SQL_COUNTER_BY_ID] = { .finds = MEMO_ROUTE, .find_n = ALL },
    [SQL_ROUTE_NEW] = { .changes = MEMO_ROUTE, .change_n = ALL },
    [SQL_ROUTE_MEMBER] = { .changes = MEMO_ROUTE, .change_n = ALL },
    [SQL_NEWEST] = { .finds = MEMO_NEWEST, .find_n = ALL },
    [SQL_LEAVES_SINCE] = { .finds = MEMO_LEAVES, .find_n = ALL },
    [SQL_LEAF_NEW] = { .changes = MEMO_LEAVES, .change_n = ALL },
    [SQL_BOOT_SETTLE] = { .changes = MEMO_COUNTER, .change_n = ALL },
};

enum memo_class memo_class_of(enum sql sql)
{
    return RULES[sql].finds;
}

void memo_init(struct memo *m)
{
    *m = (struct memo){ .results = NULL };
    arena_init(&m->arena, MEMO_CAP);
}

void memo_forget(struct memo *m)
{
    for (size_t i = 0; i < m->n_results; i++)
        PQclear(m->results[i]);
    m->n_results = 0;
    memset(m->buckets, 0, sizeof m->buckets);
    arena_reset(&m->arena);
}

void memo_fini(struct memo *m)
{
    memo_forget(m);
    arena_fini(&m->arena);
    free(m->results);
    *m = (struct memo){ .results = NULL };
}

/* The bytes that name an entry: who asks, when every parameter counts. */
struct name {
    enum memo_class class;
    enum sql sql; /* SQL_COUNT: whichever of the class */
    const struct pq_params *p;
    int from, n;
};

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    return h;
}

static size_t len_of(const struct name *name)
{
    size_t len = sizeof name->class + sizeof name->sql;
    for (int i = name->from; i < name->from + name->n; i++)
        len += sizeof(int) + (size_t)name->p->lengths[i];
    return len;
}

static void print(uint8_t *out, const struct name *name)
{
    memcpy(out, &name->class, sizeof name->class);
    out += sizeof name->class;
    memcpy(out, &name->sql, sizeof name->sql);
    out += sizeof name->sql;
    for (int i = name->from; i < name->from + name->n; i++) {
        const size_t len = (size_t)name->p->lengths[i];
        memcpy(out, &name->p->lengths[i], sizeof(int));
        memcpy(out + sizeof(int), name->p->values[i], len);
        out += sizeof(int) + len;
    }
}

enum { NAME_CAP = 1024 };

static struct memo_entry *entry_of(const struct memo *m,
                                   const struct name *name)
{
    uint8_t key[NAME_CAP];
    const size_t len = len_of(name);
    if (len > sizeof key)
        return NULL; /* long texts are asked for each time */
    print(key, name);
    const uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), key, len);
    struct memo_entry *e = m->buckets[hash % MEMO_BUCKETS];
    while (e && (e->hash != hash || e->key_len != len ||
                 memcmp(e->key, key, len) != 0))
        e = e->next;
    return e;
}

static struct name found_by(enum sql sql, const struct pq_params *p)
{
    const struct rule *r = &RULES[sql];
    const bool all = r->find_n == ALL;
    return (struct name){ r->finds, all ? sql : SQL_COUNT, p, r->find_from,
                          all ? p->n : r->find_n };
}

const struct memo_entry *memo_find(const struct memo *m, enum sql sql,
                                   const struct pq_params *p)
{
    if (RULES[sql].finds == MEMO_NONE)
        return NULL;
    const struct name name = found_by(sql, p);
    const struct memo_entry *e = entry_of(m, &name);
    return e && e->is_valid && e->generation == m->generation[e->class] ? e
                                                                        : NULL;
}

bool memo_keep(struct memo *m, PGresult *rows)
{
    if (m->n_results == m->cap) {
        PGresult **more =
            realloc(m->results, (m->cap + RESULTS_STEP) * sizeof(PGresult *));
        if (!more)
            return false;
        m->results = more;
        m->cap += RESULTS_STEP;
    }
    m->results[m->n_results++] = rows;
    return true;
}

void memo_learn(struct memo *m, enum sql sql, const struct pq_params *p,
                PGresult *rows, int first, int n)
{
    const struct name name = found_by(sql, p);
    const size_t len = len_of(&name);
    struct memo_entry *e = entry_of(m, &name);
    if (len > NAME_CAP)
        return;
    if (!e) {
        uint8_t *key = arena_alloc(&m->arena, len, 1);
        e = ARENA_NEW(&m->arena, struct memo_entry);
        if (!key || !e)
            return; /* it is asked for each time */
        print(key, &name);
        e->key = key;
        e->key_len = len;
        e->class = name.class;
        e->hash = mix(UINT64_C(0xcbf29ce484222325), key, len);
        e->next = m->buckets[e->hash % MEMO_BUCKETS];
        m->buckets[e->hash % MEMO_BUCKETS] = e;
    }
    e->is_valid = true;
    e->generation = m->generation[e->class];
    e->rows = rows;
    e->first = first;
    e->n = n;
}

void memo_touch(struct memo *m, enum sql sql, const struct pq_params *p)
{
    const struct rule *r = &RULES[sql];
    if (sql == SQL_CHARGE_RESOLVE)
        m->generation[MEMO_MISSES]++;
    if (sql == SQL_CHARGE_NEW)
        m->generation[MEMO_NEWEST]++;
    if (r->changes == MEMO_NONE)
        return;
    if (r->change_n == ALL) {
        m->generation[r->changes]++;
        return;
    }
    const struct name name = { r->changes, SQL_COUNT, p, r->change_from,
                               r->change_n };
    struct memo_entry *e = entry_of(m, &name);
    if (e)
        e->is_valid = false;
}
