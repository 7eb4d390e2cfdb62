/* Obeying commands.  Declared in pg_backend.h. */
#include <string.h>

#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the statement needs too much memory");
}

bool pg_command_is_light(const struct pg_backend *b,
                         const struct sql_command *c,
                         const struct value *params, size_t n_params)
{
    if (c->refused)
        return false; /* a refusal is recorded, and that may block */
    if (c->kind == SQL_QUESTION)
        return (c->constants && !c->explains) ||
               pg_remembers(b, c, params, n_params);
    return c->kind != SQL_DECLARE && c->kind != SQL_COPY &&
           c->kind != SQL_ESTIMATE && c->kind != SQL_PREPARE &&
           c->kind != SQL_EXECUTE &&
           !(c->kind == SQL_SHOW && c->name &&
             strcmp(c->name, "halftone.budget") == 0);
}

/* ---- SET and SHOW ---- */

static enum err_code set(struct pg_backend *b, const struct sql_setting *s,
                         struct err *err)
{
    const enum err_code code =
        pg_var_set(&b->vars, s->name, s->value, s->is_local, err);
    if (code == ERR_NOT_FOUND)
        err->reason = "42704";
    if (code == ERR_OK)
        return ERR_OK;
    const struct place at = code == ERR_NOT_FOUND ? s->at : s->value_at;
    return err_at(err, at.line, at.col);
}

static enum err_code show_all(struct pg_rows *out, struct pg_backend *b,
                              struct err *err)
{
    static const struct pg_column columns[] = { { "name", PG_TEXT },
                                                { "setting", PG_TEXT },
                                                { "description", PG_TEXT } };
    enum { WIDTH = sizeof columns / sizeof columns[0] };
    struct value *cells =
        ARENA_NEW_N(&b->scratch, (size_t)PG_VARS * WIDTH, struct value);
    if (!cells)
        return full(err);
    for (unsigned v = 0; v < PG_VARS; v++) {
        const char *const texts[WIDTH] = { pg_var_name(v),
                                           pg_var_text(&b->vars, v),
                                           pg_var_help(v) };
        for (unsigned i = 0; i < WIDTH; i++)
            cells[v * WIDTH + i] = value_text(texts[i], strlen(texts[i]));
    }
    *out = (struct pg_rows){ columns, WIDTH, cells, PG_VARS };
    return ERR_OK;
}

static enum err_code show(struct pg_rows *out, struct pg_backend *b,
                          const char *name, const struct pg_service *service,
                          struct err *err)
{
    struct pg_column *column = ARENA_NEW(&b->scratch, struct pg_column);
    struct value *cell = ARENA_NEW(&b->scratch, struct value);
    const char *value;
    if (!name)
        return show_all(out, b, err);
    const unsigned var = pg_var_find(name);
    if (!column || !cell)
        return full(err);
    if (strcmp(name, "halftone.budget") == 0)
        TRY(pg_own_show(&value, b, service, err));
    else if (var < PG_VARS)
        value = pg_var_text(&b->vars, var);
    else
        return pg_fail(err, "42704",
                       "unrecognized configuration parameter \"%.60s\"", name);
    *column =
        (struct pg_column){ var < PG_VARS ? pg_var_name(var) : name, PG_TEXT };
    *cell = value_text(value, strlen(value));
    *out = (struct pg_rows){ column, 1, cell, 1 };
    return ERR_OK;
}

/* ---- cursors ---- */

/* Charged here, once; every page of it is free. */
static enum err_code declare(struct pg_backend *b, const struct sql_command *c,
                             const struct value *params, size_t n_params,
                             const struct pg_service *service, struct err *err)
{
    static const uint8_t binary[] = { 0, 1 };
    struct pg_portal *p;
    struct pg_rows rows;
    if (pg_portal_find(b, c->name))
        return pg_fail(err, "42P03", "cursor \"%.60s\" already exists",
                       c->name);
    TRY(pg_ask(&rows, b, c, params, n_params, service, err));
    TRY(pg_portal_new(&p, b, c->name, err));
    p->hold = c->hold;
    p->ran = true;
    if (c->binary)
        p->formats = (struct pg_formats){ binary, 1 };
    const enum err_code code = pg_rows_copy(&p->rows, &rows, &p->arena, err);
    if (code != ERR_OK)
        pg_portal_drop(b, c->name);
    return code;
}

