#ifndef TESTS_LIB_TOGETHER_H
#define TESTS_LIB_TOGETHER_H

#include <stddef.h>

/*
 * Callers of a ledger whose works are one batch, in one order: the first call
 * that each `run(arg)` makes of the ledger is in it.  Nobody else may be in a
 * call.  Returns when all have returned.
 */
enum { TOGETHER_MAX = 16 };
struct ledger;
void run_together(struct ledger *l, void (*run)(void *arg), void *args[],
                  size_t n);

#endif
