#include "server/ledger/store_pg_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/pq_schema.h"
#include "server/ledger/schema.h"

#undef INDEXED
#undef NOT_INDEXED
#undef IS_ROW
#undef KEY_AGAIN
#undef OF_RELEASE
#undef OF_KEY
#define INDEXED(name) ""
#define NOT_INDEXED   ""
#define IS_ROW(name)  ""
#define OF_RELEASE    PQ_OF_RELEASE("?1", "?")
#define OF_KEY        " AND " PQ_KEY_NUMBER("key") " = " PQ_KEY_NUMBER("?2")
#define KEY_AGAIN     "" /* send_key_again */
static const char *const SQL_TEXT[SQL_COUNT] = {
#define STMT(name, text) [SQL_##name] = text,
#include "server/ledger/sql.def"
#undef STMT
};

enum { PENDING_MAX = 1024 }; /* results that wait for us */

/* Rows that a batch writes by the hundred go together, in this order, before
 * anything else is asked. */
static const enum sql BULKS[] = { SQL_LEAF_NEW,      SQL_TILE_NEW,
                                  SQL_CHARGE_NEW,    SQL_KEY_NEW,
                                  SQL_TEXT_NEW,      SQL_ANSWER_NEW,
                                  SQL_CHARGE_ANSWER, SQL_COUNTER_MOVE };
static_assert(sizeof BULKS / sizeof BULKS[0] == PQ_BULKS, "all of them");

bool pq_send_bulks(struct pq_store *s)
{
    char text[PQ_TEXT_CAP];
    struct pq_params p;
    for (int i = 0; i < PQ_BULKS; i++) {
        struct pq_bulk *bulk = &s->bulks[i];
        if (bulk->n == 0)
            continue;
        const bool fits = s->pipe.prepared[BULKS[i]] ||
                          pq_bulk_text(text, SQL_TEXT[BULKS[i]], bulk->types,
                                       bulk->n_columns);
        assert(fits);
        pq_bulk_params(bulk, &p);
        const bool is_sent = pipe_send_as(&s->pipe, (int)BULKS[i], text, &p);
        pq_bulk_forget(bulk); /* libpq copies what it queues */
        if (!is_sent)
            return false;
    }
    return true;
}

static struct pq_bulk *bulk_of(struct pq_store *s, enum sql sql)
{
    for (int i = 0; i < PQ_BULKS; i++)
        if (BULKS[i] == sql)
            return &s->bulks[i];
    return NULL;
}

static bool send(struct pq_store *s, enum sql sql, const struct pq_params *p)
{
    char text[PQ_TEXT_CAP];
    const bool fits = s->pipe.prepared[sql] || pq_text_of(text, SQL_TEXT[sql]);
    assert(fits);
    return pq_send_bulks(s) && pipe_send_as(&s->pipe, (int)sql, text, p);
}

/* ---- rows ---- */

static void close_cursor(struct cursor *c)
{
    if (c->is_owned)
        PQclear(c->rows);
    *c = (struct cursor){ .rows = NULL };
}

static bool open_cursor(struct pq_store *s, enum sql sql, PGresult *rows,
                        bool is_owned, int first, int n)
{
    struct cursor *c = &s->cursors[sql];
    close_cursor(c);
    *c = (struct cursor){ rows, is_owned, first, first + n };
    if (n > 0)
        return true;
    close_cursor(c);
    return false;
}

static bool params_of(struct pq_store *s, struct pq_params *p,
                      const char *types, va_list *ap)
{
    if (pq_params_of(p, types, ap))
        return true;
    store_fail(&s->base, STORE_REFUSED, "a number is too large");
    return false;
}

static bool is_write(const char *text)
{
    return text[0] != 'S'; /* not SELECT */
}

static bool is_update(const char *text)
{
    return text[0] == 'U';
}

/* A reader outside a transaction leaves none open behind a statement. */
static void end_statement(struct pq_store *s)
{
    if (!s->in_transaction && s->base.rc == STORE_OK)
        pipe_sync(&s->pipe);
}

