#include "tests/lib_grpc.h"

#include <string.h>

#include "tests/table.h"

static void on_cancel(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    struct owner *o = ctx;
    (void)s;
    (void)id;
    (void)att;
    o->cancels++;
}

static enum err_code admit(void *ctx, struct grpc_session *s,
                           const struct grpc_call *call, struct err *err)
{
    (void)ctx;
    (void)s;
    assert_int_equal(call->message_len, 0);
    return strcmp(call->authorization, "let me in") == 0
               ? ERR_OK
               : err_set(err, ERR_UNAUTHENTICATED, "who?");
}

static void on_echo(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct owner *o = ctx;
    o->calls++;
    o->last = call->stream;
    o->message_len = call->message_len;
    o->deadline_ns = call->deadline_ns;
    o->was_noted = call->memo->version == 1 && call->memo->what == o;
    *call->memo = (struct grpc_memo){ o, 1 };
    (void)strncpy(o->authorization, call->authorization,
                  sizeof o->authorization - 1);
    if (!o->hold)
        grpc_session_reply(s, call->stream,
                           (struct grpc_bytes){ .data = call->message,
                                                .len = call->message_len });
}

static void on_fail(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct err err;
    (void)ctx;
    err_set(&err, ERR_BUDGET, "not 100%% left\n");
    err_hint(&err, "ask for less");
    err_at(&err, 3, 14);
    grpc_session_fail(s, call->stream, &err);
}

static void on_big(void *ctx, struct grpc_session *s,
                   const struct grpc_call *call)
{
    static uint8_t big[BIG];
    (void)ctx;
    grpc_session_reply(s, call->stream,
                       (struct grpc_bytes){ .data = big, .len = BIG });
}

static void on_stream(void *ctx, struct grpc_session *s,
                      const struct grpc_call *call)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)ctx;
    for (int i = 0; i < 3; i++)
        if (!grpc_session_send(s, call->stream,
                               (struct grpc_bytes){ .data = "abc", .len = 3 }))
            return;
    grpc_session_finish(s, call->stream, &ok);
}

static void on_each(void *ctx, struct grpc_session *s,
                    const struct grpc_call *call)
{
    struct owner *o = ctx;
    o->calls++;
    (void)grpc_session_send(
        s, call->stream,
        (struct grpc_bytes){ .data = call->message, .len = call->message_len });
}

static void on_end(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    const struct grpc_status ok = { .code = GRPC_OK };
    (void)att;
    ((struct owner *)ctx)->ends++;
    grpc_session_finish(s, id, &ok);
}

static void on_drain(void *ctx, struct grpc_session *s, int32_t id, void *att)
{
    const struct grpc_status end = { .code = GRPC_UNAVAILABLE };
    (void)att;
    ((struct owner *)ctx)->drains++;
    grpc_session_finish(s, id, &end);
}

static const struct grpc_method methods[] = {
    { .path = "/t/Echo", .on_call = on_echo, .on_cancel = on_cancel },
    { .path = "/t/Guarded",
      .admit = admit,
      .on_call = on_echo,
      .on_cancel = on_cancel },
    { .path = "/t/Fail", .on_call = on_fail },
    { .path = "/t/Big", .on_call = on_big },
    { .path = "/t/Stream", .kind = GRPC_SERVER_STREAM, .on_call = on_stream },
    { .path = "/t/Bidi",
      .kind = GRPC_BIDI,
      .on_call = on_each,
      .on_end = on_end,
      .on_cancel = on_cancel,
      .on_drain = on_drain },
};

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    h2_clock_init(&w->clock);
    w->service =
        (struct grpc_service){ methods, sizeof methods / sizeof *methods,
                               &w->owner };
    const struct grpc_session_options options = {
        .services = &w->service,
        .n_services = 1,
        .limits = { .max_message_len = MESSAGE_LIMIT,
                    .max_header_len = HEADER_LIMIT,
                    .max_queued_len = QUEUED_LIMIT,
                    .max_replies_len = REPLIES_LIMIT,
                    .request_ns = 5 * (uint64_t)SECOND,
                    .stall_ns = 5 * (uint64_t)SECOND,
                    .frame_burst = 50,
                    .reset_burst = 20 },
        .clock = &w->clock.clock,
    };
    w->session = grpc_session_new(&options);
    assert_non_null(w->session);
    h2_client_init(&w->client, w->session);
}

void world_fini(struct world *w)
{
    if (w->session)
        grpc_session_free(w->session);
    h2_client_fini(&w->client);
}
