#include "server/query/answer.h"

#include <string.h>

/* Version 2 has what a series needs; without that, answers are of version 1. */
enum { VERSION = 1, VERSION_SERIES = 2, VERSION_BATCH = 3 };
enum { CUT = 0x80 }; /* beside either of the first two */

/* ---- printing ---- */

static void put_text(struct writer *w, const char *s)
{
    const size_t len = strlen(s);
    writer_be32(w, (uint32_t)len);
    writer_bytes(w, s, len);
}

static void put_double(struct writer *w, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    writer_be64(w, bits);
}

static void put_int(struct writer *w, dp_int v)
{
    const dp_uint bits = (dp_uint)v;
    writer_be64(w, (uint64_t)(bits >> 64));
    writer_be64(w, (uint64_t)bits);
}

static void put_receipt(struct writer *w, const struct reply_receipt *r)
{
    put_text(w, r->query_id);
    put_text(w, r->dataset);
    put_text(w, r->purpose);
    put_text(w, r->mechanism);
    writer_be64(w, r->policy_version);
    writer_be64(w, (uint64_t)r->as_of_us);
    writer_be64(w, r->rho_pico);
    writer_be64(w, r->eps_nano);
    writer_be64(w, r->delta_atto);
    put_double(w, r->epsilon);
    put_double(w, r->shown_delta);
    writer_be64(w, r->remaining_rho_pico);
    writer_be64(w, r->remaining_eps_nano);
    writer_u8(w, r->pure);
    writer_be32(w, r->max_groups);
    writer_be32(w, r->max_rows);
}

static void put_table(struct writer *w, const struct reply_table *t)
{
    writer_be32(w, (uint32_t)t->n_columns);
    for (size_t c = 0; c < t->n_columns; c++) {
        put_text(w, t->columns[c].name);
        writer_u8(w, (uint8_t)t->columns[c].type);
        writer_u8(w, t->columns[c].is_key);
    }
    writer_be32(w, (uint32_t)t->n_rows);
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        value_write(w, &t->cells[i]);
        writer_u8(w, (uint8_t)t->intervals[i].kind);
        put_double(w, t->intervals[i].lo);
        put_double(w, t->intervals[i].hi);
    }
    put_double(w, t->level);
    writer_be32(w, (uint32_t)t->n_notices);
    for (size_t i = 0; i < t->n_notices; i++)
        put_text(w, t->notices[i]);
    put_receipt(w, &t->receipt);
    writer_be64(w, (uint64_t)t->release_slot_ns);
}

static void put_series(struct writer *w, const struct answer *answer)
{
    writer_be32(w, (uint32_t)answer->n_noise);
    for (size_t i = 0; i < answer->n_noise; i++) {
        writer_u8(w, (uint8_t)answer->noise[i].law);
        writer_be64(w, answer->noise[i].num);
        writer_be64(w, answer->noise[i].den);
    }
    writer_be64(w, answer->above);
    writer_be32(w, (uint32_t)answer->n_days);
    for (size_t i = 0; i < answer->n_days; i++) {
        const struct answer_day *d = &answer->days[i];
        writer_be64(w, (uint64_t)d->key);
        writer_be64(w, (uint64_t)d->from_us);
        writer_be64(w, (uint64_t)d->to_us);
        writer_u8(w, d->is_settled);
    }
    writer_bytes(w, answer->state, sizeof answer->state);
}

static void put_parts(struct writer *w, const struct reply_receipt *r)
{
    writer_be32(w, (uint32_t)r->n_parts);
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct reply_part *p = &r->parts[i];
        put_text(w, p->query_id);
        writer_be64(w, (uint64_t)p->as_of_us);
        value_write(w, &p->first);
        value_write(w, &p->last);
        writer_be32(w, p->n_keys);
        writer_be32(w, p->max_groups);
        writer_u8(w, p->cached);
    }
}

static bool is_of_series(const struct answer *answer)
{
    return answer->n_noise > 0 || answer->n_days > 0 ||
           answer->table.receipt.n_parts > 0;
}

