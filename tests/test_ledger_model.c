/*
 * Random histories against a model of a hundred lines: whatever was asked in
 * whatever order, the ledger answers as the model does.  A failing seed is
 * printed; SOAK=N runs many more, from seed N on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_fault_vfs.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

enum {
    SEEDS = 300,
    SOAK_SEEDS = 3000,
    DATABASE_SEEDS = 12,
    DATABASE_SOAK_SEEDS = 200,
    STEPS = 40,
    CHARGES = STEPS + 1,
    PEOPLE = 2,
    KEYS = 3,
    RELEASES = 3,
    LIMIT = 60,
    QUOTA = 40,
    WINDOW = 30,
    LEASE_S = 10,
    KEEP_S = 40,
    REUSE_S = 15,
    WINDOW_S = 25,
    RUNS = 3,
    MISSES = 6,
    MISSES_DAY = 3,
    ARENA_CAP = 1 << 20,
    US = 1000000
};
#define START_US (INT64_C(1760000400) * US)

/* The model: an array of charges, and every sum made anew when asked. */
struct model_charge {
    int who, release, price, runs, answer;
    enum ledger_state state;
    int64_t charged_us, lease_us, resolved_us;
    bool is_old; /* of an earlier process */
    struct ledger_id id;
};
struct model {
    struct model_charge charges[CHARGES];
    int n, boot_of_run[CHARGES], boot;
    int key[PEOPLE][KEYS], key_release[PEOPLE][KEYS]; /* charge + 1; 0 = none */
    int64_t now_us;
    bool reuses;
    int64_t lifted_us; /* misses up to it count no more */
};

static int model_sum(const struct model *m, int who, bool in_window)
{
    const int64_t start = m->now_us - m->now_us % (WINDOW_S * US);
    int sum = 0;
    for (int i = 0; i < m->n; i++) {
        const struct model_charge *c = &m->charges[i];
        if (c->state != LEDGER_VOIDED && (who < 0 || c->who == who) &&
            (!in_window || c->charged_us >= start))
            sum += c->price;
    }
    return sum;
}

static int model_misses(const struct model *m, int who)
{
    const int64_t day = m->now_us - m->now_us % (INT64_C(86400) * US);
    int n = 0;
    for (int i = 0; i < m->n; i++)
        n += m->charges[i].state == LEDGER_MISSED &&
             m->charges[i].resolved_us > m->lifted_us &&
             (who < 0 ||
              (m->charges[i].who == who && m->charges[i].resolved_us >= day));
    return n;
}

static bool model_held(const struct model *m, int i)
{
    return m->boot_of_run[i] == m->boot && m->now_us < m->charges[i].lease_us;
}

static bool model_fresh(const struct model *m, const struct model_charge *c)
{
    return m->now_us < c->resolved_us + (int64_t)KEEP_S * US;
}

/* "c3" charged as charge 3, "a3" its answer, "f3" in flight, or an error. */
struct told {
    char what;
    int charge;
};
static const char MISSED = 'm';

static struct told model_take(struct model *m, int i)
{
    struct model_charge *c = &m->charges[i];
    if (c->runs == RUNS) {
        c->state = LEDGER_MISSED;
        c->resolved_us = m->now_us;
        return (struct told){ MISSED, -1 };
    }
    c->runs++;
    c->lease_us = m->now_us + (int64_t)LEASE_S * US;
    m->boot_of_run[i] = m->boot;
    return (struct told){ 'c', i };
}

static struct told model_retry(struct model *m, int i)
{
    const struct model_charge *c = &m->charges[i];
    if (c->state == LEDGER_OPEN)
        return model_held(m, i) ? (struct told){ 'f', i } : model_take(m, i);
    if (c->state == LEDGER_MISSED)
        return (struct told){ MISSED, -1 };
    return model_fresh(m, c) ? (struct told){ 'a', i }
                             : (struct told){ 'x', -1 };
}

static bool model_reuse(struct model *m, int release, struct told *out)
{
    for (int pass = 0; m->reuses && pass < 2; pass++)
        for (int i = m->n - 1; i >= 0; i--) {
            const struct model_charge *c = &m->charges[i];
            const bool answered =
                c->state == LEDGER_DONE && model_fresh(m, c) &&
                c->resolved_us >= m->now_us - (int64_t)REUSE_S * US;
            const bool flies = c->state == LEDGER_OPEN && model_held(m, i);
            if (c->release == release && (pass ? flies : answered)) {
                *out = (struct told){ pass ? 'f' : 'a', i };
                return true;
            }
        }
    return false;
}

