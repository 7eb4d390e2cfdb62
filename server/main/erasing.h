#ifndef MAIN_ERASING_H
#define MAIN_ERASING_H

#include "server/main/world.h"

/*
 * Erasures, done in the data: looks for whoever was erased, deletes her rows
 * where the policy lets the server do it, and tells the register what it saw.
 *
 *   find --nobody--------------------------------> verified, if it was done
 *     '--somebody--> delete, open anew, find ----> verified
 *     '--somebody, and it may not delete --------> what was done is undone
 *
 * When: once for each world (a start, files read again), at the multiples of
 * each policy's consent.erasure.every since 1970, and when a steward asks.
 * None of these times depends on what anybody decided.  Never while the
 * register is held (ERR_UNAVAILABLE): an older copy lacks who came back since.
 */
enum err_code erasing_pass(const struct dataset *d, struct err *err) MUST_CHECK;

/* The thread that does it by itself. */
struct eraser;
enum err_code eraser_new(struct eraser **out, struct clock *clock,
                         struct err *err) MUST_CHECK;
/* From now on these datasets, beginning at once. */
void eraser_world(struct eraser *e, struct world *w);
/* Waits for the pass that runs.  NULL is allowed. */
void eraser_free(struct eraser *e);

#endif
