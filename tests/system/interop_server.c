/*
 * grpc.testing.TestService over our transport, with health, reflection and an
 * echo for benchmarks: the peer of the official interoperability client,
 * grpcurl and h2spec.  Never shipped.
 *
 * usage: interop_server [CERT KEY]
 * Listens on a free loopback port and prints it; ends at SIGTERM with a drain.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/interop.pb-c.h>

#include "server/grpc/grpc_health.h"
#include "server/grpc/grpc_reflection.h"
#include "server/grpc/grpc_wire.h"
#include "server/main/grpc_conn.h"

enum {
    ARENA_LEN = 16 * 1024 * 1024,
    PAYLOAD_MAX = 4 * 1024 * 1024,
    ECHO_LEN = 200,
};

/* Copy the two headers that the client wants to see again. */
static void echo_metadata(struct grpc_session *session,
                          const struct grpc_call *call)
{
    for (size_t i = 0; i < call->n_headers; i++)
        if (strcmp(call->headers[i].name, "x-grpc-test-echo-initial") == 0)
            (void)grpc_session_add_header(session, call->stream,
                                          call->headers[i]);
        else
            (void)grpc_session_add_trailer(session, call->stream,
                                           call->headers[i]);
}

/* True when the request asks for a status, which is then sent. */
static bool echo_status(struct grpc_session *session, int32_t stream,
                        const Grpc__Testing__EchoStatus *wanted)
{
    if (!wanted)
        return false;
    const struct grpc_status status = {
        .code = wanted->code,
        .message = wanted->message,
    };
    grpc_session_finish(session, stream, &status);
    return true;
}

static uint8_t *pack(struct arena *a, const ProtobufCMessage *m, size_t *len)
{
    uint8_t *buf = arena_alloc(a, 1, protobuf_c_message_get_packed_size(m) + 1);
    if (buf)
        *len = protobuf_c_message_pack(m, buf);
    return buf;
}

static bool payload_init(Grpc__Testing__Payload *payload, struct arena *a,
                         int32_t size)
{
    grpc__testing__payload__init(payload);
    payload->body.len = size > 0 && size <= PAYLOAD_MAX ? (size_t)size : 0;
    payload->body.data = arena_alloc(a, 1, payload->body.len + 1);
    return payload->body.data != NULL;
}

static void on_empty(void *ctx, struct grpc_session *session,
                     const struct grpc_call *call)
{
    (void)ctx;
    grpc_session_reply(session, call->stream, (struct grpc_bytes){ 0 });
}

static void unary(struct grpc_session *session, const struct grpc_call *call,
                  struct arena *a, const Grpc__Testing__SimpleRequest *q)
{
    Grpc__Testing__SimpleResponse reply = GRPC__TESTING__SIMPLE_RESPONSE__INIT;
    Grpc__Testing__Payload payload;
    size_t len = 0;
    echo_metadata(session, call);
    if (echo_status(session, call->stream, q->response_status))
        return;
    uint8_t *buf = NULL;
    if (payload_init(&payload, a, q->response_size)) {
        reply.payload = &payload;
        buf = pack(a, &reply.base, &len);
    }
    grpc_session_reply(session, call->stream,
                       (struct grpc_bytes){ .data = buf, .len = len });
}

static void output(struct grpc_session *session, const struct grpc_call *call,
                   struct arena *a,
                   const Grpc__Testing__StreamingOutputCallRequest *q)
{
    echo_metadata(session, call);
    for (size_t i = 0; i < q->n_response_parameters; i++) {
        Grpc__Testing__StreamingOutputCallResponse reply =
            GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
        Grpc__Testing__Payload payload;
        size_t len = 0;
        if (!payload_init(&payload, a, q->response_parameters[i]->size))
            return;
        reply.payload = &payload;
        uint8_t *buf = pack(a, &reply.base, &len);
        if (!grpc_session_send(session, call->stream,
                               (struct grpc_bytes){ .data = buf, .len = len }))
            return;
    }
    (void)echo_status(session, call->stream, q->response_status);
}

/* Sum of payload sizes so far, carried in the attached pointer's value. */
static void input(struct grpc_session *session, const struct grpc_call *call,
                  const Grpc__Testing__StreamingInputCallRequest *q)
{
    const uintptr_t sum = (uintptr_t)call->attached;
    grpc_session_attach(
        session, call->stream,
        (void *)(sum + (q->payload ? q->payload->body.len : 0)));
}

enum tag { TAG_EMPTY, TAG_UNARY, TAG_OUTPUT, TAG_DUPLEX, TAG_INPUT };

static const ProtobufCMessageDescriptor *type_of(unsigned tag)
{
    if (tag == TAG_UNARY)
        return &grpc__testing__simple_request__descriptor;
    if (tag == TAG_INPUT)
        return &grpc__testing__streaming_input_call_request__descriptor;
    return &grpc__testing__streaming_output_call_request__descriptor;
}

