#ifndef TESTS_LIB_TORN_H
#define TESTS_LIB_TORN_H

#include <stddef.h>
#include <stdint.h>

/*
 * A file on a disk whose power can go: its bytes, the changes that no sync has
 * carried yet, and what of a change can arrive all the same, whole or torn into
 * sectors.
 */
enum { TORN_SECTOR = 512 };

struct torn_image {
    uint8_t *data; /* owned */
    size_t len, cap;
};

/* data NULL = cut to `offset` bytes. */
struct torn_change {
    struct torn_change *next;
    uint8_t *data; /* owned */
    size_t offset, len;
};

/* Oldest first; of zeros, torn_clear makes none. */
struct torn_changes {
    struct torn_change *first, **last;
};

void torn_write(struct torn_image *i, size_t offset, const void *data,
                size_t len);

/* Copies the bytes.  Returns it. */
const struct torn_change *torn_add(struct torn_changes *c, size_t offset,
                                   const void *data, size_t len);
void torn_clear(struct torn_changes *c);

/* A change arrives. */
void torn_apply(struct torn_image *i, const struct torn_change *c);
void torn_apply_all(struct torn_image *i, const struct torn_changes *c);

/* Of a write some sectors arrive, in any combination; a cut does or not. */
void torn_apply_some(struct torn_image *i, const struct torn_change *c,
                     uint64_t *seed);

/* The next of a seed's numbers. */
uint64_t torn_random(uint64_t *seed);

#endif
