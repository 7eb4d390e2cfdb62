#include "server/main/pg_catalog.h"

#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_type.h"

enum { SCHEMAS_MAX = 16, PARAM_MAX = 4096 };

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the rows need too much memory");
}

static const char *setting(const void *ctx, const char *name)
{
    const struct pg_backend *b = ctx;
    const unsigned var = pg_var_find(name);
    return var < PG_VARS ? pg_var_text(&b->vars, var) : NULL;
}

static bool exists(const struct world *w, const struct auth_principal *who,
                   const char *name)
{
    for (size_t i = 0; i < w->n_datasets; i++)
        if (strcmp(w->datasets[i]->policy->name, name) == 0)
            return auth_sees_dataset(who, name);
    return strcmp(name, "public") == 0 || strcmp(name, "pg_catalog") == 0 ||
           strcmp(name, "information_schema") == 0;
}

/* The search path, as far as it exists; a connection to a dataset has that
 * first. */
static size_t schemas_of(const char **out, const struct pg_backend *b,
                         const struct world *w,
                         const struct auth_principal *who, struct arena *a)
{
    size_t n = 0;
    if (b->dataset[0])
        out[n++] = b->dataset;
    for (const char *at = pg_var_get(&b->vars, PG_VAR_SEARCH_PATH);
         *at && n < SCHEMAS_MAX;) {
        at += strspn(at, ", \"");
        const size_t len = strcspn(at, ",\" ");
        char *name = arena_strndup(a, at, len);
        if (name && len && exists(w, who, name) &&
            (n == 0 || strcmp(out[0], name) != 0))
            out[n++] = name;
        at += len;
    }
    return n;
}

/* Parameters as PostgreSQL would have them written. */
static const char *param_text(const struct value *v, struct arena *a)
{
    char text[PARAM_MAX];
    if (v->type == VALUE_NULL)
        return NULL;
    if (v->type == VALUE_TEXT)
        return arena_strndup(a, v->text.s, v->text.len);
    struct writer w = writer_of(text, sizeof text);
    value_print(&w, v);
    return writer_cstr(&w) ? arena_strdup(a, text) : NULL;
}

static struct value cell_of(const char *text, uint32_t oid)
{
    const struct pg_type *t = pg_type_of(oid);
    if (!text)
        return value_null();
    switch (t ? t->value : VALUE_TEXT) {
    case VALUE_BOOL:
        return (struct value){ .type = VALUE_BOOL, .b = text[0] == 't' };
    case VALUE_INT:
        /* regclass and its kin are shown by name. */
        if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))
            return value_int(strtoll(text, NULL, 10));
        break;
    case VALUE_DOUBLE:
        return value_double(strtod(text, NULL));
    case VALUE_NULL:
    case VALUE_TEXT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
    case VALUE_TYPE_COUNT:
        break;
    }
    return value_text(text, strlen(text));
}

static enum err_code rows_of(struct pg_rows *out,
                             const struct catalog_reply *reply, struct arena *a,
                             struct err *err)
{
    const size_t n = reply->n_fields, all = n * reply->n_rows;
    struct pg_column *columns = ARENA_NEW_N(a, n + 1, struct pg_column);
    struct value *cells = ARENA_NEW_N(a, all + 1, struct value);
    if (!columns || !cells)
        return full(err);
    for (size_t i = 0; i < n; i++)
        columns[i] =
            (struct pg_column){ reply->fields[i].name, reply->fields[i].type };
    for (size_t i = 0; i < all; i++)
        cells[i] = cell_of(reply->cells[i], columns[i % n].oid);
    *out = (struct pg_rows){ columns, n, cells, reply->n_rows };
    return ERR_OK;
}

static enum err_code describe(struct pg_rows *out,
                              const struct pg_catalog_ask *ask,
                              struct catalog *c,
                              const struct catalog_session *s, struct arena *a,
                              struct err *err)
{
    struct catalog_reply reply;
    TRY(catalog_describe(&reply, c, s, ask->text, ask->len, a, err));
    if (reply.n_params > PG_CATALOG_PARAMS)
        return err_set(err, ERR_LIMIT, "the statement has too many parameters");
    for (size_t i = 0; i < reply.n_params; i++) {
        if (i >= *ask->n_types)
            ask->types[i] = 0;
        if (!ask->types[i])
            ask->types[i] = reply.params[i] ? reply.params[i] : PG_TEXT;
    }
    if (reply.n_params > *ask->n_types)
        *ask->n_types = reply.n_params;
    return rows_of(out, &reply, a, err);
}

static enum err_code run(struct pg_rows *out, const struct pg_catalog_ask *ask,
                         struct catalog *c, const struct catalog_session *s,
                         struct arena *a, struct err *err)
{
    struct catalog_reply reply;
    const char **params = ARENA_NEW_N(a, ask->n_params + 1, const char *);
    if (!params)
        return full(err);
    for (size_t i = 0; i < ask->n_params; i++)
        params[i] = param_text(&ask->params[i], a);
    TRY(catalog_ask(&reply, c, s, ask->text, ask->len, params, ask->n_params, a,
                    err));
    return rows_of(out, &reply, a, err);
}

enum err_code pg_catalog_answer(struct pg_rows *out,
                                const struct pg_catalog_ask *ask,
                                const struct world *w,
                                const struct auth_principal *who,
                                struct arena *a, struct err *err)
{
    const struct pg_backend *b = ask->backend;
    const char *schemas[SCHEMAS_MAX + 1];
    const struct catalog_session s = {
        .user = b->user,
        .database = b->database,
        .schemas = schemas,
        .n_schemas = schemas_of(schemas, b, w, who, a),
        .setting = setting,
        .ctx = b,
    };
    struct catalog *c = NULL;
    TRY(catalogs_get(&c, w, who, b->database, err));
    const enum err_code code = ask->describes
                                   ? describe(out, ask, c, &s, a, err)
                                   : run(out, ask, c, &s, a, err);
    catalogs_put(w, c);
    return code;
}
