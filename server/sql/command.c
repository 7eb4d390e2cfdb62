#include "server/sql/command.h"

#include <stdio.h>
#include <string.h>

#include "server/sql/sql_ctx.h"

#define NODE(name) PG_QUERY__NODE__NODE_##name

/* ---- settings ---- */

/* One value as SET takes it: 'a', on, 5, -1.5, INTERVAL '0'. */
static const char *constant(const PgQuery__Node *n, char digits[32])
{
    if (n->node_case == NODE(TYPE_CAST) && n->type_cast->arg)
        n = n->type_cast->arg;
    if (n->node_case != NODE(A_CONST) || n->a_const->isnull)
        return NULL;
    const PgQuery__AConst *k = n->a_const;
    switch ((unsigned)k->val_case) {
    case PG_QUERY__A__CONST__VAL_SVAL:
        return k->sval->sval;
    case PG_QUERY__A__CONST__VAL_FVAL:
        return k->fval->fval;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        return k->boolval->boolval ? "on" : "off";
    default:
        (void)snprintf(
            digits, 32, "%d",
            k->val_case == PG_QUERY__A__CONST__VAL_IVAL ? k->ival->ival : 0);
        return digits;
    }
}

/* SET search_path = a, b keeps the list as PostgreSQL shows it. */
static enum err_code read_values(struct sql_ctx *c, struct sql_setting *s,
                                 const PgQuery__VariableSetStmt *set,
                                 int offset)
{
    char digits[32];
    s->value = "";
    for (size_t i = 0; i < set->n_args; i++) {
        const char *one = constant(set->args[i], digits);
        if (!one)
            return sql_refuse(c, REFUSAL_SET_VALUE,
                              sql_offset_of(set->args[i], offset), s->name,
                              NULL);
        s->value =
            arena_printf(c->arena, "%s%s%s", s->value, i ? ", " : "", one);
        if (!s->value)
            return sql_no_memory(c);
    }
    if (set->n_args > 0)
        s->value_at = sql_place(c, sql_offset_of(set->args[0], offset));
    return ERR_OK;
}

static enum err_code read_set(struct sql_ctx *c, struct sql_command *out,
                              const PgQuery__Node *n, int offset)
{
    const PgQuery__VariableSetStmt *set = n->variable_set_stmt;
    struct sql_setting *s = &out->set;
    const unsigned kind = (unsigned)set->kind;
    const bool resets = kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET;
    const bool all = kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL;
    out->kind = SQL_SET;
    out->tag = resets || all ? "RESET" : "SET";
    *s = (struct sql_setting){ .is_local = set->is_local };
    s->at = s->value_at = sql_place(c, offset);
    if (all)
        return ERR_OK;
    if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI) {
        out->kind = SQL_TRANSACTION;
        return ERR_OK;
    }
    if (kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT)
        return sql_refuse(c, REFUSAL_SET_KIND, offset, NULL, NULL);
    TRY(sql_name(c, &s->name, set->name, offset));
    if (kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE)
        return ERR_OK; /* value NULL: the default */
    return read_values(c, s, set, offset);
}

static enum err_code read_show(struct sql_ctx *c, struct sql_command *out,
                               const PgQuery__Node *n, int offset)
{
    const char *name = n->variable_show_stmt->name;
    out->kind = SQL_SHOW;
    out->tag = "SHOW";
    if (strcmp(name, "all") == 0)
        return ERR_OK;
    return sql_name(c, &out->name, name, offset);
}

/* ---- transactions, which change nothing here ---- */

