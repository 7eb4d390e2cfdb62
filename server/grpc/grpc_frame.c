#include "server/grpc/grpc_frame.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/reader.h"
#include "server/base/writer.h"

void grpc_frame_init(struct grpc_frame *f, uint32_t limit)
{
    /* All but the small buffer, which needs no clearing. */
    memset(f, 0, offsetof(struct grpc_frame, small));
    f->limit = limit;
    f->cap = sizeof f->small;
}

void grpc_frame_fini(struct grpc_frame *f)
{
    free(f->heap);
    f->heap = NULL;
}

static uint8_t *buffer_of(struct grpc_frame *f)
{
    return f->heap ? f->heap : f->small;
}

const uint8_t *grpc_frame_message(const struct grpc_frame *f)
{
    return f->heap ? f->heap : f->small;
}

/* Room for n more bytes, by doubling: at most twice what has arrived. */
static bool grow(struct grpc_frame *f, size_t n)
{
    const size_t need = f->len + n;
    if (need <= f->cap)
        return true;
    size_t cap = f->cap;
    while (cap < need)
        cap *= 2;
    if (cap > f->want)
        cap = f->want;
    uint8_t *heap = realloc(f->heap, cap);
    if (!heap)
        return false;
    if (!f->heap)
        memcpy(heap, f->small, f->len);
    f->heap = heap;
    f->cap = (uint32_t)cap;
    return true;
}

static enum grpc_frame_state parse_prefix(struct grpc_frame *f)
{
    struct reader r = reader_of(f->prefix, sizeof f->prefix);
    const uint8_t flag = reader_u8(&r);
    f->want = reader_be32(&r);
    if (flag > 1)
        return GRPC_FRAME_BAD_FLAG;
    if (flag == 1)
        return GRPC_FRAME_COMPRESSED;
    return f->want > f->limit ? GRPC_FRAME_TOO_LONG : GRPC_FRAME_MORE;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum grpc_frame_state grpc_frame_feed(struct grpc_frame *f, const uint8_t *data,
                                      size_t len, size_t *used)
{
    *used = 0;
    if (f->prefix_len < GRPC_PREFIX_LEN) {
        const size_t n = least(len, (size_t)GRPC_PREFIX_LEN - f->prefix_len);
        if (n > 0)
            memcpy(f->prefix + f->prefix_len, data, n);
        f->prefix_len = (uint8_t)(f->prefix_len + n);
        *used = n;
        if (f->prefix_len < GRPC_PREFIX_LEN)
            return GRPC_FRAME_MORE;
        const enum grpc_frame_state state = parse_prefix(f);
        if (state != GRPC_FRAME_MORE)
            return state;
    }
    const size_t n = least(len - *used, f->want - f->len);
    if (n > 0) {
        if (!grow(f, n))
            return GRPC_FRAME_NO_MEMORY;
        memcpy(buffer_of(f) + f->len, data + *used, n);
        f->len += (uint32_t)n;
        *used += n;
    }
    return f->len == f->want ? GRPC_FRAME_DONE : GRPC_FRAME_MORE;
}

void grpc_frame_next(struct grpc_frame *f)
{
    f->prefix_len = 0;
    f->len = f->want = 0;
}

bool grpc_frame_is_empty(const struct grpc_frame *f)
{
    return f->prefix_len == 0;
}

void grpc_frame_prefix(uint8_t out[GRPC_PREFIX_LEN], uint32_t message_len)
{
    struct writer w = writer_of(out, GRPC_PREFIX_LEN);
    writer_u8(&w, 0);
    writer_be32(&w, message_len);
}
