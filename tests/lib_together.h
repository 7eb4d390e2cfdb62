#ifndef TESTS_LIB_TOGETHER_H
#define TESTS_LIB_TOGETHER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Callers of a ledger whose works are one batch, in one order: the first call
 * that each `run(arg)` makes of the ledger is in it.  Nobody else may be in a
 * call.  Returns when all have returned.
 */
enum { TOGETHER_MAX = 16 }; /* callers */
struct ledger;
void run_together(struct ledger *l, void (*run)(void *arg), void *args[],
                  size_t n);

/* ... as two batches: the first n_first callers, and those who came before that
 * one was committed. */
void run_in_two(struct ledger *l, void (*run)(void *arg), void *args[],
                size_t n_first, size_t n);

/* The second would begin behind the first one's COMMIT. */
bool batches_go_on(const struct ledger *l);

#endif
