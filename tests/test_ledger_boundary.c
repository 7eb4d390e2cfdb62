/* Two batches of one server, the second begun behind the COMMIT of the first:
 * what stands on both sides of the boundary is charged once, a limit is a limit
 * across it, and a batch that the database refuses takes nothing of the other
 * with it.  (Connections that break at it: test_ledger_wire.c.) */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ledger/store.h"
#include "server/metrics/metrics.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/lib_together.h"
#include "tests/table.h"

enum { PRICE = 10, ASKS = 6, REUSE_S = 1000, ARENA_CAP = 1 << 20 };
#define START_US INT64_C(1760000400000000)

/* How often a batch was begun behind another. */
static unsigned begun;
extern __typeof__(store_go_on) __real_store_go_on, __wrap_store_go_on;
void __wrap_store_go_on(struct store *s)
{
    begun += s->rc == STORE_OK && s->goes_on;
    __real_store_go_on(s);
}

struct asker {
    struct ledger *ledger;
    struct charge charge;
    struct ledger_run run;
    struct arena arena;
    enum err_code code;
    struct asker *between; /* of another server: it waits when this comes */
};

static void run_asker(void *arg)
{
    struct asker *a = arg;
    struct err err;
    a->code =
        ledger_charge(a->ledger, &a->run, &a->charge.args, &a->arena, &err);
}

static void *start_asker(void *arg)
{
    run_asker(arg);
    return NULL;
}

/* Another server's caller has waited for the first batch's COMMIT for longer
 * than this one. */
static void run_behind(void *arg)
{
    struct asker *a = arg;
    pthread_t thread;
    if (!a->between) {
        run_asker(a);
        return;
    }
    if (pthread_create(&thread, NULL, start_asker, a->between) != 0)
        abort();
    while (postgres_count("SELECT count(*) FROM pg_locks WHERE NOT granted"
                          " AND locktype = 'advisory'") == 0)
        (void)usleep(1000);
    run_asker(a);
    (void)pthread_join(thread, NULL);
}

/* The database refuses "mallory" a charge, and each key that is not UTF-8. */
static const char TRIGGER[] =
    "CREATE TRIGGER no_mallory BEFORE INSERT ON halftone.charges FOR EACH ROW"
    " WHEN (NEW.principal = 'mallory') EXECUTE FUNCTION halftone.refuse('no')";
#define NO_UTF_8 "\xff\xfe"

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct ledger *ledger;
    struct asker askers[ASKS];
};

