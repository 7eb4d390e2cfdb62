#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Where the ledger's rows are: one interface, and behind it a database.
 *
 * A store is one connection, used by one thread at a time, with the statements
 * of sql.def prepared.  Errors are sticky, as in a reader: after the first one
 * every call does nothing and finds nothing, and whoever runs a transaction
 * checks `rc` once before it commits.
 */
enum sql {
#define STMT(name, text) SQL_##name,
#include "server/ledger/sql.def"
#undef STMT
    SQL_QUERY, /* the text last given to store_query */
    SQL_EXEC,  /* ... to store_exec */
    SQL_COUNT
};

enum store_rc {
    STORE_OK,
    STORE_REFUSED, /* a constraint, or what was asked is too big: the database
                      is well, and as it was once this is rolled back */
    STORE_LOST,    /* the connection broke: store_recover finds out what is
                      durable */
    STORE_FAILED   /* anything else: nobody knows what is durable */
};

struct store {
    const struct store_ops *ops; /* of the database behind it */
    enum store_rc rc;            /* STORE_OK, or the first error */
    char why[160];               /* ... in the database's words */
    int64_t now_us; /* of the open transaction, by the database's clock; 0:
                       it has none, the caller's counts */
    int64_t boot;   /* of this server, once it has one: whoever writes says */
    bool has_news;  /* another server changed it since the last transaction */
    bool is_new;    /* ... or nothing that was read before counts any more */
    bool expects_news; /* others are at it now */
    bool goes_on;      /* of use to it: store_go_on */
    bool has_begun;    /* by store_go_on; store_begin only takes what came */
    bool is_over;      /* another server took this boot for dead */
    int64_t alive_us;  /* a server that was not heard of for so long is over; 0:
                          there is only one */
};

/*
 * As ledger_open, by the path of an SQLite file or the URI of a PostgreSQL
 * database.  It exists and has the newest schema afterwards.  A file has one
 * server, a database may have several.
 */
enum err_code store_open(struct store **out, const char *where,
                         struct err *err) MUST_CHECK;

/*
 * For reading, beside a server or without one.
 * ERR_NOT_FOUND  it cannot be read
 * ERR_INVALID    it is not a ledger, or of another version
 */
enum err_code store_open_read(struct store **out, const char *where,
                              struct err *err) MUST_CHECK;

/* NULL is allowed. */
void store_close(struct store *s);

/*
 * Run a statement with parameters by type:
 *   i int64_t   u uint64_t (at most INT64_MAX)   t const char *
 *   b const void *, size_t
 * Text and bytes are borrowed until the statement ends.
 *
 * store_find is true when a row is there: read its columns, then store_end (or
 * store_next for the row after).  store_run is for statements without rows.
 * store_query is store_find of a text that is not in sql.def, read as
 * SQL_QUERY; one at a time.
 */
bool store_find(struct store *s, enum sql sql, const char *types, ...);
bool store_query(struct store *s, const char *text, const char *types, ...);
bool store_next(struct store *s, enum sql sql);
void store_end(struct store *s, enum sql sql);
void store_run(struct store *s, enum sql sql, const char *types, ...);

/* Run a text without rows, again and again: it is prepared when it changes. */
enum { STORE_TEXT_CAP = 2048 };
struct store_value {
    char type; /* as above, or n: NULL */
    int64_t number;
    const void *data;
    size_t len; /* bytes */
};
void store_exec(struct store *s, const char *text,
                const struct store_value *values, size_t n);

/* Of the row that is there.  NULL is 0, "" and no bytes. */
int64_t store_int(struct store *s, enum sql sql, int column);
uint64_t store_amount(struct store *s, enum sql sql, int column);
const char *store_text(struct store *s, enum sql sql, int column);
const void *store_blob(struct store *s, enum sql sql, int column, size_t *len);
bool store_is_null(struct store *s, enum sql sql, int column);

/* Record an error, unless there is one. */
void store_fail(struct store *s, enum store_rc rc, const char *why);

/*
 * A transaction.  store_commit is durable when `rc` is STORE_OK after it.
 * store_rollback undoes the open one and forgets the error.
 */
void store_begin(struct store *s);

/* Before store_begin or store_look: this will be looked for.  A hint; the
 * parameters are borrowed until that returns. */
void store_ask(struct store *s, enum sql sql, const char *types, ...);

/* In a transaction: look now, for all that was asked for since store_begin. */
void store_look(struct store *s);
bool store_writes(struct store *s); /* the open one changed something */
void store_commit(struct store *s);
void store_rollback(struct store *s);

/*
 * Before store_commit: another transaction begins behind it, in its round trip,
 * and looks for what was asked for meanwhile, so that the database does not
 * wait for us.  store_begin is next; nothing more is asked for before it.
 */
void store_go_on(struct store *s);

/* After STORE_LOST: connect again, which may take a while.  False when that
 * cannot be done; else *committed tells of the transaction that broke off. */
bool store_recover(struct store *s, bool *committed);

/*
 * In a transaction: rows of another ledger come in as they are, and no trigger
 * refuses them; closed again, the triggers are back and the database counts on
 * from the newest rows.
 */
void store_let_in(struct store *s, bool is_open);

/* Between transactions: what is due of housekeeping.  True when it made a
 * checkpoint, of a log of so many pages. */
bool store_tidy(struct store *s, uint32_t pages);
void store_checkpoint(struct store *s);

/*
 * What a database does; the functions above say it.  `start` binds and takes
 * the first step; bytes is text (ending in a 0) or a blob, NULL for NULL.
 */
struct store_ops {
    bool (*start)(struct store *s, enum sql sql, const char *types,
                  va_list *ap);
    void (*run)(struct store *s, enum sql sql, const char *types, va_list *ap);
    bool (*query)(struct store *s, const char *text, const char *types,
                  va_list *ap);
    void (*exec)(struct store *s, const char *text,
                 const struct store_value *values, size_t n);
    bool (*next)(struct store *s, enum sql sql);
    void (*end)(struct store *s, enum sql sql);
    int64_t (*integer)(struct store *s, enum sql sql, int column);
    const void *(*bytes)(struct store *s, enum sql sql, int column,
                         size_t *len);
    void (*ask)(struct store *s, enum sql sql, const char *types,
                va_list *ap); /* may be NULL */
    void (*begin)(struct store *s);
    void (*look)(struct store *s);  /* may be NULL */
    void (*go_on)(struct store *s); /* NULL where goes_on never is */
    bool (*writes)(struct store *s);
    void (*commit)(struct store *s);
    void (*rollback)(struct store *s);
    bool (*recover)(struct store *s, bool *committed); /* may be NULL */
    void (*let_in)(struct store *s, bool is_open);
    bool (*tidy)(struct store *s, uint32_t pages); /* may be NULL */
    void (*checkpoint)(struct store *s);
    void (*close)(struct store *s); /* frees it */
};

#endif
