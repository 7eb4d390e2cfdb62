#include "server/grpc/grpc_guard.h"

struct grpc_guard grpc_guard_of(uint32_t burst, uint32_t rate, uint64_t now_ns)
{
    return (struct grpc_guard){
        .burst = burst,
        .rate = rate,
        .tokens = burst,
        .filled_ns = now_ns,
    };
}

void grpc_guard_earn(struct grpc_guard *g, uint32_t n)
{
    g->tokens = n > g->burst - g->tokens ? g->burst : g->tokens + n;
}

/* Pour in what time has brought; a fraction of a token stays for later. */
static void refill(struct grpc_guard *g, uint64_t now_ns)
{
    if (g->rate == 0 || now_ns <= g->filled_ns)
        return;
    const uint64_t ns_per_token = UINT64_C(1000000000) / g->rate + 1;
    const uint64_t n = (now_ns - g->filled_ns) / ns_per_token;
    grpc_guard_earn(g, n > g->burst ? g->burst : (uint32_t)n);
    g->filled_ns += n * ns_per_token;
}

bool grpc_guard_take(struct grpc_guard *g, uint64_t now_ns)
{
    refill(g, now_ns);
    if (g->tokens == 0)
        return false;
    g->tokens--;
    return true;
}
