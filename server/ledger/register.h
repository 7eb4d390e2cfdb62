#ifndef LEDGER_REGISTER_H
#define LEDGER_REGISTER_H

#include "server/ledger/ledger.h"

/*
 * What the ledger remembers of the register of consent, so that an older copy
 * of it is told from the register, and two from one.
 *
 *   register --tell, every few seconds--> ledger       (a number, and a hash of
 *      |                                     |          all that was recorded)
 *      '------- start: does it have that? <--'
 *
 * Who has a register that lacks what was told last went back to a copy, or has
 * another: withdrawals are missing in it.  A ledger has the register of one
 * server at a time, for a withdrawal that one of two was told would not reach
 * the other.
 *
 * It is told whatever people do, so that the ledger's pace tells nothing.
 */
enum { REGISTER_ID_LEN = 16, REGISTER_HEAD_LEN = 32 };
struct ledger_register {
    uint8_t id[REGISTER_ID_LEN]; /* given with the file, and copied with it */
    uint64_t number;             /* grows with each head */
    uint8_t head[REGISTER_HEAD_LEN];
};

/*
 * What was told last; *is_there false: nothing ever.
 * ERR_CONFLICT  by another server, which lives
 */
enum err_code ledger_register_last(struct ledger *l,
                                   struct ledger_register *out, bool *is_there,
                                   struct err *err) MUST_CHECK;

/*
 * Durable when it returns.
 * ERR_CONFLICT  another server, which lives, has a register here
 */
enum err_code ledger_register_tell(struct ledger *l,
                                   const struct ledger_register *r,
                                   struct err *err) MUST_CHECK;

#endif
