/* What the session says: functions of it become constants of the statement.
 * rewrite_ctx.h. */
#include <stdlib.h>
#include <string.h>

#include "server/sql/rewrite_ctx.h"

static PgQuery__Node *null_or_text(struct rewrite_ctx *r, const char *text)
{
    PgQuery__Node *n = rewrite_text(r, text ? text : "");
    if (n && !text) {
        n->a_const->isnull = true;
        n->a_const->val_case = PG_QUERY__A__CONST__VAL__NOT_SET;
    }
    return n;
}

static bool is_true(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
           n->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL &&
           n->a_const->boolval->boolval;
}

PgQuery__Node *rewrite_schemas(struct rewrite_ctx *r, bool implicit)
{
    const char *list[66] = { "pg_catalog" };
    size_t n = implicit ? 1 : 0;
    for (size_t i = 0; i < r->names->n_schemas && n < 66; i++)
        list[n++] = r->names->schemas[i];
    return rewrite_texts(r, list, n);
}

/* A constant, or a parameter whose value is known; else NULL. */
static const char *text_of(const struct rewrite_ctx *r, const PgQuery__Node *n)
{
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        n = n->type_cast->arg;
    if (n->node_case == PG_QUERY__NODE__NODE_PARAM_REF) {
        const size_t i = (size_t)n->param_ref->number;
        return r->names->params && i > 0 && i <= r->names->n_params
                   ? r->names->params[i - 1]
                   : NULL;
    }
    return n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                   n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL
               ? n->a_const->sval->sval
               : "";
}

static bool has_parameter(const PgQuery__Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_PARAM_REF ||
           (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST &&
            n->type_cast->arg->node_case == PG_QUERY__NODE__NODE_PARAM_REF);
}

static PgQuery__Node *setting(struct rewrite_ctx *r, PgQuery__FuncCall *f)
{
    const char *name = text_of(r, f->args[0]);
    if (!name) /* a parameter whose value comes later */
        return rewrite_cast(r, f->args[0], "varchar");
    const char *value = r->names->setting(r->names->ctx, name);
    if (!value && !(f->n_args > 1 && is_true(f->args[1])))
        rewrite_fail(r, REFUSAL_CATALOG_SETTING, f->location, name);
    PgQuery__Node *args[] = { null_or_text(r, value), f->args[0] };
    if (!has_parameter(f->args[0]))
        return args[0];
    /* DuckDB wants every number below the last parameter's to stand. */
    args[1] = rewrite_cast(r, args[1], "varchar");
    return rewrite_call(r, "pgc_first", 2, args);
}

static int pid_of(const struct rewrite_names *names)
{
    const char *pid = names->setting(names->ctx, "pg_backend_pid");
    return pid ? atoi(pid) : 0;
}

/* Functions of the session are constants of the statement. */
bool rewrite_session(struct rewrite_ctx *r, PgQuery__Node *n, const char *name)
{
    const struct rewrite_names *names = r->names;
    PgQuery__FuncCall *f = n->func_call;
    PgQuery__Node *out = NULL;
    if (strcmp(name, "current_database") == 0)
        out = rewrite_text(r, names->database);
    else if (strcmp(name, "current_schema") == 0)
        out = null_or_text(r, names->n_schemas ? names->schemas[0] : NULL);
    else if (strcmp(name, "version") == 0)
        out = rewrite_text(r, names->version);
    else if (strcmp(name, "current_schemas") == 0 && f->n_args == 1)
        out = rewrite_schemas(r, is_true(f->args[0]));
    else if (strcmp(name, "current_setting") == 0 && f->n_args)
        out = setting(r, f);
    else if (strcmp(name, "set_config") == 0 && f->n_args == 3)
        out = f->args[1];
    else if (strcmp(name, "pg_backend_pid") == 0)
        out = rewrite_int(r, pid_of(names));
    else
        return false;
    rewrite_become(n, out);
    return true;
}

void rewrite_value(struct rewrite_ctx *r, PgQuery__Node *n)
{
    const struct rewrite_names *names = r->names;
    switch ((int)n->sqlvalue_function->op) {
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER:
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER:
        rewrite_become(n, rewrite_text(r, names->user));
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_CATALOG:
        rewrite_become(n, rewrite_text(r, names->database));
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE:
        rewrite_become(n, rewrite_call(r, "today", 0, NULL));
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
        rewrite_become(n, rewrite_call(r, "now", 0, NULL));
        break;
    case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_SCHEMA:
        rewrite_become(
            n, null_or_text(r, names->n_schemas ? names->schemas[0] : NULL));
        break;
    default:
        break;
    }
}
