#include "server/ledger/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/hex.h"
#include "server/ledger/bundle.h"
#include "server/ledger/committer.h"
#include "server/metrics/metrics.h"

enum { CHECKPOINT_PAGES = 4096, FREE_KEYS = 10000, NS_PER_US = 1000 };
#define POLL_NS     (UINT64_C(50) * 1000000)
#define WAIT_MAX_NS (UINT64_C(3600) * 1000000000)

struct ledger_hex ledger_id_hex(struct ledger_id id)
{
    struct ledger_hex out = { "" };
    hex_print(out.text, id.bytes, sizeof id.bytes);
    return out;
}

bool ledger_id_parse(struct ledger_id *out, const char *hex)
{
    return strlen(hex) == 2 * LEDGER_ID_LEN &&
           hex_parse(out->bytes, sizeof out->bytes, hex);
}

const char *ledger_state_name(enum ledger_state s)
{
    static const char *const NAMES[] = { [LEDGER_OPEN] = "open",
                                         [LEDGER_DONE] = "answered",
                                         [LEDGER_MISSED] = "miss",
                                         [LEDGER_VOIDED] = "void" };
    assert(s <= LEDGER_VOIDED);
    return NAMES[s];
}

static enum err_code open_book(struct ledger *l, const struct ledger_options *o,
                               uint64_t *found, struct err *err)
{
    struct book *b = &l->committer.book;
    b->clock = o->clock;
    b->own_clock = o->own_clock;
    b->lease_us = (int64_t)(o->lease_ns / NS_PER_US);
    b->free_keys = o->free_keys ? o->free_keys : FREE_KEYS;
    TRY(store_open(&b->store, o->path, err));
    b->keys = o->answer_keys;
    b->guard = (struct guard){ .path = o->witness,
                               .cosigner = o->cosigner,
                               .key = o->key };
    TRY(book_boot(b, found, err));
    if (b->store->rc != STORE_OK)
        return err_set(err, ERR_INTERNAL, "ledger %s cannot be used: %s",
                       o->path, b->store->why);
    l->committer.checkpoint_pages =
        o->checkpoint_pages ? o->checkpoint_pages : CHECKPOINT_PAGES;
    committer_init(&l->committer);
    return ERR_OK;
}

enum err_code ledger_open(struct ledger **out, const struct ledger_options *o,
                          uint64_t *found, struct err *err)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, ERR_LIMIT, "out of memory");
    const enum err_code code = open_book(l, o, found, err);
    if (code != ERR_OK) {
        store_close(l->committer.book.store);
        free(l);
        return code;
    }
    *out = l;
    return ERR_OK;
}

/* Of a ledger that is shared; what is left out is found by the others. */
static void end_life(struct book *b)
{
    book_begin(b);
    book_end(b);
    counters_flush(&b->counters, b->store);
    store_commit(b->store);
    if (b->store->rc == STORE_OK)
        journal_keep(&b->journal);
}

/* What the witness is not told now, the next start tells it. */
static void say_goodbye(struct book *b)
{
    struct err err;
    if (b->store->alive_us > 0)
        end_life(b);
    if (guard_tell(&b->guard, &b->journal, &err) != ERR_OK)
        metrics_set(&metrics.witness_failed, 1);
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    committer_fini(&l->committer);
    if (!committer_failed(&l->committer))
        say_goodbye(&l->committer.book);
    counters_forget(&l->committer.book.counters);
    store_close(l->committer.book.store);
    free(l);
}

bool ledger_failed(const struct ledger *l)
{
    return committer_failed(&l->committer);
}

uint64_t ledger_epoch(const struct ledger *l)
{
    return atomic_load(&l->committer.epoch);
}

/*
 * Each call is a work: its arguments, and a function that unpacks them when a
 * leader runs it.  `work` is first, so that one pointer is both.
 */
struct charge_work {
    struct work work;
    struct ledger_run *out;
    const struct ledger_charge_args *args;
    struct arena *a;
};

static enum err_code exec_charge(struct book *b, struct work *w)
{
    struct charge_work *c = (struct charge_work *)w;
    return book_charge(b, c->out, c->args, c->a, w->err);
}

