/* What is stored of the releases that a request wants.  piece.h. */
#include <string.h>

#include "server/ledger/piece.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "The stored answers pass the request's memory.");
}

/* The row of a statement over PIECE_COLUMNS; what it answered, later. */
struct piece_row {
    int64_t id;
    struct ledger_found found;
};

static void copy_blob(struct store *s, enum sql sql, int column, uint8_t *out,
                      size_t size)
{
    size_t len;
    const void *data = store_blob(s, sql, column, &len);
    if (len == size)
        memcpy(out, data, size);
}

static struct piece_row read_row(struct store *s, enum sql sql)
{
    struct piece_row row = { .id = store_int(s, sql, 0) };
    row.found.place = (unsigned)store_int(s, sql, 1);
    copy_blob(s, sql, 2, row.found.release_hash, LEDGER_HASH_LEN);
    copy_blob(s, sql, 3, row.found.series_hash, LEDGER_HASH_LEN);
    row.found.answered_us = store_int(s, sql, 4);
    copy_blob(s, sql, 5, row.found.charge.bytes, LEDGER_ID_LEN);
    row.found.charged_us = store_int(s, sql, 6);
    row.found.expires_us = store_int(s, sql, 8);
    return row;
}

/* A body that is gone is none: the release is to be paid again. */
static enum err_code read_body(struct book *b, bool *is_there,
                               struct piece_row *row, const char *dataset,
                               struct arena *a, struct err *err)
{
    *is_there = store_find(b->store, SQL_PIECE_BODY, "i", row->id);
    if (!*is_there)
        return ERR_OK;
    const void *body =
        store_blob(b->store, SQL_PIECE_BODY, 0, &row->found.answer_len);
    row->found.answer =
        (const uint8_t *)arena_strndup(a, body, row->found.answer_len);
    store_end(b->store, SQL_PIECE_BODY);
    if (!row->found.answer)
        return full(err);
    const struct seal_of of = { dataset, row->found.charge.bytes,
                                (int64_t)row->found.place };
    return unseal(b->keys, &of, &row->found.answer, &row->found.answer_len, a,
                  err);
}

enum err_code piece_answered(struct book *b, bool *is_there,
                             struct ledger_found *out,
                             const struct piece_finder *f,
                             const struct ledger_want *want, struct arena *a,
                             struct err *err)
{
    struct store *s = b->store;
    *is_there = store_find(s, SQL_PIECE_ANSWERED, "bttii", want->release_hash,
                           (size_t)LEDGER_HASH_LEN, f->dataset, f->purpose,
                           f->since_us, f->now_us);
    if (!*is_there)
        return ERR_OK;
    struct piece_row row = read_row(s, SQL_PIECE_ANSWERED);
    store_end(s, SQL_PIECE_ANSWERED);
    TRY(read_body(b, is_there, &row, f->dataset, a, err));
    *out = row.found;
    return ERR_OK;
}

bool piece_in_flight(struct book *b, int64_t *lease_left_us,
                     const struct piece_finder *f,
                     const struct ledger_want *want)
{
    struct store *s = b->store;
    const size_t len = LEDGER_HASH_LEN;
    const enum sql sql = want->series_hash ? SQL_SERIES_OPEN : SQL_PIECE_OPEN;
    const bool flies =
        want->series_hash
            ? store_find(s, sql, "bttiiii", want->series_hash, len, f->dataset,
                         f->purpose, f->now_us, f->held, want->from_us,
                         want->to_us)
            : store_find(s, sql, "bttii", want->release_hash, len, f->dataset,
                         f->purpose, f->now_us, f->held);
    if (!flies)
        return false;
    *lease_left_us = store_int(s, sql, 0) - f->now_us;
    store_end(s, sql);
    return true;
}

/* A growing list of what was found. */
struct list {
    struct piece_row *rows;
    size_t n;
};

static enum err_code series_answered(struct list *l, struct book *b,
                                     const struct piece_finder *f,
                                     const struct ledger_want *want,
                                     struct err *err)
{
    struct store *s = b->store;
    bool more = store_find(
        s, SQL_SERIES_ANSWERED, "bttiiiii", want->series_hash,
        (size_t)LEDGER_HASH_LEN, f->dataset, f->purpose, f->since_us, f->now_us,
        want->from_us, want->to_us, (int64_t)LEDGER_FOUND_MAX);
    (void)err;
    while (more && l->n < LEDGER_FOUND_MAX) {
        l->rows[l->n++] = read_row(s, SQL_SERIES_ANSWERED);
        more = store_next(s, SQL_SERIES_ANSWERED);
    }
    store_end(s, SQL_SERIES_ANSWERED);
    return ERR_OK;
}

/* The release as a charge by itself. */
static enum err_code charge_answered(bool *is_there, struct ledger_found *out,
                                     struct book *b,
                                     const struct piece_finder *f,
                                     const struct ledger_want *want,
                                     struct arena *a, struct err *err)
{
    struct charge c;
    *is_there = store_find(b->store, SQL_CHARGE_ANSWERED, "bttii",
                           want->release_hash, (size_t)LEDGER_HASH_LEN,
                           f->dataset, f->purpose, f->since_us, f->now_us);
    if (!*is_there)
        return ERR_OK;
    TRY(charge_read(b, SQL_CHARGE_ANSWERED, &c, a, err));
    *out = (struct ledger_found){ .charge = c.id,
                                  .charged_us = c.charged_us,
                                  .answered_us = c.resolved_us,
                                  .expires_us = c.expires_us };
    memcpy(out->release_hash, c.release_hash, sizeof out->release_hash);
    return charge_body(b, &c, f->now_us, &out->answer, &out->answer_len, a,
                       err);
}

