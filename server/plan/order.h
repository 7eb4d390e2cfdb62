#ifndef PLAN_ORDER_H
#define PLAN_ORDER_H

#include "server/plan/plan.h"

/* Order of two cells by one entry of ORDER BY: negative, 0 or positive. */
int plan_order_cmp(const struct plan_order *o, const struct value *a,
                   const struct value *b);

#endif
