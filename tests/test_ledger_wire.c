/* A ledger in PostgreSQL whose connection breaks at each message of a batch, of
 * either side, and again at each message of what follows: whoever was told an
 * answer finds it, byte for byte, nothing is charged twice, and the server goes
 * on.
 *
 *   WIRE_POINTS  messages to try, of each kind (0 = each)
 *   WIRE_ONLY    words of the names of tests to run; the others are left out
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/bundle.h"
#include "server/ledger/store.h"
#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/lib_relay.h"
#include "tests/lib_together.h"
#include "tests/table.h"

enum {
    POINTS = 30,
    CONTROLS = 60,
    PRICE = 10,
    PIECES = 2,
    ARENA_CAP = 1 << 20
};
enum { FIRST = 120 }; /* where it is cut first is among so many */
enum { IN_TWO = 3 };  /* ... of the works of a batch that is two */
enum { SPENT_A_TURN = 4 * PRICE, CHARGES_A_TURN = 5 };
#define LIMIT    (UINT64_C(1) << 40)
#define START_US INT64_C(1760000400000000)
#define LEASE_NS UINT64_C(60000000000)

/* What a planted ledger believes of a commit whose connection broke. */
static enum lie { NO_LIE, NEVER_COMMITTED, ALWAYS_COMMITTED } lie;
extern __typeof__(store_recover) __real_store_recover, __wrap_store_recover;
bool __wrap_store_recover(struct store *s, bool *committed)
{
    const bool ok = __real_store_recover(s, committed);
    if (lie != NO_LIE)
        *committed = lie == ALWAYS_COMMITTED;
    return ok;
}

/* ---- what is asked ---- */

/* A charge and what becomes of it; the names of a turn have its number. */
struct task {
    struct ledger *ledger;
    enum err_code (*exec)(struct task *t);
    struct charge charge;
    char key[24];
    struct ledger_run run;
    struct arena arena;
    enum err_code code;
    const uint8_t *answer;
    size_t answer_len;
    int64_t newest; /* of a bundle: what was seen */
};

enum name { ANSWERED_1, ANSWERED_2, VOIDED, MISSED, BUNDLE, TOO_DEAR, NAMES };
static const char *const NAME_OF[NAMES] = { "a",    "b",    "void",
                                            "miss", "many", "dear" };

static enum err_code do_charge(struct task *t)
{
    struct err err;
    return ledger_charge(t->ledger, &t->run, &t->charge.args, &t->arena, &err);
}

static enum err_code do_answer(struct task *t)
{
    struct err err;
    t->answer = (const uint8_t *)t->key;
    t->answer_len = strlen(t->key);
    return ledger_answer(t->ledger, t->run.id, t->run.fence, 0, &t->answer,
                         &t->answer_len, &t->arena, &err);
}

static enum err_code do_void(struct task *t)
{
    struct err err;
    return ledger_void(t->ledger, t->run.id, t->run.fence, &err);
}

static enum err_code do_miss(struct task *t)
{
    struct err err;
    return ledger_miss(t->ledger, t->run.id, t->run.fence, 0, &err);
}

struct pieces {
    uint8_t hash[PIECES][LEDGER_HASH_LEN];
    struct ledger_piece piece[PIECES];
    struct ledger_want want[PIECES];
};

static void pieces_of(struct pieces *p, const struct task *t)
{
    for (int i = 0; i < PIECES; i++) {
        memcpy(p->hash[i], t->charge.release_hash, LEDGER_HASH_LEN);
        p->hash[i][LEDGER_HASH_LEN - 2] = (uint8_t)(i + 1);
        p->want[i] = (struct ledger_want){ .release_hash = p->hash[i] };
        p->piece[i] =
            (struct ledger_piece){ .want = p->want[i], .keep_s = 1000 };
    }
}

static enum err_code do_look(struct task *t)
{
    struct pieces p;
    struct ledger_look seen;
    struct err err;
    pieces_of(&p, t);
    const struct ledger_look_args args = {
        .dataset = "shop", .purpose = "reporting", .wants = p.want, .n = PIECES
    };
    const enum err_code code =
        ledger_look(t->ledger, &seen, &args, &t->arena, &err);
    t->newest = code == ERR_OK ? seen.newest : 0;
    return code;
}