void answer_write(struct writer *w, const struct answer *answer)
{
    writer_u8(w, (is_of_series(answer) ? VERSION_SERIES : VERSION) |
                     (answer->cut ? CUT : 0));
    put_text(w, answer->principal);
    put_text(w, answer->idempotency_key);
    writer_bytes(w, answer->request_hash, sizeof answer->request_hash);
    writer_be32(w, (uint32_t)answer->n_keys);
    writer_be32(w, (uint32_t)answer->n_measures);
    writer_be32(w, (uint32_t)answer->n_rows);
    for (size_t i = 0; i < answer->n_rows * answer->n_keys; i++)
        value_write(w, &answer->keys[i]);
    for (size_t i = 0; i < answer->n_rows * answer->n_measures; i++)
        put_int(w, answer->measures[i].v);
    put_table(w, &answer->table);
    if (!is_of_series(answer))
        return;
    put_series(w, answer);
    put_parts(w, &answer->table.receipt);
}

/* ---- parsing ---- */

/* What every reading step needs; `full` is sticky like the reader's error. */
struct parse {
    struct reader r;
    struct arena *a;
    bool full;
};

static const char *get_text(struct parse *p)
{
    const uint32_t len = reader_be32(&p->r);
    const uint8_t *s = reader_take(&p->r, len);
    if (s && memchr(s, '\0', len)) /* no text of ours holds one */
        p->r.short_read = true;
    char *copy = s ? arena_strndup(p->a, (const char *)s, len) : NULL;
    if (s && !copy)
        p->full = true;
    return copy ? copy : "";
}

