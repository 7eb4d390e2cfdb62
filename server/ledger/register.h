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
 * another: withdrawals are missing in it.  A ledger has one register at a time,
 * of one server or shared by those that have it in a database, for a withdrawal
 * that one of two was told would not reach the other.
 *
 * It is told whatever people do, so that the ledger's pace tells nothing.
 */
enum { REGISTER_ID_LEN = 16, REGISTER_HEAD_LEN = 32 };
struct ledger_register {
    uint8_t id[REGISTER_ID_LEN]; /* given with the file, and copied with it */
    uint64_t number;             /* grows with each head */
    uint8_t head[REGISTER_HEAD_LEN];
    bool is_shared; /* several servers may have it */
};

/*
 * What was told last; *is_there false: nothing ever.  Of `own` the name counts.
 * ERR_CONFLICT  of another register, by a server that lives
 */
enum err_code ledger_register_last(struct ledger *l,
                                   const struct ledger_register *own,
                                   struct ledger_register *out, bool *is_there,
                                   struct err *err) MUST_CHECK;

/*
 * Durable when it returns.  Unless it is `anew`, what is older than what another
 * server of the same register told changes nothing.
 * ERR_CONFLICT  another server, which lives, has another register here
 */
enum err_code ledger_register_tell(struct ledger *l,
                                   const struct ledger_register *r, bool anew,
                                   struct err *err) MUST_CHECK;

#endif