static enum err_code do_charge_bundle(struct task *t)
{
    struct pieces p;
    struct err err;
    uint64_t rung;
    pieces_of(&p, t);
    return ledger_charge_bundle(t->ledger, &t->run, &t->charge.args, p.piece,
                                PIECES, t->newest, &rung, &t->arena, &err);
}

static enum err_code do_answer_bundle(struct task *t)
{
    const struct ledger_piece_answer found[PIECES] = {
        { 0, (const uint8_t *)"one", 3 }, { 1, (const uint8_t *)"two", 3 }
    };
    struct err err;
    t->answer = (const uint8_t *)t->key;
    t->answer_len = strlen(t->key);
    return ledger_answer_bundle(t->ledger, t->run.id, t->run.fence, 0, found,
                                PIECES, &t->answer, &t->answer_len, &t->arena,
                                &err);
}

/* ---- a batch ---- */

static void run_task(void *arg)
{
    struct task *t = arg;
    t->code = t->exec(t);
}

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct relay relay;
    struct ledger *cut, *other; /* two servers, one of them behind the relay */
    struct arena arena;
    struct task tasks[NAMES], again; /* again: what the turn before was told */
    int turns;
    bool in_two; /* a batch begins behind the COMMIT of another */
};

static struct ledger *open_at(struct world *w, const char *where)
{
    struct ledger *l;
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = where,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns = LEASE_NS };
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
    arena_init(&w->arena, ARENA_CAP);
    for (int i = 0; i < NAMES; i++)
        arena_init(&w->tasks[i].arena, ARENA_CAP);
    arena_init(&w->again.arena, ARENA_CAP);
    const char *host = strstr(postgres_uri(), "host=") + strlen("host=");
    static char folder[64];
    (void)snprintf(folder, sizeof folder, "%.*s", (int)strcspn(host, "&"),
                   host);
    w->relay.database = folder;
    relay_start(&w->relay);
    w->other = open_at(w, w->dir.path);
    w->cut = open_at(w, w->relay.uri);
}