static struct told model_ask(struct model *m, int who, int key, int release,
                             int price)
{
    struct told out;
    int *bound = key < 0 ? NULL : &m->key[who][key];
    if (bound && *bound && m->key_release[who][key] != release)
        return (struct told){ 'k', -1 };
    if (bound && *bound && m->charges[*bound - 1].state != LEDGER_VOIDED)
        return model_retry(m, *bound - 1);
    if (model_reuse(m, release, &out)) {
        if (bound && out.what == 'a') {
            *bound = out.charge + 1;
            m->key_release[who][key] = release;
        }
        return out;
    }
    for (int i = m->n - 1; !bound && i >= 0; i--)
        if (m->charges[i].state == LEDGER_OPEN && m->charges[i].who == who &&
            m->charges[i].release == release && !model_held(m, i))
            return model_take(m, i);
    if (model_misses(m, -1) >= MISSES || model_misses(m, who) >= MISSES_DAY)
        return (struct told){ 'l', -1 };
    if (model_sum(m, -1, false) + price > LIMIT ||
        model_sum(m, who, false) + price > QUOTA ||
        model_sum(m, -1, true) + price > WINDOW)
        return (struct told){ 'b', -1 };
    m->charges[m->n] =
        (struct model_charge){ .who = who,
                               .release = release,
                               .price = price,
                               .runs = 1,
                               .charged_us = m->now_us,
                               .lease_us = m->now_us + (int64_t)LEASE_S * US };
    m->boot_of_run[m->n] = m->boot;
    if (bound) {
        *bound = m->n + 1;
        m->key_release[who][key] = release;
    }
    return (struct told){ 'c', m->n++ };
}

/* ---- the ledger beside it ---- */
struct world {
    struct model model;
    struct ledger *ledger;
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    uint64_t random, seed;
};

static int pick(struct world *w, int n)
{
    uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (int)((z >> 33) % (uint64_t)n);
}

static void world_open(struct world *w)
{
    struct err err;
    uint64_t found, open = 0;
    const struct ledger_options o = {
        .path = w->dir.path,
        .own_clock = true,
        .clock = &w->clock.clock,
        .lease_ns = (uint64_t)LEASE_S * 1000000000,
        /* With 1, runs of 8 pairs are written and merged (lookup.h). */
        .checkpoint_pages = w->seed % 8 < 2 ? 1 : 32
    };
    assert_int_equal(ledger_open(&w->ledger, &o, &found, &err), ERR_OK);
    for (int i = 0; i < w->model.n; i++) {
        w->model.charges[i].is_old = true;
        open += w->model.charges[i].state == LEDGER_OPEN;
    }
    w->model.boot++;
    assert_int_equal(found, open);
}

static char letter_of(enum err_code code, const struct ledger_run *run)
{
    if (code == ERR_OK)
        return run->verdict == LEDGER_CHARGED    ? 'c'
               : run->verdict == LEDGER_ANSWERED ? 'a'
                                                 : 'f';
    return code == ERR_CONFLICT  ? 'k'
           : code == ERR_EXPIRED ? 'x'
           : code == ERR_MISS    ? MISSED
           : code == ERR_MISSES  ? 'l'
           : code == ERR_BUDGET  ? 'b'
                                 : '?';
}

static void step_ask(struct world *w)
{
    static const char *const NAMES[PEOPLE] = { "ann", "bob" };
    static const char *const KEY_NAMES[KEYS] = { "k0", "k1", "k2" };
    static const char *const RELEASE_NAMES[RELEASES] = { "r0", "r1", "r2" };
    const int who = pick(w, PEOPLE), key = pick(w, KEYS + 2) - 2,
              release = pick(w, RELEASES), price = pick(w, 8);
    struct charge c;
    struct ledger_run run = { 0 };
    struct err err = { .msg = "" };
    charge_init(&c, NAMES[who], key < 0 ? "" : KEY_NAMES[key],
                RELEASE_NAMES[release], (uint64_t)price, LIMIT);
    charge_add_quota(&c, QUOTA, 0);
    charge_add_quota(&c, WINDOW, WINDOW_S);
    c.args.reuse_for_s = w->model.reuses ? REUSE_S : 0;
    c.args.keep_s = KEEP_S;
    c.args.max_misses = MISSES;
    c.args.max_misses_day = MISSES_DAY;

    const struct told want =
        model_ask(&w->model, who, key < 0 ? -1 : key, release, price);
    const enum err_code code =
        ledger_charge(w->ledger, &run, &c.args, &w->arena, &err);
    const char got = letter_of(code, &run);
    if (got != want.what)
        fail_msg("seed %llu: got %c, the model says %c (%s)",
                 (unsigned long long)w->seed, got, want.what, err.msg);
    if (want.charge < 0)
        return;
    struct model_charge *m = &w->model.charges[want.charge];
    if (want.what == 'c' && m->runs == 1)
        m->id = run.id;
    assert_memory_equal(&m->id, &run.id, sizeof run.id);
    assert_int_equal(run.price.rho_pico, m->price);
    if (want.what == 'c')
        assert_int_equal(run.fence, m->runs);
    if (want.what == 'a')
        assert_int_equal(*run.answer, m->answer);
}

