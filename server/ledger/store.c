#include "server/ledger/store.h"

#include <stdio.h>

#include "server/ledger/ledger.h"
#include "server/ledger/pq_link.h"
#include "server/ledger/store_pg.h"
#include "server/ledger/store_sqlite.h"

bool ledger_is_shared(const char *where)
{
    return pq_uri_is(where);
}

enum err_code ledger_check_where(const char *where, struct err *err)
{
    return pq_uri_is(where) ? pq_uri_check("the database's URI", where, err)
                            : ERR_OK;
}

enum err_code store_open(struct store **out, const char *where, struct err *err)
{
    return pq_uri_is(where) ? store_pg_open(out, where, err)
                            : store_sqlite_open(out, where, err);
}

enum err_code store_open_read(struct store **out, const char *where,
                              struct err *err)
{
    return pq_uri_is(where) ? store_pg_open_read(out, where, err)
                            : store_sqlite_open_read(out, where, err);
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

void store_fail(struct store *s, enum store_rc rc, const char *why)
{
    if (s->rc != STORE_OK)
        return;
    s->rc = rc;
    (void)snprintf(s->why, sizeof s->why, "%s", why);
}

bool store_find(struct store *s, enum sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    const bool found = s->rc == STORE_OK && s->ops->start(s, sql, types, &ap);
    va_end(ap);
    return found;
}

bool store_query(struct store *s, const char *text, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    const bool found = s->rc == STORE_OK && s->ops->query(s, text, types, &ap);
    va_end(ap);
    return found;
}

void store_run(struct store *s, enum sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    if (s->rc == STORE_OK)
        s->ops->run(s, sql, types, &ap);
    va_end(ap);
}

void store_ask(struct store *s, enum sql sql, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    if (s->ops->ask && s->rc == STORE_OK)
        s->ops->ask(s, sql, types, &ap);
    va_end(ap);
}

void store_exec(struct store *s, const char *text,
                const struct store_value *values, size_t n)
{
    if (s->rc == STORE_OK)
        s->ops->exec(s, text, values, n);
}

bool store_is_null(struct store *s, enum sql sql, int column)
{
    size_t len;
    return s->ops->bytes(s, sql, column, &len) == NULL;
}

bool store_next(struct store *s, enum sql sql)
{
    return s->rc == STORE_OK && s->ops->next(s, sql);
}

void store_end(struct store *s, enum sql sql)
{
    s->ops->end(s, sql);
}

int64_t store_int(struct store *s, enum sql sql, int column)
{
    return s->ops->integer(s, sql, column);
}

uint64_t store_amount(struct store *s, enum sql sql, int column)
{
    const int64_t v = store_int(s, sql, column);
    if (v >= 0)
        return (uint64_t)v;
    store_fail(s, STORE_FAILED, "a negative amount");
    return 0;
}

const char *store_text(struct store *s, enum sql sql, int column)
{
    size_t len;
    const char *text = s->ops->bytes(s, sql, column, &len);
    return text ? text : "";
}

const void *store_blob(struct store *s, enum sql sql, int column, size_t *len)
{
    const void *data = s->ops->bytes(s, sql, column, len);
    return data ? data : "";
}

void store_begin(struct store *s)
{
    if (s->rc == STORE_OK)
        s->ops->begin(s);
}

void store_look(struct store *s)
{
    if (s->rc == STORE_OK && s->ops->look)
        s->ops->look(s);
}

bool store_writes(struct store *s)
{
    return s->ops->writes(s);
}

void store_commit(struct store *s)
{
    if (s->rc == STORE_OK)
        s->ops->commit(s);
}

void store_go_on(struct store *s)
{
    if (s->rc == STORE_OK && s->goes_on)
        s->ops->go_on(s);
}

void store_rollback(struct store *s)
{
    s->rc = STORE_OK;
    s->ops->rollback(s);
}

bool store_recover(struct store *s, bool *committed)
{
    return s->ops->recover && s->ops->recover(s, committed);
}

void store_let_in(struct store *s, bool is_open)
{
    if (s->rc == STORE_OK)
        s->ops->let_in(s, is_open);
}

bool store_tidy(struct store *s, uint32_t pages)
{
    return s->rc == STORE_OK && s->ops->tidy && s->ops->tidy(s, pages);
}

void store_checkpoint(struct store *s)
{
    if (s->rc == STORE_OK)
        s->ops->checkpoint(s);
}
