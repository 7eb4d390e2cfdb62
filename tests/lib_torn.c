#include "tests/lib_torn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void torn_write(struct torn_image *i, size_t offset, const void *data,
                size_t len)
{
    if (offset + len > i->cap) {
        i->cap = 2 * (offset + len);
        i->data = realloc(i->data, i->cap);
        assert(i->data);
    }
    if (offset > i->len)
        memset(i->data + i->len, 0, offset - i->len);
    if (len)
        memcpy(i->data + offset, data, len);
    if (offset + len > i->len)
        i->len = offset + len;
}

const struct torn_change *torn_add(struct torn_changes *c, size_t offset,
                                   const void *data, size_t len)
{
    struct torn_change *one = calloc(1, sizeof *one);
    assert(one);
    *one = (struct torn_change){ .offset = offset, .len = len };
    if (data) {
        one->data = malloc(len ? len : 1);
        assert(one->data);
        memcpy(one->data, data, len);
    }
    *c->last = one;
    c->last = &one->next;
    return one;
}

void torn_clear(struct torn_changes *c)
{
    while (c->first) {
        struct torn_change *one = c->first;
        c->first = one->next;
        free(one->data);
        free(one);
    }
    c->last = &c->first;
}

void torn_apply(struct torn_image *i, const struct torn_change *c)
{
    if (c->data)
        torn_write(i, c->offset, c->data, c->len);
    else if (c->offset <= i->len)
        i->len = c->offset;
    else
        torn_write(i, c->offset, NULL, 0); /* grows by zeros */
}

void torn_apply_all(struct torn_image *i, const struct torn_changes *c)
{
    for (const struct torn_change *one = c->first; one; one = one->next)
        torn_apply(i, one);
}

void torn_apply_some(struct torn_image *i, const struct torn_change *c,
                     uint64_t *seed)
{
    if (!c->data && torn_random(seed) & 1)
        torn_apply(i, c);
    for (size_t at = 0; c->data && at < c->len;) {
        const size_t room = TORN_SECTOR - (c->offset + at) % TORN_SECTOR;
        const size_t n = c->len - at < room ? c->len - at : room;
        if (torn_random(seed) & 1)
            torn_write(i, c->offset + at, c->data + at, n);
        at += n;
    }
}

/* splitmix64 */
uint64_t torn_random(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
