#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A forward cursor over borrowed bytes with a sticky error.
 *
 * A read past the end yields zeros and sets `short_read`; parsers therefore
 * read a whole message straight through and check once.  invariant: pos <= end.
 */
struct reader {
    const uint8_t *pos, *end;
    bool short_read;
};

static inline struct reader reader_of(const void *data, size_t len)
{
    const uint8_t *p = data;
    return (struct reader){ .pos = p, .end = len ? p + len : p };
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->pos);
}

/* Borrow the next n bytes, or NULL when fewer remain. */
static inline const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (r->short_read || n > reader_left(r)) {
        r->short_read = true;
        return NULL;
    }
    const uint8_t *p = r->pos;
    r->pos += n;
    return p;
}

static inline uint64_t reader_be_(struct reader *r, size_t n)
{
    const uint8_t *p = reader_take(r, n);
    uint64_t v = 0;
    for (size_t i = 0; p && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static inline uint64_t reader_be64(struct reader *r)
{
    return reader_be_(r, 8);
}

static inline uint32_t reader_be32(struct reader *r)
{
    return (uint32_t)reader_be_(r, 4);
}

static inline uint16_t reader_be16(struct reader *r)
{
    return (uint16_t)reader_be_(r, 2);
}

static inline uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_be_(r, 1);
}

/* Protobuf's: seven bits a byte, the lowest first, in at most ten bytes; a
 * longer one is a short read. */
static inline uint64_t reader_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = reader_u8(r);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->short_read = true;
    return 0;
}

#endif
