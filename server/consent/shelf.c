#include "server/consent/shelf.h"

#include <stdio.h>

void shelf_close(struct shelf *s)
{
    if (s->ops)
        s->ops->close(s);
    *s = (struct shelf){ .ops = NULL };
}

bool shelf_find(struct shelf *s, enum shelf_sql sql, const char *types, ...)
{
    va_list ap;
    if (s->rc != STORE_OK)
        return false;
    va_start(ap, types);
    const bool found = s->ops->start(s, sql, types, &ap);
    va_end(ap);
    return found;
}

void shelf_run(struct shelf *s, enum shelf_sql sql, const char *types, ...)
{
    va_list ap;
    if (s->rc != STORE_OK)
        return;
    va_start(ap, types);
    s->ops->run(s, sql, types, &ap);
    va_end(ap);
}

bool shelf_next(struct shelf *s, enum shelf_sql sql)
{
    return s->rc == STORE_OK && s->ops->next(s, sql);
}

void shelf_end(struct shelf *s, enum shelf_sql sql)
{
    s->ops->end(s, sql);
}

int64_t shelf_int(struct shelf *s, enum shelf_sql sql, int column)
{
    return s->ops->integer(s, sql, column);
}

bool shelf_is_null(struct shelf *s, enum shelf_sql sql, int column)
{
    return s->ops->is_null(s, sql, column);
}

const char *shelf_text(struct shelf *s, enum shelf_sql sql, int column)
{
    size_t len;
    return shelf_blob(s, sql, column, &len);
}

const void *shelf_blob(struct shelf *s, enum shelf_sql sql, int column,
                       size_t *len)
{
    const void *data = s->ops->bytes(s, sql, column, len);
    return data ? data : "";
}

void shelf_begin(struct shelf *s, enum shelf_kind kind)
{
    if (s->rc == STORE_OK)
        s->ops->begin(s, kind);
}

void shelf_commit(struct shelf *s)
{
    if (s->rc == STORE_OK)
        s->ops->commit(s);
}

bool shelf_rollback(struct shelf *s)
{
    return s->ops->rollback(s);
}

void shelf_look(struct shelf *s)
{
    if (s->rc == STORE_OK && s->ops->look)
        s->ops->look(s);
}

void shelf_fail(struct shelf *s, enum store_rc rc, const char *why)
{
    if (s->rc != STORE_OK)
        return;
    s->rc = rc;
    (void)snprintf(s->why, sizeof s->why, "%s", why);
}

void shelf_full(struct shelf *s)
{
    shelf_fail(s, STORE_REFUSED, "out of memory");
}

void shelf_sweep(struct shelf *s)
{
    s->ops->sweep(s);
}

void shelf_sync(struct shelf *s, bool waits)
{
    if (s->rc == STORE_OK && s->ops->sync)
        s->ops->sync(s, waits);
}
