#ifndef PLAN_MIX_DRAFT_H
#define PLAN_MIX_DRAFT_H

#include "server/plan/draft.h"
#include "server/plan/mix.h"

/* A mix while it is made: mix.c plans its arms, mix_from.c types what joins and
 * unites them. */
struct mixing {
    struct draft d; /* types what is around the arms */
    const struct draft *like;
    struct plan *all;
    struct plan_mix *mix;
    const struct select *selects[MIX_ARMS_MAX]; /* of each arm */
};

/* The columns of the root and what its joins compare, of the FROM `r`: *out is
 * the scope that the SELECT around reads. */
enum err_code draft_mix_from(struct rel_scope **out, struct mixing *m,
                             const struct relation *r,
                             struct err *err) MUST_CHECK;

#endif
