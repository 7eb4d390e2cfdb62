#include "server/grpc/codec_arena.h"

static void *arena_take(void *arena, size_t size)
{
    return arena_alloc(arena, size, 1);
}

static void arena_keep(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

ProtobufCAllocator codec_allocator(struct arena *a)
{
    return (ProtobufCAllocator){ .alloc = arena_take,
                                 .free = arena_keep,
                                 .allocator_data = a };
}

const uint8_t *codec_pack(const ProtobufCMessage *message, size_t *len,
                          struct arena *a)
{
    *len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(a, *len ? *len : 1, 1);
    if (bytes)
        (void)protobuf_c_message_pack(message, bytes);
    return bytes;
}