static enum err_code read_transaction(struct sql_ctx *c,
                                      struct sql_command *out,
                                      const PgQuery__Node *n, int offset)
{
    static const struct {
        unsigned kind;
        enum sql_command_kind is;
        const char *tag;
    } rows[] = {
#define ROW(name, is, tag)                                                     \
    { PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_##name, is, tag }
        ROW(BEGIN, SQL_BEGIN, "BEGIN"),
        ROW(START, SQL_BEGIN, "START TRANSACTION"),
        ROW(COMMIT, SQL_COMMIT, "COMMIT"),
        ROW(ROLLBACK, SQL_ROLLBACK, "ROLLBACK"),
        ROW(SAVEPOINT, SQL_SAVEPOINT, "SAVEPOINT"),
        ROW(RELEASE, SQL_RELEASE, "RELEASE"),
        ROW(ROLLBACK_TO, SQL_ROLLBACK_TO, "ROLLBACK"),
#undef ROW
    };
    const PgQuery__TransactionStmt *t = n->transaction_stmt;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].kind != (unsigned)t->kind)
            continue;
        out->kind = rows[i].is;
        out->tag = rows[i].tag;
        if (t->savepoint_name && t->savepoint_name[0])
            return sql_name(c, &out->name, t->savepoint_name, offset);
        return ERR_OK;
    }
    return sql_refuse(c, REFUSAL_STATEMENT, offset, "A prepared transaction",
                      NULL);
}

/* ---- questions ---- */

/* Only what reads data has a tree: the rest is the catalog's. */
static enum err_code read_select(struct sql_ctx *c, struct sql_command *out,
                                 const PgQuery__Node *n, int offset)
{
    if (!n || n->node_case != NODE(SELECT_STMT))
        return n ? sql_refuse_statement(c, n, offset)
                 : sql_refuse(c, REFUSAL_TEXT_EMPTY, offset, NULL, NULL);
    out->reads = sql_reads_of(n);
    if (out->reads == SQL_READS_NOTHING)
        return sql_constants_of(c, &out->constants, n->select_stmt);
    if (out->reads == SQL_READS_OWN)
        return sql_own_of(c, &out->own, n->select_stmt, offset);
    if (out->reads != SQL_READS_DATA)
        return ERR_OK;
    TRY(sql_query(c, &out->question, n->select_stmt, offset));
    out->question->explain = out->explains;
    return sql_check_depth(c, out->question);
}

static enum err_code read_question(struct sql_ctx *c, struct sql_command *out,
                                   const PgQuery__Node *n, int offset)
{
    out->kind = SQL_QUESTION;
    out->tag = "SELECT";
    return read_select(c, out, n, offset);
}

/* Whatever EXPLAIN asks for, the price is what there is to tell. */
static enum err_code read_explain(struct sql_ctx *c, struct sql_command *out,
                                  const PgQuery__Node *n, int offset)
{
    const PgQuery__ExplainStmt *explain = n->explain_stmt;
    out->kind = SQL_QUESTION;
    out->tag = "EXPLAIN";
    out->explains = true;
    TRY(sql_explain_options(c, explain));
    return read_select(c, out, explain->query, offset);
}

/* ---- cursors ---- */

static enum err_code read_declare(struct sql_ctx *c, struct sql_command *out,
                                  const PgQuery__Node *n, int offset)
{
    enum { BINARY = 0x01, HOLD = 0x20 }; /* PostgreSQL's CURSOR_OPT_* */
    const PgQuery__DeclareCursorStmt *d = n->declare_cursor_stmt;
    out->kind = SQL_DECLARE;
    out->tag = "DECLARE CURSOR";
    out->hold = d->options & HOLD;
    out->binary = d->options & BINARY;
    TRY(sql_name(c, &out->name, d->portalname, offset));
    return read_select(c, out, d->query, offset);
}

static enum err_code read_fetch(struct sql_ctx *c, struct sql_command *out,
                                const PgQuery__Node *n, int offset)
{
    const PgQuery__FetchStmt *f = n->fetch_stmt;
    out->kind = SQL_FETCH;
    out->tag = f->ismove ? "MOVE" : "FETCH";
    out->fetch.n = f->how_many;
    out->fetch.moves = f->ismove;
    switch ((unsigned)f->direction) {
    case PG_QUERY__FETCH_DIRECTION__FETCH_BACKWARD:
        out->fetch.direction = SQL_BACKWARD;
        break;
    case PG_QUERY__FETCH_DIRECTION__FETCH_ABSOLUTE:
        out->fetch.direction = SQL_ABSOLUTE;
        break;
    case PG_QUERY__FETCH_DIRECTION__FETCH_RELATIVE:
        out->fetch.direction = SQL_RELATIVE;
        break;
    default:
        break;
    }
    return sql_name(c, &out->name, f->portalname, offset);
}

