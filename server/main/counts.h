#ifndef MAIN_COUNTS_H
#define MAIN_COUNTS_H

#include "server/main/service.h"

/*
 * How many people said yes to each purpose, or objected to it: a question like
 * any other that the server asks by itself, at multiples of the policy's
 * counts.every since 1970, whether anybody decided anything or not.
 *
 *   due -> charge (the filter, and the reserve under it) -> bits of the
 * register
 *       -> noise -> stored beside the charge -> read by whoever sees the
 * dataset
 *
 * A person counts once in each purpose, so L0 is the number of purposes and the
 * price that of the whole vector.  Two servers that share a ledger release the
 * same numbers once: the time is the charge's key.  When the reserve is spent
 * nothing is released any more.
 *
 * The reserve is taken from nobody else's: every other charge moves on an
 * account of what is left of the cap beside it (counts_beside).
 */
struct counts;

/* Borrowed for life.  ERR_LIMIT: no memory. */
enum err_code counts_new(struct counts **out, const struct service *s,
                         struct err *err) MUST_CHECK;
void counts_free(struct counts *c); /* NULL is allowed */

/* Release what is due and was not yet.  One thread; call it every second or
 * so. */
void counts_tick(struct counts *c, const struct world *w);

/* The account that every other charge of the dataset moves on, beside the
 * filter whose name is given; false: the policy keeps no reserve. */
bool counts_beside(struct ledger_account_spec *out, const struct policy *p,
                   const char *filter, struct arena *a);

#endif