static void world_fini(struct world *w)
{
    ledger_close(w->cut);
    ledger_close(w->other);
    relay_stop(&w->relay);
    for (int i = 0; i < NAMES; i++)
        arena_fini(&w->tasks[i].arena);
    arena_fini(&w->again.arena);
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static void name_tasks(struct world *w)
{
    for (int i = 0; i < NAMES; i++) {
        struct task *t = &w->tasks[i];
        t->ledger = w->cut;
        arena_reset(&t->arena);
        (void)snprintf(t->key, sizeof t->key, "%d-%s", w->turns, NAME_OF[i]);
        charge_init(&t->charge, "ann", t->key, t->key,
                    i == TOO_DEAR ? LIMIT + 1 : PRICE, LIMIT);
        t->charge.args.max_misses = t->charge.args.max_misses_day = UINT32_MAX;
        t->exec = i == BUNDLE ? do_charge_bundle : do_charge;
    }
    struct task *again = &w->again;
    again->ledger = w->cut;
    arena_reset(&again->arena);
    (void)snprintf(again->key, sizeof again->key, "%d-a", w->turns - 1);
    charge_init(&again->charge, "ann", again->key, again->key, PRICE, LIMIT);
    again->exec = do_charge;
}

static void run_all(struct world *w, void *tasks[], size_t n)
{
    if (w->in_two)
        run_in_two(w->cut, run_task, tasks, IN_TWO, n);
    else
        run_together(w->cut, run_task, tasks, n);
}

/* Charges at once, then what became of them at once. */
static const char *ask_all(struct world *w)
{
    struct task *t = w->tasks;
    void *charged[] = { &t[ANSWERED_1], &t[ANSWERED_2], &t[VOIDED], &t[MISSED],
                        &t[BUNDLE],     &t[TOO_DEAR],   &w->again };
    void *resolved[] = { &t[ANSWERED_1], &t[ANSWERED_2], &t[VOIDED], &t[MISSED],
                         &t[BUNDLE] };
    name_tasks(w);
    if (do_look(&t[BUNDLE]) != ERR_OK)
        return "what is stored is not found";
    run_all(w, charged, w->turns > 0 ? 7 : 6);
    for (int i = 0; i < TOO_DEAR; i++)
        if (t[i].code != ERR_OK || t[i].run.verdict != LEDGER_CHARGED)
            return "a charge is not made";
    if (t[TOO_DEAR].code != ERR_BUDGET)
        return "what is too dear is not refused";
    if (w->turns > 0 &&
        (w->again.code != ERR_OK || w->again.run.verdict != LEDGER_ANSWERED ||
         w->again.run.answer_len != strlen(w->again.key) ||
         memcmp(w->again.run.answer, w->again.key, w->again.run.answer_len) !=
             0))
        return "what was told before is not told again";
    t[ANSWERED_1].exec = t[ANSWERED_2].exec = do_answer;
    t[VOIDED].exec = do_void;
    t[MISSED].exec = do_miss;
    t[BUNDLE].exec = do_answer_bundle;
    run_all(w, resolved, 5);
    for (int i = 0; i < TOO_DEAR; i++)
        if (t[i].code != ERR_OK)
            return "a charge is not resolved";
    return NULL;
}

/* ---- what must be there ---- */

static const char *find_all(struct world *w, struct ledger *l)
{
    for (int i = 0; i < NAMES; i++) {
        const struct task *t = &w->tasks[i];
        struct ledger_run run;
        struct err err;
        const enum err_code code = ledger_find(
            l, &run, "ann", t->key, t->charge.request_hash, &w->arena, &err);
        if (i == MISSED) {
            if (code != ERR_MISS)
                return "a miss is none";
        } else if (code != ERR_OK) {
            return "a key is not looked up";
        } else if (i == VOIDED || i == TOO_DEAR) {
            if (run.verdict != LEDGER_UNKNOWN)
                return "what was given back, or refused, is there";
        } else if (run.verdict != LEDGER_ANSWERED ||
                   memcmp(&run.id, &t->run.id, sizeof run.id) != 0 ||
                   run.answer_len != t->answer_len ||
                   memcmp(run.answer, t->answer, run.answer_len) != 0) {
            return "an answer that was told is lost";
        }
    }
    return NULL;
}

static const char *add_up(struct world *w, struct ledger *l)
{
    const struct ledger_account_spec account = { "dataset/shop",
                                                 { .rho_pico = LIMIT },
                                                 0 };
    struct ledger_balance b;
    struct err err;
    if (ledger_balance(l, &b, &account, &err) != ERR_OK)
        return "there is no balance";
    const uint64_t want = (uint64_t)w->turns * SPENT_A_TURN;
    return b.spent.rho_pico < want   ? "a charge is lost"
           : b.spent.rho_pico > want ? "a charge is made twice"
                                     : NULL;
}

static const char *check_all(struct world *w)
{
    const char *why = find_all(w, w->other);
    if (!why)
        why = add_up(w, w->other);
    if (!why)
        why = add_up(w, w->cut);
    arena_reset(&w->arena);
    return why;
}

/* Until nobody else was at it for so long that a batch begins behind another.
 */
static void let_it_be_quiet(struct world *w)
{
    while (w->in_two && !batches_go_on(w->cut))
        assert_null(add_up(w, w->cut));
}

/* A round of questions; and whether what others find is what was told. */
static const char *turn(struct world *w, struct relay_plan first,
                        struct relay_plan then, unsigned *done)
{
    let_it_be_quiet(w);
    relay_arm_twice(&w->relay, first, then);
    const char *why = ask_all(w);
    *done = relay_done(&w->relay);
    w->turns++;
    if (!why)
        why = check_all(w);
    relay_arm(&w->relay, RELAY_NONE, 0);
    return why;
}

/* ---- at each message ---- */

static const struct relay_plan CALM = { RELAY_NONE, 0 };

static const struct row {
    const char *name;
    enum relay_fault fault, then;
    enum lie lie;
    bool in_two;
} ROWS[] = {
    { "cut before any message of a server", RELAY_CUT_BEFORE, RELAY_NONE,
      NO_LIE, false },
    { "cut within any message of a server", RELAY_CUT_WITHIN, RELAY_NONE,
      NO_LIE, false },
    { "cut after any message, and what is said to it is lost", RELAY_CUT_AFTER,
      RELAY_NONE, NO_LIE, false },
    { "cut before any answer of the database", RELAY_CUT_ANSWER, RELAY_NONE,
      NO_LIE, false },
    { "cut within any answer of the database", RELAY_CUT_WITHIN_ANSWER,
      RELAY_NONE, NO_LIE, false },
    { "cut, and again before any message of what follows", RELAY_CUT_AFTER,
      RELAY_CUT_BEFORE, NO_LIE, false },
    { "cut, and again after any message of what follows", RELAY_CUT_ANSWER,
      RELAY_CUT_AFTER, NO_LIE, false },
    { "cut, and again within any answer to what follows",
      RELAY_CUT_WITHIN_ANSWER, RELAY_CUT_WITHIN_ANSWER, NO_LIE, false },
    { "cut before any message while a batch begins behind another",
      RELAY_CUT_BEFORE, RELAY_NONE, NO_LIE, true },
    { "cut after any message while a batch begins behind another",
      RELAY_CUT_AFTER, RELAY_NONE, NO_LIE, true },
    { "cut before any answer while a batch begins behind another",
      RELAY_CUT_ANSWER, RELAY_NONE, NO_LIE, true },
    { "control: that no commit was made is found out", RELAY_CUT_ANSWER,
      RELAY_NONE, NEVER_COMMITTED, false },
    { "control: that each commit was made is found out", RELAY_CUT_BEFORE,
      RELAY_NONE, ALWAYS_COMMITTED, false },
};

static void expect_calm(struct world *w)
{
    const char *why = ask_all(w);
    w->turns++;
    if (why)
        fail_msg("in a turn in which nothing happens: %s", why);
}

/* Messages, or answers, of a turn, with room for what a connection that is new
 * has to learn; or, of one that was cut at once, of what follows, which reads
 * the log, too. */
static uint64_t length_of(struct world *w, const struct row *row)
{
    const bool twice = row->then != RELAY_NONE;
    expect_calm(w); /* there is one before */
    let_it_be_quiet(w);
    relay_arm(&w->relay, twice ? RELAY_CUT_BEFORE : RELAY_NONE, 1);
    expect_calm(w);
    const uint64_t n = relay_count(&w->relay, twice ? row->then : row->fault);
    return twice ? n : n + n / 8;
}

static uint64_t points_wanted(void)
{
    const char *text = getenv("WIRE_POINTS");
    return text ? strtoull(text, NULL, 10) : POINTS;
}

struct sweep {
    uint64_t points, hit, broken;
};

static void try_at(struct world *w, const struct row *row, uint64_t at,
                   uint64_t length, struct sweep *s)
{
    const bool twice = row->then != RELAY_NONE;
    const struct relay_plan here = { row->fault,
                                     twice ? 1 + at * 7919 % FIRST : at };
    const struct relay_plan then = { row->then, at };
    unsigned done;
    lie = row->lie;
    const char *why = turn(w, here, twice ? then : CALM, &done);
    lie = NO_LIE;
    s->points++;
    s->hit += done == (twice ? 2 : 1);
    if (why && s->broken++ == 0)
        print_message("  at %llu of %llu: %s\n", (unsigned long long)at,
                      (unsigned long long)length, why);
}

/* One world is enough as long as all is well in it. */
static struct world *world_of_now(bool ends)
{
    static struct world w;
    static bool is_there;
    if (ends && is_there)
        world_fini(&w);
    else if (!ends && !is_there)
        world_init(&w);
    is_there = !ends;
    return &w;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const char *only = getenv("WIRE_ONLY");
    const uint64_t wanted = row->lie == NO_LIE ? points_wanted() : CONTROLS;
    struct sweep s = { 0 };
    if (only && !strstr(row->name, only))
        skip();
    struct world *w = world_of_now(false);
    w->in_two = row->in_two;
    const uint64_t length = length_of(w, row);
    const uint64_t stride = wanted && wanted < length ? length / wanted : 1;
    for (uint64_t at = 1 + (uint64_t)(row - ROWS) % stride;
         at <= length && s.broken == 0; at += stride)
        try_at(w, row, at, length, &s);
    print_message("  %llu of %llu, cut at %llu, %llu broken\n",
                  (unsigned long long)s.points, (unsigned long long)length,
                  (unsigned long long)s.hit, (unsigned long long)s.broken);
    if (s.broken > 0)
        (void)world_of_now(true);
    if (row->lie != NO_LIE) {
        assert_true(s.broken > 0);
    } else {
        assert_int_equal(s.broken, 0);
        assert_true(s.hit * 3 >= s.points);
        assert_int_equal(
            postgres_count("SELECT count(*) FROM halftone.charges"),
            (unsigned long)w->turns * CHARGES_A_TURN);
        assert_true(ledger_verifies(w->dir.path));
        assert_false(ledger_failed(w->cut));
    }
}

int main(void)
{
    const int failed = RUN_ROWS(ROWS, check_row);
    (void)world_of_now(true);
    return failed;
}
