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

enum err_code codec_full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

enum err_code codec_pack(const uint8_t **msg, size_t *len,
                         const ProtobufCMessage *message, struct arena *a,
                         struct err *err)
{
    *len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(a, *len ? *len : 1, 1);
    *msg = bytes;
    if (!bytes)
        return codec_full(err);
    (void)protobuf_c_message_pack(message, bytes);
    return ERR_OK;
}
