/* FROM and WHERE in the engine's SQL. */
#include "server/plan/dialect.h"
#include "server/plan/draft.h"

static bool compares_column(const struct typed *e)
{
    const bool compares =
        e->kind == TYPED_CALL &&
        ((e->call.op >= OP_EQ && e->call.op <= OP_GE && e->call.op != OP_NE) ||
         e->call.op == OP_IN || e->call.op == OP_BETWEEN);
    if (!compares || e->call.args[0]->kind != TYPED_COLUMN ||
        !e->call.args[0]->column->raw)
        return false;
    for (size_t i = 1; i < e->call.n_args; i++)
        if (!typed_is_const(e->call.args[i]))
            return false;
    return true;
}

void dialect_term(struct writer *w, const struct typed *e)
{
    if (!compares_column(e)) {
        dialect_expr(w, e);
        return;
    }
    /* Same column, read as it is. */
    const struct typed *x = e->call.args[0];
    const bool is_in = e->call.op == OP_IN;
    writer_printf(w, "(%s %s ", x->column->sql, op_info_of(e->call.op)->sql);
    writer_behind(w, x->column->behind);
    writer_str(w, is_in ? "(" : "");
    for (size_t i = 1; i < e->call.n_args; i++) {
        writer_str(w, i == 1 ? "" : e->call.op == OP_BETWEEN ? " AND " : ", ");
        dialect_expr(w, e->call.args[i]);
    }
    writer_str(w, is_in ? ")" : "");
    if (x->type == VALUE_DOUBLE || x->type >= VALUE_DATE) {
        writer_str(w, " AND (");
        dialect_expr(w, x);
        writer_str(w, ") IS NOT NULL");
    }
    writer_u8(w, ')');
}

void dialect_from(struct writer *w, const struct rel_scope *scope)
{
    writer_str(w, " FROM ");
    writer_str(w, scope->from);
    writer_behind(w, scope->behind);
}

void dialect_where(struct writer *w, const struct rel_scope *scope,
                   const struct draft_terms *terms)
{
    const char *between = " WHERE ";
    for (size_t i = 0; i < scope->n_leaves; i++) {
        const struct rel_leaf *leaf = &scope->leaves[i];
        /* A missing row has no key: the join itself asked for equal ones. */
        if (!leaf->rel->owned || !leaf->rel->key_may_be_null || leaf->optional)
            continue;
        writer_printf(w, "%s%s IS NOT NULL", between, leaf->key_sql);
        between = " AND ";
    }
    for (size_t i = 0; i < terms->n; i++) {
        writer_str(w, between);
        dialect_term(w, terms->v[i]);
        between = " AND ";
    }
}
