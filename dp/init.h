#ifndef DP_INIT_H
#define DP_INIT_H

/*
 * GSL's default error handler ends the process on a domain error.  dp_init()
 * switches it off for the whole process; every dp/ function that reaches GSL
 * calls it first, so a program need not, though calling it at start-up makes
 * the switch visible.  Idempotent, any thread.
 */
void dp_init(void);

#endif
