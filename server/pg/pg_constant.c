/*
 * SELECT 1, SELECT version(): what clients ask to see whether somebody is
 * there, and who.  Declared in pg_backend.h.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/base/version.h"
#include "server/catalog/names.h"
#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"
#include "server/pg/pg_value.h"

struct call {
    struct pg_backend *b;
    const struct value *args;
    size_t n_args;
};

typedef enum err_code function_fn(struct value *out, const struct call *c,
                                  struct err *err);

static enum err_code text(struct value *out, const struct call *c,
                          const char *s, struct err *err)
{
    const char *copy = s ? arena_strdup(&c->b->scratch, s) : NULL;
    if (!copy)
        return err_set(err, ERR_LIMIT, "the question needs too much memory");
    *out = value_text(copy, strlen(copy));
    return ERR_OK;
}

static enum err_code version(struct value *out, const struct call *c,
                             struct err *err)
{
    return text(out, c,
                arena_printf(&c->b->scratch,
                             "PostgreSQL %s (Halftone %s: answers carry noise)",
                             pg_var_get(&c->b->vars, PG_VAR_SERVER_VERSION),
                             halftone_version()),
                err);
}

static enum err_code user(struct value *out, const struct call *c,
                          struct err *err)
{
    return text(out, c, c->b->user, err);
}

static enum err_code database(struct value *out, const struct call *c,
                              struct err *err)
{
    return text(out, c, c->b->database, err);
}

static enum err_code schema(struct value *out, const struct call *c,
                            struct err *err)
{
    const char *first = pg_vars_dataset(&c->b->vars, &c->b->scratch);
    if (first && !first[0])
        first = c->b->dataset[0] ? c->b->dataset : "public";
    return text(out, c, first, err);
}

static enum err_code pid(struct value *out, const struct call *c,
                         struct err *err)
{
    (void)err;
    *out = value_int(c->b->pid);
    return ERR_OK;
}

static enum err_code no(struct value *out, const struct call *c,
                        struct err *err)
{
    (void)c, (void)err;
    *out = (struct value){ .type = VALUE_BOOL, .b = false };
    return ERR_OK;
}

/* Of functions that PostgreSQL gives the type void. */
static enum err_code nothing(struct value *out, const struct call *c,
                             struct err *err)
{
    (void)c, (void)err;
    *out = value_text("", 0);
    return ERR_OK;
}

static enum err_code current_setting(struct value *out, const struct call *c,
                                     struct err *err)
{
    const bool may_miss =
        c->n_args > 1 && c->args[1].type == VALUE_BOOL && c->args[1].b;
    *out = value_null();
    if (c->args[0].type != VALUE_TEXT)
        return ERR_OK;
    const unsigned var = pg_var_find(c->args[0].text.s);
    if (var < PG_VARS)
        return text(out, c, pg_var_text(&c->b->vars, var), err);
    if (may_miss)
        return ERR_OK;
    return pg_fail(err, "42704",
                   "unrecognized configuration parameter \"%.60s\"",
                   c->args[0].text.s);
}

static enum err_code set_config(struct value *out, const struct call *c,
                                struct err *err)
{
    const bool local = c->args[2].type == VALUE_BOOL && c->args[2].b;
    if (c->args[0].type != VALUE_TEXT)
        return pg_fail(err, "22004", "SET requires parameter name");
    const char *value =
        c->args[1].type == VALUE_TEXT ? c->args[1].text.s : NULL;
    TRY(pg_var_set(&c->b->vars, c->args[0].text.s, value, local, err));
    return current_setting(out, c, err);
}

/* Sorted as they are met; the type is of the result. */
static const struct function {
    const char *name;
    size_t least, most;
    uint32_t oid;
    function_fn *run;
} FUNCTIONS[] = {
    { "version", 0, 0, PG_TEXT, version },
    { "current_database", 0, 0, PG_NAME, database },
    { "current_catalog", 0, 0, PG_NAME, database },
    { "current_schema", 0, 0, PG_NAME, schema },
    { "current_user", 0, 0, PG_NAME, user },
    { "session_user", 0, 0, PG_NAME, user },
    { "user", 0, 0, PG_NAME, user },
    { "pg_backend_pid", 0, 0, PG_INT4, pid },
    { "pg_is_in_recovery", 0, 0, PG_BOOL, no },
    { "pg_is_wal_replay_paused", 0, 0, PG_BOOL, no },
    { "pg_advisory_unlock_all", 0, 0, PG_VOID, nothing },
    { "current_setting", 1, 2, PG_TEXT, current_setting },
    { "set_config", 3, 3, PG_TEXT, set_config },
};

