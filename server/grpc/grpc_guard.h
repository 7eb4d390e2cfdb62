#ifndef GRPC_GRPC_GUARD_H
#define GRPC_GRPC_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A token bucket against floods: things that cost us more than the peer.
 *
 * invariant: tokens <= burst.  A full bucket holds `burst`, `rate` flow in each
 * second, and work done for the peer may pour in more (a client that measures
 * its bandwidth pings once per reply, and that is no flood).
 */
struct grpc_guard {
    uint32_t burst, rate; /* tokens; tokens per second */
    uint32_t tokens;
    uint64_t filled_ns; /* when time last poured in */
};

struct grpc_guard grpc_guard_of(uint32_t burst, uint32_t rate, uint64_t now_ns);

/* Take one token.  False: the bucket is empty, the peer floods. */
bool grpc_guard_take(struct grpc_guard *g, uint64_t now_ns);

/* Pour in n tokens for work done. */
void grpc_guard_earn(struct grpc_guard *g, uint32_t n);

#endif
