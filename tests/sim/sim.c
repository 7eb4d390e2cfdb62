#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/grpc/codec.h"
#include "tests/lib_fault_vfs.h"
#include "tests/lib_rng.h"
#include "tests/lib_service.h"
#include "tests/sim/baton.h"
#include "tests/sim/op.h"
#include "tests/sim/shared.h"
#include "tests/sim/slow.h"
#include "tests/table.h"

enum {
    SERVERS = 3,
    OPS = 14,     /* more than the budget is for, in half the lives */
    BUDGET = 10,  /* ... queries: POLICY's cap and price */
    CALLS = 1024, /* requests in a life, at most */
    CLIENTS = 0,  /* group of those who outlive servers */
    ROOM = 8 << 20,
};
/* Microseconds. */
#define MS          UINT64_C(1000)
#define S           (1000 * MS)
#define START_US    (INT64_C(1760000400) * 1000000)
#define LEASE_NS    (UINT64_C(10) * 1000000000)
#define PATIENCE_US (15 * S)
#define CHAOS_US    (90 * S)
#define BEAT_US     (3 * S)

static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "notion: zcdp\n"
    "cap: {rho: 0.1, delta: 1e-6}\n"
    "max_price: {rho: 0.05}\n"
    "default_price: {rho: 0.01}\n"
    "max_people: 100000\n"
    "max_misses: 1000\n"
    "max_misses_day: 1000\n"
    "reuse_for: 0\n"
    "purposes:\n"
    "  analytics: {help: How it goes., basis: legitimate_interest}\n"
    "tables:\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    max_groups: 2\n"
    "    max_rows: 10\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      amount: {type: int, range: [0, 500]}\n";

struct server {
    bool is_up;
    struct ledger *ledger;
    struct store *link;
    struct service service;
    gsl_rng *rng;
};

static struct sim {
    bool tells, is_chaos;
    struct baton *baton;
    struct shared *shared;
    struct clock clock;
    struct ledger_dir dir;
    struct arena arena;
    struct policy *policy;
    struct engine *engine;
    struct dataset dataset;
    struct dataset *datasets[1];
    struct auth_principal principal;
    struct auth_registry registry;
    struct world world;
    struct server servers[SERVERS];
    struct op ops[OPS];
    unsigned n_ops, n_open;
    struct arena rooms[CALLS]; /* of requests, whoever died in them */
    unsigned n_rooms;
    struct sim_result result;
} sim;

static void note_event(const char *what, unsigned who)
{
    const uint64_t prime = UINT64_C(1099511628211); /* FNV-1a */
    uint64_t h = sim.result.events ^ (uint64_t)baton_now_us(sim.baton);
    for (; *what; what++)
        h = (h ^ (unsigned char)*what) * prime;
    sim.result.events = (h ^ who) * prime;
}

static void say(const char *what, unsigned who, const char *more)
{
    note_event(what, who);
    if (sim.tells)
        printf("%10.3f %s %u %s\n",
               (double)(baton_now_us(sim.baton) - START_US) / (double)S, what,
               who, more);
}

/* NULL: nothing did. */
static void broke(const char *what)
{
    if (!what)
        return;
    if (!sim.result.broken)
        sim.result.broken = what;
    say("BROKEN", 0, what);
}

static int64_t wall_us(struct clock *c)
{
    (void)c;
    return baton_now_us(sim.baton);
}

static uint64_t mono_ns(struct clock *c)
{
    return (uint64_t)wall_us(c) * 1000;
}

/* ---- servers ---- */

static void beat(void *arg)
{
    struct server *s = &sim.servers[*(int *)arg];
    struct err err;
    while (sim.n_open > 0) {
        baton_pause(sim.baton, BEAT_US);
        if (ledger_beat(s->ledger, &err) != ERR_OK)
            return;
    }
}

static int *number_of(int n)
{
    int *out = malloc(sizeof *out);
    assert_non_null(out);
    *out = n;
    return out;
}

static void start_server(int i)
{
    struct server *s = &sim.servers[i];
    struct err err;
    uint64_t found;
    const struct ledger_options o = { .path = sim.dir.path,
                                      .clock = &sim.clock,
                                      .lease_ns = LEASE_NS };
    if (ledger_open(&s->ledger, &o, &found, &err) != ERR_OK) {
        say("no start", (unsigned)i, err.msg);
        if (!sim.is_chaos) /* else somebody starts it again */
            broke("a server does not start");
        return;
    }
    s->link = shared_newest(sim.shared);
    s->service = (struct service){ .ledger = s->ledger, .clock = &sim.clock };
    s->is_up = true;
    say("start", (unsigned)i, "");
    baton_spawn(sim.baton, i + 1, 0, beat, number_of(i));
}