static void ask_charge(struct book *b, const struct work *w)
{
    book_ask_charge(b, ((const struct charge_work *)w)->args);
}

static enum err_code run_charge(struct ledger *l, struct ledger_run *out,
                                const struct ledger_charge_args *args,
                                uint64_t *rung, struct arena *a,
                                struct err *err)
{
    struct charge_work w = {
        { .exec = exec_charge, .ask = ask_charge, .err = err, .is_last = true },
        out,
        args,
        a
    };
    TRY(committer_run(&l->committer, &w.work));
    *rung = w.work.rung;
    return ERR_OK;
}

enum err_code ledger_charge(struct ledger *l, struct ledger_run *out,
                            const struct ledger_charge_args *args,
                            struct arena *a, struct err *err)
{
    uint64_t rung;
    return run_charge(l, out, args, &rung, a, err);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum err_code ledger_listen(struct ledger *l, uint64_t rung,
                            int64_t lease_left_us, uint64_t deadline_ns,
                            struct err *err)
{
    const uint64_t now_ns = clock_mono_ns(l->committer.book.clock);
    if (deadline_ns && now_ns >= deadline_ns) {
        (void)err_set(err, ERR_DEADLINE, "This query is still running.");
        return err_hint(err, "Ask again with the same idempotency key.");
    }
    uint64_t wait_ns = deadline_ns ? deadline_ns - now_ns : WAIT_MAX_NS;
    /* A ledger that is shared is resolved by others, too. */
    if (l->committer.book.store->alive_us > 0)
        wait_ns = min_u64(wait_ns, POLL_NS);
    if (lease_left_us > 0)
        wait_ns = min_u64(wait_ns, (uint64_t)lease_left_us * NS_PER_US);
    committer_listen(&l->committer, rung, min_u64(wait_ns, WAIT_MAX_NS));
    return ERR_OK;
}

enum err_code ledger_wait(struct ledger *l, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          uint64_t deadline_ns, struct arena *a,
                          struct err *err)
{
    for (;;) {
        uint64_t rung;
        TRY(run_charge(l, out, args, &rung, a, err));
        if (out->verdict != LEDGER_IN_FLIGHT)
            return ERR_OK;
        TRY(ledger_listen(l, rung, out->lease_left_us, deadline_ns, err));
    }
}

struct find_work {
    struct work work;
    struct ledger_run *out;
    const char *principal, *key;
    const uint8_t *request_hash;
    struct arena *a;
};

static void ask_find(struct book *b, const struct work *w)
{
    const struct find_work *f = (const struct find_work *)w;
    if (f->key[0])
        store_ask(b->store, SQL_KEY_FIND, "tt", f->principal, f->key);
}

static enum err_code exec_find(struct book *b, struct work *w)
{
    struct find_work *f = (struct find_work *)w;
    return book_find(b, f->out, f->principal, f->key, f->request_hash, f->a,
                     w->err);
}

enum err_code ledger_find(struct ledger *l, struct ledger_run *out,
                          const char *principal, const char *idempotency_key,
                          const uint8_t *request_hash, struct arena *a,
                          struct err *err)
{
    struct find_work w = { { .exec = exec_find, .ask = ask_find, .err = err },
                           out,
                           principal,
                           idempotency_key,
                           request_hash,
                           a };
    TRY(committer_run(&l->committer, &w.work));
    if (out->verdict == LEDGER_ANSWERED)
        metrics_add(&metrics.replays_total, 1);
    return ERR_OK;
}

struct resolve_work {
    struct work work;
    struct ledger_id id;
    uint64_t fence;
    int64_t release_us;
    const uint8_t **answer;
    size_t *answer_len;
    struct arena *a;
};

static void ask_charge_of(struct book *b, const struct work *w)
{
    store_ask(b->store, SQL_CHARGE_BY_ID, "b",
              ((const struct resolve_work *)w)->id.bytes,
              (size_t)LEDGER_ID_LEN);
}

static enum err_code exec_answer(struct book *b, struct work *w)
{
    struct resolve_work *r = (struct resolve_work *)w;
    return book_answer(b, r->id, r->fence, r->release_us, r->answer,
                       r->answer_len, r->a, w->err);
}

static enum err_code exec_miss(struct book *b, struct work *w)
{
    struct resolve_work *r = (struct resolve_work *)w;
    return book_miss(b, r->id, r->fence, r->release_us, w->err);
}

static enum err_code exec_void(struct book *b, struct work *w)
{
    struct resolve_work *r = (struct resolve_work *)w;
    return book_void(b, r->id, r->fence, w->err);
}

enum err_code ledger_answer(struct ledger *l, struct ledger_id id,
                            uint64_t fence, int64_t release_us,
                            const uint8_t **answer, size_t *answer_len,
                            struct arena *a, struct err *err)
{
    struct resolve_work w = {
        .work = { .exec = exec_answer, .ask = ask_charge_of, .err = err },
        .id = id,
        .fence = fence,
        .release_us = release_us,
        .answer = answer,
        .answer_len = answer_len,
        .a = a
    };
    return committer_run(&l->committer, &w.work);
}

struct later_work {
    struct work work;
    struct ledger_id id;
    uint64_t fence;
    int64_t left_us;
};

static enum err_code exec_later(struct book *b, struct work *w)
{
    struct later_work *r = (struct later_work *)w;
    return book_later(b, &r->left_us, r->id, r->fence, w->err);
}

enum err_code ledger_wait_later(struct ledger *l, struct ledger_id id,
                                uint64_t fence, uint64_t deadline_ns,
                                struct err *err)
{
    struct later_work w = { .work = { .exec = exec_later, .err = err },
                            .id = id,
                            .fence = fence };
    for (;;) {
        TRY(committer_run(&l->committer, &w.work));
        if (w.left_us == 0)
            return ERR_OK;
        TRY(ledger_listen(l, w.work.rung, w.left_us, deadline_ns, err));
    }
}

enum err_code ledger_miss(struct ledger *l, struct ledger_id id, uint64_t fence,
                          int64_t release_us, struct err *err)
{
    struct resolve_work w = {
        .work = { .exec = exec_miss, .ask = ask_charge_of, .err = err },
        .id = id,
        .fence = fence,
        .release_us = release_us
    };
    return committer_run(&l->committer, &w.work);
}

enum err_code ledger_void(struct ledger *l, struct ledger_id id, uint64_t fence,
                          struct err *err)
{
    struct resolve_work w = {
        .work = { .exec = exec_void, .ask = ask_charge_of, .err = err },
        .id = id,
        .fence = fence
    };
    return committer_run(&l->committer, &w.work);
}

struct balance_work {
    struct work work;
    struct ledger_balance *out;
    const struct ledger_account_spec *account;
};

static enum err_code exec_balance(struct book *b, struct work *w)
{
    struct balance_work *r = (struct balance_work *)w;
    return book_balance(b, r->out, r->account, w->err);
}

enum err_code ledger_balance(struct ledger *l, struct ledger_balance *out,
                             const struct ledger_account_spec *account,
                             struct err *err)
{
    struct balance_work w = { { .exec = exec_balance, .err = err },
                              out,
                              account };
    return committer_run(&l->committer, &w.work);
}

struct record_work {
    struct work work;
    const struct audit_entry *entries;
    size_t n;
};

static enum err_code exec_record(struct book *b, struct work *w)
{
    const struct record_work *r = (struct record_work *)w;
    for (size_t i = 0; i < r->n; i++)
        book_note(b, &r->entries[i]);
    return ERR_OK;
}

enum err_code ledger_record(struct ledger *l, const struct audit_entry *entries,
                            size_t n, struct err *err)
{
    struct record_work w = { { .exec = exec_record, .err = err }, entries, n };
    return committer_run(&l->committer, &w.work);
}

static enum err_code exec_witness(struct book *b, struct work *w)
{
    const enum err_code code = guard_tell(&b->guard, &b->journal, w->err);
    metrics_set(&metrics.witness_failed, code != ERR_OK);
    return code;
}

/* A cosigner is asked while others charge. */
struct cosign_work {
    struct work work;
    struct guard_offer offer;
    struct cosigner_said said;
};

static enum err_code exec_offer(struct book *b, struct work *w)
{
    struct cosign_work *k = (struct cosign_work *)w;
    return guard_offer(&b->guard, &k->offer, &b->journal, w->err);
}

static enum err_code exec_accept(struct book *b, struct work *w)
{
    struct cosign_work *k = (struct cosign_work *)w;
    return guard_accept(&b->guard, &k->offer, &k->said, &b->journal, w->err);
}

static enum err_code ask_cosigner(struct ledger *l, struct cosign_work *k,
                                  struct err *err)
{
    struct cosigner *cosigner = l->committer.book.guard.cosigner;
    const struct guard_offer *o = &k->offer;
    k->work = (struct work){ .exec = exec_offer, .err = err };
    TRY(committer_run(&l->committer, &k->work));
    if (!o->is_due)
        return ERR_OK;
    TRY(cosigner_ask(cosigner, &k->said, o->note, o->note_len, o->old,
                     &o->proof, err));
    k->work = (struct work){ .exec = exec_accept, .err = err };
    return committer_run(&l->committer, &k->work);
}

static enum err_code tell_cosigner(struct ledger *l, struct err *err)
{
    struct cosign_work *k = calloc(1, sizeof *k);
    const enum err_code code =
        k ? ask_cosigner(l, k, err)
          : err_set(err, ERR_UNAVAILABLE, "out of memory");
    free(k);
    metrics_set(&metrics.witness_failed, code != ERR_OK);
    return code;
}

enum err_code ledger_witness(struct ledger *l, struct err *err)
{
    struct work w = { .exec = exec_witness, .err = err };
    return l->committer.book.guard.cosigner ? tell_cosigner(l, err)
                                            : committer_run(&l->committer, &w);
}

static enum err_code exec_beat(struct book *b, struct work *w)
{
    (void)w;
    book_beat(b);
    return ERR_OK;
}

enum err_code ledger_beat(struct ledger *l, struct err *err)
{
    struct work w = { .exec = exec_beat, .err = err };
    return committer_run(&l->committer, &w);
}

struct list_work {
    struct work work;
    struct book_page page;
    const char *dataset, *principal, *after;
    uint32_t limit;
    bool with_text;
    struct arena *a;
};

static enum err_code exec_list(struct book *b, struct work *w)
{
    struct list_work *r = (struct list_work *)w;
    return book_list(b, &r->page, r->dataset, r->principal, r->after, r->limit,
                     r->with_text, r->a, w->err);
}

enum err_code ledger_list(struct ledger *l, struct ledger_row **rows, size_t *n,
                          const char **next, const char *dataset,
                          const char *principal, const char *after,
                          uint32_t limit, bool with_text, struct arena *a,
                          struct err *err)
{
    struct list_work w = { .work = { .exec = exec_list, .err = err },
                           .dataset = dataset,
                           .principal = principal,
                           .after = after,
                           .limit = limit,
                           .with_text = with_text,
                           .a = a };
    TRY(committer_run(&l->committer, &w.work));
    *rows = w.page.rows;
    *n = w.page.n;
    *next = w.page.next;
    return ERR_OK;
}

struct misses_work {
    struct work work;
    struct ledger_misses *out;
    const char *dataset;
    struct arena *a;
};

static enum err_code exec_misses(struct book *b, struct work *w)
{
    struct misses_work *r = (struct misses_work *)w;
    return book_misses(b, r->out, r->dataset, r->a, w->err);
}

enum err_code ledger_misses(struct ledger *l, struct ledger_misses *out,
                            const char *dataset, struct arena *a,
                            struct err *err)
{
    struct misses_work w = {
        { .exec = exec_misses, .err = err }, out, dataset, a
    };
    return committer_run(&l->committer, &w.work);
}

struct lift_work {
    struct work work;
    uint64_t *lifted;
    const char *dataset, *principal, *reason;
};

static enum err_code exec_lift(struct book *b, struct work *w)
{
    struct lift_work *r = (struct lift_work *)w;
    return book_lift(b, r->lifted, r->dataset, r->principal, r->reason, w->err);
}

enum err_code ledger_lift(struct ledger *l, uint64_t *lifted,
                          const char *dataset, const char *principal,
                          const char *reason, struct err *err)
{
    struct lift_work w = {
        { .exec = exec_lift, .err = err }, lifted, dataset, principal, reason
    };
    return committer_run(&l->committer, &w.work);
}
