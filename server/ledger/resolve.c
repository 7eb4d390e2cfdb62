#include <string.h>

#include "server/ledger/book.h"

/* Expired answers and texts that go for each stored one: more than one, so that
 * they never pile up; few, so that no commit is long. */
enum { PRUNE_AT_ONCE = 4 };

void book_prune(struct book *b)
{
    if (b->stored > 0)
        store_run(b->store, SQL_ANSWER_PRUNE, "ii", b->now_us,
                  b->stored * PRUNE_AT_ONCE);
    if (b->asked > 0)
        store_run(b->store, SQL_TEXT_PRUNE, "ii", b->now_us,
                  b->asked * PRUNE_AT_ONCE);
    b->stored = b->asked = 0;
}

enum err_code charge_read(struct book *b, enum sql sql, struct charge *out,
                          struct arena *a, struct err *err)
{
    struct store *s = b->store;
    *out = (struct charge){
        .seq = store_int(s, sql, 0),
        .state = (enum ledger_state)store_int(s, sql, 2),
        .runs = store_amount(s, sql, 3),
        .boot = store_int(s, sql, 4),
        .lease_until_us = store_int(s, sql, 6),
        .charged_us = store_int(s, sql, 7),
        .resolved_us = store_int(s, sql, 8),
        .expires_us = store_int(s, sql, 9),
        .keep_us = store_int(s, sql, 10),
        .price = { store_amount(s, sql, 11), store_amount(s, sql, 12),
                   store_amount(s, sql, 13) },
        .policy_version = store_amount(s, sql, 14),
        .route = store_int(s, sql, 15),
        .is_settled = store_int(s, sql, 19) != 0,
        .is_held = store_int(s, sql, 20) == 0,
    };
    size_t len;
    const void *id = store_blob(s, sql, 1, &len);
    if (len == LEDGER_ID_LEN)
        memcpy(out->id.bytes, id, len);
    const void *release = store_blob(s, sql, 18, &len);
    if (len == LEDGER_HASH_LEN)
        memcpy(out->release_hash, release, len);
    if (a) {
        out->dataset = arena_strdup(a, store_text(s, sql, 16));
        out->purpose = arena_strdup(a, store_text(s, sql, 17));
    }
    store_end(s, sql);
    if (a && (!out->dataset || !out->purpose))
        return err_set(err, ERR_LIMIT, "The request's memory is full.");
    return ERR_OK;
}

bool charge_is_held(const struct charge *c, int64_t now_us)
{
    return c->is_held && now_us < c->lease_until_us;
}

void charge_close_missed(struct book *b, const struct charge *c,
                         int64_t release_us)
{
    store_run(b->store, SQL_CHARGE_RESOLVE, "iiib", (int64_t)LEDGER_MISSED,
              release_us, CHARGE_ROW(c));
    accounts_settle(b, c);
    book_forget_misses(b);
    b->resolved = true;
}

enum err_code charge_body(struct book *b, const struct charge *c,
                          int64_t now_us, const uint8_t **answer, size_t *len,
                          struct arena *a, struct err *err)
{
    if (now_us >= c->expires_us ||
        !store_find(b->store, SQL_ANSWER_FIND, "i", c->seq))
        return say_expired(err);
    const void *body = store_blob(b->store, SQL_ANSWER_FIND, 0, len);
    *answer = (const uint8_t *)arena_strndup(a, body, *len);
    store_end(b->store, SQL_ANSWER_FIND);
    if (!*answer)
        return err_set(err, ERR_LIMIT,
                       "The stored answer passes the request's "
                       "memory.");
    const struct seal_of of = { c->dataset, c->id.bytes, SEAL_ANSWER };
    return unseal(b->keys, &of, answer, len, a, err);
}

enum err_code charge_find(struct book *b, struct charge *c, struct ledger_id id,
                          struct arena *a, struct err *err)
{
    if (store_find(b->store, SQL_CHARGE_BY_ID, "b", id.bytes,
                   (size_t)LEDGER_ID_LEN))
        return charge_read(b, SQL_CHARGE_BY_ID, c, a, err);
    return err_set(err, ERR_INTERNAL, "no such charge");
}

