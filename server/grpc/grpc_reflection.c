#include "server/grpc/grpc_reflection.h"

#include <grpc/reflection/v1/reflection.pb-c.h>
#include <stdlib.h>

#include "server/grpc/grpc_symbols.h"
#include "server/grpc/grpc_wire.h"

/*
 * v1 and v1alpha have the same bytes on the wire: one implementation, of v1,
 * serves both.
 */
typedef Grpc__Reflection__V1__ServerReflectionRequest request_pb;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_pb;

enum {
    INDEX_ARENA = 4 * 1024 * 1024, /* a cap; taken as needed */
    ANSWER_ARENA = 1024 * 1024,
};

struct grpc_reflection {
    struct arena arena; /* of the index */
    struct grpc_symbols symbols;
    const char *const *services;
};

enum err_code grpc_reflection_new(struct grpc_reflection **out,
                                  const uint8_t *set, size_t set_len,
                                  const char *const *services, struct err *err)
{
    *out = NULL;
    struct grpc_reflection *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, ERR_INTERNAL, "out of memory");
    arena_init(&r->arena, INDEX_ARENA);
    r->services = services;
    const enum err_code code =
        grpc_symbols_read(&r->symbols, &r->arena, set, set_len, err);
    if (code != ERR_OK)
        grpc_reflection_free(r);
    else
        *out = r;
    return code;
}

void grpc_reflection_free(struct grpc_reflection *reflection)
{
    if (!reflection)
        return;
    arena_fini(&reflection->arena);
    free(reflection);
}

/* --- answers; false = out of memory --- */

static bool answer_error(response_pb *out, struct arena *a, int code,
                         const char *text)
{
    Grpc__Reflection__V1__ErrorResponse *e =
        ARENA_NEW(a, Grpc__Reflection__V1__ErrorResponse);
    if (!e)
        return false;
    grpc__reflection__v1__error_response__init(e);
    e->error_code = code;
    e->error_message = (char *)(uintptr_t)text;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    out->error_response = e;
    return true;
}

/* A file and all it imports, each once, the file first. */
static bool answer_file(response_pb *out, struct arena *a,
                        const struct grpc_symbols *s, size_t file)
{
    Grpc__Reflection__V1__FileDescriptorResponse *f =
        ARENA_NEW(a, Grpc__Reflection__V1__FileDescriptorResponse);
    size_t *queue = ARENA_NEW_N(a, s->n_files, size_t);
    bool *seen = ARENA_NEW_N(a, s->n_files, bool);
    ProtobufCBinaryData *data = ARENA_NEW_N(a, s->n_files, ProtobufCBinaryData);
    if (!f || !queue || !seen || !data)
        return false;
    grpc__reflection__v1__file_descriptor_response__init(f);
    size_t n = 0;
    queue[n++] = file;
    seen[file] = true;
    for (size_t i = 0; i < n; i++) {
        const struct grpc_file *from = &s->files[queue[i]];
        data[i].data = (uint8_t *)(uintptr_t)from->data;
        data[i].len = from->len;
        for (size_t j = 0; j < from->n_imports; j++) {
            if (seen[from->imports[j]])
                continue;
            seen[from->imports[j]] = true;
            queue[n++] = from->imports[j];
        }
    }
    f->file_descriptor_proto = data;
    f->n_file_descriptor_proto = n;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    out->file_descriptor_response = f;
    return true;
}

static bool answer_services(response_pb *out, struct arena *a,
                            const char *const *services)
{
    size_t n = 0;
    while (services[n])
        n++;
    Grpc__Reflection__V1__ListServiceResponse *l =
        ARENA_NEW(a, Grpc__Reflection__V1__ListServiceResponse);
    Grpc__Reflection__V1__ServiceResponse *each =
        ARENA_NEW_N(a, n + 1, Grpc__Reflection__V1__ServiceResponse);
    Grpc__Reflection__V1__ServiceResponse **list =
        ARENA_NEW_N(a, n + 1, Grpc__Reflection__V1__ServiceResponse *);
    if (!l || !each || !list)
        return false;
    grpc__reflection__v1__list_service_response__init(l);
    for (size_t i = 0; i < n; i++) {
        grpc__reflection__v1__service_response__init(&each[i]);
        each[i].name = (char *)(uintptr_t)services[i];
        list[i] = &each[i];
    }
    l->service = list;
    l->n_service = n;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    out->list_services_response = l;
    return true;
}

