#ifndef DP_SPLIT_H
#define DP_SPLIT_H

#include <stddef.h>

#include "dp/price.h"

/*
 * One price over several aggregates, so that the total error is least.
 *
 * Aggregate j is changed by at most D_j by one person, and an error of sigma_j
 * in it weighs w_j sigma_j.  Under zCDP and GDP sigma_j = D_j / sqrt(2 rho_j),
 * under pure t_j = D_j / eps_j, and the parts add up to the price.  With a_j =
 * w_j D_j:
 *
 *                        zcdp, gdp              pure
 *   DP_SPLIT_SUM         rho_j ~ a_j^(2/3)      eps_j ~ a_j^(1/2)
 *   DP_SPLIT_SQUARES     rho_j ~ a_j            eps_j ~ a_j^(2/3)
 *   DP_SPLIT_WORST       rho_j ~ a_j^2          eps_j ~ a_j
 *
 * are least for the sum of w_j sigma_j, of their squares, and for the largest:
 * closed forms, no search.  Argument: dp/split.md.
 */
enum dp_split { DP_SPLIT_SUM, DP_SPLIT_SQUARES, DP_SPLIT_WORST };

/*
 * parts[0..n) in integer units, each at least 1 where a[j] > 0 and 0 where it
 * is 0; their sum is `total` exactly.
 *
 * DP_EDOM   n is 0, an a[j] is negative or not finite, or all are 0
 * DP_ERANGE the total has fewer units than there are parts to pay
 * parts is untouched unless DP_OK.
 */
enum dp_status dp_split_price(uint64_t *parts, const double *a, size_t n,
                              uint64_t total, enum dp_notion notion,
                              enum dp_split least) DP_MUST_CHECK;

#endif
