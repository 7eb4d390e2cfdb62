#ifndef GRPC_GRPC_REFLECTION_H
#define GRPC_GRPC_REFLECTION_H

#include "server/base/err.h"
#include "server/grpc/grpc_session.h"

/*
 * grpc.reflection.v1 and v1alpha: clients learn the contract from the server.
 *
 * Serves a FileDescriptorSet (protoc --include_imports --descriptor_set_out)
 * through an index of its files and symbols, built once.  A file is answered
 * together with all it imports.  Questions about extensions: an empty list for
 * a known message (none of ours is extended), NOT_FOUND else.
 *
 * source: grpc/doc/server-reflection.md; google/protobuf/descriptor.proto.
 */
struct grpc_reflection;

/* The set embedded by the build: Halftone's own services, health, reflection.
 */
extern const unsigned char grpc_descriptor_set[];
extern const size_t grpc_descriptor_set_len;

/*
 * `services`: NULL-terminated full names to list; borrowed, as `set` is.
 * ERR_INVALID: the set is malformed; ERR_INTERNAL: out of memory.
 */
enum err_code grpc_reflection_new(struct grpc_reflection **out,
                                  const uint8_t *set, size_t set_len,
                                  const char *const *services,
                                  struct err *err) MUST_CHECK;
void grpc_reflection_free(struct grpc_reflection *reflection);

/* The services (both versions) to give to sessions.  Borrows reflection. */
struct grpc_service grpc_reflection_service(struct grpc_reflection *reflection);

#endif
