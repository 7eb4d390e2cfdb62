#ifndef GRPC_CODEC_ARENA_H
#define GRPC_CODEC_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * protobuf-c over a request arena: its allocator, and what every encoder of a
 * reply needs.
 */

/* Freeing is the arena's reset. */
ProtobufCAllocator codec_allocator(struct arena *a);

/* Pack into the arena.  ERR_LIMIT: it is full. */
enum err_code codec_pack(const uint8_t **msg, size_t *len,
                         const ProtobufCMessage *message, struct arena *a,
                         struct err *err) MUST_CHECK;

/* ERR_LIMIT: the reply has no room in its arena. */
enum err_code codec_full(struct err *err);

/* protobuf-c's strings are not const, although packing only reads them; NULL is
 * the empty one. */
static inline char *codec_text(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

/* n messages, and the array of pointers to them that protobuf-c wants. */
#define CODEC_NEW_LIST(list, n, items, a)                                      \
    ((list) = arena_alloc((a), (n), sizeof *(list)),                           \
     (items) = arena_alloc((a), (n), sizeof *(items)), (list) && (items))

#endif
