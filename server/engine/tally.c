#include "server/engine/tally.h"

struct dp_exact tally_view(const struct gate_view *v)
{
    struct dp_exact n = { 0 };
    for (uint32_t i = 0; i < v->n / 64; i++)
        n.touched += __builtin_popcountll(v->bits[i]);
    return n;
}
