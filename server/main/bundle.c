#include "server/main/bundle.h"

#include <string.h>

#include "server/base/log.h"
#include "server/ledger/bundle.h"
#include "server/main/cap.h"
#include "server/main/execute.h"
#include "server/main/leave.h"
#include "server/main/service_charge.h"
#include "server/main/slot.h"
#include "server/query/lifecycle.h"

enum { TRIES = 64 }; /* looks that somebody else made stale */

/* One bundle on its way. */
struct run {
    struct bundle *b;
    struct service_call *call;
    const struct policy *policy;
    struct reply_table *tables;
    struct executed *executed; /* of each item */
    bool failed;               /* some piece did */
    uint64_t began_ns;         /* when the first was run (monotonic) */
    int64_t slot_ns;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

/* ---- charge ---- */

static enum err_code pieces_of(struct ledger_piece **out,
                               const struct bundle *b, uint64_t keep_s,
                               struct err *err)
{
    const struct policy *p = b->dataset->policy;
    struct ledger_piece *pieces =
        ARENA_NEW_N(b->arena, b->n_fresh, struct ledger_piece);
    if (!pieces)
        return full(err);
    for (size_t i = 0; i < b->n; i++) {
        const struct bundle_item *item = &b->items[i];
        if (!item->fresh)
            continue;
        const struct plan_series *s = item->fresh->series;
        struct ledger_piece *piece = &pieces[item->place];
        *piece = (struct ledger_piece){
            .want = { .release_hash = item->fresh->release_hash },
            .keep_s = s && p->closed_for_s > keep_s ? p->closed_for_s : keep_s,
            .what = item->what,
            .what_len = item->what_len,
        };
        if (s) {
            piece->want.series_hash = s->hash;
            piece->want.from_us = s->from_us;
            piece->want.to_us = s->to_us;
        }
    }
    *out = pieces;
    return ERR_OK;
}

/* What the key was answered with before: the same again. */
static enum err_code serve_again(struct run *run, struct err *err)
{
    struct bundle *b = run->b;
    struct answer *list;
    size_t n = 1;
    if (b->call->req->op == REQUEST_BATCH) {
        TRY(answers_read(&list, &n, b->charge.answer, b->charge.answer_len,
                         b->arena, err));
    } else {
        list = ARENA_NEW(b->arena, struct answer);
        if (!list)
            return full(err);
        TRY(answer_read(list, b->charge.answer, b->charge.answer_len, b->arena,
                        err));
    }
    if (n != b->n)
        return err_set(err, ERR_INTERNAL,
                       "the stored answer is of another shape");
    for (size_t i = 0; i < n; i++)
        run->tables[i] = list[i].table;
    leave_as_first(run->call, run->policy, list[0].table.release_slot_ns);
    return ERR_OK;
}

/* Of the questions that this charge pays something of. */
static enum err_code count_segments(struct ledger_charge_args *args,
                                    struct cap *cap, const struct run *run,
                                    struct err *err)
{
    const struct bundle *b = run->b;
    const struct segments **all =
        ARENA_NEW_N(b->arena, b->n, const struct segments *);
    for (size_t i = 0; all && i < b->n; i++)
        all[i] = b->items[i].fresh ? b->items[i].question.segments : NULL;
    return all ? cap_charge(args, cap, all, b->n, run->call, run->policy,
                            b->arena, err)
               : err_set(err, ERR_LIMIT, "the request needs too much memory");
}

/* One attempt; *done when it is decided. */
static enum err_code try_charge(struct run *run, bool *done, struct err *err)
{
    struct bundle *b = run->b;
    struct ledger_charge_args args;
    struct ledger_piece *pieces = NULL;
    TRY(service_charge_args(&args, run->call, run->policy, b->hash, b->price,
                            b->arena, err));
    struct cap cap;
    TRY(count_segments(&args, &cap, run, err));
    TRY(pieces_of(&pieces, b, args.keep_s, err));
    /* A client that went before the charge pays nothing. */
    if (atomic_load(run->call->gone))
        return err_set(err, ERR_CANCELLED, "the caller cancelled");
    enum err_code code;
    for (;;) { /* while another run holds the charge of our key */
        code = ledger_charge_bundle(run->call->service->ledger, &b->charge,
                                    &args, pieces, b->n_fresh, b->newest,
                                    &b->rung, b->arena, err);
        if (code != ERR_OK || b->charge.verdict != LEDGER_IN_FLIGHT)
            break;
        TRY(ledger_listen(run->call->service->ledger, b->rung,
                          b->charge.lease_left_us, run->call->req->deadline_ns,
                          err));
    }
    if (code == ERR_MISS) /* of another run, maybe of just now */
        (void)leave_at_slot(run->call, run->policy, 0);
    if (code != ERR_OK)
        return code;
    if (b->charge.verdict == LEDGER_CAPPED)
        return cap_refuse(&cap, &b->charge, run->policy, err);
    b->is_charged = b->charge.verdict == LEDGER_CHARGED;
    *done = b->charge.verdict == LEDGER_ANSWERED ||
            (b->is_charged && b->charge.fence == 1);
    return ERR_OK;
}

/* A charge that cannot be gone on with closes, and counts. */
static enum err_code give_up(struct run *run, struct err *err)
{
    struct err ignored;
    struct bundle *b = run->b;
    const enum err_code closed =
        ledger_miss(run->call->service->ledger, b->charge.id, b->charge.fence,
                    leave_wall_us(run->call), &ignored);
    (void)closed;
    return err->code;
}

static void log_charged(const struct run *run)
{
    const struct ledger_hex id = ledger_id_hex(run->b->charge.id);
    log_event(LOG_QUERY_CHARGED,
              (struct log_fields){ .query = id.text,
                                   .principal = run->call->who->name,
                                   .dataset = run->policy->name });
}

/* Look, and charge what is missing, until nobody was faster. */
static enum err_code stage_charge(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    struct bundle *b = run->b;
    bool done = false;
    for (int i = 0; i < TRIES && !done; i++) {
        if (bundle_cover(b, err) != ERR_OK)
            return b->is_charged ? give_up(run, err) : err->code;
        done = b->is_charged || b->n_fresh == 0;
        if (!done && b->in_flight) {
            TRY(bundle_wait(b, err));
            continue;
        }
        if (!done)
            TRY(try_charge(run, &done, err));
    }
    if (!done) {
        (void)err_set(err, ERR_UNAVAILABLE,
                      "others ask the same; nothing was charged");
        return err_hint(err, "retry in a moment, with the same key");
    }
    if (!b->is_charged && b->charge.verdict == LEDGER_ANSWERED &&
        b->n_fresh > 0) {
        lifecycle_skip(q, QUERY_REPLIED);
        return serve_again(run, err);
    }
    if (b->is_charged)
        log_charged(run);
    return ERR_OK;
}

/* ---- run ---- */

/* Pieces in turn, up to the first that fails: one visible bit, which does not
 * tell which of them it was. */
static enum err_code stage_execute(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    struct bundle *b = run->b;
    if (b->n_fresh == 0)
        return ERR_OK;
    run->executed = ARENA_NEW_N(b->arena, b->n, struct executed);
    run->failed = !run->executed;
    run->began_ns = clock_mono_ns(run->call->service->clock);
    execute_limit(run->call, run->policy);
    for (size_t i = 0; !run->failed && i < b->n; i++) {
        const struct bundle_item *item = &b->items[i];
        run->failed = item->fresh && !item->is_made &&
                      execute_run(&run->executed[i], run->call, b->dataset,
                                  item->fresh, b->arena, err) != ERR_OK;
    }
    return ERR_OK;
}

/* The release as others will find it. */
static enum err_code fill_made(struct run *run, struct bundle_item *item,
                               const struct plan_noisy *noisy, struct err *err)
{
    const struct plan *p = item->fresh;
    struct answer *made = item->made;
    *made = (struct answer){
        .principal = run->call->who->name,
        .idempotency_key = "",
        .n_keys = p->n_keys,
        .n_measures = plan_width(p),
        .n_rows = noisy->n_rows,
        .cut = noisy->cut,
        .keys = noisy->keys,
        .measures = noisy->measures,
        .table = { .receipt = { .query_id = "",
                                .dataset = "",
                                .purpose = "",
                                .mechanism = "",
                                .max_groups = p->l0,
                                .max_rows = p->linf } },
    };
    made->noise =
        ARENA_NEW_N(run->b->arena, p->n_measures + 1, struct dp_mechanism);
    if (!made->noise)
        return full(err);
    if (p->series)
        plan_series_store(made, p);
    item->is_made = true;
    return ERR_OK;
}

static enum err_code stage_noise(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    struct bundle *b = run->b;
    for (size_t i = 0; !run->failed && i < b->n; i++) {
        struct bundle_item *item = &b->items[i];
        struct plan_noisy noisy = { 0 };
        run->failed = item->fresh && !item->is_made &&
                      (plan_gather(&noisy, item->fresh, run->executed[i].noisy,
                                   b->arena, err) != ERR_OK ||
                       fill_made(run, item, &noisy, err) != ERR_OK);
    }
    return ERR_OK;
}

/* ---- store ---- */

/* Bytes of the pieces this run made. */
static enum err_code print_pieces(struct ledger_piece_answer **out, size_t *n,
                                  struct run *run, struct err *err)
{
    struct bundle *b = run->b;
    struct ledger_piece_answer *list =
        ARENA_NEW_N(b->arena, b->n + 1, struct ledger_piece_answer);
    *n = 0;
    if (!list)
        return full(err);
    for (size_t i = 0; i < b->n; i++) {
        struct bundle_item *item = &b->items[i];
        if (!item->fresh)
            continue;
        struct ledger_piece_answer *a = &list[*n];
        a->place = item->place;
        item->made->table.release_slot_ns = run->slot_ns;
        TRY(answer_pack(&a->answer, &a->len, item->made, b->arena, err));
        ++*n;
    }
    *out = list;
    return ERR_OK;
}

static enum err_code finish_all(struct run *run, struct err *err)
{
    for (size_t i = 0; i < run->b->n; i++) {
        TRY(bundle_finish(&run->tables[i], run->b, i, err));
        run->tables[i].release_slot_ns = run->slot_ns;
    }
    return ERR_OK;
}

/* What the key will be answered with again. */
static enum err_code print_whole(const uint8_t **bytes, size_t *len,
                                 struct run *run, struct err *err)
{
    const struct request *req = run->call->req;
    struct bundle *b = run->b;
    struct answer *list = ARENA_NEW_N(b->arena, b->n, struct answer);
    if (!list)
        return full(err);
    for (size_t i = 0; i < b->n; i++) {
        list[i] = (struct answer){ .principal = run->call->who->name,
                                   .idempotency_key = req->idempotency_key,
                                   .table = run->tables[i] };
        memcpy(list[i].request_hash, req->hash, sizeof list[i].request_hash);
        if (!list[i].table.receipt.query_id)
            list[i].table.receipt = (struct reply_receipt){
                .query_id = "", .dataset = "", .purpose = "", .mechanism = ""
            };
    }
    return req->op == REQUEST_BATCH
               ? answers_pack(bytes, len, list, b->n, b->arena, err)
               : answer_pack(bytes, len, &list[0], b->arena, err);
}

/* A later run is at it: what that stores is the answer. */
static enum err_code store(struct run *run,
                           const struct ledger_piece_answer *pieces, size_t n,
                           const uint8_t **bytes, size_t *len, struct err *err)
{
    struct ledger *l = run->call->service->ledger;
    struct bundle *b = run->b;
    enum err_code code;
    while ((code = ledger_answer_bundle(
                l, b->charge.id, b->charge.fence, leave_wall_us(run->call),
                pieces, n, bytes, len, b->arena, err)) == ERR_UNAVAILABLE)
        TRY(ledger_wait_later(l, b->charge.id, b->charge.fence,
                              run->call->req->deadline_ns, err));
    return code;
}

static enum err_code store_whole(struct run *run,
                                 const struct ledger_piece_answer *pieces,
                                 size_t n, const uint8_t *bytes, size_t len,
                                 struct err *err)
{
    struct bundle *b = run->b;
    const uint8_t *mine = bytes;
    TRY(store(run, pieces, n, &bytes, &len, err));
    if (bytes == mine)
        return ERR_OK;
    /* Another run was first: its answer is the answer, ours is forgotten. */
    b->charge.answer = bytes;
    b->charge.answer_len = len;
    return serve_again(run, err);
}

/* When a run leaves that used up the engine's time: one that failed leaves
 * then, too, or else the time would tell at which piece it did.  (Strict mode
 * has one slot for all.) */
static void leave_last(const struct run *run)
{
    const struct policy *p = run->policy;
    const uint64_t most_ns = p->slot_strict_ns > 0 ? 0 : slot_engine_ns(p);
    const uint64_t spent_ns =
        clock_mono_ns(run->call->service->clock) - run->began_ns;
    (void)leave_at_slot(run->call, p,
                        most_ns > spent_ns ? most_ns - spent_ns : 0);
}

/*
 * The charge stays, and there is no answer: one visible bit, counted.  Which of
 * the pieces failed, and how, is never told: none is kept.  Unless the charge
 * is another run's by now: then that this one failed must not be seen, and the
 * caller hears what he would have heard had it not.
 */
static enum err_code stumble(struct run *run, struct err *err)
{
    struct bundle *b = run->b;
    const struct ledger_hex id = ledger_id_hex(b->charge.id);
    static const uint8_t nothing[1];
    struct err ignored;
    bool is_over = false;
    leave_last(run);
    const enum err_code code = ledger_stumble(
        run->call->service->ledger, b->charge.id, b->charge.fence,
        leave_wall_us(run->call), &is_over, &ignored);
    if (code == ERR_UNAVAILABLE) {
        (void)leave_at_slot(run->call, run->policy, LEAVE_STORE_NS);
        return store_whole(run, NULL, 0, nothing, 0, err); /* never stored */
    }
    if (code != ERR_OK)
        is_over = false; /* it stays open, which counts as spent */
    log_event(
        LOG_QUERY_MISS,
        (struct log_fields){ .query = id.text, .dataset = run->policy->name });
    err_set(err, ERR_MISS, "query %s was charged and gave no answer", id.text);
    if (is_over)
        return err_hint(err, "misses are counted; ask the steward when they "
                             "recur");
    return err_hint(err, "ask again with the same idempotency key: it runs "
                         "once more, and nothing more is charged");
}

/* The slot of the slowest of the releases that are read. */
static int64_t slot_of_uses(const struct bundle *b)
{
    int64_t slot_ns = 0;
    for (size_t i = 0; i < b->n; i++)
        for (size_t u = 0; u < b->items[i].n_uses; u++) {
            const int64_t one =
                b->items[i].uses[u].answer->table.release_slot_ns;
            slot_ns = one > slot_ns ? one : slot_ns;
        }
    return slot_ns;
}

static enum err_code stage_store(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    struct bundle *b = run->b;
    struct ledger_piece_answer *pieces = NULL;
    const uint8_t *bytes = NULL;
    size_t n = 0, len = 0;
    if (!b->is_charged) { /* nothing new: as the first time */
        run->slot_ns = slot_of_uses(b);
        TRY(finish_all(run, err));
        leave_as_first(run->call, run->policy, run->slot_ns);
        return ERR_OK;
    }
    run->slot_ns =
        (int64_t)leave_at_slot(run->call, run->policy, LEAVE_STORE_NS);
    if (run->failed || print_pieces(&pieces, &n, run, err) != ERR_OK ||
        finish_all(run, err) != ERR_OK ||
        print_whole(&bytes, &len, run, err) != ERR_OK)
        return stumble(run, err);
    const enum err_code code = store_whole(run, pieces, n, bytes, len, err);
    return code == ERR_LIMIT ? stumble(run, err) : code; /* too little memory */
}

static enum err_code stage_reply(struct lifecycle *q, struct err *err)
{
    struct run *run = q->ctx;
    (void)err;
    if (run->b->is_charged)
        leave_on_time(run->call, run->policy);
    return ERR_OK;
}

/* Planned already. */
static enum err_code stage_planned(struct lifecycle *q, struct err *err)
{
    (void)q, (void)err;
    return ERR_OK;
}

enum err_code bundle_answer(struct bundle *b, struct reply_table *tables,
                            struct err *err)
{
    static lifecycle_stage_fn *const STAGES[QUERY_STAGES] = {
        [QUERY_RECEIVED] = stage_planned, [QUERY_PLANNED] = stage_charge,
        [QUERY_CHARGED] = stage_execute,  [QUERY_EXECUTED] = stage_noise,
        [QUERY_NOISED] = stage_store,     [QUERY_STORED] = stage_reply,
    };
    struct run run = {
        .b = b, .call = b->call, .policy = b->dataset->policy, .tables = tables
    };
    struct lifecycle q = { .stage = STAGES, .ctx = &run };
    return lifecycle_run(&q, err);
}