static bool charge_in_flight(struct book *b, int64_t *lease_left_us,
                             const struct piece_finder *f,
                             const struct ledger_want *want, struct err *err)
{
    struct charge c;
    if (!store_find(b->store, SQL_CHARGE_OPEN, "btti", want->release_hash,
                    (size_t)LEDGER_HASH_LEN, f->dataset, f->purpose, f->now_us))
        return false;
    if (charge_read(b, SQL_CHARGE_OPEN, &c, NULL, err) != ERR_OK)
        return false;
    *lease_left_us = c.lease_until_us - f->now_us;
    return true;
}

/* Pieces of the charge held, answered or not. */
static enum err_code held(struct list *l, struct book *b,
                          struct piece_finder *f, const struct ledger_id *id,
                          struct arena *a, struct err *err)
{
    struct store *s = b->store;
    struct charge c;
    bool is_full = false;
    TRY(charge_find(b, &c, *id, NULL, err));
    f->held = c.seq;
    bool more = store_find(s, SQL_PIECES_OF, "i", c.seq);
    while (more && l->n < LEDGER_PIECES_MAX) {
        struct piece_row *row = &l->rows[l->n++];
        *row = read_row(s, SQL_PIECES_OF);
        row->found.want = SIZE_MAX;
        row->found.is_held = true;
        const void *what =
            store_blob(s, SQL_PIECES_OF, 7, &row->found.what_len);
        row->found.what =
            (const uint8_t *)arena_strndup(a, what, row->found.what_len);
        is_full |= !row->found.what;
        more = store_next(s, SQL_PIECES_OF);
    }
    store_end(s, SQL_PIECES_OF);
    return is_full ? full(err) : ERR_OK;
}

/* Bodies of the rows from `from` on; those held need none yet. */
static enum err_code bodies(struct ledger_look *out, struct book *b,
                            struct list *l, size_t from, size_t want,
                            const char *dataset, struct arena *a,
                            struct err *err)
{
    for (size_t i = from; i < l->n; i++) {
        bool is_there;
        TRY(read_body(b, &is_there, &l->rows[i], dataset, a, err));
        if (!is_there && !l->rows[i].found.is_held)
            continue;
        out->found[out->n] = l->rows[i].found;
        if (!l->rows[i].found.is_held)
            out->found[out->n].want = want;
        out->n++;
    }
    return ERR_OK;
}

static enum err_code look_for(struct ledger_look *out, struct book *b,
                              struct list *l, struct piece_finder *f,
                              const struct ledger_look_args *args, size_t want,
                              struct arena *a, struct err *err)
{
    const struct ledger_want *w = &args->wants[want];
    const int64_t now_us = f->now_us;
    bool is_there = false;
    out->in_flight |= piece_in_flight(b, &out->lease_left_us, f, w);
    if (!w->series_hash)
        out->in_flight |= charge_in_flight(b, &out->lease_left_us, f, w, err);
    if (args->brief)
        return ERR_OK;
    if (w->series_hash) {
        const size_t from = l->n;
        f->since_us = now_us - book_us_of_s(args->series_for_s);
        TRY(series_answered(l, b, f, w, err));
        return bodies(out, b, l, from, want, f->dataset, a, err);
    }
    f->since_us = now_us - book_us_of_s(args->reuse_for_s);
    struct ledger_found *found = &out->found[out->n];
    TRY(charge_answered(&is_there, found, b, f, w, a, err));
    if (!is_there)
        TRY(piece_answered(b, &is_there, found, f, w, a, err));
    found->want = want;
    out->n += is_there;
    return ERR_OK;
}

enum err_code book_look(struct book *b, struct ledger_look *out,
                        const struct ledger_look_args *args, struct arena *a,
                        struct err *err)
{
    const size_t most =
        args->brief ? 1 : LEDGER_FOUND_MAX + LEDGER_PIECES_MAX + args->n;
    struct list l = { .rows = ARENA_NEW_N(a, most, struct piece_row) };
    struct piece_finder f = { .dataset = args->dataset,
                              .purpose = args->purpose,
                              .now_us = b->now_us };
    *out = (struct ledger_look){ .found =
                                     ARENA_NEW_N(a, most, struct ledger_found),
                                 .newest = charge_newest(b) };
    if (!l.rows || !out->found)
        return full(err);
    if (args->held && !args->brief) {
        TRY(held(&l, b, &f, args->held, a, err));
        TRY(bodies(out, b, &l, 0, SIZE_MAX, f.dataset, a, err));
    }
    for (size_t i = 0; i < args->n && args->reuse_for_s > 0; i++)
        TRY(look_for(out, b, &l, &f, args, i, a, err));
    return ERR_OK;
}
