/* New nodes of PostgreSQL's tree, and what is asked of any.  rewrite_ctx.h. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "server/sql/rewrite_ctx.h"

static void *fresh(struct rewrite_ctx *r, size_t size)
{
    void *p = arena_alloc(r->sql->arena, 1, size);
    if (!p && r->code == ERR_OK)
        r->code = sql_no_memory(r->sql);
    return p;
}

static PgQuery__Node *node_new(struct rewrite_ctx *r,
                               PgQuery__Node__NodeCase kind, void *message)
{
    PgQuery__Node *n = fresh(r, sizeof *n);
    if (!n || !message)
        return NULL;
    pg_query__node__init(n);
    n->node_case = kind;
    n->string = message; /* all members of the union are one pointer */
    return n;
}

static PgQuery__String *string_new(struct rewrite_ctx *r, const char *text)
{
    PgQuery__String *s = fresh(r, sizeof *s);
    if (!s)
        return NULL;
    pg_query__string__init(s);
    s->sval = arena_strdup(r->sql->arena, text);
    if (!s->sval && r->code == ERR_OK)
        r->code = sql_no_memory(r->sql);
    return s->sval ? s : NULL;
}

PgQuery__Node *rewrite_string(struct rewrite_ctx *r, const char *text)
{
    return node_new(r, PG_QUERY__NODE__NODE_STRING, string_new(r, text));
}

static PgQuery__AConst *constant_new(struct rewrite_ctx *r)
{
    PgQuery__AConst *k = fresh(r, sizeof *k);
    if (k)
        pg_query__a__const__init(k);
    return k;
}

PgQuery__Node *rewrite_text(struct rewrite_ctx *r, const char *text)
{
    PgQuery__AConst *k = constant_new(r);
    if (!k)
        return NULL;
    k->val_case = PG_QUERY__A__CONST__VAL_SVAL;
    k->sval = string_new(r, text);
    return node_new(r, PG_QUERY__NODE__NODE_A_CONST, k);
}

PgQuery__Node *rewrite_int(struct rewrite_ctx *r, int value)
{
    PgQuery__AConst *k = constant_new(r);
    PgQuery__Integer *i = fresh(r, sizeof *i);
    if (!k || !i)
        return NULL;
    pg_query__integer__init(i);
    i->ival = value;
    k->val_case = PG_QUERY__A__CONST__VAL_IVAL;
    k->ival = i;
    return node_new(r, PG_QUERY__NODE__NODE_A_CONST, k);
}

static PgQuery__Node **list_of(struct rewrite_ctx *r, size_t n,
                               PgQuery__Node *const *items)
{
    PgQuery__Node **list = fresh(r, (n + 1) * sizeof(PgQuery__Node *));
    for (size_t i = 0; list && i < n; i++)
        list[i] = items[i];
    return list;
}

PgQuery__Node *rewrite_call(struct rewrite_ctx *r, const char *name, size_t n,
                            PgQuery__Node *const *args)
{
    PgQuery__FuncCall *f = fresh(r, sizeof *f);
    PgQuery__Node *s = rewrite_string(r, name);
    if (!f || !s)
        return NULL;
    pg_query__func_call__init(f);
    f->funcname = list_of(r, 1, &s);
    f->n_funcname = 1;
    f->args = list_of(r, n, args);
    f->n_args = n;
    f->funcformat = PG_QUERY__COERCION_FORM__COERCE_EXPLICIT_CALL;
    f->location = -1; /* ours: rewrite_node.c looks no further */
    return f->funcname && f->args
               ? node_new(r, PG_QUERY__NODE__NODE_FUNC_CALL, f)
               : NULL;
}

PgQuery__Node *rewrite_cast(struct rewrite_ctx *r, PgQuery__Node *arg,
                            const char *type)
{
    PgQuery__TypeCast *c = fresh(r, sizeof *c);
    PgQuery__TypeName *t = fresh(r, sizeof *t);
    PgQuery__Node *name = rewrite_string(r, type);
    if (!c || !t || !name)
        return NULL;
    pg_query__type_cast__init(c);
    pg_query__type_name__init(t);
    t->names = list_of(r, 1, &name);
    t->n_names = 1;
    t->typemod = -1;
    c->arg = arg;
    c->type_name = t;
    return node_new(r, PG_QUERY__NODE__NODE_TYPE_CAST, c);
}

PgQuery__Node *rewrite_op(struct rewrite_ctx *r, const char *op,
                          PgQuery__Node *left, PgQuery__Node *right)
{
    PgQuery__AExpr *e = fresh(r, sizeof *e);
    PgQuery__Node *s = rewrite_string(r, op);
    if (!e || !s)
        return NULL;
    pg_query__a__expr__init(e);
    e->kind = PG_QUERY__A__EXPR__KIND__AEXPR_OP;
    e->name = list_of(r, 1, &s);
    e->n_name = 1;
    e->lexpr = left;
    e->rexpr = right;
    return node_new(r, PG_QUERY__NODE__NODE_A_EXPR, e);
}

PgQuery__Node *rewrite_texts(struct rewrite_ctx *r, const char *const *texts,
                             size_t n)
{
    PgQuery__AArrayExpr *e = fresh(r, sizeof *e);
    if (!e)
        return NULL;
    pg_query__a__array_expr__init(e);
    e->elements = list_of(r, 0, NULL);
    if (n)
        e->elements = fresh(r, n * sizeof(PgQuery__Node *));
    e->n_elements = n;
    for (size_t i = 0; e->elements && i < n; i++)
        if (!(e->elements[i] = rewrite_text(r, texts[i])))
            return NULL;
    return node_new(r, PG_QUERY__NODE__NODE_A_ARRAY_EXPR, e);
}

const char *rewrite_last(PgQuery__Node *const *names, size_t n)
{
    const char *s = n ? sql_string(names[n - 1]) : NULL;
    return s ? s : "";
}

bool rewrite_ends_with(const char *s, const char *end)
{
    const size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* int2vector and oidvector count from 0, lists of DuckDB from 1. */
bool rewrite_is_vector(const PgQuery__Node *n)
{
    static const char *const names[] = { "indkey", "indoption", "indclass",
                                         "indcollation" };
    if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
        return false;
    const char *last =
        rewrite_last(n->column_ref->fields, n->column_ref->n_fields);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (rewrite_ends_with(last, names[i]))
            return true;
    return false;
}

void rewrite_fail(struct rewrite_ctx *r, enum refusal id, int at,
                  const char *one)
{
    if (r->code == ERR_OK)
        r->code = sql_refuse(r->sql, id, at, one, NULL);
}

void rewrite_become(PgQuery__Node *n, const PgQuery__Node *other)
{
    if (other)
        *n = *other;
}
