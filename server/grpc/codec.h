#ifndef GRPC_CODEC_H
#define GRPC_CODEC_H

#include "server/query/reply.h"
#include "server/query/request.h"

/*
 * halftone.v1 messages to requests and replies to messages, no I/O.
 * The contract is proto/halftone/v1/halftone.proto.
 */
struct codec_method {
    const char *path; /* "/halftone.v1.Halftone/Query" */
    enum request_op op;
    bool streams; /* the server may send several messages */
};

/* NULL when the service has no such method. */
const struct codec_method *codec_find(const char *path);

/*
 * Check and decode one message.  Everything in *out lives in `a`; deadline_ns
 * is left 0.
 *
 * ERR_INVALID  not such a message, or a field outside its range; names it
 * ERR_LIMIT    nested too deep, or the arena is full
 */
enum err_code codec_decode(struct request *out, const struct codec_method *m,
                           const uint8_t *msg, size_t len, struct arena *a,
                           struct err *err) MUST_CHECK;

/* Encode a reply into `a`; deterministic: equal replies give equal bytes. */
enum err_code codec_encode(const uint8_t **msg, size_t *len,
                           const struct reply *reply, struct arena *a,
                           struct err *err) MUST_CHECK;

#endif
