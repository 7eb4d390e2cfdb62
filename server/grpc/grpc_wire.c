#include "server/grpc/grpc_wire.h"

#include "server/base/reader.h"
#include "server/base/utf8.h"

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
};

/* One message being walked; `end` is where its bytes stop. */
struct level {
    const ProtobufCMessageDescriptor *type; /* NULL = unknown */
    const uint8_t *end;
};

static enum err_code cut_short(const struct level *at, struct err *err)
{
    return err_set(err, ERR_INVALID, "message %s is malformed: cut short",
                   at->type->name);
}

static bool is_numeric(const ProtobufCFieldDescriptor *f)
{
    return f->type != PROTOBUF_C_TYPE_STRING &&
           f->type != PROTOBUF_C_TYPE_BYTES &&
           f->type != PROTOBUF_C_TYPE_MESSAGE;
}

/* The wire type that a single value of the field has. */
static enum wire_type wire_of(const ProtobufCFieldDescriptor *f)
{
    if (!is_numeric(f))
        return WIRE_BYTES;
    if (f->type == PROTOBUF_C_TYPE_FIXED32 ||
        f->type == PROTOBUF_C_TYPE_SFIXED32 || f->type == PROTOBUF_C_TYPE_FLOAT)
        return WIRE_FIXED32;
    if (f->type == PROTOBUF_C_TYPE_FIXED64 ||
        f->type == PROTOBUF_C_TYPE_SFIXED64 ||
        f->type == PROTOBUF_C_TYPE_DOUBLE)
        return WIRE_FIXED64;
    return WIRE_VARINT;
}

/* Numbers of a repeated field may come packed. */
static bool wire_fits(const ProtobufCFieldDescriptor *f, unsigned wire)
{
    return wire == (unsigned)wire_of(f) ||
           (wire == WIRE_BYTES && is_numeric(f) &&
            f->label == PROTOBUF_C_LABEL_REPEATED);
}

/* Skip a value that is not length-delimited. */
static bool skip_number(struct reader *r, unsigned wire)
{
    switch (wire) {
    case WIRE_VARINT:
        (void)reader_varint(r);
        return true;
    case WIRE_FIXED64:
        (void)reader_take(r, 8);
        return true;
    case WIRE_FIXED32:
        (void)reader_take(r, 4);
        return true;
    default:
        return false; /* a group, or nothing known */
    }
}

/*
 * One field of the message at *top.  A message field opens a level instead of
 * a call, so the depth of the input never becomes the depth of our stack.
 */
static enum err_code walk_field(struct level **top, const struct level *last,
                                struct reader *r, struct err *err)
{
    const struct level *at = *top;
    const uint64_t key = reader_varint(r);
    const unsigned wire = (unsigned)(key & 7);
    if (r->short_read)
        return cut_short(at, err);
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return err_set(err, ERR_INVALID,
                       "message %s is malformed: no field has that number",
                       at->type->name);

    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field(at->type, (unsigned)(key >> 3));
    if (f && !wire_fits(f, wire))
        return err_set(err, ERR_INVALID, "field %s.%s has the wrong wire type",
                       at->type->name, f->name);
    if (wire != WIRE_BYTES) {
        if (!skip_number(r, wire))
            return err_set(err, ERR_INVALID,
                           "message %s is malformed: a group or unknown wire "
                           "type",
                           at->type->name);
        return r->short_read ? cut_short(at, err) : ERR_OK;
    }

    const uint64_t len = reader_varint(r);
    if (r->short_read || len > reader_left(r))
        return cut_short(at, err);
    if (f && f->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (*top == last)
            return err_set(err, ERR_LIMIT,
                           "field %s.%s is nested deeper than %d messages",
                           at->type->name, f->name, GRPC_WIRE_DEPTH_MAX);
        ++*top;
        **top = (struct level){ .type = f->descriptor, .end = r->pos + len };
        return ERR_OK;
    }
    const uint8_t *bytes = reader_take(r, (size_t)len);
    if (f && f->type == PROTOBUF_C_TYPE_STRING && len > 0 &&
        !utf8_is_text(bytes, (size_t)len))
        return err_set(err, ERR_INVALID,
                       "field %s.%s must be UTF-8 text without NUL",
                       at->type->name, f->name);
    return ERR_OK;
}

enum err_code grpc_wire_check(const ProtobufCMessageDescriptor *type,
                              const uint8_t *data, size_t len, struct err *err)
{
    struct level levels[GRPC_WIRE_DEPTH_MAX];
    struct level *top = levels;
    struct reader r = reader_of(data, len);
    *top = (struct level){ .type = type, .end = r.end };

    /* Invariant: r.pos <= top->end, and ends never grow towards the top. */
    for (;;) {
        r.end = top->end;
        if (r.pos < r.end)
            TRY(walk_field(&top, &levels[GRPC_WIRE_DEPTH_MAX - 1], &r, err));
        else if (top == levels)
            return ERR_OK;
        else
            top--;
    }
}

static void *take(void *arena, size_t size)
{
    return arena_alloc(arena, 1, size);
}

static void leave(void *arena, void *p)
{
    (void)arena; /* freed with the arena */
    (void)p;
}

enum err_code grpc_wire_unpack(ProtobufCMessage **out,
                               const ProtobufCMessageDescriptor *type,
                               struct arena *arena, const uint8_t *data,
                               size_t len, struct err *err)
{
    TRY(grpc_wire_check(type, data, len, err));
    ProtobufCAllocator allocator = {
        .alloc = take,
        .free = leave,
        .allocator_data = arena,
    };
    *out = protobuf_c_message_unpack(type, &allocator, len, data);
    if (!*out)
        return err_set(err, ERR_LIMIT, "message %s needs too much memory",
                       type->name);
    return ERR_OK;
}
