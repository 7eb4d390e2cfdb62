/* LIST and DESCRIBE: the published schema, from policy alone.  service.h. */
#include <string.h>

#include "server/main/service.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

static enum value_type domain_type(enum policy_type type)
{
    static const enum value_type TYPES[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = VALUE_BOOL,     [POLICY_INT] = VALUE_INT,
        [POLICY_DOUBLE] = VALUE_DOUBLE, [POLICY_TEXT] = VALUE_TEXT,
        [POLICY_DATE] = VALUE_DATE,     [POLICY_TIMESTAMP] = VALUE_TIMESTAMP,
        [POLICY_UUID] = VALUE_TEXT,
    };
    return TYPES[type];
}

static enum err_code fill_column(struct reply_dataset_column *out,
                                 const struct policy_column *c, bool is_key,
                                 struct arena *a, struct err *err)
{
    *out = (struct reply_dataset_column){
        .name = c->name,
        .type = policy_type_name(c->type),
        .help = c->help,
        .is_key = is_key,
        .has_domain = c->has_domain,
        .n_domain = c->domain.n,
        .has_range = c->has_range,
        .lo = c->lo,
        .hi = c->hi,
    };
    out->domain = ARENA_NEW_N(a, c->domain.n, struct value);
    if (!out->domain)
        return full(err);
    for (size_t i = 0; i < c->domain.n; i++)
        TRY(value_parse(&out->domain[i], domain_type(c->type),
                        c->domain.text[i], strlen(c->domain.text[i]), err));
    return ERR_OK;
}

static enum err_code fill_table(struct reply_dataset_table *out,
                                const struct policy_table *t, struct arena *a,
                                struct err *err)
{
    *out = (struct reply_dataset_table){
        .name = t->name,
        .help = t->help,
        .owned = t->owned,
        .n_columns = t->n_columns,
        .max_groups = t->max_groups,
        .max_rows = t->max_rows,
    };
    out->columns = ARENA_NEW_N(a, t->n_columns, struct reply_dataset_column);
    if (!out->columns)
        return full(err);
    for (size_t i = 0; i < t->n_columns; i++)
        TRY(fill_column(&out->columns[i], &t->columns[i],
                        t->owned && i == t->key, a, err));
    return ERR_OK;
}

/* Purposes the caller may use; those of others do not exist for him. */
static enum err_code fill_head(struct reply_dataset *out,
                               const struct policy *p,
                               const struct auth_principal *who,
                               struct arena *a, struct err *err)
{
    *out = (struct reply_dataset){
        .name = p->name,
        .help = p->help,
        .notion = policy_notion_name(p->notion),
        .policy_version = p->version,
        .purposes = ARENA_NEW_N(a, p->n_purposes, const char *),
    };
    if (!out->purposes)
        return full(err);
    for (size_t i = 0; i < p->n_purposes; i++)
        if (auth_may_purpose(who, p->purposes[i].id))
            out->purposes[out->n_purposes++] = p->purposes[i].id;
    return ERR_OK;
}

enum err_code service_list(struct service_call *call, struct reply *out,
                           struct arena *a, struct err *err)
{
    const struct world *w = call->world;
    out->datasets = ARENA_NEW_N(a, w->n_datasets, struct reply_dataset);
    if (!out->datasets)
        return full(err);
    for (size_t i = 0; i < w->n_datasets; i++) {
        const struct policy *p = w->datasets[i]->policy;
        if (auth_sees_dataset(call->who, p->name))
            TRY(fill_head(&out->datasets[out->n_datasets++], p, call->who, a,
                          err));
    }
    return ERR_OK;
}

enum err_code service_describe(struct service_call *call, struct reply *out,
                               struct arena *a, struct err *err)
{
    const struct dataset *d;
    TRY(world_dataset(&d, call->world, call->who, call->req->dataset, err));
    const struct policy *p = d->policy;
    out->datasets = ARENA_NEW(a, struct reply_dataset);
    if (!out->datasets)
        return full(err);
    out->n_datasets = 1;
    TRY(fill_head(out->datasets, p, call->who, a, err));
    out->datasets->n_tables = p->n_tables;
    out->datasets->tables =
        ARENA_NEW_N(a, p->n_tables, struct reply_dataset_table);
    if (!out->datasets->tables)
        return full(err);
    for (size_t i = 0; i < p->n_tables; i++)
        TRY(fill_table(&out->datasets->tables[i], &p->tables[i], a, err));
    return ERR_OK;
}
