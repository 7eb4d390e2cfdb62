#ifndef GRPC_CODEC_AUDIT_H
#define GRPC_CODEC_AUDIT_H

#include <protobuf-c/protobuf-c.h>

#include "server/query/reply.h"
#include "server/query/request.h"

/* Messages of halftone.v1.Audit; as the functions of codec.h. */
enum err_code codec_audit_list(struct request *out, const ProtobufCMessage *m,
                               struct arena *a, struct err *err) MUST_CHECK;
enum err_code codec_audit_prove(struct request *out, const ProtobufCMessage *m,
                                struct arena *a, struct err *err) MUST_CHECK;

enum err_code codec_audit_checkpoint(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err) MUST_CHECK;
enum err_code codec_audit_entries(const uint8_t **msg, size_t *len,
                                  const struct reply *reply, struct arena *a,
                                  struct err *err) MUST_CHECK;
enum err_code codec_audit_proof(const uint8_t **msg, size_t *len,
                                const struct reply *reply, struct arena *a,
                                struct err *err) MUST_CHECK;

#endif
