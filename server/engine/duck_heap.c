#include "server/engine/duck_heap.h"

#include <assert.h>
#include <stdlib.h>

void *duck_heap_grow(struct duck_heap *h, void *at, size_t from, size_t to)
{
    assert(to > from);
    const size_t more = to - from;
    const size_t was =
        atomic_fetch_add_explicit(&h->used, more, memory_order_relaxed);
    void *out = h->most && was + more > h->most ? NULL : realloc(at, to);
    if (!out)
        (void)atomic_fetch_sub_explicit(&h->used, more, memory_order_relaxed);
    return out;
}

void duck_heap_free(struct duck_heap *h, void *at, size_t bytes)
{
    free(at);
    (void)atomic_fetch_sub_explicit(&h->used, bytes, memory_order_relaxed);
}
