#ifndef GRPC_GRPC_WIRE_H
#define GRPC_GRPC_WIRE_H

#include <protobuf-c/protobuf-c.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * Untrusted protobuf bytes to a message in a request arena.
 *
 * protobuf-c 1.4's unpack recurses once per nested message (the stack ends
 * near 10,000 of them) and checks neither UTF-8 nor NUL in strings.  So the
 * bytes are walked first, without recursion, along the message's descriptor.
 *
 * source: protobuf encoding guide; proto3 language guide ("strings must always
 * contain UTF-8").
 */
enum {
    GRPC_WIRE_DEPTH_MAX = 100
}; /* messages within messages, as protobuf's */

/*
 * ERR_INVALID: a field is cut short, has a wrong wire type, is a group, or
 * holds a string that is not UTF-8 or has a NUL; the message names the field.
 * ERR_LIMIT: nested deeper than GRPC_WIRE_DEPTH_MAX.
 */
enum err_code grpc_wire_check(const ProtobufCMessageDescriptor *type,
                              const uint8_t *data, size_t len,
                              struct err *err) MUST_CHECK;

/*
 * Check, then unpack into the arena.  *out is freed with the arena.
 * As above; ERR_LIMIT also when the arena is exhausted.
 */
enum err_code grpc_wire_unpack(ProtobufCMessage **out,
                               const ProtobufCMessageDescriptor *type,
                               struct arena *arena, const uint8_t *data,
                               size_t len, struct err *err) MUST_CHECK;

#endif
