#ifndef ENGINE_DUCK_HEAP_H
#define ENGINE_DUCK_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Memory that DuckDB does not count: what its states point to, of aggregates
 * that keep as much of a person as there is.  One heap an engine, for all its
 * threads; `used` is 0 again when no statement runs.
 */
struct duck_heap {
    size_t most;        /* bytes; 0 = as many as the system gives */
    atomic_size_t used; /* bytes */
};

/* As realloc, from `from` bytes (0: at is NULL) to `to` > from.  NULL: there is
 * no more; `at` stays what it was. */
void *duck_heap_grow(struct duck_heap *h, void *at, size_t from, size_t to);

/* NULL is allowed, of 0 bytes. */
void duck_heap_free(struct duck_heap *h, void *at, size_t bytes);

#endif