static const struct function *find(const struct sql_constant *k)
{
    for (size_t i = 0; i < sizeof FUNCTIONS / sizeof FUNCTIONS[0]; i++)
        if (strcmp(FUNCTIONS[i].name, k->function) == 0 &&
            k->n_args >= FUNCTIONS[i].least && k->n_args <= FUNCTIONS[i].most)
            return &FUNCTIONS[i];
    return NULL;
}

static bool is_catalogs(const struct sql_constant *k)
{
    bool found =
        k->kind == SQL_CONSTANT_CALL && !find(k) && names_function(k->function);
    for (size_t i = 0; i < k->n_args; i++)
        found |= is_catalogs(&k->args[i]);
    return found;
}

enum err_code pg_commands_parse(struct sql_commands *out, const char *text,
                                struct arena *a, struct err *err)
{
    TRY(sql_commands_parse(out, text, strlen(text), a, err));
    for (size_t c = 0; c < out->n; c++) {
        const struct sql_constants *list = out->list[c].constants;
        bool found = false;
        for (size_t i = 0; list && i < list->n; i++)
            found |= is_catalogs(&list->list[i]);
        if (found)
            out->list[c].constants = NULL;
    }
    return ERR_OK;
}

static enum err_code unknown(const struct sql_constant *k, struct err *err)
{
    (void)pg_fail(err, "42883",
                  "function %.60s with %zu argument%s does not exist",
                  k->function, k->n_args, k->n_args == 1 ? "" : "s");
    return err_hint(err, "Name a table of a dataset to ask a question; "
                         "docs/sql.md lists the functions of questions.");
}

/* ---- types ---- */

/* Names that the parser leaves, and arrays of them. */
static enum err_code cast_oid(uint32_t *out, const struct sql_constant *k,
                              struct err *err)
{
    const struct pg_type *t = pg_type_of_name(k->cast);
    if (!t)
        return pg_fail(err, "42704", "type \"%.60s\" does not exist", k->cast);
    *out = k->casts_array ? t->array : t->oid;
    return ERR_OK;
}

static enum err_code type_of(uint32_t *out, const struct sql_constant *k,
                             struct err *err)
{
    if (k->cast)
        return cast_oid(out, k, err);
    *out = PG_TEXT;
    if (k->kind == SQL_CONSTANT_CALL) {
        const struct function *f = find(k);
        if (!f)
            return unknown(k, err);
        *out = f->oid;
    } else if (k->kind == SQL_CONSTANT_VALUE) {
        *out = pg_type_of_name(k->type)->oid;
    }
    return ERR_OK;
}

static enum err_code note_params(const struct sql_constant *k, uint32_t *params,
                                 size_t *n_params, struct err *err)
{
    uint32_t oid = PG_TEXT;
    for (size_t i = 0; i < k->n_args; i++)
        TRY(note_params(&k->args[i], params, n_params, err));
    if (k->kind != SQL_CONSTANT_PARAM)
        return ERR_OK;
    if (k->param > PG_CATALOG_PARAMS)
        return pg_fail(err, "42P02", "there is no parameter $%u", k->param);
    if (k->cast)
        TRY(cast_oid(&oid, k, err));
    if (params[k->param - 1] == 0)
        params[k->param - 1] = oid;
    if (k->param > *n_params)
        *n_params = k->param;
    return ERR_OK;
}

enum err_code pg_constants_shape(struct pg_column **columns,
                                 const struct sql_constants *list,
                                 uint32_t *params, size_t *n_params,
                                 struct arena *a, struct err *err)
{
    struct pg_column *out = ARENA_NEW_N(a, list->n + 1, struct pg_column);
    if (!out)
        return err_set(err, ERR_LIMIT, "the question needs too much memory");
    for (size_t i = 0; i < list->n; i++) {
        const struct sql_constant *k = &list->list[i];
        TRY(note_params(k, params, n_params, err));
        out[i].name = k->name;
        TRY(type_of(&out[i].oid, k, err));
        if (k->kind == SQL_CONSTANT_PARAM && !k->cast)
            out[i].oid = params[k->param - 1];
    }
    *columns = out;
    return ERR_OK;
}

