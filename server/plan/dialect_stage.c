#include "server/plan/dialect_stage.h"

void stage_columns(const struct sql *s, char prefix, size_t n)
{
    for (size_t i = 0; i < n; i++)
        writer_printf(s->w, ", %c%zu", prefix, i);
}

void stage_key(const struct sql *s, size_t k)
{
    const struct draft *d = s->d;
    const enum value_type type = d->keys[k]->type;
    const bool pg = dialect_is_pg(s->w), casts = type == VALUE_INT && !pg;
    writer_str(s->w, casts ? ", TRY_CAST(" : ", ");
    if (pg)
        dialect_typed(s->w, d->keys[k]);
    else
        dialect_expr(s->w, d->keys[k]);
    writer_printf(s->w, "%s AS k%zu", casts ? " AS BIGINT)" : "", k);
}
