#include "server/engine/counted.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/gate.h"

enum {
    PURPOSES = 64,
    TEXT_CAP = 256 * 1024, /* bytes of one statement */
    ROW_CAP = 64,          /* ... that a number, or all but a key, takes */
};

/* What is in the table for a purpose. */
struct written {
    const struct policy_purpose *purpose;
    struct gate_view view; /* pinned */
};

struct counted {
    const struct counted_sql *sql;
    const struct gate *gate;
    const char *keys;
    bool key_is_int;
    struct written written[PURPOSES];
    size_t n_written;
    char *text; /* owned; of the statement being written */
};

static bool run(const struct counted *c, const char *sql)
{
    return c->sql->run(c->sql->ctx, sql);
}

/* 'It''s' */
static void literal(struct writer *w, const char *text)
{
    writer_u8(w, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            writer_u8(w, '\'');
        writer_u8(w, (uint8_t)*text);
    }
    writer_u8(w, '\'');
}

static bool run_text(const struct counted *c, struct writer *w)
{
    return writer_cstr(w) && run(c, c->text);
}

/* One transaction, or none. */
static bool end(const struct counted *c, bool ok)
{
    ok = ok && run(c, "COMMIT");
    if (!ok)
        (void)run(c, "ROLLBACK");
    return ok;
}

/* ---- keys ---- */

/* Rows that wait to be inserted. */
struct rows {
    const struct counted *c;
    struct writer w;
    bool any;
};

static bool flush_people(struct rows *r)
{
    const bool ok = !r->any || run_text(r->c, &r->w);
    r->w = writer_of(r->c->text, TEXT_CAP);
    writer_str(&r->w, "INSERT INTO halftone_people (person, number) VALUES ");
    r->any = false;
    return ok;
}

static bool add_person(void *arg, const char *key)
{
    struct rows *r = arg;
    const struct gate *gate = r->c->gate;
    const size_t len = strlen(key);
    const uint32_t number = gate->number(gate->ctx, key, len, true);
    if (number == GATE_NOBODY)
        return false;
    if (2 * len + ROW_CAP > TEXT_CAP - r->w.len && !flush_people(r))
        return false;
    writer_str(&r->w, r->any ? ", (" : "(");
    if (r->c->key_is_int)
        writer_str(&r->w, key);
    else
        literal(&r->w, key);
    writer_printf(&r->w, ", %" PRIu32 ")", number);
    r->any = true;
    return !r->w.overflow;
}

/* Keys are read to their end before rows are written: one connection does both.
 */
struct texts {
    char *all;
    size_t len, cap;
};

static bool keep_text(void *arg, const char *text)
{
    struct texts *t = arg;
    const size_t len = strlen(text) + 1;
    if (t->cap - t->len < len) {
        const size_t cap = 2 * t->cap + len + TEXT_CAP;
        char *more = realloc(t->all, cap);
        if (!more)
            return false;
        t->all = more;
        t->cap = cap;
    }
    memcpy(t->all + t->len, text, len);
    t->len += len;
    return true;
}

static bool number_new(struct counted *c)
{
    struct texts t = { NULL, 0, 0 };
    struct rows r = { .c = c };
    struct writer w = writer_of(c->text, TEXT_CAP);
    writer_printf(&w,
                  "SELECT k.person FROM (%s) AS k (person) WHERE NOT EXISTS "
                  "(SELECT 1 FROM halftone_people p WHERE p.person = k.person)",
                  c->keys);
    bool ok = writer_cstr(&w) &&
              c->sql->each(c->sql->ctx, c->text, keep_text, &t) &&
              flush_people(&r);
    for (size_t at = 0; ok && at < t.len; at += strlen(t.all + at) + 1)
        ok = add_person(&r, t.all + at);
    ok = ok && flush_people(&r);
    free(t.all);
    return ok;
}

/* What was written of purposes has no rows of people who are new. */
static void forget_written(struct counted *c)
{
    while (c->n_written > 0)
        c->gate->unpin(c->gate->ctx, &c->written[--c->n_written].view);
}

bool counted_number(struct counted *c)
{
    const bool ok = end(c, run(c, "BEGIN") && number_new(c));
    if (ok)
        forget_written(c);
    return ok;
}

/* ---- views ---- */

static uint64_t word_of(const struct gate_view *v, uint32_t word)
{
    return word < v->n / 64 ? v->bits[word] : 0;
}

/* The rows of the numbers for which `bits` are set, taken in or out. */
struct change {
    const struct counted *c;
    const char *purpose;
    struct writer w;
    bool adds, any;
};

static bool flush_change(struct change *g)
{
    if (g->any)
        writer_str(&g->w, "))");
    const bool ok = !g->any || run_text(g->c, &g->w);
    g->w = writer_of(g->c->text, TEXT_CAP);
    if (g->adds)
        writer_str(&g->w,
                   "INSERT INTO halftone_said (purpose, person) SELECT ");
    else
        writer_str(&g->w, "DELETE FROM halftone_said WHERE purpose = ");
    literal(&g->w, g->purpose);
    if (g->adds)
        writer_str(&g->w, ", person FROM halftone_people WHERE (number IN (");
    else
        writer_str(&g->w,
                   " AND person IN (SELECT person FROM halftone_people WHERE "
                   "number IN (");
    g->any = false;
    return ok;
}