bool pq_start(struct store *base, enum sql sql, const char *types, va_list *ap)
{
    struct pq_store *s = pq_of(base);
    struct pq_params p;
    if (!params_of(s, &p, types, ap))
        return false;
    const struct memo_entry *known = memo_find(&s->memo, sql, &p);
    if (known)
        return open_cursor(s, sql, known->rows, false, known->first, known->n);
    if (is_write(SQL_TEXT[sql])) {
        memo_touch(&s->memo, sql, &p);
        s->wrote = true;
    }
    PGresult *rows = send(s, sql, &p) ? pipe_take_all(&s->pipe) : NULL;
    if (!rows)
        return false;
    end_statement(s);
    const int n = PQntuples(rows);
    const enum memo_class class = memo_class_of(sql);
    if (class >= MEMO_MISSES && memo_keep(&s->memo, rows)) {
        memo_learn(&s->memo, sql, &p, rows, 0, n);
        return open_cursor(s, sql, rows, false, 0, n);
    }
    return open_cursor(s, sql, rows, true, 0, n);
}

static bool is_known_absent(const struct pq_store *s, enum sql sql,
                            const struct pq_params *p)
{
    const struct memo_entry *known = memo_find(&s->memo, sql, p);
    return known && known->n == 0;
}

/* A key that may be there: of a charge that is void. */
static bool send_key_again(struct pq_store *s, const struct pq_params *p)
{
    return pq_send_bulks(s) &&
           pipe_send_as(
               &s->pipe, PIPE_KEY_AGAIN,
               "INSERT INTO keys (principal, key, request_hash, charge)"
               " VALUES ($1, $2, $3, $4) ON CONFLICT " PQ_KEYS_ONCE
               " DO UPDATE SET charge = excluded.charge",
               p);
}

void pq_run(struct store *base, enum sql sql, const char *types, va_list *ap)
{
    struct pq_store *s = pq_of(base);
    struct pq_params p;
    if (!params_of(s, &p, types, ap))
        return;
    const bool is_new_key =
        sql == SQL_KEY_NEW && is_known_absent(s, SQL_KEY_FIND, &p);
    memo_touch(&s->memo, sql, &p);
    s->wrote = true;
    struct pq_bulk *bulk = bulk_of(s, sql);
    if (!bulk)
        (void)send(s, sql, &p);
    else if (sql == SQL_KEY_NEW && !is_new_key)
        (void)send_key_again(s, &p);
    else if (is_update(SQL_TEXT[sql]) && pq_bulk_has(bulk, &p) &&
             !pq_send_bulks(s))
        return;
    else if (!pq_bulk_add(bulk, &p))
        store_fail(base, STORE_FAILED, "out of memory");
}

void pq_exec(struct store *base, const char *text,
             const struct store_value *values, size_t n)
{
    struct pq_store *s = pq_of(base);
    struct pq_params p = { .n = 0 };
    for (size_t i = 0; i < n; i++)
        pq_params_value(&p, &values[i]);
    s->wrote = true;
    if (!pq_send_bulks(s))
        return;
    if (strcmp(s->exec_text, text) != 0) {
        char numbered[PQ_TEXT_CAP];
        const bool fits = pq_text_of(numbered, text);
        assert(fits);
        (void)snprintf(s->exec_text, sizeof s->exec_text, "%s", text);
        (void)snprintf(s->exec_name, sizeof s->exec_name, "e%u", s->n_execs++);
        if (!pipe_sent(&s->pipe, PQsendPrepare(s->pipe.conn, s->exec_name,
                                               numbered, p.n, p.types)))
            return;
    }
    (void)pipe_sent(&s->pipe,
                    PQsendQueryPrepared(s->pipe.conn, s->exec_name, p.n,
                                        p.values, p.lengths, p.formats, 1));
    if (s->pipe.pending > PENDING_MAX)
        PQclear(pipe_take_all(&s->pipe));
}

bool pq_query(struct store *base, const char *text, const char *types,
              va_list *ap)
{
    struct pq_store *s = pq_of(base);
    struct pq_params p;
    char numbered[PQ_TEXT_CAP];
    if (!params_of(s, &p, types, ap))
        return false;
    if (!pq_text_of(numbered, text)) {
        store_fail(base, STORE_REFUSED, "a statement is too long");
        return false;
    }
    PGresult *rows = pq_send_bulks(s) && pipe_send(&s->pipe, numbered, &p)
                         ? pipe_take_all(&s->pipe)
                         : NULL;
    if (!rows)
        return false;
    end_statement(s);
    return open_cursor(s, SQL_QUERY, rows, true, 0, PQntuples(rows));
}

