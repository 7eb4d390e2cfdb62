#include <assert.h>
#include <string.h>

#include "server/ledger/piece.h"

enum { US_PER_S = 1000000, ID_TIME_BYTES = 6 };

/* Ids in order of time keep their index compact; the rest is a lottery. */
static bool new_id(struct book *b, struct ledger_id *id, int64_t now_us)
{
    uint64_t ms = (uint64_t)now_us / 1000;
    for (int i = ID_TIME_BYTES - 1; i >= 0; i--, ms >>= 8)
        id->bytes[i] = (uint8_t)(ms & 0xff);
    return random_take(&b->journal.random, id->bytes + ID_TIME_BYTES,
                       LEDGER_ID_LEN - ID_TIME_BYTES);
}

static enum err_code arena_full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "The answer passes the request's memory.");
}

/* Fill in what every verdict tells about its charge. */
static enum err_code tell(struct book *b, struct ledger_run *out,
                          const struct charge *c, enum ledger_verdict verdict,
                          int64_t now_us, struct arena *a, struct err *err)
{
    const struct dp_price left = out->left;
    *out = (struct ledger_run){
        .verdict = verdict,
        .id = c->id,
        .fence = c->runs,
        .charged_us = c->charged_us,
        .price = c->price,
        .policy_version = c->policy_version,
        .dataset = c->dataset,
        .purpose = c->purpose,
        .lease_left_us =
            verdict == LEDGER_ANSWERED ? 0 : c->lease_until_us - now_us,
        .left = left,
    };
    memcpy(out->release_hash, c->release_hash, sizeof out->release_hash);
    if (verdict != LEDGER_ANSWERED)
        return ERR_OK;
    out->answered_us = c->resolved_us;
    out->expires_us = c->expires_us;
    return charge_body(b, c, now_us, &out->answer, &out->answer_len, a, err);
}

/* The next run of an open charge that no run holds. */
static enum err_code take_over(struct book *b, struct ledger_run *out,
                               struct charge *c, int64_t now_us,
                               struct arena *a, struct err *err)
{
    if (c->runs >= LEDGER_RUNS_MAX) {
        charge_close_missed(b, c, now_us);
        return say_missed(err);
    }
    c->runs++;
    c->is_held = true;
    c->lease_until_us = now_us + b->lease_us;
    store_run(b->store, SQL_CHARGE_RUN, "iiib", b->boot, c->lease_until_us,
              CHARGE_ROW(c));
    return tell(b, out, c, LEDGER_CHARGED, now_us, a, err);
}

/* A charge that this key is bound to, or UNKNOWN when it binds to none. */
enum err_code charge_by_key(struct book *b, struct ledger_run *out,
                            struct charge *c, const char *principal,
                            const char *key, const uint8_t *request_hash,
                            struct arena *a, struct err *err)
{
    out->verdict = LEDGER_UNKNOWN;
    if (!key[0] || !store_find(b->store, SQL_KEY_FIND, "tt", principal, key))
        return ERR_OK;
    size_t len;
    const void *hash = store_blob(b->store, SQL_KEY_FIND, 0, &len);
    const bool same = len == LEDGER_HASH_LEN &&
                      memcmp(hash, request_hash, LEDGER_HASH_LEN) == 0;
    const int64_t seq = store_int(b->store, SQL_KEY_FIND, 1);
    store_end(b->store, SQL_KEY_FIND);
    if (!same) {
        (void)err_set(err, ERR_CONFLICT,
                      "This idempotency key was used for another request.");
        return err_hint(err, "Use a new key for each new request.");
    }
    if (!store_find(b->store, SQL_CHARGE_BY_SEQ, "i", seq))
        return err_set(err, ERR_INTERNAL, "a key without a charge");
    TRY(charge_read(b, SQL_CHARGE_BY_SEQ, c, a, err));
    if (c->state != LEDGER_VOIDED)
        out->verdict = LEDGER_IN_FLIGHT;
    return ERR_OK;
}

/* What a charge in this state says to one who may ask for it. */
static enum err_code by_state(struct book *b, struct ledger_run *out,
                              const struct charge *c, int64_t now_us,
                              struct arena *a, struct err *err)
{
    if (c->state == LEDGER_MISSED)
        return say_missed(err);
    return tell(b, out, c,
                c->state == LEDGER_DONE ? LEDGER_ANSWERED : LEDGER_IN_FLIGHT,
                now_us, a, err);
}