/* A name, or ALL. */
static enum err_code read_name(struct sql_ctx *c, struct sql_command *out,
                               enum sql_command_kind kind, const char *tag,
                               const char *name, int offset)
{
    out->kind = kind;
    out->tag = tag;
    out->all = !name || !name[0];
    return out->all ? ERR_OK : sql_name(c, &out->name, name, offset);
}

/* ---- COPY ---- */

static enum err_code copy_option(struct sql_ctx *c, struct sql_copy *copy,
                                 const PgQuery__DefElem *o)
{
    char digits[32];
    const char *value = o->arg ? constant(o->arg, digits) : NULL;
    if (!value && o->arg)
        value = o->arg->node_case == NODE(BOOLEAN)
                    ? (o->arg->boolean->boolval ? "on" : "off")
                    : sql_string(o->arg);
    char *byte = strcmp(o->defname, "delimiter") == 0 ? &copy->delimiter
                 : strcmp(o->defname, "quote") == 0   ? &copy->quote
                 : strcmp(o->defname, "escape") == 0  ? &copy->escape
                                                      : NULL;
    if (strcmp(o->defname, "format") == 0 && value &&
        (strcmp(value, "csv") == 0 || strcmp(value, "text") == 0)) {
        copy->csv = value[0] == 'c';
        return ERR_OK;
    }
    if (strcmp(o->defname, "header") == 0) {
        copy->header = !value || strcmp(value, "off") != 0;
        if (value && (strcmp(value, "false") == 0 || strcmp(value, "0") == 0))
            copy->header = false;
        return ERR_OK;
    }
    if (strcmp(o->defname, "encoding") == 0)
        return ERR_OK; /* UTF-8 is the only one */
    if (strcmp(o->defname, "null") == 0 && value) {
        copy->null = arena_strdup(c->arena, value);
        return copy->null ? ERR_OK : sql_no_memory(c);
    }
    if (byte && value && strlen(value) == 1 && value[0] != '\n' &&
        value[0] != '\r') {
        *byte = value[0];
        return ERR_OK;
    }
    return sql_refuse(c, REFUSAL_COPY_OPTION, o->location, o->defname, NULL);
}

static enum err_code read_copy(struct sql_ctx *c, struct sql_command *out,
                               const PgQuery__Node *n, int offset)
{
    const PgQuery__CopyStmt *copy = n->copy_stmt;
    struct sql_copy *o = &out->copy;
    out->kind = SQL_COPY;
    out->tag = "COPY";
    if (copy->is_from || copy->is_program || !copy->query ||
        (copy->filename && copy->filename[0]))
        return sql_refuse(c, REFUSAL_COPY, offset, NULL, NULL);
    for (size_t i = 0; i < copy->n_options; i++)
        if (copy->options[i]->node_case == NODE(DEF_ELEM))
            TRY(copy_option(c, o, copy->options[i]->def_elem));
    if (!o->null)
        o->null = o->csv ? "" : "\\N";
    if (!o->delimiter)
        o->delimiter = o->csv ? ',' : '\t';
    if (!o->quote)
        o->quote = '"';
    if (!o->escape)
        o->escape = o->quote;
    return read_select(c, out, copy->query, offset);
}

/* ---- CALL halftone.estimate('SELECT ...') ---- */

static enum err_code read_call(struct sql_ctx *c, struct sql_command *out,
                               const PgQuery__Node *n, int offset)
{
    const PgQuery__FuncCall *f = n->call_stmt->funccall;
    char digits[32];
    const char *text = NULL;
    if (f && f->n_funcname == 2 && f->n_args == 1 &&
        sql_string(f->funcname[0]) && sql_string(f->funcname[1]) &&
        strcmp(sql_string(f->funcname[0]), "halftone") == 0 &&
        strcmp(sql_string(f->funcname[1]), "estimate") == 0)
        text = constant(f->args[0], digits);
    if (!text || text == digits)
        return sql_refuse(c, REFUSAL_CALL, offset, NULL, NULL);
    out->kind = SQL_ESTIMATE;
    out->tag = "CALL";
    out->name = arena_strdup(c->arena, text);
    return out->name ? ERR_OK : sql_no_memory(c);
}

