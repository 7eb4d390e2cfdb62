#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/*
 * A bump allocator with one lifetime and a hard cap.
 *
 * Three lifetimes exist: process, connection, request.  Whoever resets an
 * arena owns all that is in it; nothing inside is freed on its own.  Memory
 * comes zeroed.  Storage is taken from the system in chunks as it is needed,
 * so that a large cap costs nothing until it is used.
 *
 * invariant: used <= cap.  One thread at a time.
 */
struct arena_chunk;
struct arena {
    struct arena_chunk *chunk; /* newest first, owned */
    size_t used, cap;          /* bytes handed out, bytes at most */
};

void arena_init(struct arena *a, size_t cap);
void arena_fini(struct arena *a);

/* Forget everything, keeping one chunk for the next request. */
void arena_reset(struct arena *a);

/* `n` objects of `size` bytes; NULL when the cap (or SIZE_MAX) is exceeded. */
void *arena_alloc(struct arena *a, size_t n, size_t size);

/* A copy of len bytes plus a NUL; NULL as above. */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_strdup(struct arena *a, const char *s);

/* Formatted text; NULL as above. */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), 1, sizeof(type)))
#define ARENA_NEW_N(a, n, type) ((type *)arena_alloc((a), (n), sizeof(type)))

#endif
