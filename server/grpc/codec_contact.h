#ifndef GRPC_CODEC_CONTACT_H
#define GRPC_CODEC_CONTACT_H

#include <protobuf-c/protobuf-c.h>

#include "server/query/reply.h"
#include "server/query/request.h"

/* Messages of halftone.v1.Contact, for the tables of codec_request.c and
 * codec_reply.c. */
enum err_code codec_contact_choose(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err) MUST_CHECK;
enum err_code codec_contact_may(struct request *out, const ProtobufCMessage *m,
                                struct arena *a, struct err *err) MUST_CHECK;
enum err_code codec_contact_answer(const uint8_t **msg, size_t *len,
                                   const struct reply *reply, struct arena *a,
                                   struct err *err) MUST_CHECK;

#endif
