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
 * ours (smallint, real, char(n)) would lose their meaning in silence and are
 * left out; numeric(p, s) rounds to s digits and varchar(n) cuts, as there.
 */
struct cast_type {
    const char *name;
    enum expr_op op;
    enum value_type type;   /* of a constant text */
    enum expr_op with_mods; /* what a length or scale does; OP_COUNT: refused */
};

static const struct cast_type *type_of(const char *name)
{
    static const struct cast_type types[] = {
        { "int4", OP_CAST_INT, VALUE_INT, OP_COUNT },
        { "int8", OP_CAST_INT, VALUE_INT, OP_COUNT },
        { "float8", OP_CAST_DOUBLE, VALUE_DOUBLE, OP_COUNT },
        { "double", OP_CAST_DOUBLE, VALUE_DOUBLE, OP_COUNT },
        { "numeric", OP_CAST_DOUBLE, VALUE_DOUBLE, OP_ROUND },
        { "text", OP_CAST_TEXT, VALUE_TEXT, OP_COUNT },
        { "varchar", OP_CAST_TEXT, VALUE_TEXT, OP_LEFT },
        { "date", OP_CAST_DATE, VALUE_DATE, OP_COUNT },
        { "timestamp", OP_CAST_TIMESTAMP, VALUE_TIMESTAMP, OP_COUNT },
        { "timestamptz", OP_CAST_TIMESTAMP, VALUE_TIMESTAMP, OP_COUNT },
        { "bool", OP_CAST_BOOL, VALUE_BOOL, OP_COUNT },
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
    if (name && strcmp(name, "interval") == 0)
        return sql_refuse(c, REFUSAL_INTERVAL_PLACE, at, NULL, NULL);
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

/* 't', 'TRUE', 'yes', '0', ... as drivers write booleans. */
static bool bool_of(const char *s, bool *out)
{
    static const char *const words[] = { "true",  "t", "yes", "y", "on",  "1",
                                         "false", "f", "no",  "n", "off", "0" };
    enum { N_WORDS = sizeof words / sizeof words[0] };
    size_t i = 0;
    while (i < N_WORDS && strcasecmp(words[i], s) != 0)
        i++;
    *out = i < N_WORDS / 2;
    return i < N_WORDS;
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

/* numeric(p, s) rounds, varchar(n) cuts; a number of at most so many digits is
 * not enforced. */
static enum err_code apply_mods(struct sql_ctx *c, struct expr **e,
                                const struct cast_type *type,
                                const PgQuery__TypeName *name)
{
    int64_t mod = 0;
    struct expr *call = NULL;
    const size_t n = name->n_typmods;
    const bool fits = type->with_mods != OP_COUNT && n <= 2 &&
                      sql_is_int(name->typmods[n - 1], &mod) && mod >= 0;
    if (type->with_mods == OP_ROUND && n == 1)
        mod = 0; /* a precision alone */
    if (!fits)
        return sql_refuse(c, REFUSAL_TYPE_MODIFIER, name->location, type->name,
                          NULL);
    TRY(sql_call_new(c, &call, type->with_mods, 2, name->location));
    call->call.args[0] = *e;
    TRY(sql_expr_new(c, &call->call.args[1], EXPR_CONST, name->location));
    call->call.args[1]->value = value_int(mod);
    *e = call;
    return ERR_OK;
}

enum err_code sql_cast(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n)
{
    const PgQuery__TypeCast *cast = n->type_cast;
    const struct cast_type *type = NULL;
    TRY(find_type(c, &type, cast->type_name));
    if (is_text_const(cast->arg))
        TRY(typed_const(c, out, cast->arg, type->type));
    else
        TRY(sql_call_of(c, out, type->op, &n->type_cast->arg, 1,
                        cast->type_name->location));
    if (cast->type_name->n_typmods == 0)
        return ERR_OK;
    return apply_mods(c, out, type, cast->type_name);
}