static bool change_word(struct change *g, uint32_t word, uint64_t bits)
{
    for (; bits; bits &= bits - 1) {
        if (g->w.len + ROW_CAP > TEXT_CAP && !flush_change(g))
            return false;
        writer_printf(&g->w, g->any ? ", %" PRIu32 : "%" PRIu32,
                      word * 64 + (uint32_t)__builtin_ctzll(bits));
        g->any = true;
    }
    return true;
}

/* People whose bit is set in `to` and not in `from`: theirs are the rows. */
static bool change(const struct counted *c, const char *purpose,
                   const struct gate_view *from, const struct gate_view *to,
                   bool adds)
{
    struct change g = { .c = c, .purpose = purpose, .adds = adds };
    bool ok = flush_change(&g);
    for (uint32_t word = 0; ok && word < to->n / 64; word++)
        ok = change_word(&g, word, word_of(to, word) & ~word_of(from, word));
    return ok && flush_change(&g);
}

static bool write_all(const struct counted *c, const char *purpose,
                      const struct gate_view *view)
{
    static const struct gate_view none;
    struct writer w = writer_of(c->text, TEXT_CAP);
    writer_str(&w, "DELETE FROM halftone_said WHERE purpose = ");
    literal(&w, purpose);
    return run_text(c, &w) && change(c, purpose, &none, view, true);
}

static bool differ(const struct gate_view *a, const struct gate_view *b)
{
    const uint32_t n = a->n > b->n ? a->n : b->n;
    bool same = a->bits == b->bits;
    for (uint32_t word = 0; !same && word < n / 64; word++)
        if (word_of(a, word) != word_of(b, word))
            return true;
    return false;
}

bool counted_sync(struct counted *c, const struct policy_purpose *purpose)
{
    struct written *w = c->written;
    struct gate_view view;
    while (w < c->written + c->n_written && w->purpose != purpose)
        w++;
    if (w == c->written + PURPOSES)
        return false;
    const bool is_new = w == c->written + c->n_written;
    c->gate->pin(c->gate->ctx, &view, purpose);
    const bool changes = is_new || differ(&w->view, &view);
    const bool ok =
        !changes ||
        end(c,
            run(c, "BEGIN") &&
                (is_new ? write_all(c, purpose->id, &view)
                        : change(c, purpose->id, &view, &w->view, false) &&
                              change(c, purpose->id, &w->view, &view, true)));
    if (!ok) {
        /* Of a commit that failed nobody knows what it left. */
        c->gate->unpin(c->gate->ctx, &view);
        forget_written(c);
        return false;
    }
    if (is_new)
        c->n_written++;
    else
        c->gate->unpin(c->gate->ctx, &w->view);
    *w = (struct written){ purpose, view };
    return true;
}

void counted_condition(struct writer *w, const struct policy_purpose *purpose,
                       const char *key)
{
    gate_condition(w, purpose, key, GATE_SAID, NULL);
}

/* ---- life ---- */

static bool make_tables(const struct counted *c)
{
    const char *type = c->key_is_int ? "BIGINT" : "TEXT";
    struct writer w = writer_of(c->text, TEXT_CAP);
    writer_printf(
        &w,
        "CREATE TABLE IF NOT EXISTS halftone_people (person %s PRIMARY "
        "KEY, number BIGINT NOT NULL)",
        type);
    bool ok = run_text(c, &w) &&
              run(c, "CREATE INDEX IF NOT EXISTS halftone_numbers ON "
                     "halftone_people (number)");
    w = writer_of(c->text, TEXT_CAP);
    writer_printf(&w,
                  "CREATE TABLE IF NOT EXISTS halftone_said (purpose TEXT NOT "
                  "NULL, person %s NOT NULL, PRIMARY KEY (purpose, person))",
                  type);
    ok = ok && run_text(c, &w);
    return ok && run(c, "DELETE FROM halftone_said") &&
           run(c, "DELETE FROM halftone_people");
}

enum err_code counted_open(struct counted **out, const struct counted_sql *sql,
                           const struct gate *gate, const char *keys,
                           bool key_is_int, struct err *err)
{
    struct counted *c = calloc(1, sizeof *c);
    char *text = malloc(TEXT_CAP);
    if (!c || !text) {
        free(c);
        free(text);
        return err_set(err, ERR_LIMIT, "out of memory");
    }
    *c = (struct counted){ .sql = sql,
                           .gate = gate,
                           .keys = keys,
                           .key_is_int = key_is_int,
                           .text = text };
    if (end(c, run(c, "BEGIN") && make_tables(c) && number_new(c))) {
        *out = c;
        return ERR_OK;
    }
    counted_close(c);
    return err_set(err, ERR_UNAVAILABLE,
                   "the tables of who counts cannot be made");
}

void counted_close(struct counted *c)
{
    if (!c)
        return;
    forget_written(c);
    free(c->text);
    free(c);
}
