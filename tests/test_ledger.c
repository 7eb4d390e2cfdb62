/*
 * The ledger by example: each row is a small script, told to a ledger of its
 * own, with a clock that moves only when told.
 *
 *   limit N [V]           the policy (of version V) caps the dataset at N
 *   quota N / window N S  the asker's quota / the purpose's, per S seconds
 *   reuse S / keep S      the policy's reuse_for and keep
 *   freely N              keys an hour for what is free, after a restart
 *   slot S                answers and misses leave in S seconds
 *   ask WHO KEY RELEASE PRICE -> OUTCOME     KEY "-" = none
 *   hurry WHO KEY RELEASE PRICE -> OUTCOME   as ask, through ledger_wait
 *   find WHO KEY RELEASE -> OUTCOME
 *   answer RUN TEXT -> OUTCOME    RUN: the n-th run that was charged, from 1
 *   miss RUN -> OUTCOME    void RUN -> OUTCOME
 *   shown OUTCOME         what ListCharges says of the newest charge
 *   lift -> N             misses that a steward lifts, or an error's name
 *   counted N             misses that count
 *   sleep S    back S (the clock is set back)    restart -> FOUND    spent N
 * left N    lifetime WHO N
 *
 * OUTCOME: charged, in_flight, unknown, =TEXT (answered), or an error's name.
 * A lease is 10 s.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

static const struct row {
    const char *name, *script;
} rows[] = {
    { "a charge is answered once and spent",
      "limit 100; ask ann - r 30 -> charged; spent 30; answer 1 x -> ok;"
      "spent 30; left 70" },
    { "a query over the budget is refused and charges nothing",
      "limit 100; ask ann - a 60 -> charged; ask ann - b 41 -> over_budget;"
      "spent 60; ask ann - c 40 -> charged; left 0" },
    { "a price of nothing fits an empty budget",
      "limit 0; ask ann - a 0 -> charged; ask ann - b 1 -> over_budget" },
    { "a quota refuses though the dataset has budget, and all stay as they are",
      "limit 100; quota 10; ask ann - a 11 -> over_budget; spent 0;"
      "ask ann - a 10 -> charged; ask ann - b 1 -> over_budget;"
      "ask bob - b 1 -> charged; spent 11" },
    { "a dataset refuses though the quota has budget",
      "limit 10; quota 100; ask ann - a 11 -> over_budget; lifetime ann 0" },
    { "a window begins anew, the lifetime goes on",
      "limit 100; window 10 3600; ask ann - a 10 -> charged;"
      "ask ann - b 1 -> over_budget; sleep 3600; ask ann - b 10 -> charged;"
      "spent 20; ask ann - c 1 -> over_budget" },
    { "a void in a later window goes back to the window it came from",
      "limit 100; window 10 3600; ask ann - a 10 -> charged; sleep 3600;"
      "ask ann - b 10 -> charged; void 1 -> ok; spent 10;"
      "ask ann - c 1 -> over_budget" },
    { "a lowered limit leaves nothing and takes nothing",
      "limit 100; ask ann - a 60 -> charged; limit 50 2;"
      "ask ann - b 1 -> over_budget; spent 60; left 0; limit 61 3;"
      "ask ann - b 1 -> charged; left 0" },
    { "an older policy cannot raise the limit again",
      "limit 50 2; ask ann - a 1 -> charged; limit 100 1;"
      "ask ann - b 50 -> over_budget; ask ann - b 49 -> charged" },
    { "an older policy's lower limit still holds for its own query",
      "limit 50 2; ask ann - a 1 -> charged; limit 10 1;"
      "ask ann - b 10 -> over_budget; ask ann - b 9 -> charged" },
    { "a limit lowered while a charge is open lets its void through",
      "limit 100; ask ann - a 60 -> charged; limit 50 2;"
      "ask ann - b 1 -> over_budget; void 1 -> ok; spent 0;"
      "ask ann - b 50 -> charged" },

    { "the same key and request give the stored answer",
      "limit 100; ask ann k r 30 -> charged; answer 1 x -> ok;"
      "ask ann k r 30 -> =x; find ann k r -> =x; spent 30" },
    { "the same key while it runs is in flight",
      "limit 100; ask ann k r 30 -> charged; ask ann k r 30 -> in_flight;"
      "find ann k r -> in_flight; spent 30" },
    { "the same key with another request is a conflict",
      "limit 100; ask ann k r 30 -> charged; ask ann k s 30 -> conflict;"
      "find ann k s -> conflict; answer 1 x -> ok; ask ann k s 30 -> conflict;"
      "find ann k r -> =x; find ann k s -> conflict; spent 30" },
    { "a key belongs to its principal",
      "limit 100; ask ann k r 30 -> charged; find bob k r -> unknown;"
      "ask bob k s 30 -> charged; spent 60" },
    { "an unknown key is unknown",
      "limit 100; find ann k r -> unknown; find ann - r -> unknown" },
    { "the price is pinned by the first charge",
      "limit 100; ask ann k r 30 -> charged; sleep 10;"
      "ask ann k r 99 -> charged; spent 30" },
    { "an expired answer is never run again",
      "limit 100; keep 5; ask ann k r 30 -> charged; answer 1 x -> ok;"
      "sleep 4; ask ann k r 30 -> =x; sleep 1; ask ann k r 30 -> expired;"
      "find ann k r -> expired; spent 30" },
    { "a voided charge frees its key for the same request alone",
      "limit 100; ask ann k r 30 -> charged; void 1 -> ok; spent 0;"
      "find ann k r -> unknown; ask ann k s 30 -> conflict;"
      "ask ann k r 30 -> charged; spent 30" },

    { "an equal release is free for everyone while it is young",
      "limit 100; reuse 100; ask ann - r 30 -> charged; answer 1 x -> ok;"
      "ask bob - r 30 -> =x; ask bob k r 30 -> =x; sleep 101;"
      "ask bob - r 30 -> charged; ask bob k r 30 -> =x; spent 60" },
    { "without reuse an equal release is charged again",
      "limit 100; ask ann - r 30 -> charged; answer 1 x -> ok;"
      "ask ann - r 30 -> charged; spent 60" },
    { "reuse ends when the answer expires",
      "limit 100; reuse 100; keep 5; ask ann - r 30 -> charged;"
      "answer 1 x -> ok; sleep 5; ask bob - r 30 -> charged" },
    { "equal releases at one time share one charge",
      "limit 100; reuse 100; ask ann - r 30 -> charged;"
      "ask bob k r 30 -> in_flight; find bob k r -> unknown;"
      "answer 1 x -> ok; ask bob k r 30 -> =x; spent 30" },
    { "a shared charge that is void leaves the other to pay",
      "limit 100; reuse 100; ask ann - r 30 -> charged;"
      "ask bob k r 30 -> in_flight; void 1 -> ok;"
      "ask bob k r 30 -> charged; spent 30" },
    { "a miss is not an answer to share",
      "limit 100; reuse 100; ask ann - r 30 -> charged; miss 1 -> ok;"
      "ask bob - r 30 -> charged; spent 60" },
    { "a full budget still serves what is stored",
      "limit 30; reuse 100; ask ann - r 30 -> charged; answer 1 x -> ok;"
      "ask bob - s 1 -> over_budget; ask bob - r 30 -> =x" },

    { "a lapsed lease is taken over by the same key, same charge",
      "limit 100; ask ann k r 30 -> charged; sleep 9;"
      "ask ann k r 30 -> in_flight; sleep 1; find ann k r -> unknown;"
      "ask ann k r 30 -> charged; spent 30; answer 2 y -> ok;"
      "answer 1 x -> =y; find ann k r -> =y" },
    { "the run before cannot resolve a charge that was taken over",
      "limit 100; ask ann k r 30 -> charged; sleep 10;"
      "ask ann k r 30 -> charged; answer 1 x -> unavailable;"
      "miss 1 -> unavailable; void 1 -> unavailable; answer 2 y -> ok" },
    { "a lapsed lease that nobody took still stores its answer",
      "limit 100; ask ann k r 30 -> charged; sleep 60; answer 1 x -> ok;"
      "ask ann k r 30 -> =x" },
    { "after three runs the charge closes as a miss",
      "limit 100; ask ann k r 30 -> charged; sleep 10;"
      "ask ann k r 30 -> charged; sleep 10; ask ann k r 30 -> charged;"
      "sleep 10; ask ann k r 30 -> miss; ask ann k r 30 -> miss;"
      "answer 3 x -> miss; spent 30" },
    { "a client without keys adopts its own lapsed charge",
      "limit 100; ask ann - r 30 -> charged; sleep 10;"
      "ask bob - r 30 -> charged; ask ann - r 30 -> charged; spent 60;"
      "answer 1 x -> unavailable; answer 3 y -> ok" },
    { "a client without keys pays again while its charge is held",
      "limit 100; ask ann - r 30 -> charged; ask ann - r 30 -> charged;"
      "spent 60" },

    { "one answer per charge for ever",
      "limit 100; ask ann k r 30 -> charged; answer 1 x -> ok;"
      "answer 1 y -> =x; find ann k r -> =x" },
    { "an answered charge can be neither missed nor void",
      "limit 100; ask ann k r 30 -> charged; answer 1 x -> ok;"
      "miss 1 -> unavailable; void 1 -> unavailable; spent 30" },
    { "a miss stays charged and its key says so",
      "limit 100; ask ann k r 30 -> charged; miss 1 -> ok; miss 1 -> ok;"
      "ask ann k r 30 -> miss; find ann k r -> miss; answer 1 x -> miss;"
      "void 1 -> unavailable; spent 30" },
    { "a void is resolved once",
      "limit 100; ask ann - r 30 -> charged; void 1 -> ok;"
      "void 1 -> unavailable; miss 1 -> unavailable;"
      "answer 1 x -> unavailable; spent 0" },
    { "a run that took over cannot void",
      "limit 100; ask ann k r 30 -> charged; sleep 10;"
      "ask ann k r 30 -> charged; void 2 -> unavailable; spent 30" },

    { "three misses a day stop a principal until the next day",
      "limit 100; ask ann - a 1 -> charged; ask ann - b 1 -> charged;"
      "ask ann - c 1 -> charged; miss 1 -> ok; miss 2 -> ok;"
      "ask ann - d 1 -> charged; miss 3 -> ok; ask ann - e 1 -> "
      "too_many_misses;"
      "ask bob - e 1 -> charged; sleep 86400; ask ann - e 1 -> charged" },
    { "eight misses stop the dataset until a steward acts",
      "limit 100; ask ann - a 1 -> charged; miss 1 -> ok;"
      "ask ann - a 1 -> charged; miss 2 -> ok; ask ann - a 1 -> charged;"
      "miss 3 -> ok; ask bob - a 1 -> charged; miss 4 -> ok;"
      "ask bob - a 1 -> charged; miss 5 -> ok; ask bob - a 1 -> charged;"
      "miss 6 -> ok; ask eve - a 1 -> charged; miss 7 -> ok;"
      "ask eve - a 1 -> charged; miss 8 -> ok; ask joe - a 1 -> "
      "too_many_misses;"
      "sleep 864000; ask joe - a 1 -> too_many_misses; spent 8" },
    { "a lift lets a dataset and its principals go on, and counts anew",
      "limit 100; lift -> invalid; ask ann - a 1 -> charged; miss 1 -> ok;"
      "ask ann - a 1 -> charged; miss 2 -> ok; ask ann - a 1 -> charged;"
      "miss 3 -> ok; counted 3; ask ann - b 1 -> too_many_misses; lift -> 3;"
      "lift -> invalid; counted 0; ask ann - b 1 -> charged; sleep 1;"
      "miss 4 -> ok; counted 1; restart -> 0; counted 1; spent 4;"
      "ask ann - b 1 -> charged" },
    { "a miss that nobody heard of yet is not lifted",
      "limit 100; ask ann - a 1 -> charged; miss 1 -> ok;"
      "ask ann - a 1 -> charged; slot 5; miss 2 -> ok; lift -> 1; counted 0;"
      "sleep 5; counted 1" },
    { "a stored answer is served past the misses",
      "limit 100; reuse 1000; ask ann k r 1 -> charged; answer 1 x -> ok;"
      "ask ann - a 1 -> charged; miss 2 -> ok; ask ann - b 1 -> charged;"
      "miss 3 -> ok; ask ann - c 1 -> charged; miss 4 -> ok;"
      "ask ann - d 1 -> too_many_misses; ask ann k r 1 -> =x; ask ann - r 1 -> "
      "=x" },

    { "an answer shows when it leaves, not when it is found",
      "limit 100; ask ann k r 30 -> charged; shown open; slot 2;"
      "answer 1 x -> ok; shown open; spent 30; sleep 1; shown open;"
      "ask ann k r 30 -> =x; restart -> 0; shown open; sleep 1;"
      "shown answered" },
    { "so does a miss, to everyone whom it stops",
      "limit 100; ask ann - a 1 -> charged; miss 1 -> ok; shown miss;"
      "ask ann - b 1 -> charged; miss 2 -> ok; ask ann - c 1 -> charged;"
      "slot 2; miss 3 -> ok; shown open; ask ann - d 1 -> charged; sleep 2;"
      "ask ann - e 1 -> too_many_misses" },
    { "a clock set back loses no charge, no answer and no limit",
      "limit 100; window 30 3600; ask ann k r 30 -> charged; back 7200;"
      "spent 30; ask ann k r 30 -> in_flight; ask ann - s 71 -> over_budget;"
      "answer 1 x -> ok; ask ann k r 30 -> =x; ask ann k s 30 -> conflict;"
      "restart -> 0; spent 30; ask ann - s 30 -> charged; sleep 7200;"
      "ask ann - t 1 -> over_budget; ask ann k r 30 -> =x; spent 60" },
    { "a clock set back shows an end later, never sooner",
      "limit 100; slot 2; ask ann k r 30 -> charged; answer 1 x -> ok;"
      "sleep 2; shown answered; back 60; shown open; ask ann k r 30 -> =x;"
      "sleep 60; shown answered" },
    { "keys for what is free are bounded by caller and hour",
      "limit 100; reuse 10000; freely 2; restart -> 0; ask ann k r 1 -> "
      "charged;"
      "answer 1 x -> ok; ask ann a r 1 -> =x; ask ann b r 1 -> =x;"
      "ask ann c r 1 -> limit; ask ann a r 1 -> =x; ask ann - r 1 -> =x;"
      "ask bob c r 1 -> =x; ask ann d s 1 -> charged; sleep 3600;"
      "ask ann c r 1 -> =x" },
    { "what was void shows at once",
      "limit 100; slot 2; ask ann - a 1 -> charged; void 1 -> ok; shown void" },
    { "the age of an answer counts from when it left",
      "limit 100; reuse 10; ask ann - r 30 -> charged; slot 5;"
      "answer 1 x -> ok; sleep 14; ask bob - r 30 -> =x; sleep 2;"
      "ask bob - r 30 -> charged" },

    { "an open charge is spent after a restart",
      "limit 100; ask ann k r 30 -> charged; restart -> 1; spent 30;"
      "void 1 -> unavailable; spent 30; ask ann k r 30 -> charged; spent 30;"
      "answer 2 x -> ok; spent 30; restart -> 0; ask ann k r 30 -> =x" },
    { "the run before a restart may answer if none took over",
      "limit 100; ask ann k r 30 -> charged; restart -> 1; answer 1 x -> ok;"
      "find ann k r -> =x; spent 30" },
    { "three crashes of one query make a miss",
      "limit 100; ask ann k r 30 -> charged; restart -> 1;"
      "ask ann k r 30 -> charged; restart -> 1; ask ann k r 30 -> charged;"
      "restart -> 1; ask ann k r 30 -> miss; restart -> 0; spent 30" },
    { "answers, keys and misses outlive restarts",
      "limit 100; ask ann k r 30 -> charged; answer 1 x -> ok;"
      "ask ann m s 30 -> charged; miss 2 -> ok; restart -> 0;"
      "ask ann k r 30 -> =x; ask ann k s 30 -> conflict;"
      "ask ann m s 30 -> miss; spent 60; left 40" },

    { "waiting for nothing is charging",
      "limit 100; hurry ann k r 30 -> charged; answer 1 x -> ok;"
      "hurry ann k r 30 -> =x" },
    { "waiting for a charge that nobody resolves ends at the deadline",
      "limit 100; ask ann k r 30 -> charged; hurry ann k r 30 -> deadline" },
    { "an empty answer is an answer",
      "limit 100; ask ann k r 30 -> charged; answer 1 . -> ok;"
      "ask ann k r 30 -> =" },
};

enum { RUNS_CAP = 32, ARENA_CAP = 1 << 20, NS_PER_MS = 1000000 };
#define START_US (INT64_C(1760000400) * 1000000) /* on the hour */
#define LEASE_NS (UINT64_C(10) * 1000000000)

