#include "server/plan/reach.h"

#include <string.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/query/refusal.h"

uint64_t reach_expr(const struct typed *e)
{
    struct writer w = writer_of(NULL, 0);
    dialect_expr(&w, e);
    return reach_of(&w);
}

enum err_code draft_reach(struct rel *rel, unsigned passes, uint64_t behind,
                          struct place at, struct err *err)
{
    const uint64_t len = strlen(rel->sql);
    uint64_t reach = reach_add(len, behind);
    for (unsigned i = 0; i < passes; i++)
        reach = reach_add(reach, reach);
    if (reach > PLAN_REACH_MAX)
        return refuse(err, REFUSAL_REACH, at, NULL, NULL);
    rel->behind = reach - len;
    return ERR_OK;
}

enum err_code draft_reach_all(struct draft *d, struct err *err)
{
    if (d->plan->reach > PLAN_REACH_MAX)
        return refuse(err, REFUSAL_REACH, d->tree->at, NULL, NULL);
    return ERR_OK;
}