static enum err_code fetch(struct pg_result *out, struct pg_backend *b,
                           const struct sql_command *c, struct err *err)
{
    struct pg_portal *p = pg_portal_find(b, c->name);
    if (!p || !p->ran)
        return pg_fail(err, "34000", "cursor \"%.60s\" does not exist",
                       c->name);
    TRY(pg_portal_fetch(&out->rows, p, &c->fetch, &b->scratch, err));
    out->has_rows = !c->fetch.moves;
    out->counts = true;
    out->n = (int64_t)out->rows.n_rows;
    return ERR_OK;
}

static enum err_code close_cursor(struct pg_backend *b, const char *name,
                                  struct err *err)
{
    if (name && !pg_portal_find(b, name))
        return pg_fail(err, "34000", "cursor \"%.60s\" does not exist", name);
    if (name)
        pg_portal_drop(b, name);
    else
        pg_portals_drop(b, true);
    return ERR_OK;
}

/* ---- what is over ---- */

static enum err_code deallocate(struct pg_backend *b, const char *name,
                                struct err *err)
{
    if (name && !pg_statement_find(b, name))
        return pg_fail(err, "26000",
                       "prepared statement \"%.60s\" does not exist", name);
    if (name)
        pg_statement_drop(b, name);
    else
        pg_statements_drop(b);
    return ERR_OK;
}

static enum err_code discard(struct pg_backend *b, bool all, struct err *err)
{
    if (!all)
        return ERR_OK;
    if (b->transaction != 'I')
        return pg_fail(err, "25001",
                       "DISCARD ALL cannot run inside a transaction block");
    pg_portals_drop(b, true);
    pg_statements_drop(b);
    return pg_var_set(&b->vars, NULL, NULL, false, err);
}

static enum err_code copy_out(struct pg_result *out, struct pg_backend *b,
                              const struct sql_command *c,
                              const struct value *params, size_t n_params,
                              const struct pg_service *service, struct err *err)
{
    struct pg_rows rows;
    TRY(pg_ask(&rows, b, c, params, n_params, service, err));
    pg_rows_copy_out(&b->out, &rows, &c->copy);
    out->counts = true;
    out->n = (int64_t)rows.n_rows;
    return ERR_OK;
}

static enum err_code rows_of(struct pg_result *out, enum err_code code)
{
    out->has_rows = code == ERR_OK;
    out->n = (int64_t)out->rows.n_rows;
    return code;
}

/* After an error nothing is done but to end the transaction. */
static bool may_run(const struct pg_backend *b, const struct sql_command *c)
{
    return b->transaction != 'E' || c->kind == SQL_COMMIT ||
           c->kind == SQL_ROLLBACK || c->kind == SQL_ROLLBACK_TO;
}

enum err_code pg_run(struct pg_result *out, struct pg_backend *b,
                     const struct sql_command *c, const struct value *params,
                     size_t n_params, const struct pg_service *service,
                     struct err *err)
{
    *out = (struct pg_result){ .tag = c->tag };
    if (!may_run(b, c))
        return pg_fail(err, "25P02",
                       "current transaction is aborted, commands ignored until "
                       "end of transaction block");
    if (c->refused) {
        *err = *c->refused;
        return err->code;
    }
    switch (c->kind) {
    case SQL_QUESTION:
        out->counts = !c->explains;
        return rows_of(
            out, pg_ask(&out->rows, b, c, params, n_params, service, err));
    case SQL_ESTIMATE:
        return rows_of(out, pg_estimate(&out->rows, b, c->name, service, err));
    case SQL_SHOW:
        return rows_of(out, show(&out->rows, b, c->name, service, err));
    case SQL_SET:
        return set(b, &c->set, err);
    case SQL_TRANSACTION:
    case SQL_UNLISTEN:
        return ERR_OK;
    case SQL_BEGIN:
    case SQL_COMMIT:
    case SQL_ROLLBACK:
    case SQL_SAVEPOINT:
    case SQL_RELEASE:
    case SQL_ROLLBACK_TO:
        return pg_transaction(b, c, &out->tag, err);
    case SQL_DECLARE:
        return declare(b, c, params, n_params, service, err);
    case SQL_FETCH:
        return fetch(out, b, c, err);
    case SQL_CLOSE:
        return close_cursor(b, c->all ? NULL : c->name, err);
    case SQL_COPY:
        return copy_out(out, b, c, params, n_params, service, err);
    case SQL_PREPARE:
        return pg_prepare(b, c, service, err);
    case SQL_EXECUTE:
        return pg_execute_sql(out, b, c, params, n_params, service, err);
    case SQL_DEALLOCATE:
        return deallocate(b, c->all ? NULL : c->name, err);
    case SQL_DISCARD:
        return discard(b, c->all, err);
    case SQL_REFUSED:
        break;
    }
    return err_set(err, ERR_REFUSED, "this statement is not supported");
}
