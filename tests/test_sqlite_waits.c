/* Rows that wait for the commit: all are written, in order; whoever looks for
 * one before finds it; and none is left of a transaction that is undone. */
#include <stdio.h>
#include <string.h>

#include "server/ledger/store.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

struct world {
    struct ledger_dir dir;
    struct store *store;
    int64_t boot, route;
};

static int64_t made(struct store *s, enum sql sql)
{
    const int64_t id = store_int(s, sql, 0);
    while (store_next(s, sql))
        continue;
    return id;
}

static void world_init(struct world *w)
{
    struct err err;
    ledger_dir_init(&w->dir);
    assert_int_equal(store_open(&w->store, w->dir.path, &err), ERR_OK);
    store_begin(w->store);
    assert_true(
        store_find(w->store, SQL_BOOT_NEW, "ii", (int64_t)1, (int64_t)0));
    w->boot = made(w->store, SQL_BOOT_NEW);
    assert_true(store_find(w->store, SQL_ROUTE_NEW, "t", "1"));
    w->route = made(w->store, SQL_ROUTE_NEW);
    store_commit(w->store);
    assert_int_equal(w->store->rc, STORE_OK);
}

static void world_fini(struct world *w)
{
    store_close(w->store);
    ledger_dir_fini(&w->dir);
}

/* What charge `i` is known by. */
struct names {
    uint8_t id[LEDGER_ID_LEN], hash[LEDGER_HASH_LEN];
    char key[16];
};
static struct names names_of(int64_t i)
{
    struct names n = { .id = "id", .hash = "hash" };
    n.id[8] = n.hash[0] = (uint8_t)i;
    (void)snprintf(n.key, sizeof n.key, "key %d", (int)i);
    return n;
}

/* As charges are made, from i = 1 on: leaf, charge, key, text. */
static void add(struct world *w, int64_t i)
{
    struct store *s = w->store;
    const struct names n = names_of(i);
    store_run(s, SQL_LEAF_NEW, "ibbt", i - 1, n.hash, sizeof n.hash, n.hash,
              sizeof n.hash, n.key);
    store_run(s, SQL_CHARGE_NEW, "ibtttbuuuuiiiiiii", i, n.id, sizeof n.id,
              "ann", "shop", "reporting", n.hash, sizeof n.hash, (uint64_t)3,
              (uint64_t)0, (uint64_t)0, (uint64_t)1, w->route, w->boot,
              (int64_t)i, (int64_t)9, w->boot, (int64_t)1000, i - 1);
    store_run(s, SQL_KEY_NEW, "ttbi", "ann", n.key, n.hash, sizeof n.hash, i);
    store_run(s, SQL_TEXT_NEW, "iib", i, (int64_t)9, n.key, strlen(n.key));
}

static int64_t ask(struct store *s, const char *text)
{
    assert_true(store_query(s, text, ""));
    const int64_t n = store_int(s, SQL_QUERY, 0);
    store_end(s, SQL_QUERY);
    return n;
}

static bool is_there(struct store *s, enum sql sql, bool found)
{
    if (found)
        store_end(s, sql);
    return found;
}

/* ---- how many ---- */

static const struct count_row {
    const char *name;
    int64_t n;
} COUNTS[] = {
    { "one row", 1 },
    { "one less than a statement of some", 7 },
    { "a statement of some", 8 },
    { "some, and one more", 9 },
    { "one less than a statement of many", 31 },
    { "a statement of many", 32 },
    { "many, some and one", 41 },
    { "as many as callers", 128 },
};

static void check_count(void **state)
{
    const struct count_row *row = *state;
    struct world w;
    world_init(&w);
    store_begin(w.store);
    for (int64_t i = 1; i <= row->n; i++)
        add(&w, i);
    assert_true(store_writes(w.store));
    store_commit(w.store);
    assert_int_equal(w.store->rc, STORE_OK);
    /* Each with its own values, and keys in the rows that were foretold. */
    assert_int_equal(ask(w.store,
                         "SELECT count(*) FROM charges c JOIN log_leaves l"
                         " ON l.idx = c.leaf AND l.idx = c.seq - 1"
                         " JOIN texts t ON t.charge = c.seq"
                         " JOIN keys k ON k.charge = c.seq AND k.id = c.seq"
                         " WHERE k.key = 'key ' || c.seq AND l.entry = k.key"
                         " AND t.text = CAST(k.key AS BLOB) AND rho = 3"
                         " AND c.release_hash = k.request_hash"),
                     row->n);
    world_fini(&w);
}

/* ---- who sees them ---- */

static bool sees_key(struct store *s, const struct names *n)
{
    return is_there(s, SQL_KEY_FIND,
                    store_find(s, SQL_KEY_FIND, "tt", "ann", n->key));
}

static bool sees_used(struct store *s, const struct names *n)
{
    return is_there(s, SQL_KEY_USED,
                    store_find(s, SQL_KEY_USED, "tt", "ann", n->key));
}

static bool sees_release(struct store *s, const struct names *n)
{
    return is_there(s, SQL_CHARGE_OPEN,
                    store_find(s, SQL_CHARGE_OPEN, "btti", n->hash,
                               sizeof n->hash, "shop", "reporting",
                               (int64_t)5));
}

static bool sees_newer(struct store *s, const struct names *n)
{
    return is_there(s, SQL_CHARGE_NEWER,
                    store_find(s, SQL_CHARGE_NEWER, "bi", n->hash,
                               sizeof n->hash, (int64_t)0));
}

static bool sees_id(struct store *s, const struct names *n)
{
    return is_there(s, SQL_CHARGE_BY_ID,
                    store_find(s, SQL_CHARGE_BY_ID, "b", n->id, sizeof n->id));
}

