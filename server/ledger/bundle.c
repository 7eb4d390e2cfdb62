/* Charging and answering several releases as one.  piece.h. */
#include <assert.h>
#include <string.h>

#include "server/ledger/piece.h"

enum { PRUNE_AT_ONCE = 16 };

static bool exists(struct store *s, enum sql sql, bool found)
{
    if (found)
        store_end(s, sql);
    return found;
}

/* Somebody charged the same since the look. */
static bool is_newer(struct store *s, const struct ledger_want *w,
                     int64_t newest)
{
    const size_t len = LEDGER_HASH_LEN;
    if (w->series_hash)
        return exists(s, SQL_SERIES_NEWER,
                      store_find(s, SQL_SERIES_NEWER, "biii", w->series_hash,
                                 len, newest, w->from_us, w->to_us));
    return exists(s, SQL_CHARGE_NEWER,
                  store_find(s, SQL_CHARGE_NEWER, "bi", w->release_hash, len,
                             newest)) ||
           exists(s, SQL_PIECE_NEWER,
                  store_find(s, SQL_PIECE_NEWER, "bi", w->release_hash, len,
                             newest));
}

static void insert_pieces(struct book *b, int64_t seq,
                          const struct ledger_piece *pieces, size_t n)
{
    const size_t len = LEDGER_HASH_LEN;
    for (size_t i = 0; i < n; i++) {
        const struct ledger_want *w = &pieces[i].want;
        store_run(b->store, SQL_PIECE_NEW, "iibbiiib", seq, (int64_t)i,
                  w->release_hash, len, w->series_hash,
                  w->series_hash ? len : (size_t)0, w->from_us, w->to_us,
                  book_us_of_s(pieces[i].keep_s), pieces[i].what,
                  pieces[i].what_len);
    }
}

enum err_code book_charge_bundle(struct book *b, struct ledger_run *out,
                                 const struct ledger_charge_args *args,
                                 const struct ledger_piece *pieces, size_t n,
                                 int64_t newest, struct arena *a,
                                 struct err *err)
{
    const int64_t now_us = b->now_us;
    struct charge c;
    int64_t seq;
    assert(n > 0 && n <= LEDGER_PIECES_MAX);
    *out = (struct ledger_run){ .left = accounts_left(b, args, now_us) };
    TRY(charge_by_key(b, out, &c, args->principal, args->idempotency_key,
                      args->request_hash, a, err));
    if (out->verdict != LEDGER_UNKNOWN) {
        TRY(charge_check_stumbled(b, &c, args, now_us, err));
        return charge_retry(b, out, &c, now_us, a, err);
    }
    for (size_t i = 0; i < n && args->reuse_for_s > 0; i++)
        if (is_newer(b->store, &pieces[i].want, newest)) {
            out->verdict = LEDGER_STALE;
            return ERR_OK;
        }
    TRY(charge_adopt(b, out, args, now_us, a, err));
    if (out->verdict != LEDGER_UNKNOWN)
        return ERR_OK;
    uint8_t digest[BOND_DIGEST] = { 0 };
    for (size_t i = 0; i < n; i++)
        bond_add_piece(digest, &pieces[i]);
    TRY(charge_anew(b, out, args, digest, now_us, &seq, a, err));
    if (out->verdict == LEDGER_CAPPED)
        return ERR_OK;
    insert_pieces(b, seq, pieces, n);
    return ERR_OK;
}

/* All that can fail of storing pieces; nothing is written yet. */
static enum err_code seal_pieces(const struct ledger_piece_answer **out,
                                 const struct book *b, const struct charge *c,
                                 const struct ledger_piece_answer *pieces,
                                 size_t n, struct arena *a, struct err *err)
{
    struct ledger_piece_answer *sealed =
        ARENA_NEW_N(a, n + 1, struct ledger_piece_answer);
    if (!sealed)
        return err_set(err, ERR_LIMIT,
                       "The answer passes the request's memory.");
    for (size_t i = 0; i < n; i++) {
        const struct seal_of of = { c->dataset, c->id.bytes,
                                    (int64_t)pieces[i].place };
        sealed[i] = pieces[i];
        TRY(seal(b->keys, &of, &sealed[i].answer, &sealed[i].len, a, err));
    }
    *out = sealed;
    return ERR_OK;
}

static void write_pieces(struct book *b, const struct charge *c,
                         int64_t release_us,
                         const struct ledger_piece_answer *sealed, size_t n)
{
    struct store *s = b->store;
    store_run(s, SQL_PIECE_PRUNE, "ii", b->now_us, (int64_t)PRUNE_AT_ONCE);
    for (size_t i = 0; i < n; i++) {
        int64_t id = 0, expires_us = 0;
        if (store_find(s, SQL_PIECE_ANSWER, "iii", release_us, c->seq,
                       (int64_t)sealed[i].place)) {
            id = store_int(s, SQL_PIECE_ANSWER, 0);
            expires_us = store_int(s, SQL_PIECE_ANSWER, 1);
            while (store_next(s, SQL_PIECE_ANSWER))
                continue;
        }
        if (id > 0)
            store_run(s, SQL_PIECE_BODY_NEW, "iib", id, expires_us,
                      sealed[i].answer, sealed[i].len);
    }
}

enum err_code book_answer_bundle(struct book *b, struct ledger_id id,
                                 uint64_t fence, int64_t release_us,
                                 const struct ledger_piece_answer *pieces,
                                 size_t n, const uint8_t **answer,
                                 size_t *answer_len, struct arena *a,
                                 struct err *err)
{
    const int64_t now_us = b->now_us;
    struct charge c;
    TRY(charge_find(b, &c, id, a, err));
    if (c.state == LEDGER_MISSED)
        return say_missed(err);
    if (c.state == LEDGER_DONE)
        return charge_body(b, &c, now_us, answer, answer_len, a, err);
    TRY(charge_check_fence(&c, fence, err));
    release_us = book_later_us(now_us, release_us);
    const struct ledger_piece_answer *sealed = NULL;
    const uint8_t *whole = *answer;
    size_t len = *answer_len;
    TRY(seal_pieces(&sealed, b, &c, pieces, n, a, err));
    TRY(charge_seal(b, &c, &whole, &len, a, err));
    write_pieces(b, &c, release_us, sealed, n);
    charge_store(b, &c, release_us, whole, len);
    return ERR_OK;
}

enum err_code book_stumble(struct book *b, struct ledger_id id, uint64_t fence,
                           int64_t release_us, bool *is_over, struct err *err)
{
    struct charge c;
    TRY(charge_find(b, &c, id, NULL, err));
    *is_over = c.state == LEDGER_MISSED;
    if (*is_over)
        return ERR_OK;
    TRY(charge_check_fence(&c, fence, err));
    release_us = book_later_us(b->now_us, release_us);
    b->resolved = true;
    *is_over = c.runs >= LEDGER_RUNS_MAX;
    if (*is_over) {
        charge_close_missed(b, &c, release_us);
        return ERR_OK;
    }
    book_forget_misses(b);
    store_run(b->store, SQL_STUMBLE_NEW, "ii", release_us, c.seq);
    store_run(b->store, SQL_CHARGE_LEASE, "iib", release_us, CHARGE_ROW(&c));
    return ERR_OK;
}
