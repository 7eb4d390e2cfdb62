#include "server/sql/script.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/sql/sql_ctx.h"

/* The tree tells no place of a name: the first one spelt so. */
static struct place name_place(const struct sql_ctx *c, const char *name,
                               int offset)
{
    const size_t len = strlen(name);
    for (size_t at = (size_t)offset; at + len <= c->len; at++)
        if (strncasecmp(c->text + at, name, len) == 0)
            return sql_place(c, (int)at);
    return sql_place(c, offset);
}

/* The text of a constant, as SET takes it: 'a', on, 5, -1.5. */
static enum err_code read_value(struct sql_ctx *c, struct sql_setting *s,
                                const PgQuery__Node *n, int offset)
{
    char digits[32];
    const char *text = digits;
    const int at = sql_offset_of(n, offset);
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST || n->a_const->isnull)
        return sql_refuse(c, REFUSAL_SET_VALUE, at, s->name, NULL);
    const PgQuery__AConst *k = n->a_const;
    TRY(sql_fields(c, &k->base, at));
    switch ((unsigned)k->val_case) {
    case PG_QUERY__A__CONST__VAL_SVAL:
        text = k->sval->sval;
        break;
    case PG_QUERY__A__CONST__VAL_FVAL:
        text = k->fval->fval;
        break;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        text = k->boolval->boolval ? "on" : "off";
        break;
    default:
        (void)snprintf(
            digits, sizeof digits, "%d",
            k->val_case == PG_QUERY__A__CONST__VAL_IVAL ? k->ival->ival : 0);
        break;
    }
    s->value_at = sql_place(c, at);
    s->value = arena_strdup(c->arena, text);
    return s->value ? ERR_OK : sql_no_memory(c);
}

static enum err_code read_set(struct sql_ctx *c, struct sql_script *out,
                              const PgQuery__Node *n, int offset)
{
    const PgQuery__VariableSetStmt *set = n->variable_set_stmt;
    struct sql_setting *s = &out->sets[out->n_sets];
    const unsigned kind = (unsigned)set->kind;
    const bool all = kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
    TRY(sql_fields(c, &set->base, offset));
    if (out->question || out->shows)
        return sql_refuse(c, REFUSAL_SET_ORDER, offset, NULL, NULL);
    if (out->n_sets == SQL_SETTINGS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, offset, "A list of settings",
                          "64");
    *s = (struct sql_setting){ .is_local = set->is_local };
    s->at = s->value_at = sql_place(c, offset);
    if (!all) {
        TRY(sql_name(c, &s->name, set->name, offset));
        s->at = s->value_at = name_place(c, s->name, offset);
    }
    if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE) {
        if (set->n_args != 1)
            return sql_refuse(c, REFUSAL_SET_VALUE, offset, s->name, NULL);
        TRY(read_value(c, s, set->args[0], offset));
    } else if (!all && kind != PG_QUERY__VARIABLE_SET_KIND__VAR_RESET &&
               kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT) {
        return sql_refuse(c, REFUSAL_SET_KIND, offset, NULL, NULL);
    }
    out->n_sets++;
    return ERR_OK;
}

static enum err_code read_show(struct sql_ctx *c, struct sql_script *out,
                               const PgQuery__Node *n, int offset)
{
    const PgQuery__VariableShowStmt *show = n->variable_show_stmt;
    TRY(sql_fields(c, &show->base, offset));
    out->shows = true;
    out->at = name_place(c, show->name, offset);
    if (strcmp(show->name, "all") == 0)
        return ERR_OK;
    return sql_name(c, &out->show, show->name, offset);
}

static enum err_code read_one(struct sql_ctx *c, struct sql_script *out,
                              const PgQuery__RawStmt *stmt)
{
    const int offset = sql_statement_offset(c, stmt);
    const PgQuery__Node *n = stmt->stmt;
    if (n->node_case == PG_QUERY__NODE__NODE_VARIABLE_SET_STMT)
        return read_set(c, out, n, offset);
    if (out->question || out->shows)
        return sql_refuse(c, REFUSAL_TEXT_MANY, offset, NULL, NULL);
    if (n->node_case == PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT)
        return read_show(c, out, n, offset);
    return sql_statement(c, &out->question, n, offset);
}

static enum err_code read_script(struct sql_ctx *c, void *ctx,
                                 const PgQuery__ParseResult *tree)
{
    struct sql_script script = { 0 };
    if (tree->n_stmts == 0)
        return sql_refuse(c, REFUSAL_TEXT_EMPTY, -1, NULL, NULL);
    script.sets = ARENA_NEW_N(c->arena, SQL_SETTINGS_MAX, struct sql_setting);
    if (!script.sets)
        return sql_no_memory(c);
    for (size_t i = 0; i < tree->n_stmts; i++)
        TRY(read_one(c, &script, tree->stmts[i]));
    *(struct sql_script *)ctx = script;
    return ERR_OK;
}

enum err_code sql_script_parse(struct sql_script *out, const char *text,
                               size_t len, struct arena *a, struct err *err)
{
    return sql_read(read_script, out, text, len, a, err);
}