static struct ledger *open_one(struct world *w)
{
    struct ledger *l;
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = w->dir.path,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns = UINT64_C(60000000000) };
    if (ledger_open(&l, &o, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return l;
}

static void world_init(struct world *w)
{
    *w = (struct world){ 0 };
    ledger_dirs_in_postgres(true);
    ledger_dir_init(&w->dir);
    fake_clock_init(&w->clock, START_US);
    w->ledger = open_one(w);
    postgres_run(TRIGGER);
    for (int i = 0; i < ASKS; i++)
        arena_init(&w->askers[i].arena, ARENA_CAP);
}

static void world_fini(struct world *w)
{
    ledger_close(w->ledger);
    assert_true(ledger_verifies(w->dir.path));
    for (int i = 0; i < ASKS; i++)
        arena_fini(&w->askers[i].arena);
    ledger_dir_fini(&w->dir);
}

static uint64_t taken(struct world *w)
{
    const struct ledger_account_spec account = { "dataset/shop",
                                                 { .rho_pico = UINT32_MAX },
                                                 0 };
    struct ledger_balance b;
    struct err err;
    assert_int_equal(ledger_balance(w->ledger, &b, &account, &err), ERR_OK);
    return b.spent.rho_pico;
}

/* ---- what is asked, and what becomes of it ---- */

enum outcome {
    NOBODY,
    CHARGED,
    SHARED,   /* the charge of another, whose answer is not there yet */
    DEAR,     /* over the limit */
    CONFLICT, /* the key is of another request */
    REFUSED   /* by the database */
};

static const struct row {
    const char *name;
    uint64_t limit;
    size_t n_first; /* of the first batch */
    unsigned begun; /* 0: the first fails before the second can begin */
    struct {
        const char *who, *key, *release;
        enum outcome outcome;
    } asks[ASKS];
} ROWS[] = {
    { "a key on both sides is one charge",
      100,
      1,
      1,
      { { "ann", "k", "r", CHARGED }, { "ann", "k", "r", SHARED } } },
    { "a release on both sides is one charge, whoever asks",
      100,
      1,
      1,
      { { "ann", "k", "r", CHARGED },
        { "bob", "k", "r", SHARED },
        { "ann", "", "r", SHARED } } },
    { "a key and a release twice in each batch are one charge",
      100,
      3,
      1,
      { { "ann", "k", "r", CHARGED },
        { "ann", "k", "r", SHARED },
        { "bob", "l", "r", SHARED },
        { "ann", "k", "r", SHARED },
        { "bob", "l", "r", SHARED },
        { "cid", "m", "r", SHARED } } },
    { "a key of the batch before is not another request's",
      100,
      1,
      1,
      { { "ann", "k", "r", CHARGED },
        { "ann", "k", "other", CONFLICT },
        { "bob", "k", "other", CHARGED } } },
    { "what the batch before left is all there is",
      20,
      1,
      1,
      { { "ann", "k", "r", CHARGED },
        { "ann", "l", "s", CHARGED },
        { "ann", "m", "t", DEAR } } },
    { "nothing is left over the boundary",
      20,
      2,
      1,
      { { "ann", "k", "r", CHARGED },
        { "ann", "l", "s", CHARGED },
        { "bob", "m", "t", DEAR },
        { "bob", "n", "r", SHARED } } },
    { "a first batch that is refused is run one by one, and the second after",
      100,
      2,
      1,
      { { "mallory", "k", "r", REFUSED },
        { "ann", "k", "s", CHARGED },
        { "bob", "k", "r", CHARGED },
        { "cid", "k", "s", SHARED } } },
    { "what a refused batch took is there for the second",
      20,
      2,
      1,
      { { "mallory", "k", "r", REFUSED },
        { "ann", "k", "s", CHARGED },
        { "ann", "l", "t", CHARGED },
        { "ann", "m", "u", DEAR } } },
    { "a second batch that is refused takes nothing from the first",
      100,
      1,
      1,
      { { "ann", "k", "r", CHARGED },
        { "mallory", "k", "s", REFUSED },
        { "bob", "k", "r", SHARED },
        { "bob", "l", "s", CHARGED } } },
    { "two batches are refused, one behind the other",
      20,
      2,
      1,
      { { "mallory", "k", "r", REFUSED },
        { "ann", "k", "s", CHARGED },
        { "mallory", "k", "r", REFUSED },
        { "ann", "k", "s", SHARED },
        { "ann", "l", "t", CHARGED } } },
    { "a key that no database takes is refused alone, in the first",
      100,
      2,
      0,
      { { "ann", NO_UTF_8, "r", REFUSED },
        { "ann", "k", "s", CHARGED },
        { "bob", "k", "r", CHARGED } } },
    { "a key that no database takes is refused alone, where it is looked for "
      "behind a COMMIT",
      100,
      1,
      1,
      { { "ann", "k", "r", CHARGED },
        { "bob", NO_UTF_8, "s", REFUSED },
        { "bob", "k", "r", SHARED },
        { "bob", "l", "s", CHARGED } } },
};

static enum outcome outcome_of(const struct asker *a)
{
    if (a->code == ERR_OK)
        return a->run.verdict == LEDGER_CHARGED     ? CHARGED
               : a->run.verdict == LEDGER_IN_FLIGHT ? SHARED
                                                    : NOBODY;
    return a->code == ERR_BUDGET     ? DEAR
           : a->code == ERR_CONFLICT ? CONFLICT
           : a->code == ERR_INTERNAL ? REFUSED
                                     : NOBODY;
}

/* The account, the route and what ann misses are known: else they are read,
 * and a refusal comes before the second batch begins. */
static void charge_one(struct world *w, uint64_t limit)
{
    struct asker *a = &w->askers[0];
    a->ledger = w->ledger;
    charge_init(&a->charge, "ann", "", "before", PRICE, limit + PRICE);
    run_asker(a);
    assert_int_equal(outcome_of(a), CHARGED);
}

static void asker_init(struct asker *a, struct ledger *l, const char *who,
                       const char *key, const char *release, uint64_t limit)
{
    a->ledger = l;
    charge_init(&a->charge, who, key, release, PRICE, limit + PRICE);
    a->charge.args.reuse_for_s = REUSE_S;
}

static void ask_all(struct world *w, void *args[], size_t n_first, size_t n)
{
    /* Until nobody else was at it for long. */
    while (!batches_go_on(w->ledger))
        (void)taken(w);
    begun = 0;
    run_in_two(w->ledger, run_behind, args, n_first, n);
}

/* So much is charged, once each, and no connection broke for it. */
static void expect_charges(struct world *w, unsigned charges)
{
    assert_false(ledger_failed(w->ledger));
    assert_int_equal(taken(w), charges * PRICE);
    assert_int_equal(postgres_count("SELECT count(*) FROM halftone.charges"),
                     charges);
    assert_int_equal(
        postgres_count("SELECT count(*) FROM (SELECT 1 FROM halftone.charges"
                       " GROUP BY release_hash) AS r"),
        charges);
    assert_int_equal(atomic_load(&metrics.ledger_recovered_total), 0);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct world w;
    void *args[ASKS];
    size_t n = 0;
    unsigned charges = 1; /* charge_one */
    world_init(&w);
    charge_one(&w, row->limit);
    for (; n < ASKS && row->asks[n].who; n++) {
        asker_init(&w.askers[n], w.ledger, row->asks[n].who, row->asks[n].key,
                   row->asks[n].release, row->limit);
        args[n] = &w.askers[n];
    }
    ask_all(&w, args, row->n_first, n);
    assert_int_equal(begun, row->begun);
    for (size_t i = 0; i < n; i++) {
        const enum outcome is = outcome_of(&w.askers[i]);
        if (is != row->asks[i].outcome)
            fail_msg("%zu: %d, not %d", i, (int)is, (int)row->asks[i].outcome);
        charges += is == CHARGED;
    }
    expect_charges(&w, charges);
    world_fini(&w);
}

/* The turn behind the first batch is another server's, which waited for it
 * before the second was begun. */
static void test_between(void **state)
{
    enum { LIMIT = 2 * PRICE, FIRST = 0, TOO_DEAR, BETWEEN, SAME, DEARER };
    struct world w;
    void *args[] = { &w.askers[FIRST], &w.askers[TOO_DEAR], &w.askers[SAME],
                     &w.askers[DEARER] };
    (void)state;
    world_init(&w);
    struct ledger *other = open_one(&w);
    charge_one(&w, LIMIT);
    asker_init(&w.askers[FIRST], w.ledger, "ann", "k", "r", LIMIT);
    /* It learns that "s" is not there, which is no longer so behind it. */
    asker_init(&w.askers[TOO_DEAR], w.ledger, "bob", "k", "s", LIMIT);
    w.askers[TOO_DEAR].charge.args.price.rho_pico = 1000;
    asker_init(&w.askers[BETWEEN], other, "dan", "k", "s", LIMIT);
    asker_init(&w.askers[SAME], w.ledger, "bob", "k", "s", LIMIT);
    asker_init(&w.askers[DEARER], w.ledger, "bob", "l", "t", LIMIT);
    w.askers[SAME].between = &w.askers[BETWEEN];
    ask_all(&w, args, 2, 4);
    assert_int_equal(begun, 1);
    assert_int_equal(outcome_of(&w.askers[FIRST]), CHARGED);
    assert_int_equal(outcome_of(&w.askers[TOO_DEAR]), DEAR);
    assert_int_equal(outcome_of(&w.askers[BETWEEN]), CHARGED);
    assert_int_equal(outcome_of(&w.askers[SAME]), SHARED);
    assert_int_equal(outcome_of(&w.askers[DEARER]), DEAR);
    expect_charges(&w, 3);
    ledger_close(other);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_between) };
    return RUN_ROWS(ROWS, check_row) +
           cmocka_run_group_tests_name("between", tests, NULL, NULL);
}
