#include "server/ledger/counter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTERS_MAX = 8192, US_PER_S = 1000000 };

struct dp_price price_minus(struct dp_price a, struct dp_price b)
{
    assert(dp_price_fits(b, a));
    return dp_price_left(a, b);
}

static bool price_equal(struct dp_price a, struct dp_price b)
{
    return dp_price_fits(a, b) && dp_price_fits(b, a);
}

/* FNV-1a: names come from the policy, not from analysts. */
static size_t bucket_of(const char *account, uint64_t window_s,
                        int64_t start_us)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ window_s ^ (uint64_t)start_us;
    for (const char *p = account; *p; p++)
        h = (h ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32) % COUNTER_BUCKETS;
}

/* Rounds down before 1970, too. */
static int64_t window_start(uint64_t window_s, int64_t now_us)
{
    assert(window_s <= LEDGER_WINDOW_MAX_S);
    if (window_s == 0)
        return 0;
    const int64_t len = (int64_t)window_s * US_PER_S;
    const int64_t rest = now_us % len;
    return now_us - (rest < 0 ? rest + len : rest);
}

static struct dp_price read_price(struct store *s, int column)
{
    return (struct dp_price){
        .rho_pico = store_amount(s, SQL_COUNTER_FIND, column),
        .eps_nano = store_amount(s, SQL_COUNTER_FIND, column + 1),
        .delta_atto = store_amount(s, SQL_COUNTER_FIND, column + 2),
    };
}

static void counter_read(struct counters *c, struct counter *counter,
                         struct store *s)
{
    assert(!counter->is_dirty);
    counter->read_at = c->reading;
    counter->id = 0;
    counter->limit = counter->pending = counter->spent = (struct dp_price){ 0 };
    if (!store_find(s, SQL_COUNTER_FIND, "tui", counter->account,
                    counter->window_s, counter->start_us))
        return;
    counter->id = store_int(s, SQL_COUNTER_FIND, 0);
    counter->policy_version = store_amount(s, SQL_COUNTER_FIND, 1);
    counter->limit = read_price(s, 2);
    counter->pending = read_price(s, 5);
    counter->spent = read_price(s, 8);
    store_end(s, SQL_COUNTER_FIND);
    c->recent[(size_t)counter->id % COUNTER_BUCKETS] = counter;
}

static struct counter *find(const struct counters *c, const char *account,
                            uint64_t window_s, int64_t start_us)
{
    struct counter *i = c->buckets[bucket_of(account, window_s, start_us)];
    while (i && (i->window_s != window_s || i->start_us != start_us ||
                 strcmp(i->account, account) != 0))
        i = i->next;
    return i;
}

static struct counter *fresh(struct counters *c, struct counter *counter,
                             struct store *s)
{
    if (counter->read_at != c->reading)
        counter_read(c, counter, s);
    return counter;
}

static struct counter *counter_get(struct counters *c, struct store *s,
                                   const char *account, uint64_t window_s,
                                   int64_t start_us)
{
    struct counter *known = find(c, account, window_s, start_us);
    if (known)
        return fresh(c, known, s);
    struct counter **bucket =
        &c->buckets[bucket_of(account, window_s, start_us)];
    const size_t len = strlen(account) + 1;
    struct counter *counter = calloc(1, sizeof *counter + len);
    if (!counter) {
        store_fail(s, STORE_FAILED, "out of memory");
        return NULL;
    }
    memcpy(counter->account, account, len);
    counter->window_s = window_s;
    counter->start_us = start_us;
    counter_read(c, counter, s);
    counter->next = *bucket;
    *bucket = counter;
    c->n++;
    return counter;
}

static void counter_write(struct counter *counter, struct store *s)
{
    store_run(s, SQL_COUNTER_MOVE, "uuuuuui", counter->pending.rho_pico,
              counter->pending.eps_nano, counter->pending.delta_atto,
              counter->spent.rho_pico, counter->spent.eps_nano,
              counter->spent.delta_atto, counter->id);
    counter->is_dirty = false;
}

static void note_limit(struct counters *c, struct store *s, const char *account,
                       struct dp_price limit, uint64_t policy_version,
                       int64_t since_us)
{
    (void)journal_append(
        c->journal, s,
        &(struct audit_entry){ .kind = AUDIT_GRANT,
                               .time_us = since_us,
                               .has_price = true,
                               .rho_pico = limit.rho_pico,
                               .eps_nano = limit.eps_nano,
                               .delta_atto = limit.delta_atto,
                               .policy_version = policy_version,
                               .detail = account });
}

static void note_grant(struct counters *c, const struct counter *counter,
                       struct store *s, int64_t now_us)
{
    note_limit(c, s, counter->account, counter->limit, counter->policy_version,
               now_us);
}

void counters_note_limits(struct counters *c, struct store *s)
{
    bool more = store_find(s, SQL_LIMITS, "");
    for (; more; more = store_next(s, SQL_LIMITS))
        note_limit(c, s, store_text(s, SQL_LIMITS, 0),
                   (struct dp_price){ store_amount(s, SQL_LIMITS, 1),
                                      store_amount(s, SQL_LIMITS, 2),
                                      store_amount(s, SQL_LIMITS, 3) },
                   store_amount(s, SQL_LIMITS, 4), store_int(s, SQL_LIMITS, 5));
}

