#ifndef CLI_JOIN_H
#define CLI_JOIN_H

#include "server/base/arena.h"

/* The n texts with `between` between them; NULL when the arena is full. */
const char *join(char *const *texts, size_t n, const char *between,
                 struct arena *a);

#endif
