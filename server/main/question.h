#ifndef MAIN_QUESTION_H
#define MAIN_QUESTION_H

#include "server/main/service.h"

/*
 * A query request made ready: its dataset found, its purpose allowed, its plan
 * made; settle.h has read its SQL.  What QUERY and ESTIMATE share.
 */
struct question {
    const struct dataset *dataset;
    const struct select *tree;
    struct plan *plan;
    const struct segments *segments; /* that a daily cap counts; or NULL */
};

/*
 * ERR_SYNTAX, ERR_REFUSED, ERR_NOT_FOUND, ERR_INVALID, ERR_LIMIT, ERR_BUDGET:
 * as plan_query; nothing was charged.  A purpose that needs
 * consent is refused while there is no consent register.
 */
/* The dataset that a tree is about, if the caller sees it. */
enum err_code question_dataset(const struct dataset **out,
                               const struct world *world,
                               const struct auth_principal *who,
                               const struct request *req,
                               const struct select *tree,
                               struct err *err) MUST_CHECK;

enum err_code question_plan(struct question *out,
                            const struct service_call *call, struct arena *a,
                            struct err *err) MUST_CHECK;

#endif