enum err_code book_find(struct book *b, struct ledger_run *out,
                        const char *principal, const char *key,
                        const uint8_t *request_hash, struct arena *a,
                        struct err *err)
{
    struct charge c;
    *out = (struct ledger_run){ .verdict = LEDGER_UNKNOWN };
    TRY(charge_by_key(b, out, &c, principal, key, request_hash, a, err));
    const int64_t now_us = b->now_us;
    if (out->verdict == LEDGER_UNKNOWN)
        return ERR_OK;
    if (c.state == LEDGER_OPEN && !charge_is_held(&c, now_us)) {
        out->verdict = LEDGER_UNKNOWN;
        return ERR_OK;
    }
    return by_state(b, out, &c, now_us, a, err);
}

static void bind_key(struct book *b, const struct ledger_charge_args *args,
                     int64_t seq)
{
    if (args->idempotency_key[0])
        store_run(b->store, SQL_KEY_NEW, "ttbi", args->principal,
                  args->idempotency_key, args->request_hash,
                  (size_t)LEDGER_HASH_LEN, seq);
}

static size_t caller_of(const char *principal)
{
    uint32_t h = UINT32_C(2166136261);
    for (; *principal; principal++)
        h = (h ^ (unsigned char)*principal) * UINT32_C(16777619);
    return h % BOOK_CALLERS;
}

/*
 * A key for an answer that costs nothing is a row for ever that nobody paid
 * for: a caller who sent a new one each time could fill the disk.
 */
static enum err_code bind_free_key(struct book *b,
                                   const struct ledger_charge_args *args,
                                   int64_t seq, int64_t now_us, struct err *err)
{
    enum { HOUR_S = 3600 };
    const int64_t hour = now_us / US_PER_S / HOUR_S;
    uint32_t *used = &b->free_used[caller_of(args->principal)];
    if (!args->idempotency_key[0])
        return ERR_OK;
    if (hour != b->free_hour)
        memset(b->free_used, 0, sizeof b->free_used);
    b->free_hour = hour;
    if (*used >= b->free_keys) {
        (void)err_set(err, ERR_LIMIT,
                      "More than %u idempotency keys were sent in an hour for "
                      "answers that cost nothing.",
                      b->free_keys);
        return err_hint(err, "Send no key for what was answered before, or the "
                             "key it was answered under.");
    }
    (*used)++;
    bind_key(b, args, seq);
    return ERR_OK;
}

/* ... as one of several releases of another charge. */
static enum err_code by_piece(struct book *b, struct ledger_run *out,
                              const struct ledger_charge_args *args,
                              int64_t now_us, struct arena *a, struct err *err)
{
    const struct ledger_want want = { .release_hash = args->release_hash };
    const struct piece_finder f = { .dataset = args->dataset,
                                    .purpose = args->purpose,
                                    .since_us = now_us -
                                                book_us_of_s(args->reuse_for_s),
                                    .now_us = now_us };
    struct ledger_found found;
    struct charge c;
    bool is_there;
    TRY(piece_answered(b, &is_there, &found, &f, &want, a, err));
    if (is_there) {
        const struct dp_price left = out->left;
        if (!store_find(b->store, SQL_CHARGE_BY_ID, "b", found.charge.bytes,
                        (size_t)LEDGER_ID_LEN))
            return err_set(err, ERR_INTERNAL, "a piece without a charge");
        TRY(charge_read(b, SQL_CHARGE_BY_ID, &c, a, err));
        *out = (struct ledger_run){ .verdict = LEDGER_ANSWERED,
                                    .id = c.id,
                                    .fence = c.runs,
                                    .charged_us = c.charged_us,
                                    .price = args->price, /* the same release */
                                    .policy_version = c.policy_version,
                                    .dataset = c.dataset,
                                    .purpose = c.purpose,
                                    .answer = found.answer,
                                    .answer_len = found.answer_len,
                                    .answered_us = found.answered_us,
                                    .expires_us = found.expires_us,
                                    .left = left };
        memcpy(out->release_hash, args->release_hash, sizeof out->release_hash);
        return ERR_OK;
    }
    if (piece_in_flight(b, &out->lease_left_us, &f, &want))
        out->verdict = LEDGER_IN_FLIGHT;
    return ERR_OK;
}

