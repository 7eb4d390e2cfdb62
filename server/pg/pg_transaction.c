/* Transactions: they change nothing but what clients are told, settings, and
 * how long cursors live.  Declared in pg_backend.h. */
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"

static void warn(struct pg_backend *b, const char *state, const char *text)
{
    if (pg_vars_wants(&b->vars, "WARNING"))
        pg_notice_send(&b->out, "WARNING", state, text);
}

static void drop_savepoints(struct pg_backend *b, size_t keep)
{
    while (b->n_savepoints > keep)
        free(b->savepoints[--b->n_savepoints]);
}

void pg_transaction_end(struct pg_backend *b, bool commits)
{
    b->transaction = 'I';
    drop_savepoints(b, 0);
    pg_vars_end(&b->vars, commits);
    pg_portals_drop(b, false);
}

static enum err_code begin(struct pg_backend *b)
{
    if (b->transaction != 'I') {
        warn(b, "25001", "there is already a transaction in progress");
        return ERR_OK;
    }
    b->transaction = 'T';
    pg_vars_begin(&b->vars);
    return ERR_OK;
}

static enum err_code end(struct pg_backend *b, bool commits, const char **tag)
{
    if (b->transaction == 'I')
        warn(b, "25P01", "there is no transaction in progress");
    if (b->transaction == 'E')
        commits = false;
    *tag = commits ? "COMMIT" : "ROLLBACK";
    if (b->transaction != 'I')
        pg_transaction_end(b, commits);
    return ERR_OK;
}

static enum err_code savepoint(struct pg_backend *b, const char *name,
                               struct err *err)
{
    if (b->n_savepoints == PG_SAVEPOINTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d savepoints",
                       PG_SAVEPOINTS_MAX);
    char *copy = strdup(name);
    if (!copy)
        return err_set(err, ERR_LIMIT, "out of memory");
    b->savepoints[b->n_savepoints++] = copy;
    return ERR_OK;
}

/* The newest of that name; n_savepoints when there is none. */
static size_t find(const struct pg_backend *b, const char *name)
{
    size_t i = b->n_savepoints;
    while (i > 0 && strcmp(b->savepoints[i - 1], name) != 0)
        i--;
    return i > 0 ? i - 1 : b->n_savepoints;
}

static enum err_code back_to(struct pg_backend *b, const char *name, bool keep,
                             struct err *err)
{
    const size_t at = find(b, name);
    if (at == b->n_savepoints)
        return pg_fail(err, "3B001", "savepoint \"%.60s\" does not exist",
                       name);
    drop_savepoints(b, at + keep);
    if (keep)
        b->transaction = 'T';
    return ERR_OK;
}

enum err_code pg_transaction(struct pg_backend *b, const struct sql_command *c,
                             const char **tag, struct err *err)
{
    if (c->kind == SQL_BEGIN)
        return begin(b);
    if (c->kind == SQL_COMMIT || c->kind == SQL_ROLLBACK)
        return end(b, c->kind == SQL_COMMIT, tag);
    if (b->transaction == 'I')
        return pg_fail(err, "25P01",
                       "%s can only be used in transaction blocks",
                       c->kind == SQL_SAVEPOINT ? "SAVEPOINT"
                       : c->kind == SQL_RELEASE ? "RELEASE SAVEPOINT"
                                                : "ROLLBACK TO SAVEPOINT");
    return c->kind == SQL_SAVEPOINT
               ? savepoint(b, c->name, err)
               : back_to(b, c->name, c->kind == SQL_ROLLBACK_TO, err);
}
