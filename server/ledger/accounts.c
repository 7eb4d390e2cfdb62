#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"
#include "server/ledger/book.h"

/* "3,7": ids ascending, so that the order of a policy's quotas is no matter. */
enum { ROUTE_NAME_CAP = LEDGER_ACCOUNTS_MAX * 21, ACCOUNT_CAP = 512 };

static int by_id(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void name_route(char name[ROUTE_NAME_CAP], const int64_t *ids, size_t n)
{
    int len = 0;
    for (size_t i = 0; i < n; i++)
        len += snprintf(name + len, ROUTE_NAME_CAP - (size_t)len, "%s%" PRId64,
                        i ? "," : "", ids[i]);
}

static int64_t route_in_file(struct store *s, const int64_t *ids, size_t n)
{
    int64_t route = 0;
    char name[ROUTE_NAME_CAP];
    name_route(name, ids, n);
    if (store_find(s, SQL_ROUTE_FIND, "t", name)) {
        route = store_int(s, SQL_ROUTE_FIND, 0);
        store_end(s, SQL_ROUTE_FIND);
        return route;
    }
    if (store_find(s, SQL_ROUTE_NEW, "t", name)) {
        route = store_int(s, SQL_ROUTE_NEW, 0);
        while (store_next(s, SQL_ROUTE_NEW))
            continue;
    }
    for (size_t i = 0; i < n; i++)
        store_run(s, SQL_ROUTE_MEMBER, "ii", route, ids[i]);
    return route;
}

/* As bond.h has it, in the order of ids. */
static bool bind_route(struct route *r, struct counter *const *counters,
                       size_t n)
{
    char text[LEDGER_ACCOUNTS_MAX * ACCOUNT_CAP];
    struct writer w = writer_of(text, sizeof text);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (counters[j]->id == r->ids[i])
                writer_printf(&w, "%s%s %" PRIu64 " %" PRId64, i ? "," : "",
                              counters[j]->account, counters[j]->window_s,
                              counters[j]->start_us);
    if (!writer_cstr(&w))
        return false;
    bond_of_text(r->accounts, text);
    return true;
}

static const struct route *route_of(struct book *b,
                                    struct counter *const *counters, size_t n)
{
    int64_t ids[LEDGER_ACCOUNTS_MAX] = { 0 };
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        ids[i] = counters[i]->id;
    qsort(ids, n, sizeof ids[0], by_id);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint64_t)ids[i]) * UINT64_C(0x100000001b3);
    struct route *known = &b->counters.routes[h % ROUTE_BUCKETS];
    if (known->id != 0 && memcmp(known->ids, ids, sizeof ids) == 0)
        return known;
    memcpy(known->ids, ids, sizeof ids);
    known->id = route_in_file(b->store, ids, n);
    if (!bind_route(known, counters, n))
        store_fail(b->store, STORE_REFUSED,
                   "the names of accounts are too long");
    return known;
}

/* Every account covers the price, or the first that does not is named. */
static enum err_code check_all(struct counter *const *counters,
                               struct dp_price *left,
                               const struct ledger_charge_args *args,
                               struct err *err)
{
    struct refusal r = { .accounts = args->accounts,
                         .n_accounts = args->n_accounts,
                         .failing = args->n_accounts,
                         .price = args->price };
    for (size_t i = 0; i < args->n_accounts; i++) {
        const struct dp_price here =
            counter_left(counters[i], &args->accounts[i], args->policy_version);
        if (i == 0)
            *left = r.fits = here;
        r.fits = dp_price_least(r.fits, here);
        if (dp_price_fits(args->price, here) || r.failing < args->n_accounts)
            continue;
        r.failing = i;
        r.left = here;
    }
    return r.failing < args->n_accounts ? say_over_budget(err, &r) : ERR_OK;
}

enum err_code accounts_take(struct book *b, const struct route **route,
                            struct dp_price *left,
                            const struct ledger_charge_args *args,
                            int64_t now_us, struct err *err)
{
    assert(args->n_accounts > 0 && args->n_accounts <= LEDGER_ACCOUNTS_MAX);

    struct counter *counters[LEDGER_ACCOUNTS_MAX];
    for (size_t i = 0; i < args->n_accounts; i++) {
        counters[i] = counter_of(&b->counters, b->store, &args->accounts[i],
                                 args->policy_version, now_us);
        if (!counters[i])
            return err_set(err, ERR_INTERNAL, "the ledger cannot be read");
    }
    TRY(check_all(counters, left, args, err));
    TRY(guard_cover(&b->guard, &b->journal, args->accounts[0].name,
                    dp_price_add(counter_taken(counters[0]), args->price),
                    counters[0]->limit, err));
    for (size_t i = 0; i < args->n_accounts; i++) {
        for (size_t j = 0; j < i; j++)
            assert(counters[i] != counters[j]); /* each account once */
        if (counters[i]->id == 0)
            counter_create(&b->counters, counters[i], b->store, now_us);
        counters[i]->pending = dp_price_add(counters[i]->pending, args->price);
        counters[i]->is_dirty = true;
    }
    *left = price_minus(*left, args->price);
    *route = route_of(b, counters, args->n_accounts);
    b->moved = true;
    return ERR_OK;
}

/* The price leaves pending; a charge is spent, or it goes back. */
static void release_pending(struct book *b, const struct charge *c,
                            bool is_spent)
{
    int64_t ids[LEDGER_ACCOUNTS_MAX];
    const size_t n = counters_of_route(&b->counters, b->store, ids, c->route);
    for (size_t i = 0; i < n; i++) {
        struct counter *counter = counter_by_id(&b->counters, b->store, ids[i]);
        if (!counter)
            return;
        if (!dp_price_fits(c->price, counter->pending)) {
            store_fail(b->store, STORE_FAILED,
                       "less is pending than this charge");
            return;
        }
        counter->pending = price_minus(counter->pending, c->price);
        if (is_spent)
            counter->spent = dp_price_add(counter->spent, c->price);
        counter->is_dirty = true;
    }
}

void accounts_settle(struct book *b, const struct charge *c)
{
    /* Else it became spent when its server's life ended. */
    if (!c->is_settled)
        release_pending(b, c, true);
}

void accounts_give_back(struct book *b, const struct charge *c)
{
    assert(c->boot == b->boot);
    release_pending(b, c, false);
    b->moved = true;
}

struct dp_price accounts_left(struct book *b,
                              const struct ledger_charge_args *args,
                              int64_t now_us)
{
    const struct counter *counter =
        counter_of(&b->counters, b->store, &args->accounts[0],
                   args->policy_version, now_us);
    return counter
               ? counter_left(counter, &args->accounts[0], args->policy_version)
               : (struct dp_price){ 0 };
}