/* An equal release serves: answered lately, or being answered now. */
static enum err_code by_release(struct book *b, struct ledger_run *out,
                                const struct ledger_charge_args *args,
                                int64_t now_us, struct arena *a,
                                struct err *err)
{
    const size_t len = LEDGER_HASH_LEN;
    struct charge c;
    out->verdict = LEDGER_UNKNOWN;
    if (args->reuse_for_s == 0)
        return ERR_OK;
    if (store_find(b->store, SQL_CHARGE_ANSWERED, "bttii", args->release_hash,
                   len, args->dataset, args->purpose,
                   now_us - book_us_of_s(args->reuse_for_s), now_us)) {
        TRY(charge_read(b, SQL_CHARGE_ANSWERED, &c, a, err));
        TRY(bind_free_key(b, args, c.seq, now_us, err));
        return tell(b, out, &c, LEDGER_ANSWERED, now_us, a, err);
    }
    if (store_find(b->store, SQL_CHARGE_OPEN, "btti", args->release_hash, len,
                   args->dataset, args->purpose, now_us)) {
        TRY(charge_read(b, SQL_CHARGE_OPEN, &c, a, err));
        return tell(b, out, &c, LEDGER_IN_FLIGHT, now_us, a, err);
    }
    return by_piece(b, out, args, now_us, a, err);
}

/* What was answered already and holds the answer, when it does. */
static enum err_code by_wider(struct book *b, struct ledger_run *out,
                              const struct ledger_charge_args *args,
                              int64_t now_us, struct arena *a, struct err *err)
{
    struct ledger_charge_args wider = *args;
    out->verdict = LEDGER_UNKNOWN;
    if (!args->wider_hash)
        return ERR_OK;
    wider.release_hash = args->wider_hash;
    TRY(by_release(b, out, &wider, now_us, a, err));
    if (out->verdict != LEDGER_ANSWERED)
        out->verdict = LEDGER_UNKNOWN;
    return ERR_OK;
}

enum err_code charge_check_stumbled(struct book *b, const struct charge *c,
                                    const struct ledger_charge_args *args,
                                    int64_t now_us, struct err *err)
{
    if (!store_find(b->store, SQL_STUMBLED, "i", c->seq))
        return ERR_OK;
    store_end(b->store, SQL_STUMBLED);
    return c->state == LEDGER_OPEN && !charge_is_held(c, now_us)
               ? charge_check_misses(b, args, err)
               : ERR_OK;
}

/* A client without keys finds its own charge again. */
enum err_code charge_adopt(struct book *b, struct ledger_run *out,
                           const struct ledger_charge_args *args,
                           int64_t now_us, struct arena *a, struct err *err)
{
    struct charge c;
    out->verdict = LEDGER_UNKNOWN;
    if (args->idempotency_key[0] ||
        !store_find(b->store, SQL_CHARGE_LAPSED, "bttti", args->release_hash,
                    (size_t)LEDGER_HASH_LEN, args->dataset, args->purpose,
                    args->principal, now_us))
        return ERR_OK;
    TRY(charge_read(b, SQL_CHARGE_LAPSED, &c, a, err));
    TRY(charge_check_stumbled(b, &c, args, now_us, err));
    return take_over(b, out, &c, now_us, a, err);
}

int64_t charge_newest(struct book *b)
{
    if (b->newest < 0 && store_find(b->store, SQL_NEWEST, "")) {
        b->newest = store_int(b->store, SQL_NEWEST, 0);
        store_end(b->store, SQL_NEWEST);
    }
    return b->newest;
}

static void insert_charge(struct book *b, struct charge *c,
                          const struct ledger_charge_args *args,
                          const struct bond *bond)
{
    c->leaf = book_note_charge(
        b, c,
        &(struct book_note){ .kind = AUDIT_CHARGE,
                             .time_us = c->charged_us,
                             .principal = args->principal,
                             .detail = args->interval,
                             .bond = bond_of(&b->bonds, bond).text });
    c->seq = charge_newest(b) + 1;
    b->newest = c->seq;
    store_run(b->store, SQL_CHARGE_NEW, "ibtttbuuuuiiiiiii", c->seq,
              c->id.bytes, (size_t)LEDGER_ID_LEN, args->principal,
              args->dataset, args->purpose, args->release_hash,
              (size_t)LEDGER_HASH_LEN, c->price.rho_pico, c->price.eps_nano,
              c->price.delta_atto, c->policy_version, c->route, c->boot,
              c->charged_us, c->keep_us, c->boot, c->lease_until_us, c->leaf);
    bind_key(b, args, c->seq);
}

/* What was asked, sealed; for who may see the charge, and nowhere else. */
struct asked {
    const uint8_t *data;
    size_t len; /* 0 = nothing is kept */
};

static enum err_code seal_text(struct book *b, struct asked *out,
                               const struct charge *c, const char *text,
                               struct arena *a, struct err *err)
{
    const struct seal_of of = { c->dataset, c->id.bytes, SEAL_TEXT };
    *out = (struct asked){ (const uint8_t *)text, text ? strlen(text) : 0 };
    return out->len ? seal(b->keys, &of, &out->data, &out->len, a, err)
                    : ERR_OK;
}

