#ifndef CONSENT_SHELF_PG_ROWS_H
#define CONSENT_SHELF_PG_ROWS_H

#include <stdarg.h>
#include <time.h>

#include "server/consent/shelf.h"
#include "server/ledger/pq_bulk.h"
#include "server/ledger/pq_pipe.h"

/*
 * Statements of a register in PostgreSQL, inside a transaction that shelf_pg.c
 * began, and their rows.  What writes is sent and not waited for; rows that
 * come by the thousand are gathered and go together, before anything else is
 * asked.
 */
enum { SHELF_PG_BULKS = 4 };

/* The rows of a statement that are being read. */
struct shelf_pg_cursor {
    PGresult *rows; /* owned; or NULL */
    int at;
    bool is_long; /* there may be more in the database */
};

struct shelf_pg {
    struct store errors; /* the pipe's */
    struct pq_pipe pipe;
    char *where; /* owned */
    enum shelf_kind kind;
    bool wrote;
    struct shelf_pg_cursor cursors[SHELF_SQL_COUNT];
    struct pq_bulk bulks[SHELF_PG_BULKS];
    struct timespec failed_at; /* the last attempt to connect; 0: it did not */
};

static inline struct shelf_pg *shelf_pg_of(const struct shelf *s)
{
    return s->of;
}

/* What the pipe met is the shelf's error. */
bool shelf_pg_is_well(struct shelf *s);

/* The rows that wait. */
void shelf_pg_send_bulks(struct shelf *s);

/* Rows that are read, and that wait. */
void shelf_pg_forget(struct shelf *s);

/* As shelf_ops. */
bool shelf_pg_start(struct shelf *s, enum shelf_sql sql, const char *types,
                    va_list *ap);
void shelf_pg_run(struct shelf *s, enum shelf_sql sql, const char *types,
                  va_list *ap);
bool shelf_pg_next(struct shelf *s, enum shelf_sql sql);
void shelf_pg_end(struct shelf *s, enum shelf_sql sql);
bool shelf_pg_is_null(struct shelf *s, enum shelf_sql sql, int column);
int64_t shelf_pg_integer(struct shelf *s, enum shelf_sql sql, int column);
const void *shelf_pg_bytes(struct shelf *s, enum shelf_sql sql, int column,
                           size_t *len);

#endif
