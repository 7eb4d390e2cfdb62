#include "server/grpc/codec_dataset.h"

#include "server/grpc/codec_arena.h"
#include "server/grpc/codec_value.h"

static enum err_code put_domain(Halftone__V1__TableColumn *m,
                                const struct reply_dataset_column *c,
                                struct arena *a, struct err *err)
{
    Halftone__V1__Value *values;
    m->n_domain = c->n_domain;
    if (!CODEC_NEW_LIST(m->domain, c->n_domain, values, a))
        return codec_full(err);
    for (size_t i = 0; i < c->n_domain; i++) {
        codec_value_put(&values[i], &c->domain[i]);
        m->domain[i] = &values[i];
    }
    return ERR_OK;
}

static enum err_code put_table_columns(Halftone__V1__Table *m,
                                       const struct reply_dataset_table *t,
                                       struct arena *a, struct err *err)
{
    Halftone__V1__TableColumn *columns;
    m->n_columns = t->n_columns;
    if (!CODEC_NEW_LIST(m->columns, t->n_columns, columns, a))
        return codec_full(err);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct reply_dataset_column *c = &t->columns[i];
        halftone__v1__table_column__init(&columns[i]);
        columns[i].name = codec_text(c->name);
        columns[i].type = codec_text(c->type);
        columns[i].help = codec_text(c->help);
        columns[i].is_privacy_key = c->is_key;
        columns[i].has_range = c->has_range;
        columns[i].lo = c->lo;
        columns[i].hi = c->hi;
        TRY(put_domain(&columns[i], c, a, err));
        m->columns[i] = &columns[i];
    }
    return ERR_OK;
}

static enum err_code put_tables(Halftone__V1__Dataset *m,
                                const struct reply_dataset *d, struct arena *a,
                                struct err *err)
{
    Halftone__V1__Table *tables;
    m->n_tables = d->n_tables;
    if (!CODEC_NEW_LIST(m->tables, d->n_tables, tables, a))
        return codec_full(err);
    for (size_t i = 0; i < d->n_tables; i++) {
        const struct reply_dataset_table *t = &d->tables[i];
        halftone__v1__table__init(&tables[i]);
        tables[i].name = codec_text(t->name);
        tables[i].help = codec_text(t->help);
        tables[i].owned = t->owned;
        tables[i].bounds = codec_bounds_put(t->max_groups, t->max_rows, a);
        if (!tables[i].bounds)
            return codec_full(err);
        TRY(put_table_columns(&tables[i], t, a, err));
        m->tables[i] = &tables[i];
    }
    return ERR_OK;
}

static enum err_code put_dataset(Halftone__V1__Dataset *m,
                                 const struct reply_dataset *d, struct arena *a,
                                 struct err *err)
{
    halftone__v1__dataset__init(m);
    m->name = codec_text(d->name);
    m->help = codec_text(d->help);
    m->notion = codec_text(d->notion);
    m->policy_version = d->policy_version;
    m->n_purposes = d->n_purposes;
    m->purposes = ARENA_NEW_N(a, d->n_purposes, char *);
    if (!m->purposes)
        return codec_full(err);
    for (size_t i = 0; i < d->n_purposes; i++)
        m->purposes[i] = codec_text(d->purposes[i]);
    return put_tables(m, d, a, err);
}

enum err_code codec_dataset_list(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err)
{
    Halftone__V1__ListDatasetsReply m = HALFTONE__V1__LIST_DATASETS_REPLY__INIT;
    Halftone__V1__Dataset *datasets;

    m.n_datasets = reply->n_datasets;
    if (!CODEC_NEW_LIST(m.datasets, reply->n_datasets, datasets, a))
        return codec_full(err);
    for (size_t i = 0; i < reply->n_datasets; i++) {
        TRY(put_dataset(&datasets[i], &reply->datasets[i], a, err));
        m.datasets[i] = &datasets[i];
    }
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_dataset_one(const uint8_t **msg, size_t *len,
                                const struct reply *reply, struct arena *a,
                                struct err *err)
{
    Halftone__V1__DescribeDatasetReply m =
        HALFTONE__V1__DESCRIBE_DATASET_REPLY__INIT;
    Halftone__V1__Dataset dataset;
    TRY(put_dataset(&dataset, reply->datasets, a, err));
    m.dataset = &dataset;
    return codec_pack(msg, len, &m.base, a, err);
}
