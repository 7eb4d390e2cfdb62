#include "server/ledger/sqlite_bulk.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"

enum { FIRST_VALUES = 1024, FIRST_DATA = 1 << 16, TEXT_CAP = 4096 };
static const size_t SIZES[SQLITE_BULK_SIZES] = { 32, 8, 1 };

struct bulk_value {
    char type;      /* i, t or b */
    int64_t number; /* of i; else where its bytes begin in `data` */
    size_t len;     /* bytes */
};

/* Room for `n` more of `size` bytes each. */
static bool reserve(void *array, size_t *cap, size_t used, size_t n,
                    size_t size, size_t first)
{
    size_t more = *cap ? *cap : first;
    if (used + n <= *cap)
        return true;
    while (more < used + n)
        more *= 2;
    void *grown = realloc(*(void **)array, more * size);
    if (!grown)
        return false;
    *(void **)array = grown;
    *cap = more;
    return true;
}

static int add_bytes(struct sqlite_bulk *b, struct bulk_value *v,
                     const void *data, size_t len)
{
    if (!reserve(&b->data, &b->data_cap, b->data_len, len, 1, FIRST_DATA))
        return SQLITE_NOMEM;
    v->number = (int64_t)b->data_len;
    v->len = len;
    if (len > 0)
        memcpy(b->data + b->data_len, data, len);
    b->data_len += len;
    return SQLITE_OK;
}

static int add_value(struct sqlite_bulk *b, struct bulk_value *v, char type,
                     va_list *ap)
{
    *v = (struct bulk_value){ .type = type };
    if (type == 't') {
        const char *text = va_arg(*ap, const char *);
        return add_bytes(b, v, text, strlen(text));
    }
    if (type == 'b') {
        const void *data = va_arg(*ap, const void *);
        return add_bytes(b, v, data, va_arg(*ap, size_t));
    }
    const uint64_t number =
        type == 'u' ? va_arg(*ap, uint64_t) : (uint64_t)va_arg(*ap, int64_t);
    v->type = 'i';
    v->number = (int64_t)number;
    return type == 'u' && number > INT64_MAX ? SQLITE_RANGE : SQLITE_OK;
}

int sqlite_bulk_add(struct sqlite_bulk *b, const char *types, va_list *ap)
{
    const size_t n = strlen(types);
    int rc = SQLITE_OK;
    if (!reserve(&b->values, &b->values_cap, b->n_values, n, sizeof *b->values,
                 FIRST_VALUES))
        return SQLITE_NOMEM;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = add_value(b, &b->values[b->n_values + i], types[i], ap);
    if (rc != SQLITE_OK)
        return rc;
    b->n_values += n;
    b->n++;
    return SQLITE_OK;
}

/* The INSERT of one row, with its tuple again and again. */
static int prepare(struct sqlite3_stmt **out, sqlite3 *db, const char *text,
                   size_t rows)
{
    static const char values[] = " VALUES (";
    char many[TEXT_CAP];
    struct writer w = writer_of(many, sizeof many);
    const char *tuple = strstr(text, values);
    assert(tuple);
    tuple += sizeof values - 2;
    const size_t len = strcspn(tuple, ")") + 1;
    assert(tuple[len] == '\0');
    writer_str(&w, text);
    for (size_t i = 1; i < rows; i++) {
        writer_u8(&w, ',');
        writer_bytes(&w, tuple, len);
    }
    const bool fits = writer_cstr(&w);
    assert(fits);
    return sqlite3_prepare_v3(db, many, -1, SQLITE_PREPARE_PERSISTENT, out,
                              NULL);
}

static int bind(sqlite3_stmt *stmt, int at, const struct sqlite_bulk *b,
                const struct bulk_value *v)
{
    if (v->type == 'i')
        return sqlite3_bind_int64(stmt, at, v->number);
    const char *data = v->len ? (const char *)b->data + v->number : "";
    return v->type == 't'
               ? sqlite3_bind_text64(stmt, at, data, v->len, SQLITE_STATIC,
                                     SQLITE_UTF8)
               : sqlite3_bind_blob64(stmt, at, data, v->len, SQLITE_STATIC);
}

static int write_rows(sqlite3_stmt *stmt, const struct sqlite_bulk *b,
                      size_t first, size_t rows)
{
    const size_t columns = b->n_values / b->n;
    for (size_t i = 0; i < rows * columns; i++) {
        const int rc =
            bind(stmt, (int)i + 1, b, &b->values[first * columns + i]);
        if (rc != SQLITE_OK)
            return rc;
    }
    (void)sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

int sqlite_bulk_flush(struct sqlite_bulk *b, sqlite3 *db, const char *text)
{
    int rc = SQLITE_OK;
    for (size_t at = 0, i = 0; at < b->n && rc == SQLITE_OK;) {
        if (b->n - at < SIZES[i]) {
            i++;
            continue;
        }
        if (!b->stmts[i])
            rc = prepare(&b->stmts[i], db, text, SIZES[i]);
        if (rc == SQLITE_OK)
            rc = write_rows(b->stmts[i], b, at, SIZES[i]);
        at += SIZES[i];
    }
    sqlite_bulk_forget(b);
    return rc;
}

void sqlite_bulk_forget(struct sqlite_bulk *b)
{
    b->n = b->n_values = b->data_len = 0;
}

void sqlite_bulk_fini(struct sqlite_bulk *b)
{
    for (size_t i = 0; i < SQLITE_BULK_SIZES; i++)
        (void)sqlite3_finalize(b->stmts[i]);
    free(b->values);
    free(b->data);
    *b = (struct sqlite_bulk){ .n = 0 };
}
