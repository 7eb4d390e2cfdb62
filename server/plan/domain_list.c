#include "server/plan/domain_list.h"

#include <stdlib.h>
#include <string.h>

#include "server/query/refusal.h"

enum err_code domain_push(struct domain_list *l, struct draft *d,
                          struct value v, struct err *err)
{
    if (l->n == PLAN_GROUPS_MAX)
        return refuse(err, REFUSAL_KEY_VALUES, d->tree->at, NULL, NULL);
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 16;
        struct value *more = ARENA_NEW_N(d->a, cap, struct value);
        if (!more)
            return draft_memory(err);
        if (l->n)
            memcpy(more, l->v, l->n * sizeof *more);
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = v;
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    return value_cmp(a, b);
}

void domain_sort(struct domain_list *l)
{
    size_t n = 0;
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, compare);
    for (size_t i = 0; i < l->n; i++)
        if (i == 0 || value_cmp(&l->v[i], &l->v[n - 1]) != 0)
            l->v[n++] = l->v[i];
    l->n = n;
}
