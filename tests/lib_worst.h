#ifndef TESTS_LIB_WORST_H
#define TESTS_LIB_WORST_H

#include "server/base/writer.h"

/*
 * The worst questions that fit in 64 KiB, over the shop of lib_plan.h: each
 * repeats what costs the parser, the planner or the engine most.  They are
 * answered or refused, and both are to be quick.
 */
enum { WORST_LEN = 64 * 1024 };

struct worst {
    const char *name;
    void (*make)(struct writer *w); /* or NULL: by the rest, worst.def */
    size_t n;
    const char *head, *each, *middle, *close, *tail;
};
extern const struct worst WORST[];
extern const size_t N_WORST;

/* Its text, at most WORST_LEN bytes. */
void worst_print(struct writer *w, const struct worst *q);

#endif
