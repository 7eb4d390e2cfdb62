#ifndef GRPC_CODEC_CONSENT_H
#define GRPC_CODEC_CONSENT_H

#include <protobuf-c/protobuf-c.h>

#include "server/query/reply.h"
#include "server/query/request.h"

/* Messages of halftone.v1.Consent, for the tables of codec_request.c and
 * codec_reply.c. */
enum err_code codec_consent_grant(struct request *out,
                                  const ProtobufCMessage *m, struct arena *a,
                                  struct err *err) MUST_CHECK;
enum err_code codec_consent_withdraw(struct request *out,
                                     const ProtobufCMessage *m, struct arena *a,
                                     struct err *err) MUST_CHECK;
enum err_code codec_consent_object(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err) MUST_CHECK;
enum err_code codec_consent_expire(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err) MUST_CHECK;
enum err_code codec_consent_mark(struct request *out, const ProtobufCMessage *m,
                                 struct arena *a, struct err *err) MUST_CHECK;
enum err_code codec_consent_import(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err) MUST_CHECK;
enum err_code codec_consent_imported(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err) MUST_CHECK;
enum err_code codec_consent_signal(struct request *out,
                                   const ProtobufCMessage *m, struct arena *a,
                                   struct err *err) MUST_CHECK;
enum err_code codec_consent_get_history(struct request *out,
                                        const ProtobufCMessage *m,
                                        struct arena *a,
                                        struct err *err) MUST_CHECK;
enum err_code codec_consent_get_receipt(struct request *out,
                                        const ProtobufCMessage *m,
                                        struct arena *a,
                                        struct err *err) MUST_CHECK;
enum err_code codec_consent_check_receipt(struct request *out,
                                          const ProtobufCMessage *m,
                                          struct arena *a,
                                          struct err *err) MUST_CHECK;
enum err_code codec_consent_signalled(const uint8_t **msg, size_t *len,
                                      const struct reply *reply,
                                      struct arena *a,
                                      struct err *err) MUST_CHECK;
enum err_code codec_consent_history(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code codec_consent_receipt(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code codec_consent_checked(const uint8_t **msg, size_t *len,
                                    const struct reply *reply, struct arena *a,
                                    struct err *err) MUST_CHECK;
enum err_code codec_consent_recorded(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err) MUST_CHECK;

#endif
