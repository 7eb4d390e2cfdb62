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

static void add_array(struct pq_params *out, struct pq_column *c, unsigned type,
                      int n)
{
    struct writer w = writer_of(c->data, HEAD_LEN);
    writer_be32(&w, 1);
    writer_be32(&w, 0);
    writer_be32(&w, type);
    writer_be32(&w, (uint32_t)n);
    writer_be32(&w, 1);
    pq_params_add(out, pq_array_of(type), c->data, c->len);
}

/* The numbers of a row stand together in one array; each text and each string
 * of bytes is in one of its own: to take a value out of an array of its own
 * costs the server more than to count to it. */
struct shape {
    const unsigned *types;
    int n, numbers, others;
};

static struct shape shape_of(const unsigned *types, int n)
{
    struct shape s = { types, n, 0, 0 };
    for (int i = 0; i < n; i++)
        s.numbers += types[i] == PQ_INT8;
    s.others = n - s.numbers;
    return s;
}

/* The next parameter, of row i. */
static void print_value(struct writer *w, const struct shape *s,
                        struct shape *seen)
{
    const bool is_number = s->types[seen->n++] == PQ_INT8;
    if (is_number)
        writer_printf(w, "$1[CAST(%d * i - %d AS int)]", s->numbers,
                      s->numbers - ++seen->numbers);
    else
        writer_printf(w, "v%d", ++seen->others);
}

static void print_named(struct writer *w, const char *text, size_t len,
                        const struct shape *s, struct shape *seen)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '?')
            print_value(w, s, seen);
        else
            writer_u8(w, (uint8_t)text[i]);
}

static void print_rows(struct writer *w, const struct shape *s)
{
    if (s->others == 0) {
        writer_printf(w,
                      " FROM generate_series(1, array_length($1, 1) / %d)"
                      " AS t(i)",
                      s->numbers);
        return;
    }
    const int first = s->numbers > 0 ? 2 : 1;
    writer_str(w, " FROM unnest(");
    for (int i = 0; i < s->others; i++)
        writer_printf(w, i > 0 ? ", $%d" : "$%d", first + i);
    writer_str(w, ") WITH ORDINALITY AS t(");
    for (int i = 1; i <= s->others; i++)
        writer_printf(w, "v%d, ", i);
    writer_str(w, "i)");
}

bool pq_bulk_text(char out[PQ_TEXT_CAP], const char *text,
                  const unsigned *types, int n)
{
    static const char values[] = " VALUES (", where[] = " WHERE ",
                      from[] = " FROM ROWS";
    const struct shape s = shape_of(types, n);
    struct shape seen = { .types = types };
    const char *at = strstr(text, values);
    const char *end = at ? strchr(at, ')') : NULL;
    struct writer w = writer_of(out, PQ_TEXT_CAP);
    const char *source = strstr(text, from);
    if (source) {
        print_named(&w, text, (size_t)(source - text), &s, &seen);
        print_rows(&w, &s);
        writer_str(&w, source + sizeof from - 1);
    } else if (end) {
        writer_bytes(&w, text, (size_t)(at - text));
        writer_str(&w, " SELECT ");
        at += sizeof values - 1;
        print_named(&w, at, (size_t)(end - at), &s, &seen);
        print_rows(&w, &s);
        writer_str(&w, end + 1);
    } else if ((at = strstr(text, where)) != NULL) {
        print_named(&w, text, (size_t)(at - text), &s, &seen);
        print_rows(&w, &s);
        print_named(&w, at, strlen(at), &s, &seen);
    } else {
        return false;
    }
    return writer_cstr(&w);
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

bool pq_bulk_has(const struct pq_bulk *b, const struct pq_params *row)
{
    const int last = row->n - 1;
    const bool is_number = row->types[last] == PQ_INT8;
    const struct pq_column *c = is_number ? &b->numbers : &b->columns[last];
    const size_t len = (size_t)row->lengths[last];
    const int numbers = shape_of(row->types, row->n).numbers;
    size_t at = HEAD_LEN;
    for (int i = 0; at < c->len; i++) {
        struct reader r = reader_of(c->data + at, c->len - at);
        const size_t here = reader_be32(&r);
        const bool is_last = !is_number || i % numbers == numbers - 1;
        if (is_last && here == len &&
            memcmp(c->data + at + 4, row->values[last], len) == 0)
            return true;
        at += 4 + here;
    }
    return false;
}

bool pq_bulk_add(struct pq_bulk *b, const struct pq_params *row)
{
    assert(b->n == 0 || b->n_columns == row->n);
    b->n_columns = row->n;
    for (int i = 0; i < row->n; i++) {
        const bool is_number = row->types[i] == PQ_INT8;
        b->types[i] = row->types[i];
        if (!append(is_number ? &b->numbers : &b->columns[i], row->values[i],
                    (size_t)row->lengths[i]))
            return false;
    }
    b->n++;
    return true;
}

void pq_bulk_params(struct pq_bulk *b, struct pq_params *out)
{
    const int numbers = shape_of(b->types, b->n_columns).numbers;
    out->n = 0;
    if (numbers > 0)
        add_array(out, &b->numbers, PQ_INT8, numbers * b->n);
    for (int i = 0; i < b->n_columns; i++)
        if (b->types[i] != PQ_INT8)
            add_array(out, &b->columns[i], b->types[i], b->n);
}

void pq_bulk_forget(struct pq_bulk *b)
{
    b->n = 0;
    b->numbers.len = 0;
    for (int i = 0; i < b->n_columns; i++)
        b->columns[i].len = 0;
}

void pq_bulk_fini(struct pq_bulk *b)
{
    free(b->numbers.data);
    for (int i = 0; i < PQ_PARAMS_MAX; i++)
        free(b->columns[i].data);
    *b = (struct pq_bulk){ .n = 0 };
}
