#ifndef PLAN_DOMAIN_EXPR_H
#define PLAN_DOMAIN_EXPR_H

#include "server/plan/domain_list.h"
#include "server/plan/eval.h"

/*
 * All that an expression can be, when that is public: what CASE chooses from,
 * truths, whole numbers between public ends, units of a time whose range the
 * policy or the WHERE ends.  Values are pushed; *is_public tells whether they
 * are all.
 */
enum { DOMAIN_INTS_MAX = 10000 };

enum err_code domain_of_call(struct domain_list *l, bool *is_public,
                             struct draft *d, const struct typed *e,
                             struct err *err) MUST_CHECK;

/* Every `unit` of what the WHERE leaves of a time column, as `type`. */
enum err_code domain_times(struct domain_list *l, bool *is_public,
                           struct draft *d, const struct rel_column *c,
                           enum value_type type, enum time_unit unit,
                           struct err *err) MUST_CHECK;

/* Does it look at the case of letters?  eval knows that of ASCII alone. */
bool domain_has_cases(const struct typed *e);

#endif