struct world {
    struct ledger *ledger;
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    struct ledger_run runs[RUNS_CAP];
    size_t n_runs;
    uint64_t limit, version, quota, window, window_s, reuse_s, keep_s, slot_s,
        freely;
    const char *step; /* for messages */
};

static uint64_t world_open(struct world *w)
{
    struct err err;
    uint64_t found = 0;
    const struct ledger_options o = { .path = w->dir.path,
                                      .own_clock = true,
                                      .clock = &w->clock.clock,
                                      .lease_ns = LEASE_NS,
                                      .free_keys = (uint32_t)w->freely };
    if (ledger_open(&w->ledger, &o, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return found;
}

static void world_args(const struct world *w, struct charge *c, const char *who,
                       const char *key, const char *release, uint64_t price)
{
    charge_init(c, who, strcmp(key, "-") == 0 ? "" : key, release, price,
                w->limit);
    if (w->quota)
        charge_add_quota(c, w->quota, 0);
    if (w->window)
        charge_add_quota(c, w->window, w->window_s);
    c->args.policy_version = w->version;
    c->args.reuse_for_s = w->reuse_s;
    c->args.keep_s = w->keep_s;
}

/* The outcome in the script's words. */
static const char *outcome(struct world *w, enum err_code code,
                           const struct ledger_run *run)
{
    if (code != ERR_OK)
        return err_info_of(code)->name;
    if (run->verdict == LEDGER_CHARGED) {
        assert_true(w->n_runs < RUNS_CAP);
        w->runs[w->n_runs++] = *run;
        return "charged";
    }
    if (run->verdict == LEDGER_ANSWERED)
        return arena_printf(&w->arena, "=%.*s", (int)run->answer_len,
                            (const char *)run->answer);
    return run->verdict == LEDGER_IN_FLIGHT ? "in_flight" : "unknown";
}

static const char *do_ask(struct world *w, bool waits, char **word)
{
    struct charge c;
    struct ledger_run run = { 0 };
    struct err err;
    world_args(w, &c, word[1], word[2], word[3], strtoull(word[4], NULL, 10));
    const uint64_t deadline_ns =
        clock_mono_ns(&w->clock.clock) + 50 * NS_PER_MS;
    const enum err_code code =
        waits ? ledger_wait(w->ledger, &run, &c.args, deadline_ns, &w->arena,
                            &err)
              : ledger_charge(w->ledger, &run, &c.args, &w->arena, &err);
    return outcome(w, code, &run);
}

static const char *do_find(struct world *w, char **word)
{
    struct charge c;
    struct ledger_run run = { 0 };
    struct err err;
    world_args(w, &c, word[1], word[2], word[3], 0);
    return outcome(w,
                   ledger_find(w->ledger, &run, word[1], c.args.idempotency_key,
                               c.args.request_hash, &w->arena, &err),
                   &run);
}

static int64_t release_us(const struct world *w)
{
    return w->slot_s ? w->clock.wall_us + (int64_t)w->slot_s * 1000000 : 0;
}

static const char *do_answer(struct world *w, const struct ledger_run *run,
                             const char *text)
{
    struct err err;
    const uint8_t *answer = (const uint8_t *)text;
    size_t len = strcmp(text, ".") == 0 ? 0 : strlen(text);
    const enum err_code code =
        ledger_answer(w->ledger, run->id, run->fence, release_us(w), &answer,
                      &len, &w->arena, &err);
    if (code != ERR_OK)
        return err_info_of(code)->name;
    return answer == (const uint8_t *)text
               ? "ok"
               : arena_printf(&w->arena, "=%.*s", (int)len,
                              (const char *)answer);
}

static const char *do_resolve(struct world *w, char **word)
{
    struct err err;
    const size_t n = strtoul(word[1], NULL, 10);
    assert_true(n >= 1 && n <= w->n_runs);
    const struct ledger_run *run = &w->runs[n - 1];
    if (strcmp(word[0], "answer") == 0)
        return do_answer(w, run, word[2]);
    return err_info_of(strcmp(word[0], "miss") == 0
                           ? ledger_miss(w->ledger, run->id, run->fence,
                                         release_us(w), &err)
                           : ledger_void(w->ledger, run->id, run->fence, &err))
        ->name;
}

static const char *number(struct world *w, uint64_t n)
{
    return arena_printf(&w->arena, "%" PRIu64, n);
}

static const char *do_balance(struct world *w, char **word)
{
    struct charge c;
    struct ledger_balance balance;
    struct err err;
    const bool of_quota = strcmp(word[0], "lifetime") == 0;
    world_args(w, &c, of_quota ? word[1] : "ann", "-", "r", 0);
    assert_int_equal(ledger_balance(w->ledger, &balance,
                                    &c.accounts[of_quota ? 1 : 0], &err),
                     ERR_OK);
    assert_true(dp_price_fits(balance.spent, balance.lifetime));
    return number(w, strcmp(word[0], "left") == 0 ? balance.left.rho_pico
                                                  : balance.lifetime.rho_pico);
}

static const char *do_shown(struct world *w)
{
    struct ledger_row *rows_of_page;
    const char *next;
    struct err err;
    size_t n;
    assert_int_equal(ledger_list(w->ledger, &rows_of_page, &n, &next, "shop",
                                 NULL, "", 1, false, &w->arena, &err),
                     ERR_OK);
    assert_int_equal(n, 1);
    return ledger_state_name(rows_of_page[0].state);
}

static const char *do_misses(struct world *w, bool lifts)
{
    struct err err;
    struct ledger_misses m;
    uint64_t lifted;
    if (lifts) {
        const enum err_code code =
            ledger_lift(w->ledger, &lifted, "shop", "sue", "mended", &err);
        return code == ERR_OK ? number(w, lifted) : err_info_of(code)->name;
    }
    assert_int_equal(ledger_misses(w->ledger, &m, "shop", &w->arena, &err),
                     ERR_OK);
    uint64_t today = 0;
    for (size_t i = 0; i < m.n_today; i++)
        today += m.today[i].n;
    assert_int_equal(today, m.counted); /* no row counts over midnight */
    for (size_t i = 0; i < m.n_lifts; i++) {
        assert_string_equal(m.lifts[i].principal, "sue");
        assert_string_equal(m.lifts[i].reason, "mended");
        assert_true(m.lifts[i].lifted > 0);
    }
    assert_true(m.lifetime >= m.counted);
    return number(w, m.counted);
}

/* Settings have no outcome. */
static bool do_setting(struct world *w, char **word)
{
    const uint64_t n = strtoull(word[1] ? word[1] : "0", NULL, 10);
    const uint64_t m = strtoull(word[1] && word[2] ? word[2] : "1", NULL, 10);
    if (strcmp(word[0], "limit") == 0) {
        w->limit = n;
        w->version = m;
    } else if (strcmp(word[0], "window") == 0) {
        w->window = n;
        w->window_s = m;
    } else if (strcmp(word[0], "quota") == 0)
        w->quota = n;
    else if (strcmp(word[0], "reuse") == 0)
        w->reuse_s = n;
    else if (strcmp(word[0], "keep") == 0)
        w->keep_s = n;
    else if (strcmp(word[0], "freely") == 0)
        w->freely = n;
    else if (strcmp(word[0], "slot") == 0)
        w->slot_s = n;
    else if (strcmp(word[0], "back") == 0)
        atomic_fetch_sub(&w->clock.wall_us, (int64_t)n * 1000000);
    else if (strcmp(word[0], "sleep") == 0)
        atomic_fetch_add(&w->clock.wall_us, (int64_t)n * 1000000);
    else
        return false;
    return true;
}

static const char *do_restart(struct world *w)
{
    ledger_close(w->ledger);
    return number(w, world_open(w));
}

static const char *do_step(struct world *w, char **word)
{
    const char *verb = word[0];
    if (strcmp(verb, "ask") == 0 || strcmp(verb, "hurry") == 0)
        return do_ask(w, verb[0] == 'h', word);
    if (strcmp(verb, "find") == 0)
        return do_find(w, word);
    if (strcmp(verb, "shown") == 0)
        return do_shown(w);
    if (strcmp(verb, "restart") == 0)
        return do_restart(w);
    if (strcmp(verb, "lift") == 0 || strcmp(verb, "counted") == 0)
        return do_misses(w, verb[0] == 'l');
    if (strcmp(verb, "spent") == 0 || strcmp(verb, "left") == 0 ||
        strcmp(verb, "lifetime") == 0)
        return do_balance(w, word);
    return do_resolve(w, word);
}

/* "VERB WORDS -> WANTED"; for a balance the last word is what is wanted. */
static void play(struct world *w, char *step)
{
    enum { WORDS = 8 };
    char *word[WORDS] = { NULL }, *rest = NULL;
    size_t n = 0;
    for (char *t = strtok_r(step, " ", &rest); t && n < WORDS - 1;
         t = strtok_r(NULL, " ", &rest))
        word[n++] = t;
    if (n == 0 || do_setting(w, word))
        return;
    const char *got = do_step(w, word);
    if (strcmp(got, word[n - 1]) != 0)
        fail_msg("in '%s': got %s, want %s", w->step, got, word[n - 1]);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct world w = { .keep_s = 100000, .version = 1 };
    ledger_dir_init(&w.dir);
    fake_clock_init(&w.clock, START_US);
    arena_init(&w.arena, ARENA_CAP);
    (void)world_open(&w);

    char *script = strdup(row->script), *rest = NULL;
    for (char *s = strtok_r(script, ";", &rest); s;
         s = strtok_r(NULL, ";", &rest)) {
        w.step = arena_strdup(&w.arena, s);
        play(&w, s);
        if (w.dir.path[0] == '/') /* of a database it takes its time */
            assert_true(ledger_verifies(w.dir.path));
    }
    free(script);
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

/* The same in a file and in a database. */
int main(void)
{
    const int in_file = RUN_ROWS(rows, check_row);
    ledger_dirs_in_postgres(true);
    return in_file | RUN_ROWS(rows, check_row);
}
