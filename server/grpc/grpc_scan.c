#include "server/grpc/grpc_scan.h"

#include <string.h>

struct grpc_scan grpc_scan_of(void)
{
    return (struct grpc_scan){ .skip = GRPC_PREFACE_LEN };
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool grpc_scan_next(struct grpc_scan *s, const uint8_t **at, const uint8_t *end,
                    struct grpc_frame_head *out)
{
    const size_t passed = least(s->skip, (size_t)(end - *at));
    s->skip -= (uint32_t)passed;
    *at += passed;
    const size_t n =
        least((size_t)GRPC_FRAME_HEAD_LEN - s->head_len, (size_t)(end - *at));
    if (n > 0)
        memcpy(s->head + s->head_len, *at, n);
    s->head_len = (uint8_t)(s->head_len + n);
    *at += n;
    if (s->head_len < GRPC_FRAME_HEAD_LEN)
        return false;
    s->head_len = 0;
    *out = (struct grpc_frame_head){
        .len =
            (uint32_t)s->head[0] << 16 | (uint32_t)s->head[1] << 8 | s->head[2],
        .type = s->head[3],
        .flags = s->head[4],
    };
    s->skip = out->len;
    return true;
}
