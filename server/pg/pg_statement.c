/* Statements that were parsed and wait for values.  Declared in pg_backend.h.
 */
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the statement needs too much memory");
}

struct pg_statement *pg_statement_find(const struct pg_backend *b,
                                       const char *name)
{
    struct pg_statement *s = b->statements;
    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    return s;
}

void pg_statement_release(struct pg_statement *s)
{
    if (!s || --s->refs > 0)
        return;
    arena_fini(&s->arena);
    free(s);
}

void pg_statement_drop(struct pg_backend *b, const char *name)
{
    for (struct pg_statement **at = &b->statements; *at; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0) {
            struct pg_statement *gone = *at;
            *at = gone->next;
            pg_statement_release(gone);
            return;
        }
}

void pg_statements_drop(struct pg_backend *b)
{
    while (b->statements) {
        struct pg_statement *gone = b->statements;
        b->statements = gone->next;
        pg_statement_release(gone);
    }
}

static enum err_code statement_new(struct pg_statement **out,
                                   const struct pg_parse *p, struct err *err)
{
    struct pg_statement *s = calloc(1, sizeof *s);
    if (!s)
        return full(err);
    s->refs = 1;
    arena_init(&s->arena, PG_STATEMENT_ARENA);
    s->name = arena_strdup(&s->arena, p->name);
    s->text = arena_strdup(&s->arena, p->text);
    if (!s->name || !s->text) {
        pg_statement_release(s);
        return full(err);
    }
    *out = s;
    return ERR_OK;
}

/* ---- types and columns ---- */

static enum err_code add_params(struct pg_statement *s, size_t n,
                                struct err *err)
{
    if (n <= s->n_params)
        return ERR_OK;
    uint32_t *params = ARENA_NEW_N(&s->arena, n, uint32_t);
    enum value_type *wants = ARENA_NEW_N(&s->arena, n, enum value_type);
    if (!params || !wants)
        return full(err);
    for (size_t i = 0; i < s->n_params; i++) {
        params[i] = s->params[i];
        wants[i] = s->wants[i];
    }
    s->params = params;
    s->wants = wants;
    s->n_params = n;
    return ERR_OK;
}

/* What the client left open is what the question takes. */
static enum err_code settle_params(struct pg_statement *s,
                                   const struct pg_shape *shape,
                                   struct err *err)
{
    TRY(add_params(s, shape->n_params, err));
    for (size_t i = 0; s->params && s->wants && i < shape->n_params; i++) {
        s->wants[i] = shape->params[i];
        if (s->params[i] == 0 || s->params[i] == PG_UNKNOWN)
            s->params[i] = pg_type_of_value(shape->params[i]);
    }
    return ERR_OK;
}

static enum err_code one_text(struct pg_statement *s, const char *name,
                              struct err *err)
{
    s->columns = ARENA_NEW(&s->arena, struct pg_column);
    if (!s->columns)
        return full(err);
    *s->columns = (struct pg_column){ arena_strdup(&s->arena, name), PG_TEXT };
    s->n_columns = 1;
    return s->columns->name ? ERR_OK : full(err);
}

static enum err_code keep_columns(struct pg_statement *s,
                                  const struct pg_rows *rows, struct err *err)
{
    struct pg_rows copy;
    const struct pg_rows none = { rows->columns, rows->n_columns, NULL, 0 };
    TRY(pg_rows_copy(&copy, &none, &s->arena, err));
    s->columns = (struct pg_column *)(uintptr_t)copy.columns;
    s->n_columns = copy.n_columns;
    return ERR_OK;
}

static enum err_code data_shape(struct pg_backend *b, struct pg_statement *s,
                                const struct pg_service *service,
                                struct err *err)
{
    struct request req;
    struct pg_shape shape;
    TRY(pg_request(&req, b, service, err));
    TRY(service->shape(service->ctx, &req, s->command.question, &shape, err));
    TRY(settle_params(s, &shape, err));
    if (s->command.explains)
        return one_text(s, "QUERY PLAN", err);
    s->columns = pg_columns_of(shape.columns, shape.n_columns, &s->arena);
    s->n_columns = shape.n_columns;
    return s->columns ? ERR_OK : full(err);
}

/* By their OIDs, which somebody else inferred. */
static enum err_code set_params(struct pg_statement *s, const uint32_t *params,
                                size_t n, struct err *err)
{
    TRY(add_params(s, n, err));
    for (size_t i = 0; s->params && s->wants && i < n; i++) {
        const struct pg_type *t = pg_type_of(params[i]);
        s->params[i] = params[i] ? params[i] : PG_TEXT;
        /* A double would lose digits of a numeric. */
        s->wants[i] = t && t->oid != PG_NUMERIC ? t->value : VALUE_TEXT;
    }
    return ERR_OK;
}

static enum err_code constant_shape(struct pg_backend *b,
                                    struct pg_statement *s, struct err *err)
{
    uint32_t params[PG_CATALOG_PARAMS] = { 0 };
    size_t n =
        s->n_params < PG_CATALOG_PARAMS ? s->n_params : PG_CATALOG_PARAMS;
    (void)b;
    for (size_t i = 0; i < n; i++)
        params[i] = s->params[i];
    TRY(pg_constants_shape(&s->columns, s->command.constants, params, &n,
                           &s->arena, err));
    s->n_columns = s->command.constants->n;
    return set_params(s, params, n, err);
}