static void kill_server(int i)
{
    struct server *s = &sim.servers[i];
    if (!s->is_up)
        return;
    say("kill", (unsigned)i, "");
    baton_kill(sim.baton, i + 1);
    shared_cut(s->link);
    ledger_close(s->ledger);
    s->is_up = false;
    sim.result.kills++;
}

/* ---- requests ---- */

struct asked {
    unsigned op;
    int server;
    atomic_int gone, stop;
};

static void serve(void *arg)
{
    struct asked *q = arg;
    struct server *s = &sim.servers[q->server];
    struct op *op = &sim.ops[q->op];
    assert_true(sim.n_rooms < CALLS);
    struct arena *a = &sim.rooms[sim.n_rooms++];
    arena_init(a, ROOM);
    struct service_ask_args words = { .sql = op->sql,
                                      .purpose = "analytics",
                                      .key = op->key };
    struct request req = service_request(&words);
    struct request both[2] = { req, req };
    if (op->is_batch) {
        both[1].sql = "SELECT count(*) FROM shop.orders WHERE amount < 7";
        both[1].sql_len = strlen(both[1].sql);
        both[0].idempotency_key = both[1].idempotency_key = "";
        req.op = REQUEST_BATCH;
        req.is_batch = true;
        req.queries = both;
        req.n_queries = 2;
        req.ask = (struct ask){ ASK_RHO, .level = 0.95, .price = 0.01 };
    }
    req.deadline_ns = mono_ns(&sim.clock) + 20 * S * 1000;
    struct service_call call = { .service = &s->service,
                                 .world = &sim.world,
                                 .who = &sim.principal,
                                 .req = &req,
                                 .rng = s->rng,
                                 .gone = &q->gone,
                                 .stop = &q->stop,
                                 .limit_run = service_no_limit,
                                 .received_ns = mono_ns(&sim.clock),
                                 .started_ns = mono_ns(&sim.clock) };
    struct reply reply = { 0 };
    struct err err = { 0 };
    const uint8_t *msg = NULL;
    size_t len = 0;
    enum err_code code = service_answer(&call, &reply, a, &err);
    if (code == ERR_OK)
        code = codec_encode(&msg, &len, &reply, a, &err);
    const char *charge =
        op->is_batch ? reply.receipt.query_id : reply.table.receipt.query_id;
    say("reply", q->op, code == ERR_OK ? charge : err.msg);
    if (sim.is_chaos && baton_chance(sim.baton, 4))
        return; /* lost on its way */
    if (code == ERR_OK)
        broke(op_hear_answer(op, msg, len, charge));
    broke(op_hear(op, code));
}

static void send_to(unsigned op, int server, uint64_t most_us)
{
    struct asked *q = calloc(1, sizeof *q);
    assert_non_null(q);
    q->op = op;
    q->server = server;
    say("ask", op, sim.servers[server].is_up ? "" : "nobody");
    if (!sim.servers[server].is_up ||
        (sim.is_chaos && baton_chance(sim.baton, 8)))
        free(q); /* lost */
    else
        baton_spawn(sim.baton, server + 1, baton_pick(sim.baton, most_us),
                    serve, q);
}

static int some_server(void)
{
    return (int)baton_pick(sim.baton, SERVERS);
}

/* Asks until it knows. */
static void client(void *arg)
{
    const unsigned i = *(unsigned *)arg;
    struct op *op = &sim.ops[i];
    while (!op->is_over) {
        const int64_t until = baton_now_us(sim.baton) + (int64_t)PATIENCE_US;
        op->told = ERR_OK;
        send_to(i, some_server(), 50 * MS);
        if (sim.is_chaos && baton_chance(sim.baton, 3))
            send_to(i, some_server(), 20 * S); /* doubled, and late */
        while (!op->is_over && op->told == ERR_OK &&
               baton_now_us(sim.baton) < until)
            baton_pause(sim.baton, 100 * MS + baton_pick(sim.baton, 200 * MS));
        baton_pause(sim.baton, baton_pick(sim.baton, 500 * MS));
    }
    sim.n_open--;
}

/* ---- what goes wrong ---- */

static void start_again(void *arg)
{
    const int i = *(int *)arg;
    if (!sim.servers[i].is_up)
        start_server(i);
    if (!sim.servers[i].is_up) /* cut short: somebody tries again */
        baton_spawn(sim.baton, CLIENTS, S, start_again, number_of(i));
}

