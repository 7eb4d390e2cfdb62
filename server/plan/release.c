#include "server/plan/release.h"

#include <assert.h>

static bool find(size_t *out, const struct plan_key *key, const struct value *v)
{
    size_t lo = 0, hi = key->n_domain;
    while (lo < hi) { /* invariant: v is in domain[lo..hi) if anywhere */
        const size_t mid = lo + (hi - lo) / 2;
        const int c = value_cmp(v, &key->domain[mid]);
        if (c == 0) {
            *out = mid;
            return true;
        }
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}

bool plan_group_index(uint64_t *index, const struct plan *plan,
                      const struct value *keys)
{
    assert(!plan->selects);
    *index = 0;
    for (size_t k = 0; k < plan->n_keys; k++) {
        size_t at = 0;
        if (!find(&at, &plan->keys[k], &keys[k]))
            return false;
        *index = *index * plan->keys[k].n_domain + at;
    }
    return true;
}

void plan_group_keys(struct value *keys, const struct plan *plan,
                     uint64_t index)
{
    assert(!plan->selects && index < plan->groups_public);
    for (size_t k = plan->n_keys; k-- > 0;) {
        keys[k] = plan->keys[k].domain[index % plan->keys[k].n_domain];
        index /= plan->keys[k].n_domain;
    }
}
