/* Constants and casts. */
#include "server/sql/sql_ctx.h"

#include <string.h>
#include <strings.h>

bool sql_is_int(const PgQuery__Node *n, int64_t *out)
{
    struct value v;
    struct err unused;
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST || n->a_const->isnull)
        return false;
    const PgQuery__AConst *k = n->a_const;
    if (k->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
        *out = k->ival->ival;
        return true;
    }
    /* Past 31 bits PostgreSQL's grammar keeps a whole number as text. */
    if (k->val_case != PG_QUERY__A__CONST__VAL_FVAL ||
        value_parse(&v, VALUE_INT, k->fval->fval, strlen(k->fval->fval),
                    &unused) != ERR_OK)
        return false;
    *out = v.i;
    return true;
}

static enum err_code number(struct sql_ctx *c, struct value *out,
                            const PgQuery__Node *n)
{
    int64_t i;
    if (sql_is_int(n, &i)) {
        *out = value_int(i);
        return ERR_OK;
    }
    const char *text = n->a_const->fval->fval;
    if (value_parse(out, VALUE_DOUBLE, text, strlen(text), c->err) != ERR_OK) {
        const char *shown = strlen(text) <= 40 ? text : "written here";
        return sql_refuse(c, REFUSAL_NUMBER_RANGE, n->a_const->location, shown,
                          NULL);
    }
    return ERR_OK;
}

static enum err_code text(struct sql_ctx *c, struct value *out, const char *s)
{
    const size_t len = strlen(s);
    const char *copy = arena_strndup(c->arena, s, len);
    if (!copy)
        return sql_no_memory(c);
    *out = value_text(copy, len);
    return ERR_OK;
}

enum err_code sql_const(struct sql_ctx *c, struct expr **out,
                        const PgQuery__Node *n)
{
    const PgQuery__AConst *k = n->a_const;
    struct expr *e = NULL;
    TRY(sql_expr_new(c, &e, EXPR_CONST, k->location));
    *out = e;
    e->value = value_null();
    if (k->isnull)
        return ERR_OK;
    switch (k->val_case) {
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        e->value.type = VALUE_BOOL;
        e->value.b = k->boolval->boolval != 0;
        return ERR_OK;
    case PG_QUERY__A__CONST__VAL_IVAL:
    case PG_QUERY__A__CONST__VAL_FVAL:
        return number(c, &e->value, n);
    case PG_QUERY__A__CONST__VAL_SVAL:
        return text(c, &e->value, k->sval->sval);
    case PG_QUERY__A__CONST__VAL_BSVAL:
    case PG_QUERY__A__CONST__VAL__NOT_SET:
    default:
        return sql_refuse(c, REFUSAL_BIT_STRING, k->location, NULL, NULL);
    }
}

/*
 * Types as PostgreSQL's grammar or an analyst names them.  Narrower types than
 * ours (smallint, real, numeric, varchar(n)) would lose their meaning in
 * silence and are left out.
 */
struct cast_type {
    const char *name;
    enum expr_op op;      /* OP_COUNT: constants only */
    enum value_type type; /* of a constant text */
};

static const struct cast_type *type_of(const char *name)
{
    static const struct cast_type types[] = {
        { "int4", OP_CAST_INT, VALUE_INT },
        { "int8", OP_CAST_INT, VALUE_INT },
        { "float8", OP_CAST_DOUBLE, VALUE_DOUBLE },
        { "double", OP_CAST_DOUBLE, VALUE_DOUBLE },
        { "text", OP_CAST_TEXT, VALUE_TEXT },
        { "varchar", OP_CAST_TEXT, VALUE_TEXT },
        { "date", OP_CAST_DATE, VALUE_DATE },
        { "timestamp", OP_CAST_TIMESTAMP, VALUE_TIMESTAMP },
        { "bool", OP_COUNT, VALUE_BOOL },
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static enum err_code find_type(struct sql_ctx *c, const struct cast_type **out,
                               const PgQuery__TypeName *type)
{
    const int at = type->location;
    TRY(sql_fields(c, &type->base, at));
    const char *name = type->n_names ? sql_string(type->names[0]) : NULL;
    /* What the grammar knows by a keyword it puts into pg_catalog. */
    if (name && type->n_names == 2 && strcmp(name, "pg_catalog") == 0)
        name = sql_string(type->names[1]);
    else if (type->n_names != 1)
        name = NULL;
    *out = name ? type_of(name) : NULL;
    if (!*out)
        return sql_refuse(c, REFUSAL_TYPE, at, name ? name : "this type", NULL);
    return ERR_OK;
}

static bool is_text_const(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
           !n->a_const->isnull &&
           n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL;
}

/* 't', 'TRUE', ... as drivers write booleans. */
static bool bool_of(const char *s, bool *out)
{
    *out = strcasecmp(s, "true") == 0 || strcasecmp(s, "t") == 0;
    return *out || strcasecmp(s, "false") == 0 || strcasecmp(s, "f") == 0;
}

/* DATE '2011-01-01', '5'::int, ...: a constant of that type. */
static enum err_code typed_const(struct sql_ctx *c, struct expr **out,
                                 const PgQuery__Node *n, enum value_type type)
{
    struct expr *e = NULL;
    const PgQuery__AConst *k = n->a_const;
    TRY(sql_fields(c, &k->base, k->location));
    TRY(sql_const(c, &e, n));
    *out = e;
    const struct value s = e->value;
    e->value = (struct value){ .type = type };
    if (type == VALUE_BOOL) {
        if (bool_of(s.text.s, &e->value.b))
            return ERR_OK;
        return sql_refuse(c, REFUSAL_BOOL_TEXT, k->location, NULL, NULL);
    }
    if (value_parse(&e->value, type, s.text.s, s.text.len, c->err) != ERR_OK)
        return err_at(c->err, e->at.line, e->at.col);
    /* NaN equals itself on some engines only, and infinity prints as no SQL. */
    if (type == VALUE_DOUBLE && e->value.d - e->value.d != 0)
        return sql_refuse(c, REFUSAL_NUMBER_RANGE, k->location, s.text.s, NULL);
    return ERR_OK;
}

enum err_code sql_cast(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n)
{
    const PgQuery__TypeCast *cast = n->type_cast;
    const struct cast_type *type = NULL;
    TRY(find_type(c, &type, cast->type_name));
    if (is_text_const(cast->arg))
        return typed_const(c, out, cast->arg, type->type);
    if (type->op == OP_COUNT)
        return sql_refuse(c, REFUSAL_TYPE, cast->type_name->location,
                          "bool of anything but a constant", NULL);
    return sql_call_of(c, out, type->op, &n->type_cast->arg, 1,
                       cast->type_name->location);
}
