#include "server/plan/order.h"

int plan_order_cmp(const struct plan_order *o, const struct value *a,
                   const struct value *b)
{
    const bool a_null = a->type == VALUE_NULL, b_null = b->type == VALUE_NULL;
    if (a_null || b_null)
        return a_null == b_null ? 0 : a_null == o->nulls_first ? -1 : 1;
    return o->descending ? value_cmp(b, a) : value_cmp(a, b);
}
