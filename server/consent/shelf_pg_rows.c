#include "server/consent/shelf_pg_rows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#undef NEXT_RECORD
#undef FIRST_RECORD
#undef NEW_ROWS
#undef NEW_CHOICES
#undef SHARED
#define NEXT_RECORD  "SELECT nextval('records')"
#define FIRST_RECORD NEXT_RECORD
/* Rows of a bulk (pq_bulk.h); of two that are alike the first, in the order of
 * the file. */
#define NEW_ROWS                                                               \
    "INSERT INTO events (subject, at_us, state, purposes, notice, until_us,"   \
    " recorded_us, import) SELECT s, a, t, p, n, u, r, f FROM (SELECT"         \
    " DISTINCT ON (s, a, t, p, n) * FROM (SELECT i, ? AS s, ? AS a, ? AS t,"   \
    " ? AS p, ? AS n, ? AS u, ? AS r, ? AS f FROM ROWS) AS all_of_them ORDER"  \
    " BY s, a, t, p, n, i) AS first_of_them WHERE NOT EXISTS (SELECT 1 FROM "  \
    "events e"                                                                 \
    " WHERE e.subject = s AND e.at_us = a AND e.state = t AND e.purposes = p"  \
    " AND e.notice = n AND (e.import IS NULL OR e.import = f OR (SELECT state" \
    " FROM imports WHERE id = e.import) = 1)) ORDER BY i"
#define NEW_CHOICES                                                            \
    "INSERT INTO choices (subject, channel, at_us, n, period_s, recorded_us,"  \
    " import) SELECT s, c, a, m, p, r, f FROM (SELECT DISTINCT ON (s, c, a,"   \
    " m, p) * FROM (SELECT i, ? AS s, ? AS c, ? AS a, ? AS m, ? AS p, ? AS r," \
    " ? AS f FROM ROWS) AS all_of_them ORDER BY s, c, a, m, p, i) AS"          \
    " first_of_them WHERE NOT EXISTS (SELECT 1 FROM choices e WHERE e.subject" \
    " = s AND e.channel = c AND e.at_us = a AND e.n = m AND e.period_s = p"    \
    " AND (e.import IS NULL OR e.import = f OR (SELECT state FROM imports "    \
    "WHERE"                                                                    \
    " id = e.import) = 1)) ORDER BY i"
#define SHARED(text) text
static const char *const SQL_TEXT[SHELF_SQL_COUNT] = {
#define STMT(name, text) [SHELF_##name] = text,
#include "server/consent/sql.def"
#undef STMT
};

enum {
    FETCH = 20000,     /* rows of a long statement at a time */
    PENDING_MAX = 1024 /* results that wait for us */
};

/* Rows that come by the thousand go together, in this order, before anything
 * else is asked. */
static const enum shelf_sql BULKS[] = { SHELF_SUBJECT_NEW, SHELF_EVENT_IMPORTED,
                                        SHELF_CHOICE_IMPORTED,
                                        SHELF_CHANGE_NEW };
_Static_assert(sizeof BULKS / sizeof BULKS[0] == SHELF_PG_BULKS, "all of them");
_Static_assert((int)SHELF_SQL_COUNT <= (int)PIPE_STATEMENTS,
               "the pipe knows which of them are prepared");

/* What the pipe met is the shelf's error. */
bool shelf_pg_is_well(struct shelf *s)
{
    const struct store *e = &shelf_pg_of(s)->errors;
    if (e->rc != STORE_OK)
        shelf_fail(s, e->rc, e->why);
    return s->rc == STORE_OK;
}

/* ---- parameters ---- */