static void on_message(void *ctx, struct grpc_session *session,
                       const struct grpc_call *call)
{
    struct arena arena;
    struct err err;
    ProtobufCMessage *message;
    const unsigned tag = call->method->tag;
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)ctx;
    arena_init(&arena, ARENA_LEN);
    if (grpc_wire_unpack(&message, type_of(tag), &arena, call->message,
                         call->message_len, &err) != ERR_OK) {
        grpc_session_fail(session, call->stream, &err);
    } else if (tag == TAG_UNARY) {
        unary(session, call, &arena, (Grpc__Testing__SimpleRequest *)message);
    } else if (tag == TAG_INPUT) {
        input(session, call,
              (Grpc__Testing__StreamingInputCallRequest *)message);
    } else {
        output(session, call, &arena,
               (Grpc__Testing__StreamingOutputCallRequest *)message);
        if (tag == TAG_OUTPUT)
            grpc_session_finish(session, call->stream, &ok);
    }
    arena_fini(&arena);
}

static void on_duplex_end(void *ctx, struct grpc_session *session,
                          int32_t stream, void *attached)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)ctx;
    (void)attached;
    grpc_session_finish(session, stream, &ok);
}

static void on_input_end(void *ctx, struct grpc_session *session,
                         int32_t stream, void *attached)
{
    uint8_t buf[16];
    Grpc__Testing__StreamingInputCallResponse reply =
        GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;
    (void)ctx;
    reply.aggregated_payload_size = (int32_t)(uintptr_t)attached;
    const size_t len =
        grpc__testing__streaming_input_call_response__pack(&reply, buf);
    grpc_session_reply(session, stream,
                       (struct grpc_bytes){ .data = buf, .len = len });
}

/* A reply of fixed size, for benchmarks. */
static void on_echo(void *ctx, struct grpc_session *session,
                    const struct grpc_call *call)
{
    static uint8_t reply[ECHO_LEN] = { 0x0a, 0xc5, 0x01 };
    (void)ctx;
    grpc_session_reply(session, call->stream,
                       (struct grpc_bytes){ .data = reply, .len = ECHO_LEN });
}

#define TEST_SERVICE "/grpc.testing.TestService/"
static const struct grpc_method methods[] = {
    { .path = TEST_SERVICE "EmptyCall", .on_call = on_empty },
    { .path = TEST_SERVICE "UnaryCall",
      .tag = TAG_UNARY,
      .on_call = on_message },
    { .path = TEST_SERVICE "StreamingOutputCall",
      .kind = GRPC_SERVER_STREAM,
      .tag = TAG_OUTPUT,
      .on_call = on_message },
    { .path = TEST_SERVICE "FullDuplexCall",
      .kind = GRPC_BIDI,
      .tag = TAG_DUPLEX,
      .on_call = on_message,
      .on_end = on_duplex_end },
    { .path = TEST_SERVICE "StreamingInputCall",
      .kind = GRPC_BIDI,
      .tag = TAG_INPUT,
      .on_call = on_message,
      .on_end = on_input_end },
    { .path = "/bench.Echo/Echo", .on_call = on_echo },
};

static void on_term(void *ctx)
{
    const uint64_t grace_ns = UINT64_C(2000000000);
    net_server_drain(ctx, grace_ns);
}

static void on_hup(void *ctx)
{
    struct err err;
    if (net_server_reload_tls(ctx, &err) != ERR_OK)
        (void)fprintf(stderr, "%s\n", err.msg);
}

static enum err_code serve(const struct grpc_conn_options *grpc, char **tls,
                           struct err *err)
{
    const struct net_listener_options listener = {
        .host = "127.0.0.1",
        .tls = { .cert_file = tls ? tls[0] : NULL,
                 .key_file = tls ? tls[1] : NULL },
        .protocol = &grpc_conn_protocol,
        .protocol_ctx = (void *)(uintptr_t)grpc,
    };
    const struct net_server_options options = {
        .listeners = &listener,
        .n_listeners = 1,
    };
    struct net_server *server;
    TRY(net_server_new(&server, &options, err));
    TRY(net_server_on_signal(server, SIGTERM, on_term, server, err));
    TRY(net_server_on_signal(server, SIGHUP, on_hup, server, err));
    printf("%u\n", net_server_port(server, 0));
    (void)fflush(stdout);
    net_server_run(server);
    net_server_free(server);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    static const char *const services[] = {
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "halftone.v1.Halftone",
        NULL,
    };
    static const char *const keep[] = { "x-grpc-test-echo-initial",
                                        "x-grpc-test-echo-trailing-bin", NULL };
    struct grpc_health health;
    struct grpc_reflection *reflection;
    struct err err;
    grpc_health_init(&health, services);
    enum err_code code =
        grpc_reflection_new(&reflection, grpc_descriptor_set,
                            grpc_descriptor_set_len, services, &err);
    if (code == ERR_OK) {
        const struct grpc_service all[] = {
            { methods, sizeof methods / sizeof *methods, NULL },
            grpc_health_service(&health),
            grpc_reflection_service(reflection),
        };
        const struct grpc_conn_options grpc = {
            .services = all,
            .n_services = sizeof all / sizeof *all,
            .limits = { .max_message_len = PAYLOAD_MAX,
                        .max_buffered_len = 2 * PAYLOAD_MAX },
            .keep_headers = keep,
            .clock = clock_system(),
        };
        code = serve(&grpc, argc == 3 ? argv + 1 : NULL, &err);
    }
    if (code != ERR_OK)
        (void)fprintf(stderr, "interop_server: %s\n", err.msg);
    grpc_reflection_free(reflection);
    return code == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
