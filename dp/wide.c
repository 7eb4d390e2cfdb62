#include "dp/wide.h"

#include <assert.h>

struct dp_wide dp_wide_of(dp_uint v)
{
    return (struct dp_wide){ { (uint64_t)v, (uint64_t)(v >> 64), 0, 0 } };
}

struct dp_wide dp_wide_times(struct dp_wide a, uint64_t b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        const dp_uint t = (dp_uint)a.word[i] * b + carry;
        a.word[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    assert(carry == 0);
    return a;
}

/* a times the low word of b, plus a times its high word, one word up. */
struct dp_wide dp_wide_product(dp_uint a, dp_uint b)
{
    struct dp_wide low = dp_wide_times(dp_wide_of(a), (uint64_t)b);
    const struct dp_wide high =
        dp_wide_times(dp_wide_of(a), (uint64_t)(b >> 64));

    uint64_t carry = 0;
    for (int i = 1; i < 4; i++) {
        const dp_uint t = (dp_uint)low.word[i] + high.word[i - 1] + carry;
        low.word[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    return low;
}

int dp_wide_cmp(struct dp_wide a, struct dp_wide b)
{
    for (int i = 3; i >= 0; i--)
        if (a.word[i] != b.word[i])
            return a.word[i] < b.word[i] ? -1 : 1;
    return 0;
}