/* ---- values ---- */

/* As PostgreSQL would write it. */
static enum err_code tidy(struct value *v, const struct pg_type *t,
                          const struct sql_constant *k, struct pg_backend *b,
                          struct err *err)
{
    struct err why = { 0 };
    const enum err_code code =
        pg_value_tidy(v, k->casts_array ? t->array : t->oid, &b->scratch, &why);
    if (code != ERR_INVALID) {
        *err = why;
        return code;
    }
    return pg_fail(
        err, t->oid == PG_INTERVAL || t->oid == PG_TIME ? "22007" : "22P02",
        "invalid input syntax for type %s%s: \"%.60s\"", t->name,
        k->casts_array ? "[]" : "", v->text.s);
}

static enum err_code cast(struct value *v, const struct sql_constant *k,
                          struct pg_backend *b, struct err *err)
{
    const struct pg_type *t = pg_type_of_name(k->cast);
    char buf[512];
    struct writer w = writer_of(buf, sizeof buf);
    const bool is_number = v->type == VALUE_INT || v->type == VALUE_DOUBLE;
    if (v->type == VALUE_TEXT && t)
        TRY(tidy(v, t, k, b, err));
    if (v->type == VALUE_NULL || !t || k->casts_array || v->type == t->value ||
        (is_number && t->value == VALUE_DOUBLE))
        return ERR_OK;
    if (v->type != VALUE_TEXT) {
        value_print(&w, v);
        if (!writer_cstr(&w))
            return ERR_OK;
        const char *copy = arena_strdup(&b->scratch, buf);
        if (!copy)
            return err_set(err, ERR_LIMIT, "the values need too much memory");
        *v = value_text(copy, w.len);
    }
    if (t->value == VALUE_TEXT || t->oid == PG_NUMERIC)
        return ERR_OK; /* digits as they are written */
    struct err why;
    if (value_parse(v, t->value, v->text.s, v->text.len, &why) == ERR_OK)
        return ERR_OK;
    return pg_fail(
        err,
        t->value == VALUE_DATE || t->value == VALUE_TIMESTAMP ? "22007"
                                                              : "22P02",
        "invalid input syntax for type %s: \"%.60s\"", t->name, v->text.s);
}

static enum err_code eval(struct value *out, struct pg_backend *b,
                          const struct sql_constant *k,
                          const struct value *params, size_t n_params,
                          struct err *err)
{
    enum { ARGS_MAX = 8 };
    struct value args[ARGS_MAX];
    if (k->kind == SQL_CONSTANT_VALUE) {
        *out = k->value;
    } else if (k->kind == SQL_CONSTANT_PARAM) {
        if (k->param > n_params)
            return pg_fail(err, "42P02", "there is no parameter $%u", k->param);
        *out = params[k->param - 1];
    } else {
        const struct function *f = find(k);
        const struct call call = { b, args, k->n_args };
        if (!f)
            return unknown(k, err);
        for (size_t i = 0; i < k->n_args; i++)
            TRY(eval(&args[i], b, &k->args[i], params, n_params, err));
        TRY(f->run(out, &call, err));
    }
    return k->cast ? cast(out, k, b, err) : ERR_OK;
}

enum err_code pg_constant_values(struct value *out, struct pg_backend *b,
                                 const struct sql_constants *list,
                                 const struct value *params, size_t n_params,
                                 struct err *err)
{
    for (size_t i = 0; i < list->n; i++)
        TRY(eval(&out[i], b, &list->list[i], params, n_params, err));
    return ERR_OK;
}

enum err_code pg_constants(struct pg_rows *out, struct pg_backend *b,
                           const struct sql_constants *list,
                           const struct value *params, size_t n_params,
                           struct err *err)
{
    uint32_t types[PG_CATALOG_PARAMS] = { 0 };
    size_t n_types = 0;
    struct pg_column *columns;
    struct value *cells = ARENA_NEW_N(&b->scratch, list->n + 1, struct value);
    if (!cells)
        return err_set(err, ERR_LIMIT, "the values need too much memory");
    TRY(pg_constants_shape(&columns, list, types, &n_types, &b->scratch, err));
    TRY(pg_constant_values(cells, b, list, params, n_params, err));
    *out = (struct pg_rows){ columns, list->n, cells, 1 };
    return ERR_OK;
}