static void restart(int i)
{
    kill_server(i);
    baton_spawn(sim.baton, CLIENTS, baton_pick(sim.baton, 12 * S), start_again,
                number_of(i));
}

static void chaos(void *arg)
{
    (void)arg;
    while (baton_now_us(sim.baton) < START_US + (int64_t)CHAOS_US) {
        baton_pause(sim.baton, 2 * S + baton_pick(sim.baton, 16 * S));
        if (baton_chance(sim.baton, 5)) {
            say("power lost", 0, "");
            for (int k = 0; k < SERVERS; k++)
                restart(k);
            shared_power_lost(sim.shared);
        } else {
            restart(some_server());
        }
    }
    sim.is_chaos = false;
    slow_heal();
    shared_heal(sim.shared);
    for (int k = 0; k < SERVERS; k++)
        if (!sim.servers[k].is_up)
            start_server(k);
}

/* ---- a life ---- */

static void init_world(void)
{
    struct policy_report report = { 0 };
    struct err err = { 0 };
    if (policy_load_bytes(&sim.policy, POLICY, strlen(POLICY), "shop.yaml",
                          &report, &sim.arena, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    sim.engine = slow_engine(engine_fake_new(NULL));
    sim.dataset.policy = sim.policy;
    sim.dataset.engine = sim.engine;
    sim.datasets[0] = &sim.dataset;
    sim.principal = service_analyst();
    sim.registry = (struct auth_registry){ &sim.principal, 1 };
    sim.world = (struct world){ .principals = &sim.registry,
                                .datasets = sim.datasets,
                                .n_datasets = 1 };
}

static void begin(uint64_t seed, enum sim_plant plant, bool tells)
{
    memset(&sim, 0, sizeof sim);
    sim.tells = tells;
    sim.is_chaos = true;
    sim.clock = (struct clock){ wall_us, mono_ns };
    sim.baton = baton_new(seed, START_US);
    slow_begin(sim.baton, plant == SIM_PLANT_LOSER);
    fault_vfs_install();
    ledger_dir_init(&sim.dir);
    arena_init(&sim.arena, 16 << 20);
    init_world();
    const struct shared_options o = { .baton = sim.baton,
                                      .path = sim.dir.path,
                                      .breaks = 12,
                                      .believes = plant == SIM_PLANT_BELIEVES,
                                      .reads_nothing =
                                          plant == SIM_PLANT_STALE };
    sim.shared = shared_new(&o);
    shared_serve(sim.shared);
    sim.n_ops = sim.n_open = seed % 2 ? OPS : BUDGET - 2;
    for (int i = 0; i < SERVERS; i++) {
        sim.servers[i].rng = test_rng_new(seed * SERVERS + (uint64_t)i);
        start_server(i);
    }
    for (unsigned i = 0; i < sim.n_ops; i++) {
        struct op *op = &sim.ops[i];
        (void)snprintf(op->key, sizeof op->key, "k%u", i);
        (void)snprintf(op->sql, sizeof op->sql,
                       "SELECT count(*) FROM shop.orders WHERE amount > %u", i);
        op->is_batch = i % 4 == 3;
        baton_spawn(sim.baton, CLIENTS, baton_pick(sim.baton, 40 * S), client,
                    number_of((int)i));
    }
    baton_spawn(sim.baton, CLIENTS, 0, chaos, NULL);
}

static void check_ops(void)
{
    struct sim_result *r = &sim.result;
    struct op_sums sums;
    broke(ops_check(&sums, sim.ops, sim.n_ops, sim.dir.path, BUDGET));
    r->answers = sums.answers;
    r->misses = sums.misses;
    r->refused = sums.refused;
    r->retries = sums.retries;
    r->charges = sums.charges;
}

static void end(void)
{
    for (int i = 0; i < SERVERS; i++) {
        if (sim.servers[i].is_up)
            ledger_close(sim.servers[i].ledger);
        gsl_rng_free(sim.servers[i].rng);
    }
    shared_free(sim.shared);
    check_ops();
    for (unsigned i = 0; i < sim.n_rooms; i++)
        arena_fini(&sim.rooms[i]);
    engine_close(sim.engine);
    arena_fini(&sim.arena);
    fault_vfs_remove();
    ledger_dir_fini(&sim.dir);
    baton_free(sim.baton);
}

void sim_live(struct sim_result *out, uint64_t seed, enum sim_plant plant,
              bool tells)
{
    log_set_level(LOG_LEVEL_ERROR);
    begin(seed, plant, tells);
    baton_run(sim.baton);
    end();
    *out = sim.result;
}
