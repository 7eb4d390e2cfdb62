#ifndef GRPC_GRPC_FRAME_H
#define GRPC_GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length-prefixed messages: one byte of flags, four of length (big endian), the
 * message.  Put together from pieces of any size.
 *
 * The buffer grows with what has arrived, never with what the prefix promises.
 * source: gRPC over HTTP/2, "Length-Prefixed-Message".
 */
enum { GRPC_PREFIX_LEN = 5, GRPC_FRAME_SMALL = 512 };

enum grpc_frame_state {
    GRPC_FRAME_MORE,       /* all input used, the message is incomplete */
    GRPC_FRAME_DONE,       /* grpc_frame_message is whole; _next to go on */
    GRPC_FRAME_COMPRESSED, /* the flag says so, and nothing was agreed */
    GRPC_FRAME_BAD_FLAG,   /* neither 0 nor 1 */
    GRPC_FRAME_TOO_LONG,   /* the prefix announces more than the limit */
    GRPC_FRAME_NO_MEMORY,
};

struct grpc_frame {
    uint32_t limit; /* bytes a message may have */
    uint32_t want;  /* bytes of the message; valid once prefix_len is 5 */
    uint32_t len, cap;
    uint8_t prefix_len;
    uint8_t prefix[GRPC_PREFIX_LEN];
    uint8_t *heap; /* owned; NULL while small is enough */
    uint8_t small[GRPC_FRAME_SMALL];
};

void grpc_frame_init(struct grpc_frame *f, uint32_t limit);
void grpc_frame_fini(struct grpc_frame *f);

/* Take input; *used tells how much of it.  After an error only _fini. */
enum grpc_frame_state grpc_frame_feed(struct grpc_frame *f, const uint8_t *data,
                                      size_t len, size_t *used);

/* The message; borrowed until _next or _fini. */
const uint8_t *grpc_frame_message(const struct grpc_frame *f);

/* Begin the next message, keeping the buffer. */
void grpc_frame_next(struct grpc_frame *f);

/* Nothing of a message has arrived. */
bool grpc_frame_is_empty(const struct grpc_frame *f);

void grpc_frame_prefix(uint8_t out[GRPC_PREFIX_LEN], uint32_t message_len);

#endif
