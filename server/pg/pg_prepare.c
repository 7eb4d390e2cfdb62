/* PREPARE and EXECUTE in SQL.  Declared in pg_backend.h. */
#include <string.h>

#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"
#include "server/pg/pg_value.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the values need too much memory");
}

/* OIDs as Parse has them. */
static enum err_code types_of(const uint8_t **out, struct pg_backend *b,
                              const struct sql_prepare *p, struct err *err)
{
    uint8_t *list = arena_alloc(&b->scratch, p->n_types + 1, 4);
    if (!list)
        return full(err);
    struct writer w = writer_of(list, 4 * (p->n_types + 1));
    for (size_t i = 0; i < p->n_types; i++) {
        const struct pg_type *t = pg_type_of_name(p->types[i].name);
        if (!t)
            return pg_fail(err, "42704", "type \"%.60s\" does not exist",
                           p->types[i].name);
        writer_be32(&w, p->types[i].is_array ? t->array : t->oid);
    }
    *out = list;
    return ERR_OK;
}

enum err_code pg_prepare(struct pg_backend *b, const struct sql_command *c,
                         const struct pg_service *service, struct err *err)
{
    struct pg_parse p = { .name = c->name,
                          .text = c->prepare->text,
                          .n_types = c->prepare->n_types };
    TRY(types_of(&p.types, b, c->prepare, err));
    return pg_statement_parse(b, &p, service, err);
}

/* ---- EXECUTE ---- */

static const char *text_of(const struct value *v, struct arena *a)
{
    char buf[128];
    struct writer w = writer_of(buf, sizeof buf);
    if (v->type == VALUE_TEXT)
        return v->text.s;
    value_print(&w, v);
    return writer_cstr(&w) ? arena_strdup(a, buf) : NULL;
}

/* Constants as the statement's parameters: each by way of its text. */
static enum err_code values_of(struct value *out, const struct pg_statement *s,
                               const struct value *given, struct arena *a,
                               struct err *err)
{
    for (size_t i = 0; i < s->n_params; i++) {
        const char *text = text_of(&given[i], a);
        out[i] = value_null();
        if (given[i].type == VALUE_NULL)
            continue;
        if (!text)
            return full(err);
        const struct pg_param p = {
            .data = (const uint8_t *)text,
            .len = strlen(text),
            .format = PG_FORMAT_TEXT,
            .oid = s->params[i],
            .want = s->wants[i] == VALUE_NULL ? VALUE_TEXT : s->wants[i],
            .n = (unsigned)i + 1,
        };
        TRY(pg_param_read(&out[i], &p, a, err));
    }
    return ERR_OK;
}

static enum err_code run(struct pg_result *out, struct pg_backend *b,
                         struct pg_statement *s, const struct value *given,
                         const struct pg_service *service, struct err *err)
{
    struct value *values =
        ARENA_NEW_N(&b->scratch, s->n_params + 1, struct value);
    if (!values)
        return full(err);
    TRY(values_of(values, s, given, &b->scratch, err));
    TRY(pg_run(out, b, &s->command, values, s->n_params, service, err));
    /* Values go out as the types that they were described as. */
    if (out->has_rows && s->columns && s->n_columns == out->rows.n_columns)
        out->rows.columns = s->columns;
    return ERR_OK;
}

enum err_code pg_execute_sql(struct pg_result *out, struct pg_backend *b,
                             const struct sql_command *c,
                             const struct value *params, size_t n_params,
                             const struct pg_service *service, struct err *err)
{
    struct pg_statement *s = pg_statement_find(b, c->name);
    struct value *given =
        ARENA_NEW_N(&b->scratch, c->args->n + 1, struct value);
    if (!given)
        return full(err);
    if (!s)
        return pg_fail(err, "26000",
                       "prepared statement \"%.60s\" does not exist", c->name);
    if (c->args->n != s->n_params)
        return pg_fail(err, "42601",
                       "wrong number of parameters for prepared statement "
                       "\"%.60s\": %zu, not %zu",
                       c->name, s->n_params, c->args->n);
    if (s->is_empty || s->command.kind != SQL_QUESTION)
        return pg_fail(err, "42601",
                       "prepared statement \"%.60s\" is not a SELECT", c->name);
    TRY(pg_constant_values(given, b, c->args, params, n_params, err));
    return run(out, b, s, given, service, err);
}
