#include "server/plan/typed.h"

#include <stdio.h>
#include <string.h>

#include "server/plan/rel.h"

enum value_type typed_of_policy(enum policy_type type)
{
    static const enum value_type of[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = VALUE_BOOL,     [POLICY_INT] = VALUE_INT,
        [POLICY_DOUBLE] = VALUE_DOUBLE, [POLICY_TEXT] = VALUE_TEXT,
        [POLICY_DATE] = VALUE_DATE,     [POLICY_TIMESTAMP] = VALUE_TIMESTAMP,
        [POLICY_UUID] = VALUE_TEXT,
    };
    return of[type];
}

static bool args_equal(const struct typed *a, const struct typed *b)
{
    if (a->call.op != b->call.op || a->call.n_args != b->call.n_args)
        return false;
    for (size_t i = 0; i < a->call.n_args; i++)
        if (!typed_equal(a->call.args[i], b->call.args[i]))
            return false;
    return true;
}

bool typed_equal(const struct typed *a, const struct typed *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind || a->type != b->type)
        return false;
    switch (a->kind) {
    case TYPED_CONST:
        return a->value.type == b->value.type &&
               value_cmp(&a->value, &b->value) == 0;
    case TYPED_COLUMN:
        return a->column == b->column;
    case TYPED_TEXT:
        return strcmp(a->text, b->text) == 0;
    case TYPED_CALL:
        return args_equal(a, b);
    case TYPED_KEY:
    case TYPED_AGG:
    case TYPED_OVER:
        return a->index == b->index;
    }
    return false;
}

static void print_const(struct writer *w, const struct typed *e)
{
    const bool quoted = e->value.type == VALUE_TEXT ||
                        e->value.type == VALUE_DATE ||
                        e->value.type == VALUE_TIMESTAMP;
    if (e->value.type == VALUE_NULL) {
        writer_str(w, "NULL");
        return;
    }
    writer_str(w, quoted ? "'" : "");
    value_print(w, &e->value);
    writer_str(w, quoted ? "'" : "");
}

static void print_list(struct writer *w, const struct typed *e, size_t from,
                       const char *between)
{
    for (size_t i = from; i < e->call.n_args; i++) {
        writer_str(w, i > from ? between : "");
        typed_print(w, e->call.args[i]);
    }
}

static void print_case(struct writer *w, const struct typed *e)
{
    const size_t n = e->call.n_args;
    writer_str(w, "CASE");
    for (size_t i = 0; i + 1 < n; i += 2) {
        writer_str(w, " WHEN ");
        typed_print(w, e->call.args[i]);
        writer_str(w, " THEN ");
        typed_print(w, e->call.args[i + 1]);
    }
    if (n % 2) {
        writer_str(w, " ELSE ");
        typed_print(w, e->call.args[n - 1]);
    }
    writer_str(w, " END");
}

static void print_call(struct writer *w, const struct typed *e)
{
    const enum expr_op op = e->call.op;
    const char *name = op_info_of(op)->sql;
    char infix[32];

    if (op == OP_CASE) {
        print_case(w, e);
    } else if (op == OP_IS_NULL) {
        print_list(w, e, 0, "");
        writer_str(w, " IS NULL");
    } else if (op == OP_IN || op == OP_BETWEEN) {
        typed_print(w, e->call.args[0]);
        writer_printf(w, " %s %s", name, op == OP_IN ? "(" : "");
        print_list(w, e, 1, op == OP_IN ? ", " : " AND ");
        writer_str(w, op == OP_IN ? ")" : "");
    } else if (op_info_of(op)->form == OP_FORM_CAST) {
        writer_str(w, "CAST(");
        typed_print(w, e->call.args[0]);
        writer_printf(w, " AS %s%s)", name,
                      op == OP_CAST_DOUBLE ? " precision" : "");
    } else if (op == OP_EXTRACT && e->call.args[0]->value.type == VALUE_TEXT) {
        writer_printf(w, "extract(%s FROM ", e->call.args[0]->value.text.s);
        typed_print(w, e->call.args[1]);
        writer_str(w, ")");
    } else if (op_info_of(op)->form == OP_FORM_INFIX || op == OP_NOT ||
               op == OP_NEG) {
        (void)snprintf(infix, sizeof infix, " %s ", name);
        writer_str(w, "(");
        writer_str(w, e->call.n_args == 1 ? name : "");
        writer_str(w, e->call.n_args == 1 ? " " : "");
        print_list(w, e, 0, infix);
        writer_str(w, ")");
    } else {
        writer_printf(w, "%s(", name);
        print_list(w, e, 0, ", ");
        writer_str(w, ")");
    }
}

void typed_print(struct writer *w, const struct typed *e)
{
    switch (e->kind) {
    case TYPED_CONST:
        print_const(w, e);
        return;
    case TYPED_COLUMN:
        writer_str(w, e->column->name);
        return;
    case TYPED_TEXT:
        writer_str(w, e->text);
        return;
    case TYPED_CALL:
        print_call(w, e);
        return;
    case TYPED_KEY:
        writer_printf(w, "key %zu", e->index + 1);
        return;
    case TYPED_AGG:
        writer_printf(w, "aggregate %zu", e->index + 1);
        return;
    case TYPED_OVER:
        writer_printf(w, "window function %zu", e->index + 1);
        return;
    }
}

static bool only_column(const struct rel_column **found, const struct typed *e)
{
    if (e->kind == TYPED_TEXT)
        return false; /* nobody knows what it reads */
    if (e->kind == TYPED_COLUMN) {
        if (*found && *found != e->column)
            return false;
        *found = e->column;
    }
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        if (!only_column(found, e->call.args[i]))
            return false;
    return true;
}

const struct rel_column *typed_only_column(const struct typed *e)
{
    const struct rel_column *found = NULL;
    return only_column(&found, e) ? found : NULL;
}

bool typed_reads_column(const struct typed *e, const struct rel_column *c)
{
    if (typed_is_call(e, OP_CAST_TIMESTAMP) || typed_is_call(e, OP_CAST_DOUBLE))
        e = e->call.args[0];
    return e->kind == TYPED_COLUMN && e->column == c;
}
