#ifndef LEDGER_BURN_H
#define LEDGER_BURN_H

#include "server/ledger/book.h"

/*
 * Budget that may have been spent where nobody can look any more is spent: a
 * charge like any other, of the principal "recover", answered, and its answer
 * gone.
 */

/* dataset/ID, or under a notion of its own dataset/ID/gdp. */
bool burn_is_filter(const char *account);

/*
 * In the open transaction: *upto of a filter, which is what counts as spent of
 * it at least; NULL: its limit, as the ledger knows it.  *burnt is what was not
 * yet.  An account that is no filter is left alone.
 */
enum err_code book_burn(struct book *b, struct dp_price *burnt,
                        const char *account, const struct dp_price *upto,
                        struct arena *a, struct err *err) MUST_CHECK;

/* "burn" in meta: the ledger was recovered without a witness, and no server
 * with its policies has started since (ledger_burn). */
void book_burn_rest(struct book *b);

#endif
