#include "server/ledger/sqlite_bind.h"

#include <assert.h>
#include <sqlite3.h>

int sqlite_bind(sqlite3_stmt *stmt, int at, char type, va_list *ap)
{
    if (type == 'i')
        return sqlite3_bind_int64(stmt, at, va_arg(*ap, int64_t));
    if (type == 't')
        return sqlite3_bind_text(stmt, at, va_arg(*ap, const char *), -1,
                                 SQLITE_STATIC);
    if (type == 'u') {
        const uint64_t v = va_arg(*ap, uint64_t);
        return v > INT64_MAX ? SQLITE_RANGE
                             : sqlite3_bind_int64(stmt, at, (int64_t)v);
    }
    assert(type == 'b');
    const void *data = va_arg(*ap, const void *);
    const size_t len = va_arg(*ap, size_t);
    /* A NULL pointer would bind NULL: zero bytes are bytes, too. */
    return sqlite3_bind_blob64(stmt, at, len ? data : "", len, SQLITE_STATIC);
}

int sqlite_bind_value(sqlite3_stmt *stmt, int at, const struct store_value *v)
{
    if (v->type == 'n')
        return sqlite3_bind_null(stmt, at);
    if (v->type == 'i')
        return sqlite3_bind_int64(stmt, at, v->number);
    return v->type == 't' ? sqlite3_bind_text64(stmt, at, v->data, v->len,
                                                SQLITE_STATIC, SQLITE_UTF8)
                          : sqlite3_bind_blob64(stmt, at, v->len ? v->data : "",
                                                v->len, SQLITE_STATIC);
}