/* None of our messages is extended; an unknown one cannot be asked about. */
static bool answer_extensions(response_pb *out, struct arena *a,
                              const struct grpc_symbols *s, char *type)
{
    const struct grpc_symbol *symbol = grpc_symbols_find(s, type);
    if (!symbol || !symbol->is_message)
        return answer_error(out, a, GRPC_NOT_FOUND, "no such message type");
    Grpc__Reflection__V1__ExtensionNumberResponse *e =
        ARENA_NEW(a, Grpc__Reflection__V1__ExtensionNumberResponse);
    if (!e)
        return false;
    grpc__reflection__v1__extension_number_response__init(e);
    e->base_type_name = type;
    out->message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
    out->all_extension_numbers_response = e;
    return true;
}

static bool answer(response_pb *out, struct arena *a,
                   const struct grpc_reflection *r, const request_pb *q)
{
    const struct grpc_symbols *s = &r->symbols;
    const struct grpc_file *file;
    const struct grpc_symbol *symbol;
    switch (q->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        file = grpc_symbols_file(s, q->file_by_filename);
        return file ? answer_file(out, a, s, (size_t)(file - s->files))
                    : answer_error(out, a, GRPC_NOT_FOUND, "no such file");
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        symbol = grpc_symbols_find(s, q->file_containing_symbol);
        return symbol ? answer_file(out, a, s, symbol->file)
                      : answer_error(out, a, GRPC_NOT_FOUND, "no such symbol");
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        return answer_error(out, a, GRPC_NOT_FOUND, "no such extension");
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        return answer_extensions(out, a, s, q->all_extension_numbers_of_type);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        return answer_services(out, a, r->services);
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST__NOT_SET:
    case _GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST__CASE_IS_INT_SIZE:
        break;
    }
    return answer_error(out, a, GRPC_INVALID_ARGUMENT,
                        "the request asks for nothing this server knows");
}

/* Answer one question within the arena. */
static enum err_code reply_to(struct grpc_session *session,
                              const struct grpc_call *call,
                              const struct grpc_reflection *r, struct arena *a,
                              struct err *err)
{
    ProtobufCMessage *message;
    TRY(grpc_wire_unpack(
        &message, &grpc__reflection__v1__server_reflection_request__descriptor,
        a, call->message, call->message_len, err));

    request_pb *question = (request_pb *)message;
    response_pb reply = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    reply.valid_host = question->host;
    reply.original_request = question;
    uint8_t *buf = NULL;
    size_t len = 0;
    if (answer(&reply, a, r, question)) {
        len = grpc__reflection__v1__server_reflection_response__get_packed_size(
            &reply);
        buf = arena_alloc(a, 1, len);
    }
    if (!buf)
        return err_set(err, ERR_LIMIT, "the question needs too much memory");
    (void)grpc__reflection__v1__server_reflection_response__pack(&reply, buf);
    (void)grpc_session_send(session, call->stream,
                            (struct grpc_bytes){ .data = buf, .len = len });
    return ERR_OK;
}

static void on_question(void *ctx, struct grpc_session *session,
                        const struct grpc_call *call)
{
    struct arena arena;
    struct err err;
    arena_init(&arena, ANSWER_ARENA);
    if (reply_to(session, call, ctx, &arena, &err) != ERR_OK)
        grpc_session_fail(session, call->stream, &err);
    arena_fini(&arena);
}

static void on_end(void *ctx, struct grpc_session *session, int32_t stream,
                   void *attached)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)ctx;
    (void)attached;
    grpc_session_finish(session, stream, &ok);
}

static void on_drain(void *ctx, struct grpc_session *session, int32_t stream,
                     void *attached)
{
    const struct grpc_status end = {
        .code = GRPC_UNAVAILABLE,
        .message = "the server is shutting down",
    };
    (void)ctx;
    (void)attached;
    grpc_session_finish(session, stream, &end);
}

struct grpc_service grpc_reflection_service(struct grpc_reflection *reflection)
{
    static const struct grpc_method methods[] = {
        { .path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
          .kind = GRPC_BIDI,
          .on_call = on_question,
          .on_end = on_end,
          .on_drain = on_drain },
        { .path =
              "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
          .kind = GRPC_BIDI,
          .on_call = on_question,
          .on_end = on_end,
          .on_drain = on_drain },
    };
    return (struct grpc_service){
        .methods = methods,
        .n_methods = sizeof methods / sizeof *methods,
        .ctx = reflection,
    };
}
