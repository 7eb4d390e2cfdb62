#include "server/grpc/grpc_health.h"

#include <grpc/health/v1/health.pb-c.h>
#include <string.h>

#include "server/grpc/grpc_wire.h"

enum {
    REQUEST_ARENA = 4096,
    STATUS_LEN = 2, /* field 1, one byte of varint */
};

void grpc_health_init(struct grpc_health *health, const char *const *services)
{
    health->services = services;
    atomic_init(&health->serving, true);
}

static int status_of(const struct grpc_health *health, const char *service)
{
    bool is_known = *service == '\0';
    for (const char *const *s = health->services; *s && !is_known; s++)
        is_known = strcmp(*s, service) == 0;
    if (!is_known)
        return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    return atomic_load(&health->serving)
               ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
               : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

/* Print a HealthCheckResponse; `buf` has STATUS_LEN bytes. */
static struct grpc_bytes print(uint8_t *buf, int status)
{
    Grpc__Health__V1__HealthCheckResponse reply =
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    reply.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    const size_t len =
        grpc__health__v1__health_check_response__pack(&reply, buf);
    return (struct grpc_bytes){ .data = buf, .len = len };
}

/* The status of the service a request names; fails the call when malformed. */
static bool parse(int *status, const struct grpc_health *health,
                  struct grpc_session *session, const struct grpc_call *call)
{
    struct arena arena;
    struct err err;
    ProtobufCMessage *message;
    arena_init(&arena, REQUEST_ARENA + call->message_len);
    const enum err_code code = grpc_wire_unpack(
        &message, &grpc__health__v1__health_check_request__descriptor, &arena,
        call->message, call->message_len, &err);
    if (code == ERR_OK)
        *status = status_of(
            health, ((Grpc__Health__V1__HealthCheckRequest *)message)->service);
    else
        grpc_session_fail(session, call->stream, &err);
    arena_fini(&arena);
    return code == ERR_OK;
}

static void on_check(void *ctx, struct grpc_session *session,
                     const struct grpc_call *call)
{
    uint8_t buf[STATUS_LEN];
    int status;
    if (!parse(&status, ctx, session, call))
        return;
    if (status ==
        GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN) {
        struct err err;
        err_set(&err, ERR_NOT_FOUND, "this server has no such service");
        grpc_session_fail(session, call->stream, &err);
        return;
    }
    grpc_session_reply(session, call->stream, print(buf, status));
}

static void on_watch(void *ctx, struct grpc_session *session,
                     const struct grpc_call *call)
{
    uint8_t buf[STATUS_LEN];
    int status;
    if (parse(&status, ctx, session, call))
        (void)grpc_session_send(session, call->stream, print(buf, status));
}

static void on_drain(void *ctx, struct grpc_session *session, int32_t stream,
                     void *attached)
{
    uint8_t buf[STATUS_LEN];
    const struct grpc_status end = {
        .code = GRPC_UNAVAILABLE,
        .message = "the server is shutting down",
    };
    (void)ctx;
    (void)attached;
    (void)grpc_session_send(
        session, stream,
        print(
            buf,
            GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING));
    grpc_session_finish(session, stream, &end);
}

struct grpc_service grpc_health_service(struct grpc_health *health)
{
    static const struct grpc_method methods[] = {
        { .path = "/grpc.health.v1.Health/Check",
          .kind = GRPC_UNARY,
          .on_call = on_check },
        { .path = "/grpc.health.v1.Health/Watch",
          .kind = GRPC_SERVER_STREAM,
          .on_call = on_watch,
          .on_drain = on_drain },
    };
    return (struct grpc_service){
        .methods = methods,
        .n_methods = sizeof methods / sizeof *methods,
        .ctx = health,
    };
}
