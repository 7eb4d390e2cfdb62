#ifndef CONSENT_SHELF_H
#define CONSENT_SHELF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/ledger/store.h"

/*
 * Where the register's rows are: one interface, and behind it a file of one
 * server or a database of several, with the statements of sql.def prepared.
 *
 *   populations, purposes   numbers of them
 *   subjects   a person: number, pseudonym, a key of her own
 *   events     append-only: what was decided, when, for which purposes; what
 *              else is told of it sealed under the subject's key
 *   imports    files; events of one that is not done count nothing
 *   chain      SHA-256 over all events and choices, in order
 *   erasures, erasure_places, erasure_lists
 *              who was erased, how far that is in each dataset, and lists that
 *              were handed to owners
 *   choices    append-only: through which channel, how often (contact.h)
 *   contacts   what a sender was allowed, as long as limits ask for it
 *   asks       how often each sender asked in a day
 *   marks      where the chain was now and then, by number (mark.c)
 *
 * Errors are sticky, and those of store.h: after the first one every call does
 * nothing and finds nothing, and whoever runs a transaction looks at `rc`
 * before it commits.  One thread at a time.
 */
enum shelf_sql {
#define STMT(name, text) SHELF_##name,
#include "server/consent/sql.def"
#undef STMT
    SHELF_SQL_COUNT
};

/* Which transaction changed a shared register last.  Serials go up by one in
 * the order of commits; a token tells one history of them from another. */
enum { SHELF_TOKEN_LEN = 16 };
struct shelf_stamp {
    int64_t serial;
    uint8_t token[SHELF_TOKEN_LEN];
};

struct shelf {
    const struct shelf_ops *ops; /* NULL: it is not open */
    void *of;                    /* the store's own */
    enum store_rc rc;            /* STORE_OK, or the first error */
    char why[160];               /* ... in the database's words */
    /* Of a shared one: */
    bool is_shared;
    bool in_doubt;  /* nobody knows whether the last commit happened */
    int64_t now_us; /* when the open transaction began to write, by
                       the database's clock; 0: the caller's counts */
    struct shelf_stamp stamp; /* the newest when it began; once it is committed,
                                 its own */
};

/*
 * The register exists and has the newest schema afterwards; close it also after
 * a failure.  `where` is the path of an SQLite file, which has one server, or
 * the URI of a PostgreSQL database, which may have several.
 * ERR_INVALID      the URI cannot be read
 * ERR_NOT_FOUND    the file cannot be opened or made
 * ERR_UNAVAILABLE  another server has the file; the database is not reached
 * ERR_REFUSED      the database does not promise that a commit is durable
 * ERR_INTERNAL     it is no register, or damaged
 */
enum err_code shelf_open(struct shelf *s, const char *where,
                         struct err *err) MUST_CHECK;
void shelf_close(struct shelf *s);

/*
 * Parameters by type: i int64_t, t const char *, b const void * and size_t;
 * o an int64_t that is NULL when it is SHELF_NULL, z one that is NULL when it
 * is 0, and e bytes that are NULL when there are none.  shelf_find is true when
 * a row is there: read it, then shelf_next or shelf_end.  shelf_run is for
 * statements without rows.
 */
#define SHELF_NULL INT64_MAX
bool shelf_find(struct shelf *s, enum shelf_sql sql, const char *types, ...);
bool shelf_next(struct shelf *s, enum shelf_sql sql);
void shelf_end(struct shelf *s, enum shelf_sql sql);
void shelf_run(struct shelf *s, enum shelf_sql sql, const char *types, ...);

int64_t shelf_int(struct shelf *s, enum shelf_sql sql, int column);
bool shelf_is_null(struct shelf *s, enum shelf_sql sql, int column);
const char *shelf_text(struct shelf *s, enum shelf_sql sql, int column);
/* Borrowed until the statement goes on; never NULL. */
const void *shelf_blob(struct shelf *s, enum shelf_sql sql, int column,
                       size_t *len);

/*
 * A transaction, durable when `rc` is STORE_OK after shelf_commit.  A shared
 * register has one that writes at a time; one that reads sees what was
 * committed when it began, and waits for nobody.
 */
enum shelf_kind { SHELF_WRITES, SHELF_READS };
void shelf_begin(struct shelf *s, enum shelf_kind kind);
void shelf_commit(struct shelf *s);
/* Undo the open one and forget the error.  False: nobody knows what is there,
 * and nothing may be written any more. */
bool shelf_rollback(struct shelf *s);

/* Between transactions, of a shared one: its newest stamp, in `stamp`. */
void shelf_look(struct shelf *s);

/* Record an error, unless there is one. */
void shelf_fail(struct shelf *s, enum store_rc rc, const char *why);
/* ... of ours: there is no memory. */
void shelf_full(struct shelf *s);

/* What was overwritten is nowhere in the log any more: between transactions.
 * Should the disk refuse, it goes with a later checkpoint. */
void shelf_sweep(struct shelf *s);

/* Does the next commit wait for the disk?  If not, one that does makes it
 * durable, too.  Between transactions. */
void shelf_sync(struct shelf *s, bool waits);

/* What a store does; the functions above say it. */
struct shelf_ops {
    bool (*start)(struct shelf *s, enum shelf_sql sql, const char *types,
                  va_list *ap);
    void (*run)(struct shelf *s, enum shelf_sql sql, const char *types,
                va_list *ap);
    bool (*next)(struct shelf *s, enum shelf_sql sql);
    void (*end)(struct shelf *s, enum shelf_sql sql);
    int64_t (*integer)(struct shelf *s, enum shelf_sql sql, int column);
    /* Ends in a 0; NULL for NULL. */
    const void *(*bytes)(struct shelf *s, enum shelf_sql sql, int column,
                         size_t *len);
    bool (*is_null)(struct shelf *s, enum shelf_sql sql, int column);
    void (*begin)(struct shelf *s, enum shelf_kind kind);
    void (*commit)(struct shelf *s);
    bool (*rollback)(struct shelf *s);
    void (*sweep)(struct shelf *s);
    void (*look)(struct shelf *s);             /* may be NULL */
    void (*sync)(struct shelf *s, bool waits); /* may be NULL */
    void (*close)(struct shelf *s);
};

#endif