bool pq_next(struct store *base, enum sql sql)
{
    struct cursor *c = &pq_of(base)->cursors[sql];
    if (c->rows && ++c->at < c->end)
        return true;
    close_cursor(c);
    return false;
}

void pq_end(struct store *base, enum sql sql)
{
    close_cursor(&pq_of(base)->cursors[sql]);
}

int64_t pq_integer(struct store *base, enum sql sql, int column)
{
    const struct cursor *c = &pq_of(base)->cursors[sql];
    return PQgetisnull(c->rows, c->at, column)
               ? 0
               : pipe_number(c->rows, c->at, column);
}

/* libpq puts a 0 behind each value. */
const void *pq_bytes(struct store *base, enum sql sql, int column, size_t *len)
{
    const struct cursor *c = &pq_of(base)->cursors[sql];
    *len = (size_t)PQgetlength(c->rows, c->at, column);
    return PQgetisnull(c->rows, c->at, column)
               ? NULL
               : PQgetvalue(c->rows, c->at, column);
}

void pq_send_asked(struct pq_store *s)
{
    asks_send(&s->asks, &s->pipe, SQL_TEXT);
}

/* What was asked for, and is next to come. */
void pq_learn_asked(struct pq_store *s)
{
    for (int kind = 0; kind < ASK_KINDS; kind++) {
        PGresult *rows = asks_has(&s->asks, kind) ? pipe_take(&s->pipe) : NULL;
        if (rows)
            asks_learn(&s->asks, kind, &s->memo, rows);
    }
    asks_forget(&s->asks);
}

/* Nothing was sent yet but what begins. */
void pq_look(struct store *base)
{
    struct pq_store *s = pq_of(base);
    assert(s->pipe.pending == 0);
    pq_send_asked(s);
    if (s->pipe.pending > 0 && pipe_ask(&s->pipe))
        pq_learn_asked(s);
}

void pq_ask_for(struct store *base, enum sql sql, const char *types,
                va_list *ap)
{
    struct pq_params p;
    assert(!base->has_begun);
    if (pq_params_of(&p, types, ap))
        asks_add(&pq_of(base)->asks, sql, &p);
}

static const struct {
    const char *name, *columns;
} TABLES[] = {
#define TABLE(name, key, columns, types) { #name, columns },
#include "server/ledger/tables.def"
#undef TABLE
};

void pq_let_in(struct store *base, bool is_open)
{
    struct pq_store *s = pq_of(base);
    char text[PQ_TEXT_CAP];
    s->wrote = true;
    for (size_t i = 0; i < sizeof TABLES / sizeof TABLES[0]; i++) {
        const char *name = TABLES[i].name;
        (void)snprintf(text, sizeof text, "ALTER TABLE %s %s TRIGGER USER",
                       name, is_open ? "DISABLE" : "ENABLE");
        (void)pipe_send(&s->pipe, text, NULL);
        if (is_open || strncmp(TABLES[i].columns, "id,", 3) != 0)
            continue;
        (void)snprintf(text, sizeof text,
                       "SELECT setval(pg_get_serial_sequence('%s', 'id'),"
                       " (SELECT coalesce(max(id), 0) + 1 FROM %s), false)",
                       name, name);
        (void)pipe_send(&s->pipe, text, NULL);
    }
    PQclear(pipe_take_all(&s->pipe));
}

void pq_rows_init(struct pq_store *s)
{
    s->pipe.store = &s->base;
    memo_init(&s->memo);
    asks_init(&s->asks);
}

void pq_rows_forget(struct pq_store *s)
{
    for (int i = 0; i < SQL_COUNT; i++)
        close_cursor(&s->cursors[i]);
    memo_forget(&s->memo);
    for (int i = 0; i < PQ_BULKS; i++)
        pq_bulk_forget(&s->bulks[i]);
}

void pq_rows_fini(struct pq_store *s)
{
    pq_rows_forget(s);
    memo_fini(&s->memo);
    asks_fini(&s->asks);
    for (int i = 0; i < PQ_BULKS; i++)
        pq_bulk_fini(&s->bulks[i]);
}

/* What was prepared by a transaction that failed may not be. */
void pq_rows_unprepare(struct pq_store *s)
{
    asks_forget(&s->asks);
    memset(s->pipe.prepared, 0, sizeof s->pipe.prepared);
    s->exec_text[0] = '\0';
}
