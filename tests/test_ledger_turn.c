/* Servers that share a ledger, one of which hangs while it has its turn: the
 * others go on, and when it wakes it finds what it had begun undone, or makes
 * it anew.  Nobody is charged twice, and who was told an answer finds it. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/metrics/metrics.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/lib_relay.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, PRICE = 10, LIMIT = 1000000 };
#define LEASE_NS (UINT64_C(60) * 1000000000)

/* A turn is a second here. */
static const char TURN[] = "options=-c%20halftone.turn%3D1s";

struct world {
    struct ledger_dir dir;
    char where[256], wired[256];
    struct relay relay;
    struct ledger *hangs, *other;
    struct arena arena, elsewhere;
    sem_t wakes;        /* the one that hangs */
    enum err_code code; /* of the one that hangs */
    struct ledger_run run;
};

static struct ledger *open_at(const char *where)
{
    struct ledger *l;
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = where,
                                      .clock = clock_system(),
                                      .lease_ns = LEASE_NS };
    if (ledger_open(&l, &o, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return l;
}

static void wait_for_it(void *ctx)
{
    while (sem_wait(&((struct world *)ctx)->wakes) != 0)
        continue;
}

static void world_init(struct world *w)
{
    static char folder[64];
    *w = (struct world){ 0 };
    ledger_dirs_in_postgres(true);
    ledger_dir_init(&w->dir);
    arena_init(&w->arena, ARENA_CAP);
    arena_init(&w->elsewhere, ARENA_CAP);
    const char *host = strstr(postgres_uri(), "host=") + strlen("host=");
    (void)snprintf(folder, sizeof folder, "%.*s", (int)strcspn(host, "&"),
                   host);
    w->relay.database = folder;
    w->relay.strike = wait_for_it;
    w->relay.ctx = w;
    (void)sem_init(&w->wakes, 0, 0);
    relay_start(&w->relay);
    (void)snprintf(w->where, sizeof w->where, "%s&%s", w->dir.path, TURN);
    (void)snprintf(w->wired, sizeof w->wired, "%s&%s", w->relay.uri, TURN);
    w->other = open_at(w->where);
    w->hangs = open_at(w->wired);
}

static void world_fini(struct world *w)
{
    ledger_close(w->hangs);
    ledger_close(w->other);
    relay_stop(&w->relay);
    assert_true(ledger_verifies(w->dir.path));
    arena_fini(&w->elsewhere);
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static enum err_code ask(struct ledger *l, struct ledger_run *run,
                         const char *key, struct arena *a)
{
    struct charge c;
    struct err err;
    charge_init(&c, "ann", key, key, PRICE, LIMIT);
    return ledger_charge(l, run, &c.args, a, &err);
}

static void answer(struct ledger *l, const struct ledger_run *run,
                   struct arena *a)
{
    const uint8_t *bytes = (const uint8_t *)"there";
    size_t len = 5;
    struct err err;
    assert_int_equal(
        ledger_answer(l, run->id, run->fence, 0, &bytes, &len, a, &err),
        ERR_OK);
}

static uint64_t spent(struct ledger *l)
{
    return ledger_spent(l, LIMIT);
}

static void *hang(void *arg)
{
    struct world *w = arg;
    w->code = ask(w->hangs, &w->run, "hangs", &w->elsewhere);
    return NULL;
}

/* After two charges: in its third, so far in it; and it has its turn. */
static void let_hang(struct world *w, pthread_t *thread, unsigned part)
{
    struct ledger_run run;
    assert_int_equal(ask(w->hangs, &run, "first", &w->arena), ERR_OK);
    relay_arm(&w->relay, RELAY_NONE, 0);
    assert_int_equal(ask(w->hangs, &run, "second", &w->arena), ERR_OK);
    const uint64_t messages = relay_count(&w->relay, RELAY_STRIKE_BEFORE);
    relay_arm(&w->relay, RELAY_STRIKE_BEFORE, messages * part / 100);
    assert_int_equal(pthread_create(thread, NULL, hang, w), 0);
    while (relay_done(&w->relay) == 0 ||
           postgres_count("SELECT count(*) FROM pg_locks WHERE granted AND"
                          " locktype = 'advisory'") == 0)
        (void)usleep(1000);
}

/* Where in its turn, of the messages that a charge is made of. */
static const struct where {
    const char *name;
    unsigned part; /* of a hundred */
} PLACES[] = {
    { "it hangs when it has its turn", 45 },
    { "it hangs in the middle of what it writes", 70 },
    { "it hangs before it commits", 95 },
};

static void check_hang(void **state)
{
    const struct where *row = *state;
    struct world w;
    struct ledger_run run;
    pthread_t thread;
    world_init(&w);
    let_hang(&w, &thread, row->part);

    const uint64_t broken = metrics.ledger_recovered_total;
    assert_int_equal(ask(w.other, &run, "other", &w.arena), ERR_OK);
    assert_true(metrics.ledger_recovered_total > broken); /* it had to wait */
    answer(w.other, &run, &w.arena);
    /* whoever asks under the key of the one that hangs gets an answer, too */
    assert_int_equal(ask(w.other, &run, "hangs", &w.arena), ERR_OK);
    assert_int_equal(run.verdict, LEDGER_CHARGED);
    answer(w.other, &run, &w.arena);

    (void)sem_post(&w.wakes);
    (void)pthread_join(thread, NULL);
    assert_int_equal(w.code, ERR_OK);
    assert_int_equal(w.run.verdict, LEDGER_ANSWERED);
    assert_memory_equal(&w.run.id, &run.id, sizeof run.id);
    assert_memory_equal(w.run.answer, "there", 5);
    assert_int_equal(spent(w.hangs), 4 * PRICE);
    world_fini(&w);
}

/* A server that starts has waited for nobody yet. */
static void test_start(void **state)
{
    enum { PART = 70 };
    struct world w;
    pthread_t thread;
    (void)state;
    world_init(&w);
    let_hang(&w, &thread, PART);
    ledger_close(open_at(w.where));

    (void)sem_post(&w.wakes);
    (void)pthread_join(thread, NULL);
    assert_int_equal(w.code, ERR_OK);
    assert_int_equal(spent(w.hangs), 3 * PRICE);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest start[] = { cmocka_unit_test(test_start) };
    return RUN_ROWS(PLACES, check_hang) +
           cmocka_run_group_tests_name("a server starts beside one that hangs",
                                       start, NULL, NULL);
}