struct counter *counter_of(struct counters *c, struct store *s,
                           const struct ledger_account_spec *spec,
                           uint64_t policy_version, int64_t now_us)
{
    struct counter *counter = counter_get(c, s, spec->name, spec->window_s,
                                          window_start(spec->window_s, now_us));
    if (!counter)
        return NULL;
    if (counter->id == 0) {
        counter->limit = spec->limit;
        counter->policy_version = policy_version;
    } else if (policy_version >= counter->policy_version &&
               !price_equal(counter->limit, spec->limit)) {
        /* What was taken under the old limit is written under the old limit:
         * the triggers judge each by its own. */
        counter_write(counter, s);
        counter->limit = spec->limit;
        counter->policy_version = policy_version;
        store_run(s, SQL_COUNTER_LIMIT, "uuuuii", spec->limit.rho_pico,
                  spec->limit.eps_nano, spec->limit.delta_atto, policy_version,
                  now_us, counter->id);
        note_grant(c, counter, s, now_us);
    }
    return counter;
}

struct counter *counter_by_id(struct counters *c, struct store *s, int64_t id)
{
    struct counter *known = c->recent[(size_t)id % COUNTER_BUCKETS];
    if (known && known->id == id)
        return fresh(c, known, s);
    if (!store_find(s, SQL_COUNTER_BY_ID, "i", id)) {
        store_fail(s, STORE_FAILED, "a counter is missing");
        return NULL;
    }
    struct counter *counter =
        counter_get(c, s, store_text(s, SQL_COUNTER_BY_ID, 0),
                    store_amount(s, SQL_COUNTER_BY_ID, 1),
                    store_int(s, SQL_COUNTER_BY_ID, 2));
    store_end(s, SQL_COUNTER_BY_ID);
    return counter;
}

void counter_create(struct counters *c, struct counter *counter,
                    struct store *s, int64_t now_us)
{
    if (!store_find(s, SQL_COUNTER_NEW, "tuiuiuuu", counter->account,
                    counter->window_s, counter->start_us,
                    counter->policy_version, now_us, counter->limit.rho_pico,
                    counter->limit.eps_nano, counter->limit.delta_atto))
        return;
    counter->id = store_int(s, SQL_COUNTER_NEW, 0);
    /* Steps the INSERT to its end. */
    while (store_next(s, SQL_COUNTER_NEW))
        continue;
    c->recent[(size_t)counter->id % COUNTER_BUCKETS] = counter;
    note_grant(c, counter, s, now_us);
}

struct dp_price counter_taken(const struct counter *counter)
{
    return dp_price_add(counter->pending, counter->spent);
}

struct dp_price counter_left(const struct counter *counter,
                             const struct ledger_account_spec *spec,
                             uint64_t policy_version)
{
    const struct dp_price limit =
        policy_version < counter->policy_version
            ? dp_price_least(counter->limit, spec->limit)
            : counter->limit;
    return dp_price_left(limit, counter_taken(counter));
}

void counters_flush(struct counters *c, struct store *s)
{
    for (size_t b = 0; b < COUNTER_BUCKETS; b++)
        for (struct counter *i = c->buckets[b]; i; i = i->next)
            if (i->is_dirty) {
                i->batch = c->batch;
                counter_write(i, s);
            }
    c->batch++;
}

void counters_doubt(struct counters *c)
{
    c->reading++;
}

static void ask(struct store *s, const char *account, uint64_t window_s,
                int64_t start_us)
{
    store_ask(s, SQL_COUNTER_FIND, "tui", account, window_s, start_us);
}

void counters_ask(const struct counters *c, struct store *s)
{
    enum { LATELY = 8 };
    for (size_t b = 0; b < COUNTER_BUCKETS; b++)
        for (const struct counter *i = c->buckets[b]; i; i = i->next)
            if (i->id != 0 && c->batch - i->batch <= LATELY)
                ask(s, i->account, i->window_s, i->start_us);
}

void counter_ask(const struct counters *c, struct store *s,
                 const struct ledger_account_spec *spec, int64_t now_us)
{
    const int64_t start_us = window_start(spec->window_s, now_us);
    if (s->expects_news || !find(c, spec->name, spec->window_s, start_us))
        ask(s, spec->name, spec->window_s, start_us);
}

size_t counters_of_route(struct counters *c, struct store *s,
                         int64_t ids[LEDGER_ACCOUNTS_MAX], int64_t route)
{
    struct route *known = &c->routes_by_id[(size_t)route % ROUTE_BUCKETS];
    size_t n = 0;
    if (known->id != route) {
        *known = (struct route){ .id = 0 };
        bool more = store_find(s, SQL_ROUTE_COUNTERS, "i", route);
        for (; more && n < LEDGER_ACCOUNTS_MAX; n++) {
            known->ids[n] = store_int(s, SQL_ROUTE_COUNTERS, 0);
            more = store_next(s, SQL_ROUTE_COUNTERS);
        }
        store_end(s, SQL_ROUTE_COUNTERS);
        if (s->rc != STORE_OK)
            return 0;
        known->id = route;
    }
    for (n = 0; n < LEDGER_ACCOUNTS_MAX && known->ids[n] != 0; n++)
        ids[n] = known->ids[n];
    return n;
}

void counters_forget(struct counters *c)
{
    for (size_t b = 0; b < COUNTER_BUCKETS; b++)
        while (c->buckets[b]) {
            struct counter *i = c->buckets[b];
            c->buckets[b] = i->next;
            free(i);
        }
    memset(c->routes, 0, sizeof c->routes);
    memset(c->routes_by_id, 0, sizeof c->routes_by_id);
    memset(c->recent, 0, sizeof c->recent);
    c->n = 0;
}

void counters_trim(struct counters *c)
{
    if (c->n > COUNTERS_MAX)
        counters_forget(c);
}
