#include "clients/cli/structured.h"

#include <string.h>

#include "clients/cli/cell.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the question is too large");
}

/* A borrowed string where protobuf-c wants a mutable one; it does not write. */
static char *text_of(const char *s)
{
    return (char *)(uintptr_t)s;
}

static Halftone__V1__Expression *column(const char *name, struct arena *a)
{
    Halftone__V1__Expression *e = ARENA_NEW(a, Halftone__V1__Expression);
    if (!e)
        return NULL;
    halftone__v1__expression__init(e);
    e->kind_case = HALFTONE__V1__EXPRESSION__KIND_COLUMN;
    e->column = text_of(name);
    return e;
}

static Halftone__V1__Expression *constant(const struct value *v,
                                          struct arena *a)
{
    Halftone__V1__Expression *e = ARENA_NEW(a, Halftone__V1__Expression);
    Halftone__V1__Value *m = cell_message(v, a);
    if (!e || !m)
        return NULL;
    halftone__v1__expression__init(e);
    e->kind_case = HALFTONE__V1__EXPRESSION__KIND_CONSTANT;
    e->constant = m;
    return e;
}

static Halftone__V1__Expression *operation(const char *op,
                                           Halftone__V1__Expression *left,
                                           Halftone__V1__Expression *right,
                                           struct arena *a)
{
    Halftone__V1__Expression *e = ARENA_NEW(a, Halftone__V1__Expression);
    Halftone__V1__Operation *call = ARENA_NEW(a, Halftone__V1__Operation);
    Halftone__V1__Expression **args =
        ARENA_NEW_N(a, 2, Halftone__V1__Expression *);
    if (!e || !call || !args || !left || !right)
        return NULL;
    halftone__v1__expression__init(e);
    halftone__v1__operation__init(call);
    args[0] = left;
    args[1] = right;
    call->op = text_of(op);
    call->args = args;
    call->n_args = 2;
    e->kind_case = HALFTONE__V1__EXPRESSION__KIND_OPERATION;
    e->operation = call;
    return e;
}

/* The operator at `at` as SQL spells it, or NULL; *len is what was read. */
static const char *operator_at(const char *at, size_t *len)
{
    static const struct spelling {
        const char *written, *sql;
    } OPS[] = { { "<=", "<=" }, { ">=", ">=" }, { "<>", "<>" }, { "!=", "<>" },
                { "<", "<" },   { ">", ">" },   { "=", "=" } };
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        *len = strlen(OPS[i].written);
        if (strncmp(at, OPS[i].written, *len) == 0)
            return OPS[i].sql;
    }
    return NULL;
}

enum err_code structured_filter(Halftone__V1__Expression **out,
                                const char *text, struct arena *a,
                                struct err *err)
{
    const char *name = text + strspn(text, " ");
    size_t name_len = strcspn(name, "<>=!");
    size_t op_len = 0;
    const char *op = operator_at(name + name_len, &op_len);
    const char *rest = name + name_len + op_len;
    while (name_len > 0 && name[name_len - 1] == ' ')
        name_len--;
    if (!op || name_len == 0) {
        (void)err_set(err, ERR_INVALID, "--where: '%.60s' is not a filter",
                      text);
        return err_hint(err, "write COLUMN=VALUE, or <>, <, <=, >, >= in place "
                             "of =; other filters need SQL");
    }
    struct value value;
    TRY(cell_parse(&value, rest + strspn(rest, " "), err));
    const char *left = arena_strndup(a, name, name_len);
    *out = left ? operation(op, column(left, a), constant(&value, a), a) : NULL;
    return *out ? ERR_OK : full(err);
}

static Halftone__V1__Aggregate *aggregate(const struct option *o,
                                          struct arena *a)
{
    Halftone__V1__Aggregate *g = ARENA_NEW(a, Halftone__V1__Aggregate);
    if (!g)
        return NULL;
    halftone__v1__aggregate__init(g);
    g->function = HALFTONE__V1__AGGREGATE__FUNCTION__COUNT_ROWS;
    if (o->flag == FLAG_DISTINCT)
        g->function = HALFTONE__V1__AGGREGATE__FUNCTION__COUNT_DISTINCT;
    else if (o->flag == FLAG_SUM)
        g->function = HALFTONE__V1__AGGREGATE__FUNCTION__SUM;
    else if (o->flag == FLAG_AVG)
        g->function = HALFTONE__V1__AGGREGATE__FUNCTION__AVG;
    if (!o->value)
        return g;
    g->argument = column(o->value, a);
    return g->argument ? g : NULL;
}

static enum err_code fill(Halftone__V1__StructuredQuery *q,
                          const struct options *o, struct arena *a,
                          struct err *err)
{
    for (size_t i = 0; i < o->by.n; i++) {
        q->keys[q->n_keys] = column(o->by.items[i].value, a);
        if (!q->keys[q->n_keys++])
            return full(err);
    }
    for (size_t i = 0; i < o->aggregates.n; i++) {
        q->aggregates[q->n_aggregates] = aggregate(&o->aggregates.items[i], a);
        if (!q->aggregates[q->n_aggregates++])
            return full(err);
    }
    for (size_t i = 0; i < o->where.n; i++)
        TRY(structured_filter(&q->filters[q->n_filters++],
                              o->where.items[i].value, a, err));
    return ERR_OK;
}

enum err_code structured_of(Halftone__V1__StructuredQuery **out,
                            const struct options *o, struct arena *a,
                            struct err *err)
{
    if (o->aggregates.n == 0) {
        (void)err_set(err, ERR_INVALID, "--table %.60s without an aggregate",
                      o->table);
        return err_hint(err, "add --count, --distinct COLUMN, --sum COLUMN or "
                             "--avg COLUMN");
    }
    Halftone__V1__StructuredQuery *q =
        ARENA_NEW(a, Halftone__V1__StructuredQuery);
    if (!q)
        return full(err);
    halftone__v1__structured_query__init(q);
    q->table = text_of(o->table);
    q->keys = ARENA_NEW_N(a, o->by.n, Halftone__V1__Expression *);
    q->filters = ARENA_NEW_N(a, o->where.n, Halftone__V1__Expression *);
    q->aggregates = ARENA_NEW_N(a, o->aggregates.n, Halftone__V1__Aggregate *);
    if (!q->keys || !q->filters || !q->aggregates)
        return full(err);
    *out = q;
    return fill(q, o, a, err);
}