/* In a bulk nothing is NULL: what never ends is a number. */
static struct store_value value_of(char type, va_list *ap, bool in_bulk)
{
    struct store_value v = { .type = type };
    if (type == 't') {
        v.data = va_arg(*ap, const char *);
        v.len = strlen(v.data);
        return v;
    }
    if (type == 'i' || type == 'o' || type == 'z') {
        v.number = va_arg(*ap, int64_t);
        const bool is_null = (type == 'o' && v.number == SHELF_NULL) ||
                             (type == 'z' && v.number == 0);
        v.type = is_null && !in_bulk ? 'n' : 'i';
        return v;
    }
    assert(type == 'b' || type == 'e');
    v.data = va_arg(*ap, const void *);
    v.len = va_arg(*ap, size_t);
    v.type = type == 'e' && v.len == 0 ? 'n' : 'b';
    return v;
}

static void params_of(struct pq_params *p, const char *types, va_list *ap,
                      bool in_bulk)
{
    p->n = 0;
    for (; *types; types++) {
        const struct store_value v = value_of(*types, ap, in_bulk);
        pq_params_value(p, &v);
    }
}

/* ---- sending ---- */

static struct pq_bulk *bulk_of(struct shelf_pg *g, enum shelf_sql sql)
{
    for (int i = 0; i < SHELF_PG_BULKS; i++)
        if (BULKS[i] == sql)
            return &g->bulks[i];
    return NULL;
}

/* The rows that wait. */
void shelf_pg_send_bulks(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    char text[PQ_TEXT_CAP];
    struct pq_params p;
    for (int i = 0; i < SHELF_PG_BULKS && shelf_pg_is_well(s); i++) {
        struct pq_bulk *bulk = &g->bulks[i];
        if (bulk->n == 0)
            continue;
        const bool fits = g->pipe.prepared[BULKS[i]] ||
                          pq_bulk_text(text, SQL_TEXT[BULKS[i]], bulk->types,
                                       bulk->n_columns);
        assert(fits);
        pq_bulk_params(bulk, &p);
        (void)pipe_send_as(&g->pipe, (int)BULKS[i], text, &p);
        pq_bulk_forget(bulk); /* libpq copies what it queues */
    }
}

static void send(struct shelf *s, enum shelf_sql sql, const struct pq_params *p)
{
    char text[PQ_TEXT_CAP];
    const bool fits = pq_text_of(text, SQL_TEXT[sql]);
    assert(fits);
    shelf_pg_send_bulks(s);
    if (shelf_pg_is_well(s))
        (void)pipe_send_as(&shelf_pg_of(s)->pipe, (int)sql, text, p);
}

/* ---- rows ---- */

/* Whose rows may be as many as there are people. */
static bool is_long(enum shelf_sql sql)
{
    return sql == SHELF_SUBJECTS || sql == SHELF_EVENTS_ALL ||
           sql == SHELF_CHANGES || sql == SHELF_SUBJECTS_BETWEEN;
}

static void close_cursor(struct shelf_pg_cursor *c)
{
    PQclear(c->rows);
    *c = (struct shelf_pg_cursor){ .rows = NULL };
}

/* The next rows of a long statement. */
static bool fetch(struct shelf *s, enum shelf_sql sql)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct shelf_pg_cursor *c = &g->cursors[sql];
    char text[64];
    PQclear(c->rows);
    *c = (struct shelf_pg_cursor){ .is_long = true };
    (void)snprintf(text, sizeof text, "FETCH %d FROM c%d", FETCH, (int)sql);
    if (pipe_send(&g->pipe, text, NULL))
        c->rows = pipe_take_all(&g->pipe);
    return shelf_pg_is_well(s) && PQntuples(c->rows) > 0;
}

static void end_long(struct shelf *s, enum shelf_sql sql)
{
    char text[32];
    (void)snprintf(text, sizeof text, "CLOSE c%d", (int)sql);
    close_cursor(&shelf_pg_of(s)->cursors[sql]);
    if (s->rc == STORE_OK)
        (void)pipe_send(&shelf_pg_of(s)->pipe, text, NULL);
}

