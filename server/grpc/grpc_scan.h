#ifndef GRPC_GRPC_SCAN_H
#define GRPC_GRPC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Finds the heads of HTTP/2 frames in a client's bytes, cut anywhere: the
 * preface, then frames of nine bytes and a payload that is passed over.  What
 * floods are counted by, since nghttp2 drops many frames without a word (those
 * of unknown types, those of streams that are closed).
 *
 * source: RFC 9113, 3.4 and 4.1.
 */
enum { GRPC_PREFACE_LEN = 24, GRPC_FRAME_HEAD_LEN = 9 };

struct grpc_scan {
    uint32_t skip; /* bytes of preface or payload to come */
    uint8_t head_len;
    uint8_t head[GRPC_FRAME_HEAD_LEN];
};

struct grpc_frame_head {
    uint32_t len; /* bytes of payload */
    uint8_t type, flags;
};

struct grpc_scan grpc_scan_of(void);

/*
 * Go on from *at; true when a frame's head is whole, its payload being next.
 * False: all input is used (*at == end).
 */
bool grpc_scan_next(struct grpc_scan *s, const uint8_t **at, const uint8_t *end,
                    struct grpc_frame_head *out);

#endif
