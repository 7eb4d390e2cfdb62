#include "clients/cli/client.h"

#include <string.h>
#include <time.h>

#include "clients/cli/token.h"
#include "clients/cli/transport.h"
#include "server/base/clock.h"

enum { BACKOFF_MS = 200, STREAM_ARENA = 16 << 20 };

enum err_code client_of(struct client *out, const struct options *o,
                        struct terminal *t, struct arena *a, struct err *err)
{
    *out = (struct client){ .ca = o->ca,
                            .plaintext = o->plaintext,
                            .timeout_ms = o->timeout_ms,
                            .terminal = t,
                            .doing = "waiting for the server" };
    if (o->timeout_ms == 0 && !o->watch)
        out->timeout_ms = CLIENT_TIMEOUT_MS;
    TRY(target_parse(&out->target, o->target ? o->target : TARGET_DEFAULT,
                     err));
    return token_of_options(&out->token, o, a, err);
}

static void *allocate(void *arena, size_t size)
{
    return arena_alloc(arena, 1, size);
}

static void release(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type,
                                const uint8_t *msg, size_t len, struct arena *a)
{
    ProtobufCAllocator alloc = { allocate, release, a };
    return protobuf_c_message_unpack(type, &alloc, len, msg);
}

/* What a running call needs at hand when a message comes. */
struct receiver {
    const struct client_method *method;
    struct arena *arena;
    client_reply_fn *on_reply; /* NULL: keep the only one in `reply` */
    void *ctx;
    ProtobufCMessage *reply;
    struct terminal *terminal;
};

static enum err_code on_message(void *ctx, const uint8_t *msg, size_t len,
                                struct err *err)
{
    struct receiver *r = ctx;
    if (r->reply && !r->on_reply)
        return err_set(err, ERR_INTERNAL, "the server sent two replies");
    ProtobufCMessage *reply = unpack(r->method->reply, msg, len, r->arena);
    if (!reply)
        return err_set(err, ERR_INTERNAL,
                       "the server's reply is no %s, or too large",
                       r->method->reply->name);
    if (!r->on_reply) {
        r->reply = reply;
        return ERR_OK;
    }
    terminal_rest(r->terminal);
    const enum err_code code = r->on_reply(r->ctx, reply, err);
    arena_reset(r->arena);
    return code;
}

struct attempt {
    struct client *client;
    struct call_request request;
    uint64_t deadline_ns; /* monotonic; 0 = none */
};

static void on_tick(void *ctx)
{
    struct client *c = ctx;
    terminal_spin(c->terminal, c->doing);
}

/* One connection, one call.  *again says whether another try may help. */
static enum err_code try_once(struct attempt *at, struct receiver *r,
                              bool *again, struct err *err)
{
    struct client *c = at->client;
    struct transport t = { .target = c->target,
                           .ca = c->ca,
                           .plaintext = c->plaintext,
                           .deadline_ns = at->deadline_ns,
                           .tick = on_tick,
                           .tick_ctx = c };
    struct call call;
    enum err_code code = call_init(&call, &at->request, on_message, r, err);
    if (code == ERR_OK)
        code = transport_run(&t, &call, err);
    if (code == ERR_OK)
        code = call_result(&call, err);
    if (code == ERR_UNAUTHENTICATED && !c->token)
        code = err_hint(err, "--token-file FILE or HALFTONE_TOKEN gives the "
                             "token that the steward issued");
    call_fini(&call);
    terminal_rest(c->terminal);
    c->reached |= t.connected;
    *again = code == ERR_UNAVAILABLE && t.connected && !r->reply;
    if (code == ERR_OK && !r->on_reply && !r->reply)
        code = err_set(err, ERR_INTERNAL, "the server sent no reply");
    return code;
}

static enum err_code begin(struct attempt *at, struct client *c,
                           const struct client_method *m,
                           const ProtobufCMessage *request, struct arena *a,
                           struct err *err)
{
    const size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *body = arena_alloc(a, len + 1, 1);
    if (!body)
        return err_set(err, ERR_LIMIT, "the request is too large");
    (void)protobuf_c_message_pack(request, body);
    *at = (struct attempt){
        .client = c,
        .request = { .authority = c->target.authority,
                     .path = m->path,
                     .tls = !c->plaintext,
                     .token = c->token,
                     .timeout_ms = c->timeout_ms,
                     .body = body,
                     .body_len = len },
    };
    if (c->timeout_ms > 0)
        at->deadline_ns =
            clock_mono_ns(clock_system()) + c->timeout_ms * 1000000;
    return ERR_OK;
}

/* False when the deadline leaves no room for the pause. */
static bool pause_before(const struct attempt *at, unsigned tries)
{
    const uint64_t pause_ns = (uint64_t)BACKOFF_MS * 1000000 << 2 * tries;
    const struct timespec pause = { .tv_sec = (time_t)(pause_ns / 1000000000),
                                    .tv_nsec = (long)(pause_ns % 1000000000) };
    if (at->deadline_ns &&
        clock_mono_ns(clock_system()) + pause_ns >= at->deadline_ns)
        return false;
    return nanosleep(&pause, NULL) == 0;
}

enum err_code client_call(struct client *c, const struct client_method *m,
                          const ProtobufCMessage *request,
                          ProtobufCMessage **reply, struct arena *a,
                          struct err *err)
{
    struct attempt at;
    struct receiver r = { .method = m, .arena = a, .terminal = c->terminal };
    TRY(begin(&at, c, m, request, a, err));
    bool again = true;
    enum err_code code = ERR_UNAVAILABLE;
    const unsigned most = c->once ? 1 : CLIENT_TRIES;
    for (unsigned tries = 0; again && tries < most; tries++) {
        if (tries > 0 && !pause_before(&at, tries - 1))
            break;
        code = try_once(&at, &r, &again, err);
    }
    *reply = r.reply;
    return code;
}

enum err_code client_stream(struct client *c, const struct client_method *m,
                            const ProtobufCMessage *request,
                            client_reply_fn *on_reply, void *ctx,
                            struct arena *a, struct err *err)
{
    struct attempt at;
    struct arena replies;
    bool again;
    TRY(begin(&at, c, m, request, a, err));
    arena_init(&replies, STREAM_ARENA);
    struct receiver r = { .method = m,
                          .arena = &replies,
                          .on_reply = on_reply,
                          .ctx = ctx,
                          .terminal = c->terminal };
    const enum err_code code = try_once(&at, &r, &again, err);
    arena_fini(&replies);
    return code;
}
