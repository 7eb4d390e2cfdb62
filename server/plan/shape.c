#include "server/plan/draft.h"
#include "server/query/refusal.h"

/*
 * A parameter without a value is a NULL of no type.  The rules that check calls
 * bring each argument to the type they want; where one of these is such a NULL,
 * that is the parameter's type.  Constants fold around it, which may make a
 * filter never true: nothing after typing is asked.
 */
void draft_param_is(struct draft *d, const struct typed *e,
                    enum value_type type)
{
    if (!d->shape || e->param == 0 || type == VALUE_NULL)
        return;
    enum value_type *was = &d->shape->params[e->param - 1];
    if (*was == VALUE_NULL)
        *was = type;
}

enum err_code draft_param(struct typed **out, struct draft *d,
                          const struct expr *e, struct err *err)
{
    struct plan_shape *s = d->shape;
    if (e->param < 1 || e->param > PLAN_PARAMS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, e->at, "The list of parameters",
                      "1024");
    if (e->param > s->n_params)
        s->n_params = e->param;
    *out = draft_const(d, VALUE_NULL, value_null(), e->at);
    if (!*out)
        return draft_memory(err);
    (*out)->param = e->param;
    return ERR_OK;
}

static enum err_code columns(struct plan_shape *out, const struct plan *p,
                             struct arena *a, struct err *err)
{
    const struct plan_output *outputs = plan_columns(p, &out->n_columns);
    out->columns = ARENA_NEW_N(a, out->n_columns + 1, struct reply_column);
    if (!out->columns)
        return draft_memory(err);
    for (size_t i = 0; i < out->n_columns; i++)
        out->columns[i] = (struct reply_column){
            outputs[i].name, outputs[i].type, outputs[i].is_key,
            outputs[i].expr && outputs[i].expr->numeric
        };
    return ERR_OK;
}

/* Numbers of rows. */
static enum err_code limits(struct plan_shape *shape, const struct select *tree,
                            struct arena *a, struct err *err)
{
    bool *met = ARENA_NEW_N(a, PLAN_PARAMS_MAX, bool);
    if (!met)
        return draft_memory(err);
    TRY(select_bind_limits(tree, NULL, PLAN_PARAMS_MAX, met, err));
    for (size_t i = 0; i < PLAN_PARAMS_MAX; i++)
        if (met[i]) {
            shape->params[i] = VALUE_INT;
            shape->n_params = i + 1;
        }
    return ERR_OK;
}

enum err_code draft_shape(struct draft *d, struct err *err)
{
    bool described;
    TRY(draft_start(d, err));
    TRY(draft_describe(&described, d, err));
    return described ? ERR_OK : draft_types(d, err);
}

enum err_code plan_shape_of(struct plan_shape *out, const struct request *req,
                            const struct select *tree,
                            const struct policy *policy, struct arena *a,
                            struct err *err)
{
    struct plan_shape shape = { 0 };
    shape.params = ARENA_NEW_N(a, PLAN_PARAMS_MAX, enum value_type);
    if (!shape.params)
        return draft_memory(err);
    const struct draft like = {
        .tree = tree, .req = req, .policy = policy, .a = a, .shape = &shape
    };
    struct plan *plan = NULL;
    TRY(limits(&shape, tree, a, err));
    TRY(draft_whole(&plan, &like, err));
    for (size_t i = 0; i < shape.n_params; i++)
        if (shape.params[i] == VALUE_NULL)
            shape.params[i] = VALUE_TEXT;
    TRY(columns(&shape, plan, a, err));
    *out = shape;
    return ERR_OK;
}