static double get_double(struct parse *p)
{
    const uint64_t bits = reader_be64(&p->r);
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static dp_int get_int(struct parse *p)
{
    const uint64_t high = reader_be64(&p->r);
    return (dp_int)((dp_uint)high << 64 | reader_be64(&p->r));
}

static bool failed(const struct parse *p)
{
    return p->full || p->r.short_read;
}

/*
 * Room for n items.  Each takes at least one byte of input, so a count beyond
 * what is left is a lie and costs no memory.
 */
static void *get_array(struct parse *p, size_t n, size_t size)
{
    if (n > reader_left(&p->r))
        p->r.short_read = true;
    if (failed(p))
        return NULL;
    void *array = arena_alloc(p->a, n ? n : 1, size);
    p->full |= !array;
    return array;
}

static void get_value(struct parse *p, struct value *v)
{
    struct err err;
    const enum err_code code = value_read(v, &p->r, p->a, &err);
    p->full |= code == ERR_LIMIT;
    p->r.short_read |= code != ERR_OK;
}

static void get_receipt(struct parse *p, struct reply_receipt *r)
{
    r->query_id = get_text(p);
    r->dataset = get_text(p);
    r->purpose = get_text(p);
    r->mechanism = get_text(p);
    r->policy_version = reader_be64(&p->r);
    r->as_of_us = (int64_t)reader_be64(&p->r);
    r->rho_pico = reader_be64(&p->r);
    r->eps_nano = reader_be64(&p->r);
    r->delta_atto = reader_be64(&p->r);
    r->epsilon = get_double(p);
    r->shown_delta = get_double(p);
    r->remaining_rho_pico = reader_be64(&p->r);
    r->remaining_eps_nano = reader_be64(&p->r);
    r->pure = reader_u8(&p->r);
    r->max_groups = reader_be32(&p->r);
    r->max_rows = reader_be32(&p->r);
}

static void get_cells(struct parse *p, struct reply_table *t)
{
    size_t n;
    if (__builtin_mul_overflow(t->n_rows, t->n_columns, &n)) {
        p->r.short_read = true;
        return;
    }
    t->cells = get_array(p, n, sizeof *t->cells);
    t->intervals = get_array(p, n, sizeof *t->intervals);
    for (size_t i = 0; !failed(p) && i < n; i++) {
        get_value(p, &t->cells[i]);
        const uint8_t kind = reader_u8(&p->r);
        if (kind > INTERVAL_UNBOUNDED)
            p->r.short_read = true;
        else
            t->intervals[i].kind = kind;
        t->intervals[i].lo = get_double(p);
        t->intervals[i].hi = get_double(p);
    }
}

static void get_table(struct parse *p, struct reply_table *t)
{
    t->n_columns = reader_be32(&p->r);
    t->columns = get_array(p, t->n_columns, sizeof *t->columns);
    for (size_t c = 0; !failed(p) && c < t->n_columns; c++) {
        t->columns[c].name = get_text(p);
        const uint8_t type = reader_u8(&p->r);
        if (type >= VALUE_TYPE_COUNT)
            p->r.short_read = true;
        else
            t->columns[c].type = type;
        t->columns[c].is_key = reader_u8(&p->r);
    }
    t->n_rows = reader_be32(&p->r);
    get_cells(p, t);
    t->level = get_double(p);
    t->n_notices = reader_be32(&p->r);
    t->notices = get_array(p, t->n_notices, sizeof *t->notices);
    for (size_t i = 0; !failed(p) && i < t->n_notices; i++)
        t->notices[i] = get_text(p);
    get_receipt(p, &t->receipt);
    t->release_slot_ns = (int64_t)reader_be64(&p->r);
}

static void get_release(struct parse *p, struct answer *out)
{
    out->n_keys = reader_be32(&p->r);
    out->n_measures = reader_be32(&p->r);
    out->n_rows = reader_be32(&p->r);
    size_t n_keys, n_measures;
    if (__builtin_mul_overflow(out->n_rows, out->n_keys, &n_keys) ||
        __builtin_mul_overflow(out->n_rows, out->n_measures, &n_measures)) {
        p->r.short_read = true;
        return;
    }
    out->keys = get_array(p, n_keys, sizeof *out->keys);
    for (size_t i = 0; !failed(p) && i < n_keys; i++)
        get_value(p, &out->keys[i]);
    out->measures = get_array(p, n_measures, sizeof *out->measures);
    for (size_t i = 0; !failed(p) && i < n_measures; i++)
        out->measures[i].v = get_int(p);
}

static bool get_bool(struct parse *p)
{
    const uint8_t b = reader_u8(&p->r);
    if (b > 1)
        p->r.short_read = true;
    return b;
}

static void get_series(struct parse *p, struct answer *out)
{
    out->n_noise = reader_be32(&p->r);
    out->noise = get_array(p, out->n_noise, sizeof *out->noise);
    for (size_t i = 0; !failed(p) && i < out->n_noise; i++) {
        const uint8_t law = reader_u8(&p->r);
        if (law > DP_RGAUSS)
            p->r.short_read = true;
        else
            out->noise[i].law = law;
        out->noise[i].num = reader_be64(&p->r);
        out->noise[i].den = reader_be64(&p->r);
    }
    out->above = reader_be64(&p->r);
    out->n_days = reader_be32(&p->r);
    out->days = get_array(p, out->n_days, sizeof *out->days);
    for (size_t i = 0; !failed(p) && i < out->n_days; i++) {
        struct answer_day *d = &out->days[i];
        d->key = (int64_t)reader_be64(&p->r);
        d->from_us = (int64_t)reader_be64(&p->r);
        d->to_us = (int64_t)reader_be64(&p->r);
        d->is_settled = get_bool(p);
        if (i > 0 && d->key <= d[-1].key)
            p->r.short_read = true;
    }
    const uint8_t *state = reader_take(&p->r, sizeof out->state);
    if (state)
        memcpy(out->state, state, sizeof out->state);
}

static void get_parts(struct parse *p, struct reply_receipt *r)
{
    r->n_parts = reader_be32(&p->r);
    r->parts = get_array(p, r->n_parts, sizeof *r->parts);
    for (size_t i = 0; !failed(p) && i < r->n_parts; i++) {
        struct reply_part *part = &r->parts[i];
        part->query_id = get_text(p);
        part->as_of_us = (int64_t)reader_be64(&p->r);
        get_value(p, &part->first);
        get_value(p, &part->last);
        part->n_keys = reader_be32(&p->r);
        part->max_groups = reader_be32(&p->r);
        part->cached = get_bool(p);
    }
}

enum err_code answer_read(struct answer *out, const uint8_t *bytes, size_t len,
                          struct arena *a, struct err *err)
{
    struct parse p = { .r = reader_of(bytes, len), .a = a };
    *out = (struct answer){ 0 };
    const uint8_t first = reader_u8(&p.r);
    const uint8_t version = first & (uint8_t)~CUT;
    if (version != VERSION && version != VERSION_SERIES)
        return err_set(err, ERR_INTERNAL,
                       "the stored answer has an unknown "
                       "version");
    out->cut = first & CUT;
    out->principal = get_text(&p);
    out->idempotency_key = get_text(&p);
    const uint8_t *hash = reader_take(&p.r, sizeof out->request_hash);
    if (hash)
        memcpy(out->request_hash, hash, sizeof out->request_hash);
    get_release(&p, out);
    if (!failed(&p))
        get_table(&p, &out->table);
    if (!failed(&p) && version == VERSION_SERIES) {
        get_series(&p, out);
        if (!failed(&p))
            get_parts(&p, &out->table.receipt);
        if (!failed(&p) && !is_of_series(out))
            p.r.short_read = true; /* it has a shorter form */
    }
    if (p.full)
        return err_set(err, ERR_LIMIT,
                       "the stored answer needs too much "
                       "memory");
    if (p.r.short_read || reader_left(&p.r) > 0)
        return err_set(err, ERR_INTERNAL, "the stored answer is damaged");
    return ERR_OK;
}

enum err_code answer_pack(const uint8_t **bytes, size_t *len,
                          const struct answer *answer, struct arena *a,
                          struct err *err)
{
    struct writer measure = writer_of(NULL, 0);
    answer_write(&measure, answer); /* its length is not known before */
    uint8_t *data = arena_alloc(a, measure.need, 1);
    if (!data)
        return err_set(err, ERR_LIMIT, "the answer needs too much memory");
    struct writer w = writer_of(data, measure.need);
    answer_write(&w, answer);
    *bytes = data;
    *len = w.len;
    return w.overflow
               ? err_set(err, ERR_INTERNAL, "the answer changed while printed")
               : ERR_OK;
}

/* ---- of a batch ---- */

enum err_code answers_pack(const uint8_t **bytes, size_t *len,
                           const struct answer *list, size_t n, struct arena *a,
                           struct err *err)
{
    const uint8_t **each = ARENA_NEW_N(a, n, const uint8_t *);
    size_t *each_len = ARENA_NEW_N(a, n, size_t);
    size_t need = 1 + 4;
    for (size_t i = 0; each && each_len && i < n; i++) {
        TRY(answer_pack(&each[i], &each_len[i], &list[i], a, err));
        need += 4 + each_len[i];
    }
    uint8_t *data = arena_alloc(a, need, 1);
    if (!data || !each || !each_len)
        return err_set(err, ERR_LIMIT, "the answers need too much memory");
    struct writer w = writer_of(data, need);
    writer_u8(&w, VERSION_BATCH);
    writer_be32(&w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        writer_be32(&w, (uint32_t)each_len[i]);
        writer_bytes(&w, each[i], each_len[i]);
    }
    *bytes = data;
    *len = w.len;
    return w.overflow
               ? err_set(err, ERR_LIMIT, "the answers need too much memory")
               : ERR_OK;
}

enum err_code answers_read(struct answer **list, size_t *n,
                           const uint8_t *bytes, size_t len, struct arena *a,
                           struct err *err)
{
    struct parse p = { .r = reader_of(bytes, len), .a = a };
    if (reader_u8(&p.r) != VERSION_BATCH)
        return err_set(err, ERR_INTERNAL,
                       "the stored answers have an unknown version");
    *n = reader_be32(&p.r);
    if (*n == 0)
        p.r.short_read = true;
    *list = get_array(&p, *n, sizeof **list);
    for (size_t i = 0; !failed(&p) && i < *n; i++) {
        const uint32_t one_len = reader_be32(&p.r);
        const uint8_t *one = reader_take(&p.r, one_len);
        if (one)
            TRY(answer_read(&(*list)[i], one, one_len, a, err));
    }
    if (p.full)
        return err_set(err, ERR_LIMIT,
                       "the stored answers need too much memory");
    if (p.r.short_read || reader_left(&p.r) > 0)
        return err_set(err, ERR_INTERNAL, "the stored answers are damaged");
    /* What added nothing to the price was there before. */
    for (size_t i = 0; i < *n; i++) {
        struct reply_receipt *r = &(*list)[i].table.receipt;
        r->cached = r->query_id[0] && r->rho_pico == 0 && r->eps_nano == 0 &&
                    r->delta_atto == 0;
    }
    return ERR_OK;
}

bool answer_is_retry(const struct answer *answer, const char *principal,
                     const struct request *req)
{
    return req->idempotency_key[0] &&
           strcmp(answer->principal, principal) == 0 &&
           strcmp(answer->idempotency_key, req->idempotency_key) == 0 &&
           memcmp(answer->request_hash, req->hash, REQUEST_HASH_LEN) == 0;
}
