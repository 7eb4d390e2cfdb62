#ifndef GRPC_CODEC_ANSWER_H
#define GRPC_CODEC_ANSWER_H

#include "server/query/reply.h"

/* What a question is answered, or would cost: one, or a batch under one
 * receipt.  As codec_encode, of the members of that name. */
enum err_code codec_answer_query(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err) MUST_CHECK;
enum err_code codec_answer_batch(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err) MUST_CHECK;
enum err_code codec_answer_estimate(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err) MUST_CHECK;

#endif
