#include "server/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN alignof(max_align_t)
enum { CHUNK_MIN = 16 * 1024 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t used, cap; /* bytes of data[] */
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, size_t cap)
{
    *a = (struct arena){ .cap = cap };
}

static void free_older(struct arena_chunk *c)
{
    while (c) {
        struct arena_chunk *older = c->older;
        free(c);
        c = older;
    }
}

void arena_fini(struct arena *a)
{
    free_older(a->chunk);
    *a = (struct arena){ 0 };
}

void arena_reset(struct arena *a)
{
    if (a->chunk) {
        free_older(a->chunk->older);
        a->chunk->older = NULL;
        a->chunk->used = 0;
    }
    a->used = 0;
}

/* Chunks double, so that a request of n bytes costs log n system calls. */
static struct arena_chunk *grow(struct arena *a, size_t want)
{
    size_t cap = a->chunk ? a->chunk->cap * 2 : CHUNK_MIN;
    if (cap < want)
        cap = want;
    if (cap > a->cap - a->used)
        cap = a->cap - a->used; /* still >= want: checked by the caller */
    struct arena_chunk *c = malloc(sizeof *c + cap);
    if (!c)
        return NULL;
    *c = (struct arena_chunk){ .older = a->chunk, .cap = cap };
    return a->chunk = c;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    assert(a->used <= a->cap);

    size_t want;
    if (__builtin_mul_overflow(n, size, &want) ||
        __builtin_add_overflow(want, ALIGN - 1, &want))
        return NULL;
    want -= want % ALIGN;
    if (want > a->cap - a->used)
        return NULL;

    struct arena_chunk *c = a->chunk;
    if (!c || want > c->cap - c->used)
        c = grow(a, want);
    if (!c)
        return NULL;
    void *p = c->data + c->used;
    c->used += want;
    a->used += want;
    return memset(p, 0, want);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    if (len == (size_t)-1)
        return NULL;
    char *copy = arena_alloc(a, len + 1, 1);
    return copy && len > 0 ? memcpy(copy, s, len) : copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1, 1);
    if (text)
        (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