/* ---- one statement, and all ---- */

static enum err_code read_one(struct sql_ctx *c, struct sql_command *out,
                              const PgQuery__Node *n, int offset)
{
    switch ((unsigned)n->node_case) {
    case NODE(SELECT_STMT):
        return read_question(c, out, n, offset);
    case NODE(EXPLAIN_STMT):
        return read_explain(c, out, n, offset);
    case NODE(VARIABLE_SET_STMT):
        return read_set(c, out, n, offset);
    case NODE(VARIABLE_SHOW_STMT):
        return read_show(c, out, n, offset);
    case NODE(TRANSACTION_STMT):
        return read_transaction(c, out, n, offset);
    case NODE(DECLARE_CURSOR_STMT):
        return read_declare(c, out, n, offset);
    case NODE(FETCH_STMT):
        return read_fetch(c, out, n, offset);
    case NODE(CLOSE_PORTAL_STMT):
        return read_name(c, out, SQL_CLOSE, "CLOSE CURSOR",
                         n->close_portal_stmt->portalname, offset);
    case NODE(COPY_STMT):
        return read_copy(c, out, n, offset);
    case NODE(PREPARE_STMT):
        return sql_prepare_of(c, out, n->prepare_stmt, offset);
    case NODE(EXECUTE_STMT):
        return sql_execute_of(c, out, n->execute_stmt, offset);
    case NODE(DEALLOCATE_STMT):
        return read_name(c, out, SQL_DEALLOCATE, "DEALLOCATE",
                         n->deallocate_stmt->name, offset);
    case NODE(DISCARD_STMT):
        out->all =
            n->discard_stmt->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL;
        out->kind = SQL_DISCARD;
        out->tag = out->all ? "DISCARD ALL" : "DISCARD PLANS";
        return ERR_OK;
    case NODE(UNLISTEN_STMT):
        out->kind = SQL_UNLISTEN;
        out->tag = "UNLISTEN";
        return ERR_OK;
    case NODE(CALL_STMT):
        return read_call(c, out, n, offset);
    default:
        return sql_refuse_statement(c, n, offset);
    }
}

/* Its text, and what it is; where it cannot be answered, why. */
static enum err_code read_command(struct sql_ctx *c, struct sql_command *out,
                                  const PgQuery__RawStmt *stmt)
{
    const int offset = sql_statement_offset(c, stmt);
    const size_t end = stmt->stmt_len > 0
                           ? (size_t)(stmt->stmt_location + stmt->stmt_len)
                           : c->len;
    const struct sql_ctx fresh = *c;
    *out = (struct sql_command){ .kind = SQL_REFUSED,
                                 .tag = "",
                                 .at = sql_place(c, offset) };
    out->len = end > (size_t)offset ? end - (size_t)offset : 0;
    out->text = arena_strndup(c->arena, c->text + offset, out->len);
    if (!out->text)
        return sql_no_memory(c);
    const enum err_code code = read_one(c, out, stmt->stmt, offset);
    *c = fresh;
    if (code == ERR_OK)
        return ERR_OK;
    struct err *why = ARENA_NEW(c->arena, struct err);
    if (!why)
        return sql_no_memory(c);
    *why = *c->err;
    out->refused = why;
    return ERR_OK;
}

static enum err_code read_all(struct sql_ctx *c, void *ctx,
                              const PgQuery__ParseResult *tree)
{
    struct sql_commands *out = ctx;
    if (tree->n_stmts > SQL_COMMANDS_MAX)
        return sql_refuse(c, REFUSAL_LIST_LENGTH, -1, "A list of statements",
                          "1000");
    out->n = 0;
    out->list = ARENA_NEW_N(c->arena, tree->n_stmts + 1, struct sql_command);
    if (!out->list)
        return sql_no_memory(c);
    for (size_t i = 0; i < tree->n_stmts; i++)
        TRY(read_command(c, &out->list[out->n++], tree->stmts[i]));
    return ERR_OK;
}

enum err_code sql_commands_parse(struct sql_commands *out, const char *text,
                                 size_t len, struct arena *a, struct err *err)
{
    return sql_read(read_all, out, text, len, a, err);
}