/* A run that was taken over resolves nothing. */
enum err_code charge_check_fence(const struct charge *c, uint64_t fence,
                                 struct err *err)
{
    if (c->state == LEDGER_OPEN && c->runs == fence)
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE,
                  c->state == LEDGER_OPEN
                      ? "A later run of this query holds its charge."
                      : "This charge is resolved already.");
    return err_hint(err, "Ask again with the same idempotency key.");
}

enum err_code charge_seal(const struct book *b, const struct charge *c,
                          const uint8_t **answer, size_t *len, struct arena *a,
                          struct err *err)
{
    const struct seal_of of = { c->dataset, c->id.bytes, SEAL_ANSWER };
    return seal(b->keys, &of, answer, len, a, err);
}

void charge_store(struct book *b, const struct charge *c, int64_t release_us,
                  const uint8_t *sealed, size_t len)
{
    const int64_t expires_us = release_us + c->keep_us;
    b->stored++;
    store_run(b->store, SQL_CHARGE_ANSWER, "iiib", release_us, expires_us,
              CHARGE_ROW(c));
    store_run(b->store, SQL_ANSWER_NEW, "iib", c->seq, expires_us, sealed, len);
    accounts_settle(b, c);
    b->resolved = true;
}

enum err_code book_answer(struct book *b, struct ledger_id id, uint64_t fence,
                          int64_t release_us, const uint8_t **answer,
                          size_t *answer_len, struct arena *a, struct err *err)
{
    const int64_t now_us = b->now_us;
    struct charge c;
    TRY(charge_find(b, &c, id, a, err));
    if (c.state == LEDGER_MISSED)
        return say_missed(err);
    if (c.state == LEDGER_DONE)
        return charge_body(b, &c, now_us, answer, answer_len, a, err);
    TRY(charge_check_fence(&c, fence, err));

    const uint8_t *sealed = *answer;
    size_t len = *answer_len;
    TRY(charge_seal(b, &c, &sealed, &len, a, err));
    charge_store(b, &c, book_later_us(now_us, release_us), sealed, len);
    return ERR_OK;
}

enum err_code book_miss(struct book *b, struct ledger_id id, uint64_t fence,
                        int64_t release_us, struct err *err)
{
    struct charge c;
    TRY(charge_find(b, &c, id, NULL, err));
    if (c.state == LEDGER_MISSED)
        return ERR_OK;
    TRY(charge_check_fence(&c, fence, err));
    charge_close_missed(b, &c, book_later_us(b->now_us, release_us));
    return ERR_OK;
}

enum err_code book_later(struct book *b, int64_t *left_us, struct ledger_id id,
                         uint64_t fence, struct err *err)
{
    struct charge c;
    TRY(charge_find(b, &c, id, NULL, err));
    const bool is_later = c.state == LEDGER_OPEN && c.runs != fence;
    *left_us = is_later ? c.lease_until_us - b->now_us : 0;
    const bool is_over = c.state == LEDGER_DONE || c.state == LEDGER_MISSED;
    return is_over || charge_is_held(&c, b->now_us)
               ? ERR_OK
               : charge_check_fence(&c, fence, err);
}

enum err_code book_void(struct book *b, struct ledger_id id, uint64_t fence,
                        struct err *err)
{
    struct charge c;
    TRY(charge_find(b, &c, id, NULL, err));
    TRY(charge_check_fence(&c, fence, err));
    if (c.runs != 1 || c.boot != b->boot || c.is_settled)
        return err_set(err, ERR_UNAVAILABLE,
                       "An earlier run may have reached the data: the charge "
                       "stays.");
    store_run(b->store, SQL_CHARGE_RESOLVE, "iiib", (int64_t)LEDGER_VOIDED,
              b->now_us, CHARGE_ROW(&c));
    (void)book_note_charge(
        b, &c, &(struct book_note){ .kind = AUDIT_VOID, .time_us = b->now_us });
    accounts_give_back(b, &c);
    b->resolved = true;
    return ERR_OK;
}
