#ifndef MAIN_KEEPING_H
#define MAIN_KEEPING_H

#include "server/consent/consent.h"
#include "server/ledger/ledger.h"

/*
 * That the register of consent is the one that was released by, and whole: the
 * ledger remembers where it stood (server/ledger/register.h).
 *
 *   start -- the register has what the ledger remembers --> it is told on
 *        '-- it lacks that: an older copy, or another ----> HELD
 *   HELD  -- a steward confirms that it is whole ---------> it is told on
 *
 * While it is held nothing is released by it, and everything is recorded as
 * ever, so that what is missing can be imported.  What was recorded in the last
 * seconds before a server died is not remembered yet.
 *
 * `c` NULL: there is no register, and nothing is done.
 */

/*
 * ERR_CONFLICT     another server, which lives, has a register on this ledger;
 *                  one that was killed is waited for as long as the ledger does
 * ERR_UNAVAILABLE  the ledger or the register failed
 */
enum err_code keeping_start(struct ledger *l, struct consent *c,
                            struct err *err) MUST_CHECK;

/* Every few seconds, whatever happened. */
void keeping_beat(struct ledger *l, struct consent *c);

/*
 * It is whole: it is released by again.  *was_held.  The caller has authorised
 * `who`, and tells the audit log.  Errors as keeping_start.
 */
enum err_code keeping_confirm(struct ledger *l, struct consent *c,
                              bool *was_held, struct err *err) MUST_CHECK;

#endif
