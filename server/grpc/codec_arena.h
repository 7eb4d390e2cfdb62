#ifndef GRPC_CODEC_ARENA_H
#define GRPC_CODEC_ARENA_H

#include <protobuf-c/protobuf-c.h>

#include "server/base/arena.h"

/* protobuf-c's allocator over a request arena; freeing is the arena's reset. */
ProtobufCAllocator codec_allocator(struct arena *a);

/* Pack into the arena; NULL when it is full. */
const uint8_t *codec_pack(const ProtobufCMessage *message, size_t *len,
                          struct arena *a);

#endif
