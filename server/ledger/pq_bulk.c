#include "server/ledger/pq_bulk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/reader.h"
#include "server/base/writer.h"

/* One dimension, nothing NULL, type, length, counted from 1: array_send in
 * PostgreSQL's arrayfuncs.c. */
enum { HEAD_LEN = 20, FIRST_CAP = 1 << 14 };

static void print_head(uint8_t out[HEAD_LEN], unsigned type, int n)
{
    struct writer w = writer_of(out, HEAD_LEN);
    writer_be32(&w, 1);
    writer_be32(&w, 0);
    writer_be32(&w, type);
    writer_be32(&w, (uint32_t)n);
    writer_be32(&w, 1);
}

/* Its parameters by name; returns how many there are by now. */
static int print_named(struct writer *w, const char *text, size_t len, int n)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '?')
            writer_printf(w, "v%d", ++n);
        else
            writer_u8(w, (uint8_t)text[i]);
    return n;
}

static void print_rows(struct writer *w, int n)
{
    writer_str(w, " FROM unnest(");
    for (int i = 1; i <= n; i++)
        writer_printf(w, i > 1 ? ", $%d" : "$%d", i);
    writer_str(w, ") AS t(");
    for (int i = 1; i <= n; i++)
        writer_printf(w, i > 1 ? ", v%d" : "v%d", i);
    writer_str(w, ")");
}

static int count(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '?';
    return n;
}

bool pq_bulk_text(char out[PQ_TEXT_CAP], const char *text)
{
    static const char values[] = " VALUES (", where[] = " WHERE ";
    const char *at = strstr(text, values);
    const char *end = at ? strchr(at, ')') : NULL;
    struct writer w = writer_of(out, PQ_TEXT_CAP);
    if (end) {
        writer_bytes(&w, text, (size_t)(at - text));
        writer_str(&w, " SELECT ");
        at += sizeof values - 1;
        (void)print_named(&w, at, (size_t)(end - at), 0);
        print_rows(&w, count(text));
        writer_str(&w, end + 1);
    } else if ((at = strstr(text, where)) != NULL) {
        const int n = print_named(&w, text, (size_t)(at - text), 0);
        print_rows(&w, count(text));
        (void)print_named(&w, at, strlen(at), n);
    } else {
        return false;
    }
    return writer_cstr(&w);
}

bool pq_bulk_has(const struct pq_bulk *b, const struct pq_params *row)
{
    const struct pq_column *c = &b->columns[row->n - 1];
    const size_t len = (size_t)row->lengths[row->n - 1];
    size_t at = HEAD_LEN;
    for (int i = 0; i < b->n; i++) {
        struct reader r = reader_of(c->data + at, c->len - at);
        const size_t here = reader_be32(&r);
        if (here == len &&
            memcmp(c->data + at + 4, row->values[row->n - 1], len) == 0)
            return true;
        at += 4 + here;
    }
    return false;
}

static bool append(struct pq_column *c, const void *value, size_t len)
{
    const size_t need = (c->len ? c->len : HEAD_LEN) + 4 + len;
    if (need > c->cap) {
        const size_t cap = need < FIRST_CAP ? FIRST_CAP : 2 * need;
        uint8_t *more = realloc(c->data, cap);
        if (!more)
            return false;
        c->data = more;
        c->cap = cap;
    }
    if (c->len == 0)
        c->len = HEAD_LEN;
    struct writer w = writer_of(c->data + c->len, c->cap - c->len);
    writer_be32(&w, (uint32_t)len);
    writer_bytes(&w, value, len);
    c->len += w.len;
    return true;
}

bool pq_bulk_add(struct pq_bulk *b, const struct pq_params *row)
{
    assert(b->n == 0 || b->n_columns == row->n);
    b->n_columns = row->n;
    for (int i = 0; i < row->n; i++) {
        b->types[i] = row->types[i];
        if (!append(&b->columns[i], row->values[i], (size_t)row->lengths[i]))
            return false;
    }
    b->n++;
    return true;
}

void pq_bulk_params(struct pq_bulk *b, struct pq_params *out)
{
    out->n = 0;
    for (int i = 0; i < b->n_columns; i++) {
        struct pq_column *c = &b->columns[i];
        print_head(c->data, b->types[i], b->n);
        pq_params_add(out, pq_array_of(b->types[i]), c->data, c->len);
    }
}

void pq_bulk_forget(struct pq_bulk *b)
{
    b->n = 0;
    for (int i = 0; i < b->n_columns; i++)
        b->columns[i].len = 0;
}

void pq_bulk_fini(struct pq_bulk *b)
{
    for (int i = 0; i < PQ_PARAMS_MAX; i++)
        free(b->columns[i].data);
    *b = (struct pq_bulk){ .n = 0 };
}