static void insert_text(struct book *b, const struct charge *c,
                        const struct asked *asked)
{
    if (asked->len == 0)
        return;
    b->asked++;
    store_run(b->store, SQL_TEXT_NEW, "iib", c->seq, c->charged_us + c->keep_us,
              asked->data, asked->len);
}

enum err_code charge_anew(struct book *b, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          const uint8_t *pieces, int64_t now_us, int64_t *seq,
                          struct arena *a, struct err *err)
{
    struct charge c = { .state = LEDGER_OPEN,
                        .runs = 1,
                        .boot = b->boot,
                        .is_held = true,
                        .charged_us = now_us,
                        .lease_until_us = now_us + b->lease_us,
                        .keep_us = book_us_of_s(args->keep_s),
                        .price = args->price,
                        .policy_version = args->policy_version,
                        .dataset = arena_strdup(a, args->dataset),
                        .purpose = arena_strdup(a, args->purpose) };
    memcpy(c.release_hash, args->release_hash, sizeof c.release_hash);
    const struct route *route;
    struct asked asked;
    if (!c.dataset || !c.purpose)
        return arena_full(err);
    if (!new_id(b, &c.id, now_us))
        return err_set(err, ERR_INTERNAL, "no random bytes");
    TRY(charge_check_misses(b, args, err));
    if (!segments_fit(b, out, args, now_us))
        return ERR_OK;
    TRY(seal_text(b, &asked, &c, args->text, a, err));
    /* From here on nothing fails alone: what is taken is charged. */
    TRY(accounts_take(b, &route, &out->left, args, now_us, err));
    c.route = route->id;
    insert_charge(b, &c, args,
                  &(struct bond){ .id = c.id.bytes,
                                  .release_hash = args->release_hash,
                                  .keep_us = c.keep_us,
                                  .accounts = route->accounts,
                                  .pieces = pieces,
                                  .request_hash = args->request_hash,
                                  .key = args->idempotency_key });
    insert_text(b, &c, &asked);
    segments_count(b, args, now_us);
    *seq = c.seq;
    return tell(b, out, &c, LEDGER_CHARGED, now_us, a, err);
}

/* Of the key's charge, once there is one. */
enum err_code charge_retry(struct book *b, struct ledger_run *out,
                           struct charge *c, int64_t now_us, struct arena *a,
                           struct err *err)
{
    if (c->state == LEDGER_OPEN && !charge_is_held(c, now_us))
        return take_over(b, out, c, now_us, a, err);
    return by_state(b, out, c, now_us, a, err);
}

void book_ask_charge(struct book *b, const struct ledger_charge_args *args)
{
    if (args->idempotency_key[0])
        store_ask(b->store, SQL_KEY_FIND, "tt", args->principal,
                  args->idempotency_key);
    store_ask(b->store, SQL_CHARGE_ANSWERED, "b", args->release_hash,
              (size_t)LEDGER_HASH_LEN);
    if (args->wider_hash)
        store_ask(b->store, SQL_CHARGE_ANSWERED, "b", args->wider_hash,
                  (size_t)LEDGER_HASH_LEN);
    charge_ask_misses(b, args);
    for (size_t i = 0; i < args->n_accounts; i++)
        counter_ask(&b->counters, b->store, &args->accounts[i], b->now_us);
}

enum err_code book_charge(struct book *b, struct ledger_run *out,
                          const struct ledger_charge_args *args,
                          struct arena *a, struct err *err)
{
    const int64_t now_us = b->now_us;
    struct charge c;
    int64_t seq;
    *out = (struct ledger_run){ .left = accounts_left(b, args, now_us) };
    TRY(charge_by_key(b, out, &c, args->principal, args->idempotency_key,
                      args->request_hash, a, err));
    if (out->verdict != LEDGER_UNKNOWN)
        return charge_retry(b, out, &c, now_us, a, err);
    TRY(by_release(b, out, args, now_us, a, err));
    if (out->verdict != LEDGER_UNKNOWN)
        return ERR_OK;
    TRY(by_wider(b, out, args, now_us, a, err));
    if (out->verdict != LEDGER_UNKNOWN)
        return ERR_OK;
    TRY(charge_adopt(b, out, args, now_us, a, err));
    if (out->verdict != LEDGER_UNKNOWN)
        return ERR_OK;
    return charge_anew(b, out, args, NULL, now_us, &seq, a, err);
}
