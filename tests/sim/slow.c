#include "tests/sim/slow.h"

#include "server/ledger/ledger.h"
#include "tests/wrap.h"

/* Microseconds. */
#define MS UINT64_C(1000)
#define S  (1000 * MS)

static struct slow {
    struct baton *baton;
    bool loser, is_healed;
    struct slow_engine {
        struct engine base;
        struct engine *inner; /* owned */
    } engine;
} slow;

void slow_begin(struct baton *b, bool loser)
{
    slow = (struct slow){ .baton = b, .loser = loser };
}

void slow_heal(void)
{
    slow.is_healed = true;
}

/* ---- ledgers ---- */

WRAPPED(ledger_answer);

/* As server/ledger/committer.h, whose room has names of its own. */
struct committer;
struct work;
extern enum err_code __real_committer_run(struct committer *c, struct work *w);
extern enum err_code __wrap_committer_run(struct committer *c, struct work *w);
extern void __wrap_committer_listen(struct committer *c, uint64_t rung,
                                    uint64_t wait_ns);

/* Others may be first at each transaction. */
enum err_code __wrap_committer_run(struct committer *c, struct work *w)
{
    baton_pause(slow.baton, baton_pick(slow.baton, 20 * MS));
    return __real_committer_run(c, w);
}

void __wrap_committer_listen(struct committer *c, uint64_t rung,
                             uint64_t wait_ns)
{
    const uint64_t most = 500 * MS, wait_us = wait_ns / 1000 + 1;
    (void)c, (void)rung;
    baton_pause(slow.baton, wait_us < most ? wait_us : most);
}

enum err_code __wrap_ledger_answer(struct ledger *l, struct ledger_id id,
                                   uint64_t fence, int64_t release_us,
                                   const uint8_t **answer, size_t *len,
                                   struct arena *a, struct err *err)
{
    const uint8_t *mine = *answer;
    const size_t mine_len = *len;
    const enum err_code code =
        __real_ledger_answer(l, id, fence, release_us, answer, len, a, err);
    if (slow.loser && (code == ERR_OK || code == ERR_UNAVAILABLE)) {
        *answer = mine;
        *len = mine_len;
        return ERR_OK;
    }
    return code;
}

/* ---- engines ---- */

static enum err_code run_slowly(struct engine *e, struct engine_result *out,
                                const struct plan *plan,
                                const uint8_t secret[32],
                                const atomic_int *stop, struct arena *a,
                                struct err *err)
{
    struct engine *inner = ((struct slow_engine *)e)->inner;
    const bool is_slow = !slow.is_healed && baton_chance(slow.baton, 4);
    baton_pause(slow.baton,
                baton_pick(slow.baton, is_slow ? 25 * S : 100 * MS));
    if (!slow.is_healed && baton_chance(slow.baton, 20))
        return err_set(err, ERR_MISS, "the engine failed");
    return inner->ops->run(inner, out, plan, secret, stop, a, err);
}

static void close_slow(struct engine *e)
{
    engine_close(((struct slow_engine *)e)->inner);
}

struct engine *slow_engine(struct engine *inner)
{
    static const struct engine_ops ops = { .run = run_slowly,
                                           .close = close_slow };
    slow.engine = (struct slow_engine){ { &ops }, inner };
    return &slow.engine.base;
}
