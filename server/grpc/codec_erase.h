#ifndef GRPC_CODEC_ERASE_H
#define GRPC_CODEC_ERASE_H

#include <protobuf-c/protobuf-c.h>

#include "server/query/reply.h"
#include "server/query/request.h"

/* Messages about erasure, for the tables of codec_request.c and codec_reply.c:
 * of halftone.v1.Consent the first two, of halftone.v1.Admin the others. */
typedef enum err_code codec_erase_in(struct request *out,
                                     const ProtobufCMessage *m, struct arena *a,
                                     struct err *err);
codec_erase_in codec_erase, codec_get_erasure, codec_list_erasures,
    codec_sign_erasures, codec_confirm_erasures, codec_run_erasures;

typedef enum err_code codec_erase_out(const uint8_t **msg, size_t *len,
                                      const struct reply *reply,
                                      struct arena *a, struct err *err);
codec_erase_out codec_erasure, codec_erasure_list, codec_signed_erasures,
    codec_erasure_counts;

#endif
