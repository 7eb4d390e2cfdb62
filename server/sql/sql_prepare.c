/*
 * PREPARE name (types) AS statement, and EXECUTE name (values): what a client
 * of the extended protocol says in messages, in SQL.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "server/sql/command.h"
#include "server/sql/sql_ctx.h"

static const char *behind_comment(const char *s)
{
    if (s[0] == '-')
        return s + strcspn(s, "\n");
    unsigned depth = 0;
    do {
        if (s[0] == '/' && s[1] == '*') {
            depth++;
            s += 2;
        } else if (s[0] == '*' && s[1] == '/') {
            depth--;
            s += 2;
        } else {
            s += *s != '\0';
        }
    } while (*s && depth > 0);
    return s;
}

static const char *behind_quotes(const char *s)
{
    const char *end = strchr(s + 1, *s);
    return end ? end + 1 : s + strlen(s);
}

static const char *behind_word(const char *s)
{
    while (isalnum((unsigned char)*s) || *s == '_' || *s == '$' ||
           (unsigned char)*s >= 0x80)
        s++;
    return s;
}

/* What stands behind AS in a text that is a PREPARE: the first AS outside of
 * brackets, quotes and comments. */
static const char *behind_as(const char *s)
{
    int depth = 0;
    while (*s) {
        const char *end = behind_word(s);
        if ((s[0] == '-' && s[1] == '-') || (s[0] == '/' && s[1] == '*')) {
            s = behind_comment(s);
        } else if (*s == '"' || *s == '\'') {
            s = behind_quotes(s);
        } else if (end > s) {
            if (depth == 0 && end - s == 2 && strncasecmp(s, "as", 2) == 0)
                return end;
            s = end;
        } else {
            depth += (*s == '(') - (*s == ')');
            s++;
        }
    }
    return s;
}

static enum err_code read_types(struct sql_ctx *c, struct sql_prepare *out,
                                const PgQuery__PrepareStmt *p, int offset)
{
    out->types =
        ARENA_NEW_N(c->arena, p->n_argtypes + 1, struct sql_prepare_type);
    if (!out->types)
        return sql_no_memory(c);
    for (; out->n_types < p->n_argtypes; out->n_types++) {
        const PgQuery__Node *n = p->argtypes[out->n_types];
        struct sql_prepare_type *type = &out->types[out->n_types];
        if (n->node_case != PG_QUERY__NODE__NODE_TYPE_NAME ||
            n->type_name->n_names == 0)
            return sql_refuse(c, REFUSAL_STATEMENT, offset, "This PREPARE",
                              NULL);
        const PgQuery__TypeName *t = n->type_name;
        TRY(sql_name(c, &type->name, sql_string(t->names[t->n_names - 1]),
                     offset));
        type->is_array = t->n_array_bounds > 0;
    }
    return ERR_OK;
}

enum err_code sql_prepare_of(struct sql_ctx *c, struct sql_command *out,
                             const PgQuery__PrepareStmt *p, int offset)
{
    struct sql_prepare *prepare = ARENA_NEW(c->arena, struct sql_prepare);
    if (!prepare)
        return sql_no_memory(c);
    out->kind = SQL_PREPARE;
    out->tag = "PREPARE";
    out->prepare = prepare;
    TRY(sql_name(c, &out->name, p->name, offset));
    TRY(read_types(c, prepare, p, offset));
    if (!p->query || p->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return p->query ? sql_refuse_statement(c, p->query, offset)
                        : sql_refuse(c, REFUSAL_TEXT_EMPTY, offset, NULL, NULL);
    prepare->text = behind_as(out->text);
    prepare->text += strspn(prepare->text, " \t\r\n\f\v");
    return ERR_OK;
}

enum err_code sql_execute_of(struct sql_ctx *c, struct sql_command *out,
                             const PgQuery__ExecuteStmt *e, int offset)
{
    out->kind = SQL_EXECUTE;
    out->tag = "EXECUTE";
    TRY(sql_name(c, &out->name, e->name, offset));
    TRY(sql_constant_list(c, &out->args, e->params, e->n_params));
    return out->args ? ERR_OK
                     : sql_refuse(c, REFUSAL_EXECUTE_VALUE, offset, NULL, NULL);
}