static bool sees_seq(struct store *s, const struct names *n)
{
    return is_there(s, SQL_CHARGE_BY_SEQ,
                    store_find(s, SQL_CHARGE_BY_SEQ, "i", (int64_t)n->id[8]));
}

static bool sees_lapsed(struct store *s, const struct names *n)
{
    return is_there(s, SQL_CHARGE_LAPSED,
                    store_find(s, SQL_CHARGE_LAPSED, "bttti", n->hash,
                               sizeof n->hash, "shop", "reporting", "ann",
                               (int64_t)2000));
}

/* Resolved where it waits, it is found so. */
static bool sees_answer(struct store *s, const struct names *n)
{
    const int64_t seq = n->id[8];
    store_run(s, SQL_CHARGE_ANSWER, "iiib", (int64_t)6, (int64_t)99, seq, n->id,
              sizeof n->id);
    store_run(s, SQL_ANSWER_NEW, "iib", seq, (int64_t)99, "body", (size_t)4);
    return is_there(s, SQL_ANSWER_FIND,
                    store_find(s, SQL_ANSWER_FIND, "i", seq)) &&
           is_there(s, SQL_CHARGE_ANSWERED,
                    store_find(s, SQL_CHARGE_ANSWERED, "bttii", n->hash,
                               sizeof n->hash, "shop", "reporting", (int64_t)0,
                               (int64_t)7));
}

static bool sees_leaves(struct store *s, const struct names *n)
{
    (void)n;
    return ask(s, "SELECT count(*) FROM log_leaves") > 0;
}

static const struct see_row {
    const char *name;
    bool (*sees)(struct store *s, const struct names *n);
} SEES[] = {
    { "a retry finds the key", sees_key },
    { "a key is seen to be used", sees_used },
    { "an equal release is seen in flight", sees_release },
    { "a bundle sees what was charged since its look", sees_newer },
    { "a charge is found by its id", sees_id },
    { "a charge is found by its number", sees_seq },
    { "a client without keys finds its lapsed charge", sees_lapsed },
    { "a charge is answered, and serves others", sees_answer },
    { "a text that nobody foresaw sees everything", sees_leaves },
};

static void check_seen(void **state)
{
    const struct see_row *row = *state;
    const struct names first = names_of(1), second = names_of(2),
                       third = names_of(3);
    struct world w;
    world_init(&w);
    store_begin(w.store);
    add(&w, 1);
    store_commit(w.store);
    store_begin(w.store);
    add(&w, 2);
    add(&w, 3);
    assert_true(row->sees(w.store, &first));
    assert_true(row->sees(w.store, &third));
    add(&w, 4);
    assert_true(row->sees(w.store, &second));
    store_commit(w.store);
    assert_int_equal(w.store->rc, STORE_OK);
    assert_int_equal(ask(w.store, "SELECT count(*) FROM keys"), 4);
    world_fini(&w);
}

/* ---- what is refused, and undone ---- */

static void add_twice(struct world *w)
{
    const struct names n = names_of(2);
    add(w, 2);
    store_run(w->store, SQL_KEY_NEW, "ttbi", "ann", n.key, n.hash,
              sizeof n.hash, (int64_t)2);
}

static void add_with_gap(struct world *w)
{
    add(w, 2);
    add(w, 4);
}

static void add_leafless(struct world *w)
{
    const struct names n = names_of(2);
    store_run(w->store, SQL_KEY_NEW, "ttbi", "ann", "no charge", n.hash,
              sizeof n.hash, (int64_t)77);
}

static void add_too_much(struct world *w)
{
    const struct names n = names_of(2);
    add(w, 2);
    store_run(w->store, SQL_CHARGE_NEW, "ibtttbuuuuiiiiiii", (int64_t)3, n.id,
              sizeof n.id, "ann", "shop", "reporting", n.hash, sizeof n.hash,
              UINT64_MAX, (uint64_t)0, (uint64_t)0, (uint64_t)1, w->route,
              w->boot, (int64_t)3, (int64_t)9, w->boot, (int64_t)1000,
              (int64_t)1);
}

static const struct refuse_row {
    const char *name;
    void (*add)(struct world *w);
} REFUSED[] = {
    { "a key that waits is used", add_twice },
    { "a leaf does not follow the last one", add_with_gap },
    { "a key leads to no charge", add_leafless },
    { "a price is no number of SQLite's", add_too_much },
};

static void check_refused(void **state)
{
    const struct refuse_row *row = *state;
    const struct names second = names_of(2);
    struct world w;
    world_init(&w);
    store_begin(w.store);
    add(&w, 1);
    store_commit(w.store);
    store_begin(w.store);
    row->add(&w);
    store_commit(w.store);
    assert_int_equal(w.store->rc, STORE_REFUSED);
    store_rollback(w.store);
    /* Nothing is left: the same is added as if it had never been. */
    store_begin(w.store);
    assert_false(store_writes(w.store));
    assert_false(sees_key(w.store, &second));
    assert_int_equal(ask(w.store, "SELECT count(*) FROM log_leaves"), 1);
    add(&w, 2);
    assert_true(sees_key(w.store, &second));
    store_commit(w.store);
    assert_int_equal(w.store->rc, STORE_OK);
    assert_int_equal(ask(w.store, "SELECT max(id) FROM keys"), 2);
    world_fini(&w);
}

int main(void)
{
    return RUN_ROWS(COUNTS, check_count) + RUN_ROWS(SEES, check_seen) +
           RUN_ROWS(REFUSED, check_refused);
}