static bool start_long(struct shelf *s, enum shelf_sql sql,
                       const struct pq_params *p)
{
    char numbered[PQ_TEXT_CAP], text[PQ_TEXT_CAP + 64];
    const bool fits = pq_text_of(numbered, SQL_TEXT[sql]);
    assert(fits);
    (void)snprintf(text, sizeof text, "DECLARE c%d NO SCROLL CURSOR FOR %s",
                   (int)sql, numbered);
    shelf_pg_send_bulks(s);
    if (!shelf_pg_is_well(s) || !pipe_send(&shelf_pg_of(s)->pipe, text, p))
        return shelf_pg_is_well(s);
    if (fetch(s, sql))
        return true;
    end_long(s, sql);
    return false;
}

bool shelf_pg_start(struct shelf *s, enum shelf_sql sql, const char *types,
                    va_list *ap)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct pq_params p;
    params_of(&p, types, ap, false);
    close_cursor(&g->cursors[sql]);
    if (is_long(sql))
        return start_long(s, sql, &p);
    g->wrote |= SQL_TEXT[sql][0] != 'S'; /* not SELECT */
    send(s, sql, &p);
    PGresult *rows = shelf_pg_is_well(s) ? pipe_take_all(&g->pipe) : NULL;
    g->cursors[sql] = (struct shelf_pg_cursor){ .rows = rows };
    if (shelf_pg_is_well(s) && PQntuples(rows) > 0)
        return true;
    close_cursor(&g->cursors[sql]);
    return false;
}

void shelf_pg_run(struct shelf *s, enum shelf_sql sql, const char *types,
                  va_list *ap)
{
    struct shelf_pg *g = shelf_pg_of(s);
    struct pq_params p;
    struct pq_bulk *bulk = bulk_of(g, sql);
    params_of(&p, types, ap, bulk != NULL);
    g->wrote = true;
    if (!bulk)
        send(s, sql, &p);
    else if (!pq_bulk_add(bulk, &p))
        shelf_full(s);
    if (g->pipe.pending > PENDING_MAX)
        PQclear(pipe_take_all(&g->pipe));
    (void)shelf_pg_is_well(s);
}

bool shelf_pg_next(struct shelf *s, enum shelf_sql sql)
{
    struct shelf_pg_cursor *c = &shelf_pg_of(s)->cursors[sql];
    if (c->rows && ++c->at < PQntuples(c->rows))
        return true;
    if (!c->is_long) {
        close_cursor(c);
        return false;
    }
    if (fetch(s, sql))
        return true;
    end_long(s, sql);
    return false;
}

void shelf_pg_end(struct shelf *s, enum shelf_sql sql)
{
    if (shelf_pg_of(s)->cursors[sql].is_long)
        end_long(s, sql);
    else
        close_cursor(&shelf_pg_of(s)->cursors[sql]);
}

bool shelf_pg_is_null(struct shelf *s, enum shelf_sql sql, int column)
{
    const struct shelf_pg_cursor *c = &shelf_pg_of(s)->cursors[sql];
    return PQgetisnull(c->rows, c->at, column) != 0;
}

int64_t shelf_pg_integer(struct shelf *s, enum shelf_sql sql, int column)
{
    const struct shelf_pg_cursor *c = &shelf_pg_of(s)->cursors[sql];
    return shelf_pg_is_null(s, sql, column)
               ? 0
               : pipe_number(c->rows, c->at, column);
}

/* libpq puts a 0 behind each value. */
const void *shelf_pg_bytes(struct shelf *s, enum shelf_sql sql, int column,
                           size_t *len)
{
    const struct shelf_pg_cursor *c = &shelf_pg_of(s)->cursors[sql];
    *len = (size_t)PQgetlength(c->rows, c->at, column);
    return shelf_pg_is_null(s, sql, column)
               ? NULL
               : PQgetvalue(c->rows, c->at, column);
}

void shelf_pg_forget(struct shelf *s)
{
    struct shelf_pg *g = shelf_pg_of(s);
    for (int i = 0; i < SHELF_SQL_COUNT; i++)
        close_cursor(&g->cursors[i]);
    for (int i = 0; i < SHELF_PG_BULKS; i++)
        pq_bulk_forget(&g->bulks[i]);
    g->wrote = false;
}
