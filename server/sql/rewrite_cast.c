/*
 * Casts.  regclass and its kin are numbers that are shown as names: inside a
 * statement they are the number, and where it is made a text, or is an output,
 * the name.  rewrite_ctx.h.
 */
#include <string.h>

#include "server/sql/rewrite_ctx.h"

/* PostgreSQL's types and what DuckDB holds them in. */
static const struct held {
    const char *name, *as;
} held[] = {
    { "oid", "int8" },
    { "xid", "int8" },
    { "name", "varchar" },
    { "char", "varchar" },
    { "bpchar", "varchar" },
    { "text", "varchar" },
    { "varchar", "varchar" },
    { "int2", "int2" },
    { "int4", "int4" },
    { "int8", "int8" },
    { "float4", "float4" },
    { "float8", "float8" },
    { "bool", "bool" },
    { "date", "date" },
    { "timestamp", "timestamp" },
    { "timestamptz", "timestamptz" },
    { "interval", "interval" },
    { "time", "time" },
    { "json", "varchar" },
    { "jsonb", "varchar" },
    { "regproc", "varchar" },
    { "pg_node_tree", "varchar" },
    { "cardinal_number", "int4" },
    { "sql_identifier", "varchar" },
    { "character_data", "varchar" },
    { "yes_or_no", "varchar" },
};

const char *rewrite_type_name(const PgQuery__TypeName *t)
{
    return rewrite_last(t->names, t->n_names);
}

const char *rewrite_type_schema(const PgQuery__TypeName *t)
{
    const char *s = t->n_names > 1 ? sql_string(t->names[0]) : NULL;
    return s && strcmp(s, "pg_catalog") != 0 ? s : "";
}

static bool is_reg(const char *type)
{
    static const char *const names[] = { "regclass", "regtype", "regnamespace",
                                         "regrole" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type, names[i]) == 0)
            return true;
    return false;
}

static bool is_text_type(const char *type)
{
    return strcmp(type, "text") == 0 || strcmp(type, "varchar") == 0 ||
           strcmp(type, "name") == 0 || strcmp(type, "bpchar") == 0;
}

static const PgQuery__TypeCast *cast_of(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? n->type_cast : NULL;
}

static bool is_text(const PgQuery__Node *n)
{
    const PgQuery__TypeCast *c = cast_of(n);
    return (n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
            n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL) ||
           n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ||
           n->node_case == PG_QUERY__NODE__NODE_PARAM_REF ||
           (c && is_text_type(rewrite_type_name(c->type_name)));
}

static void become_call(struct rewrite_ctx *r, PgQuery__Node *n,
                        const char *type, const char *suffix,
                        PgQuery__Node *arg)
{
    char *name = arena_printf(r->sql->arena, "pgc_%s_%s", type, suffix);
    PgQuery__Node *args[] = { arg, rewrite_schemas(r, true) };
    PgQuery__Node *call = name ? rewrite_call(r, name, 2, args) : NULL;
    if (call)
        *n = *call;
}

/* The name instead of the number: for outputs. */
void rewrite_shown(struct rewrite_ctx *r, PgQuery__Node **n)
{
    const PgQuery__TypeCast *c = *n ? cast_of(*n) : NULL;
    const char *type = c ? rewrite_type_name(c->type_name) : "";
    if (!is_reg(type))
        return;
    PgQuery__Node *out = rewrite_text(r, "");
    if (!out)
        return;
    become_call(r, out, type, "out", *n);
    *n = out;
}

static const char *held_as(const char *type)
{
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        if (strcmp(held[i].name, type) == 0)
            return held[i].as;
    return NULL;
}

/* A constant of a type that DuckDB would print in another way stays a text. */
static bool stays_text(const char *type, const PgQuery__TypeCast *c)
{
    return strcmp(type, "numeric") == 0 && c->type_name->n_typmods == 0 &&
           c->arg->node_case == PG_QUERY__NODE__NODE_A_CONST;
}

static void text_cast(struct rewrite_ctx *r, PgQuery__Node *n, const char *type)
{
    PgQuery__TypeCast *c = n->type_cast;
    const PgQuery__TypeCast *inner = cast_of(c->arg);
    const char *of = inner ? rewrite_type_name(inner->type_name) : "";
    if (is_reg(of)) {
        become_call(r, n, of, "out", c->arg);
        return;
    }
    if (rewrite_is_vector(c->arg)) {
        PgQuery__Node *args[] = { c->arg, rewrite_text(r, " ") };
        PgQuery__Node *call = rewrite_call(r, "pgc_array_to_string", 2, args);
        if (call)
            *n = *call;
        return;
    }
    c->type_name->n_typmods = 0;
    c->type_name->names[0] = rewrite_string(r, held_as(type));
    c->type_name->n_names = 1;
}

/* 'pg_catalog.array_in' is shown as array_in. */
static void bare_name(struct rewrite_ctx *r, PgQuery__Node *n)
{
    static const char schema[] = "pg_catalog.";
    if (n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
        n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL &&
        strncmp(n->a_const->sval->sval, schema, sizeof schema - 1) == 0)
        n->a_const->sval->sval = arena_strdup(
            r->sql->arena, n->a_const->sval->sval + sizeof schema - 1);
}

void rewrite_type_cast(struct rewrite_ctx *r, PgQuery__Node *n)
{
    PgQuery__TypeCast *c = n->type_cast;
    const char *type = rewrite_type_name(c->type_name);
    const bool is_array = c->type_name->n_array_bounds > 0;
    if (is_array)
        rewrite_array(r, c->arg);
    if (is_reg(type) && !is_array) {
        if (is_text(c->arg))
            become_call(r, n, type, "in", c->arg);
        else
            rewrite_become(n, rewrite_cast(r, c->arg, "int8"));
        return;
    }
    if (is_text_type(type) && !is_array) {
        text_cast(r, n, type);
        return;
    }
    const char *as = stays_text(type, c) ? "varchar" : held_as(type);
    if (!as && strcmp(type, "numeric") == 0)
        as = c->type_name->n_typmods ? "numeric" : "float8";
    if (!as &&
        r->names->type(r->names->ctx, rewrite_type_schema(c->type_name), type))
        as = "varchar";
    if (!as) {
        if (r->code == ERR_OK)
            r->code = sql_refuse(r->sql, REFUSAL_CATALOG_TYPE,
                                 c->type_name->location, type, NULL);
        return;
    }
    if (strcmp(type, "regproc") == 0)
        bare_name(r, c->arg);
    c->type_name->names[0] = rewrite_string(r, as);
    c->type_name->n_names = 1;
    if (strcmp(as, "numeric") != 0)
        c->type_name->n_typmods = 0;
}