static enum err_code catalog_shape(struct pg_backend *b, struct pg_statement *s,
                                   const struct pg_service *service,
                                   struct err *err)
{
    uint32_t params[PG_CATALOG_PARAMS] = { 0 };
    size_t n =
        s->n_params < PG_CATALOG_PARAMS ? s->n_params : PG_CATALOG_PARAMS;
    struct pg_rows rows = { 0 };
    for (size_t i = 0; i < n; i++)
        params[i] = s->params[i];
    if (!service->catalog)
        return pg_ask(&rows, b, &s->command, NULL, 0, service, err);
    const struct pg_catalog_ask ask = { .backend = b,
                                        .text = s->command.text,
                                        .len = s->command.len,
                                        .describes = true,
                                        .types = params,
                                        .n_types = &n };
    TRY(service->catalog(service->ctx, &ask, &rows, err));
    TRY(set_params(s, params, n, err));
    return keep_columns(s, &rows, err);
}

static enum err_code question_shape(struct pg_backend *b,
                                    struct pg_statement *s,
                                    const struct pg_service *service,
                                    struct err *err)
{
    const struct sql_command *c = &s->command;
    struct pg_rows rows;
    switch (c->reads) {
    case SQL_READS_DATA:
        return data_shape(b, s, service, err);
    case SQL_READS_NOTHING:
        return c->constants ? constant_shape(b, s, err)
                            : catalog_shape(b, s, service, err);
    case SQL_READS_OWN:
        TRY(pg_own(&rows, b, c->own, service, err));
        return keep_columns(s, &rows, err);
    case SQL_READS_CATALOG:
        break;
    }
    return catalog_shape(b, s, service, err);
}

static enum err_code show_shape(struct pg_statement *s, const char *name,
                                struct err *err)
{
    static const char *const all[] = { "name", "setting", "description" };
    enum { WIDTH = sizeof all / sizeof all[0] };
    const unsigned var = name ? pg_var_find(name) : 0;
    if (name)
        return one_text(s, var < PG_VARS ? pg_var_name(var) : name, err);
    s->columns = ARENA_NEW_N(&s->arena, WIDTH, struct pg_column);
    if (!s->columns)
        return full(err);
    for (size_t i = 0; i < WIDTH; i++)
        s->columns[i] = (struct pg_column){ all[i], PG_TEXT };
    s->n_columns = WIDTH;
    return ERR_OK;
}

enum err_code pg_command_shape(struct pg_backend *b, struct pg_statement *s,
                               const struct pg_service *service,
                               struct err *err)
{
    const struct sql_command *c = &s->command;
    struct pg_rows rows;
    if (c->refused) {
        *err = *c->refused;
        return err->code;
    }
    if (c->kind == SQL_QUESTION)
        return question_shape(b, s, service, err);
    if (c->kind == SQL_DECLARE || c->kind == SQL_COPY) {
        TRY(question_shape(b, s, service, err));
        s->columns = NULL; /* none of its own */
        return ERR_OK;
    }
    if (c->kind == SQL_ESTIMATE) {
        TRY(pg_estimate(&rows, b, c->name, service, err));
        return keep_columns(s, &rows, err);
    }
    if (c->kind == SQL_SHOW)
        return show_shape(s, c->name, err);
    return ERR_OK; /* FETCH gives what its cursor does, once it is bound */
}

/* ---- Parse ---- */

static enum err_code read_text(struct pg_backend *b, struct pg_statement *s,
                               const struct pg_parse *p,
                               const struct pg_service *service,
                               struct err *err)
{
    struct sql_commands list = { 0 };
    TRY(pg_commands_parse(&list, p->text, &s->arena, err));
    if (list.n > 1)
        return pg_fail(err, "42601",
                       "cannot insert multiple commands into a prepared "
                       "statement");
    TRY(add_params(s, p->n_types, err));
    for (size_t i = 0; p->types && s->params && i < p->n_types; i++)
        s->params[i] = pg_oid(p->types, i);
    s->is_empty = list.n == 0;
    if (list.n == 0 || !list.list)
        return ERR_OK;
    s->command = list.list[0];
    TRY(pg_command_shape(b, s, service, err));
    for (size_t i = 0; s->params && i < s->n_params; i++)
        if (s->params[i] == 0)
            s->params[i] = PG_TEXT;
    return ERR_OK;
}

/* Drivers parse the same text into the unnamed statement again and again. */
static bool is_known(const struct pg_statement *s, const struct pg_parse *p)
{
    if (!s || strcmp(s->text, p->text) != 0 || p->n_types > 0)
        return false;
    return s->is_empty || s->command.constants;
}

enum err_code pg_statement_parse(struct pg_backend *b, const struct pg_parse *p,
                                 const struct pg_service *service,
                                 struct err *err)
{
    struct pg_statement *s = pg_statement_find(b, p->name);
    size_t n = 0;
    if (p->name[0] == '\0' && is_known(s, p))
        return ERR_OK;
    if (!service)
        return ERR_AGAIN;
    if (p->name[0] && s)
        return pg_fail(err, "42P05",
                       "prepared statement \"%.60s\" already exists", p->name);
    if (!p->name[0])
        pg_statement_drop(b, "");
    for (s = b->statements; s; s = s->next)
        n++;
    if (n >= PG_STATEMENTS_MAX) {
        (void)err_set(err, ERR_LIMIT, "more than %d prepared statements",
                      PG_STATEMENTS_MAX);
        return err_hint(err, "Close some, or DEALLOCATE ALL.");
    }
    TRY(statement_new(&s, p, err));
    const enum err_code code = read_text(b, s, p, service, err);
    if (code != ERR_OK) {
        pg_statement_release(s);
        return code;
    }
    s->next = b->statements;
    b->statements = s;
    return ERR_OK;
}
