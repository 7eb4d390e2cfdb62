#ifndef GRPC_CODEC_DATASET_H
#define GRPC_CODEC_DATASET_H

#include "server/query/reply.h"

/* What is public about datasets.  As codec_encode; the one that is described is
 * the first of the reply's. */
enum err_code codec_dataset_list(const uint8_t **msg, size_t *len,
                                 const struct reply *reply, struct arena *a,
                                 struct err *err) MUST_CHECK;
enum err_code codec_dataset_one(const uint8_t **msg, size_t *len,
                                const struct reply *reply, struct arena *a,
                                struct err *err) MUST_CHECK;

#endif
