/* Many callers at once: what is charged, shared and waited for. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { THREADS = 64, SERVERS = 3, ARENA_CAP = 1 << 20, PRICE = 7 };
#define LEASE_NS (UINT64_C(60) * 1000000000)
#define WAIT_NS  (UINT64_C(20) * 1000000000)
#define START_US (INT64_C(1760000400) * 1000000)

static const struct row {
    const char *name;
    uint64_t limit;
    bool own_key, own_release; /* or one for all */
    uint64_t reuse_s;
    int charged, answered, refused; /* callers, in the end */
} rows[] = {
    { "budget for exactly ten gives exactly ten", 10 * PRICE, true, true, 0, 10,
      10, THREADS - 10 },
    { "one short of ten gives nine", 10 * PRICE - 1, true, true, 0, 9, 9,
      THREADS - 9 },
    { "budget for all", THREADS *PRICE, true, true, 0, THREADS, THREADS, 0 },
    { "one key is one charge and one answer for all", 10 * PRICE, false, false,
      0, 1, THREADS, 0 },
    { "one release is one charge and one answer for all", 10 * PRICE, true,
      false, 100, 1, THREADS, 0 },
    { "no budget at all", 0, true, true, 0, 0, 0, THREADS },
};

struct crowd {
    const struct row *row;
    struct ledger *ledger[SERVERS]; /* the same one, of each server */
    int servers;
    pthread_barrier_t start;
    _Atomic int charged, answered, refused, other;
    _Atomic unsigned char released; /* the one body, when there is one */
};
struct member {
    struct crowd *crowd;
    char name[8];
    int index;
};

static struct ledger *ledger_of(const struct crowd *c, int index)
{
    return c->ledger[index % c->servers];
}

static void run_query(struct crowd *c, const struct ledger_run *run, int index,
                      struct arena *a)
{
    struct err err;
    uint8_t body = (uint8_t)(index + 1);
    const uint8_t *answer = &body;
    size_t len = 1;
    atomic_fetch_add(&c->charged, 1);
    atomic_store(&c->released, body); /* compared where one charge is shared */
    if (ledger_answer(ledger_of(c, index), run->id, run->fence, 0, &answer,
                      &len, a, &err))
        atomic_fetch_add(&c->other, 1);
    else
        atomic_fetch_add(&c->answered, 1);
}

static void *ask(void *arg)
{
    struct member *m = arg;
    struct crowd *c = m->crowd;
    struct charge charge;
    struct ledger_run run;
    struct arena a;
    struct err err;

    arena_init(&a, ARENA_CAP);
    charge_init(&charge, c->row->reuse_s ? m->name : "ann",
                c->row->own_key ? m->name : "k",
                c->row->own_release ? m->name : "r", PRICE, c->row->limit);
    charge_add_quota(&charge, UINT64_C(1) << 40, 0);
    charge.args.reuse_for_s = c->row->reuse_s;
    (void)pthread_barrier_wait(&c->start);

    const enum err_code code =
        ledger_wait(ledger_of(c, m->index), &run, &charge.args,
                    clock_mono_ns(clock_system()) + WAIT_NS, &a, &err);
    if (code == ERR_OK && run.verdict == LEDGER_CHARGED)
        run_query(c, &run, m->index, &a);
    else if (code == ERR_OK && run.verdict == LEDGER_ANSWERED &&
             *run.answer == atomic_load(&c->released))
        atomic_fetch_add(&c->answered, 1);
    else
        atomic_fetch_add(code == ERR_BUDGET ? &c->refused : &c->other, 1);
    arena_fini(&a);
    return NULL;
}

static void crowd_run(struct crowd *c)
{
    pthread_t threads[THREADS];
    struct member members[THREADS];
    (void)pthread_barrier_init(&c->start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        members[i] = (struct member){ .crowd = c, .index = i };
        (void)snprintf(members[i].name, sizeof members[i].name, "p%d", i);
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &members[i]),
                         0);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&c->start);
}

static void crowd_open(struct crowd *c, const struct ledger_options *o)
{
    struct err err;
    uint64_t found;
    for (int i = 0; i < c->servers; i++) {
        if (ledger_open(&c->ledger[i], o, &found, &err) != ERR_OK)
            fail_msg("%s", err.msg);
        assert_int_equal(found, 0);
    }
}

static void check_crowd(const struct row *row, int servers)
{
    struct crowd c = { .row = row, .servers = servers };
    struct ledger_dir dir;
    struct fake_clock clock;
    struct err err;
    ledger_dir_init(&dir);
    fake_clock_init(&clock, START_US);
    const struct ledger_options o = { .path = dir.path,
                                      .clock = &clock.clock,
                                      .own_clock = true,
                                      .lease_ns = LEASE_NS,
                                      .checkpoint_pages = 16 };
    crowd_open(&c, &o);

    crowd_run(&c);

    assert_int_equal(c.charged, row->charged);
    assert_int_equal(c.answered, row->answered);
    assert_int_equal(c.refused, row->refused);
    assert_int_equal(c.other, 0);
    struct ledger_balance balance;
    const struct ledger_account_spec account = { "dataset/shop",
                                                 { .rho_pico = row->limit },
                                                 0 };
    for (int i = 0; i < servers; i++) {
        assert_int_equal(ledger_balance(c.ledger[i], &balance, &account, &err),
                         ERR_OK);
        assert_int_equal(balance.spent.rho_pico, row->charged * PRICE);
    }
    assert_true(ledger_verifies(dir.path)); /* while it is open */
    for (int i = 0; i < servers; i++)
        ledger_close(c.ledger[i]);
    assert_true(ledger_verifies(dir.path));
    ledger_dir_fini(&dir);
}

static void check_row(void **state)
{
    check_crowd(*state, 1);
}

static void check_shared(void **state)
{
    check_crowd(*state, SERVERS);
}

/* One server on a file; three over one database. */
int main(void)
{
    const int in_file = RUN_ROWS(rows, check_row);
    ledger_dirs_in_postgres(true);
    return in_file | RUN_ROWS(rows, check_shared);
}
