#include "server/sql/rewrite.h"

#include <pg_query.h>
#include <string.h>

#include "server/sql/rewrite_ctx.h"

struct rewriting {
    const struct rewrite_names *names;
    struct rewrite *out;
};

static void note_cte(struct rewrite_ctx *r, const PgQuery__CommonTableExpr *c)
{
    if (c->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        rewrite_fail(r, REFUSAL_CATALOG_SELECT, c->location, NULL);
    else if (r->n_ctes < REWRITE_CTES_MAX)
        r->ctes[r->n_ctes++] = c->ctename;
    else if (r->code == ERR_OK)
        r->code = sql_no_memory(r->sql);
}

static void note_param(struct rewrite_ctx *r, const PgQuery__ParamRef *p)
{
    if (p->number < 1)
        rewrite_fail(r, REFUSAL_PARAM_NUMBER, p->location, "0");
    else if (p->number <= REWRITE_PARAMS_MAX && (size_t)p->number > r->n_params)
        r->n_params = (size_t)p->number;
}

static void note_ctes(struct rewrite_ctx *r, const ProtobufCMessage *m)
{
    if (strcmp(m->descriptor->short_name, "CommonTableExpr") == 0)
        note_cte(r, (const PgQuery__CommonTableExpr *)m);
    if (strcmp(m->descriptor->short_name, "ParamRef") == 0)
        note_param(r, (const PgQuery__ParamRef *)m);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        const char *at = (const char *)m + f->offset;
        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t n =
                *(const size_t *)((const char *)m + f->quantifier_offset);
            for (size_t k = 0; k < n; k++)
                note_ctes(r, (*(ProtobufCMessage *const *const *)at)[k]);
        } else if ((!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                    *(const uint32_t *)((const char *)m +
                                        f->quantifier_offset) == f->id) &&
                   *(ProtobufCMessage *const *)at) {
            note_ctes(r, *(ProtobufCMessage *const *)at);
        }
    }
}

static void show_outputs(struct rewrite_ctx *r, PgQuery__SelectStmt *s)
{
    for (; s->op != PG_QUERY__SET_OPERATION__SETOP_NONE && s->larg; s = s->larg)
        show_outputs(r, s->rarg);
    for (size_t i = 0; i < s->n_target_list; i++) {
        PgQuery__ResTarget *t = s->target_list[i]->res_target;
        if (!t->name || !*t->name)
            if (t->val->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
                t->name = arena_strdup(r->sql->arena, rewrite_label(t->val));
        rewrite_shown(r, &t->val);
    }
}

static enum err_code print(struct rewrite_ctx *r, struct rewrite *out,
                           const PgQuery__ParseResult *tree)
{
    PgQueryProtobuf packed;
    packed.len = pg_query__parse_result__get_packed_size(tree);
    packed.data = arena_alloc(r->sql->arena, packed.len + 1, 1);
    if (!packed.data)
        return sql_no_memory(r->sql);
    pg_query__parse_result__pack(tree, (uint8_t *)packed.data);
    PgQueryDeparseResult text = pg_query_deparse_protobuf(packed);
    if (!text.error)
        out->sql = arena_strdup(r->sql->arena, text.query);
    const bool failed = text.error != NULL;
    pg_query_free_deparse_result(text);
    if (failed)
        return sql_refuse(r->sql, REFUSAL_CATALOG_SELECT, 0, NULL, NULL);
    return out->sql ? ERR_OK : sql_no_memory(r->sql);
}

/* What a cursor or a COPY reads is a question of its own. */
static PgQuery__Node *asked(PgQuery__Node *n)
{
    if (n->node_case == PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT)
        n = n->declare_cursor_stmt->query;
    else if (n->node_case == PG_QUERY__NODE__NODE_COPY_STMT)
        n = n->copy_stmt->query;
    return n;
}

static enum err_code rewrite_tree(struct sql_ctx *c, const struct rewriting *w,
                                  const PgQuery__ParseResult *tree)
{
    struct rewrite_ctx r = { .sql = c, .names = w->names, .times = 1 };
    PgQuery__SelectStmt *s = tree->stmts[0]->stmt->select_stmt;
    note_ctes(&r, &s->base);
    if (r.code != ERR_OK)
        return r.code;
    TRY(rewrite_types(&r, w->out, s));
    show_outputs(&r, s);
    rewrite_walk(&r, &tree->stmts[0]->base);
    if (r.code != ERR_OK)
        return r.code;
    w->out->n_params = r.n_params;
    w->out->params = ARENA_NEW_N(c->arena, r.n_params + 1, uint32_t);
    if (!w->out->params)
        return sql_no_memory(c);
    memcpy(w->out->params, r.params, r.n_params * sizeof *r.params);
    return print(&r, w->out, tree);
}

/* The tree is the parser's, and is given back as it was. */
static enum err_code read_tree(struct sql_ctx *c, void *arg,
                               const PgQuery__ParseResult *tree)
{
    PgQuery__Node *whole = tree->n_stmts == 1 ? tree->stmts[0]->stmt : NULL;
    PgQuery__Node *select = whole ? asked(whole) : NULL;
    if (!select || select->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return sql_refuse(c, REFUSAL_CATALOG_SELECT, 0, NULL, NULL);
    tree->stmts[0]->stmt = select;
    const enum err_code code = rewrite_tree(c, arg, tree);
    tree->stmts[0]->stmt = whole;
    return code;
}

enum err_code rewrite_catalog(struct rewrite *out, const char *text, size_t len,
                              const struct rewrite_names *names,
                              struct arena *a, struct err *err)
{
    struct rewriting w = { names, out };
    *out = (struct rewrite){ 0 };
    return sql_read(read_tree, &w, text, len, a, err);
}