/* Some run, perhaps a stale one, of some charge. */
static void step_resolve(struct world *w)
{
    if (w->model.n == 0)
        return;
    struct model_charge *m = &w->model.charges[pick(w, w->model.n)];
    const int how = pick(w, 5);
    const uint64_t fence = (uint64_t)(m->runs - (pick(w, 4) == 0));
    const bool holds = m->state == LEDGER_OPEN && fence == (uint64_t)m->runs;
    uint8_t body = (uint8_t)pick(w, 256);
    const uint8_t *answer = &body;
    size_t len = 1;
    struct err err;
    enum ledger_state next = m->state;
    if (how >= 2) {
        const enum err_code want =
            m->state == LEDGER_MISSED ? ERR_MISS
            : m->state == LEDGER_DONE
                ? (model_fresh(&w->model, m) ? ERR_OK : ERR_EXPIRED)
            : holds ? ERR_OK
                    : ERR_UNAVAILABLE;
        assert_int_equal(ledger_answer(w->ledger, m->id, fence, 0, &answer,
                                       &len, &w->arena, &err),
                         want);
        if (holds)
            m->answer = body;
        if (want == ERR_OK)
            assert_int_equal(*answer, m->answer);
        next = holds ? LEDGER_DONE : next;
    } else if (how == 1) {
        assert_int_equal(ledger_miss(w->ledger, m->id, fence, 0, &err) ==
                             ERR_OK,
                         holds || m->state == LEDGER_MISSED);
        next = holds ? LEDGER_MISSED : next;
    } else {
        const bool may = holds && m->runs == 1 && !m->is_old;
        assert_int_equal(ledger_void(w->ledger, m->id, fence, &err) == ERR_OK,
                         may);
        next = may ? LEDGER_VOIDED : next;
    }
    if (next != m->state) {
        m->state = next;
        m->resolved_us = w->model.now_us;
    }
}

/* A steward lets the dataset go on; when nothing counts, that is said. */
static void step_lift(struct world *w)
{
    const int counted = model_misses(&w->model, -1);
    uint64_t lifted = 0;
    struct err err;
    struct ledger_misses found;
    assert_int_equal(
        ledger_lift(w->ledger, &lifted, "shop", "steward", "why", &err),
        counted > 0 ? ERR_OK : ERR_INVALID);
    assert_int_equal(lifted, counted);
    if (counted > 0)
        w->model.lifted_us = w->model.now_us;
    assert_int_equal(ledger_misses(w->ledger, &found, "shop", &w->arena, &err),
                     ERR_OK);
    assert_int_equal(found.counted, 0);
    assert_int_equal(found.n_today, 0);
}

static void check_sums(struct world *w)
{
    const struct ledger_account_spec accounts[] = {
        { "dataset/shop", { .rho_pico = LIMIT }, 0 },
        { "dataset/shop/principal/ann", { .rho_pico = QUOTA }, 0 },
        { "dataset/shop/purpose/reporting", { .rho_pico = WINDOW }, WINDOW_S },
    };
    for (int i = 0; i < 3; i++) {
        struct ledger_balance b;
        struct err err;
        assert_int_equal(ledger_balance(w->ledger, &b, &accounts[i], &err),
                         ERR_OK);
        assert_int_equal(b.spent.rho_pico,
                         model_sum(&w->model, i == 1 ? 0 : -1, i == 2));
        assert_int_equal(b.lifetime.rho_pico,
                         model_sum(&w->model, i == 1 ? 0 : -1, false));
    }
}

static void live(uint64_t seed)
{
    struct world w = { .random = seed, .seed = seed };
    fault_vfs_install(); /* no faults: memory is faster than a disk */
    ledger_dir_init(&w.dir);
    arena_init(&w.arena, ARENA_CAP);
    w.model.now_us = START_US;
    w.model.reuses = seed & 1;
    fake_clock_init(&w.clock, w.model.now_us);
    world_open(&w);
    for (int i = 0; i < STEPS; i++) {
        const int what = pick(&w, 20);
        if (what < 11)
            step_ask(&w);
        else if (what < 16)
            step_resolve(&w);
        else if (what < 17 && pick(&w, 4) == 0)
            step_lift(&w);
        else if (what < 19)
            w.model.now_us += (int64_t)pick(&w, 8) * US;
        else {
            ledger_close(w.ledger);
            world_open(&w);
        }
        atomic_store(&w.clock.wall_us, w.model.now_us);
        check_sums(&w);
    }
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
    fault_vfs_remove();
}

static void check_histories(uint64_t seeds, uint64_t soaked)
{
    const char *soak = getenv("SOAK");
    const uint64_t first = soak ? strtoull(soak, NULL, 10) : 1;
    const uint64_t n = soak ? soaked : seeds;
    for (uint64_t i = 0; i < n; i++)
        live(first + i);
}

static void check_file(void **state)
{
    (void)state;
    check_histories(SEEDS, SOAK_SEEDS);
}

static void check_database(void **state)
{
    (void)state;
    ledger_dirs_in_postgres(true);
    check_histories(DATABASE_SEEDS, DATABASE_SOAK_SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_file),
                                        cmocka_unit_test(check_database) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
