#ifndef PLAN_DOMAIN_LIST_H
#define PLAN_DOMAIN_LIST_H

#include "server/plan/draft.h"

/* Public values while they are gathered, in the draft's arena. */
struct domain_list {
    struct value *v;
    size_t n, cap;
};

/* Past PLAN_GROUPS_MAX, REFUSAL_KEY_VALUES. */
enum err_code domain_push(struct domain_list *l, struct draft *d,
                          struct value v, struct err *err) MUST_CHECK;

/* In the order of values, each once. */
void domain_sort(struct domain_list *l);

#endif
