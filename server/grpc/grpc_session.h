#ifndef GRPC_GRPC_SESSION_H
#define GRPC_GRPC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/clock.h"
#include "server/base/err.h"
#include "server/grpc/grpc_status.h"

/*
 * The server's side of one gRPC connection: HTTP/2 bytes in, calls out;
 * replies in, HTTP/2 bytes out.  No sockets, no threads.
 *
 *   bytes -> grpc_session_recv -> method.on_call ... grpc_session_reply
 *   bytes <- grpc_session_pull <------------------'      or _fail
 *
 *   life of a call
 *   HEADERS -> BODY -> CALLED -> REPLYING -> closed
 *                         '-- reset, deadline, connection gone: on_cancel
 *
 * - A call is named by its stream id, unique for the life of the session; ids
 *   of calls that are over are simply not found (replying to one does nothing).
 * - After on_call exactly one thing ends the call: the owner's reply, finish or
 *   fail, or on_cancel.  After on_cancel, and after grpc_session_free, no
 *   function of the owner is called for it.
 * - Functions that reply may be called from within callbacks or later; output
 *   is to be fetched with grpc_session_pull afterwards.
 *
 * source: RFC 9113; gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md).
 */
struct grpc_session;

/* Metadata: name in lower case, value as on the wire ("-bin" in base64). */
struct grpc_header {
    const char *name;
    const char *value;
    size_t value_len; /* bytes */
};

enum grpc_kind {
    GRPC_UNARY,         /* one message, one reply */
    GRPC_SERVER_STREAM, /* one message, many replies */
    GRPC_BIDI,          /* many, many; on_call runs for each message */
};

/*
 * What the owner noted about a connection's authorization header: of the owner
 * alone, zeroed whenever a call brings another header than the call before it.
 */
struct grpc_memo {
    const void *what;
    uint64_t version;
};

/* What a method gets.  Borrowed until on_call returns. */
struct grpc_call {
    const struct grpc_method *method;
    int32_t stream;
    const uint8_t *message;
    size_t message_len;        /* bytes */
    const char *authorization; /* header, NUL-terminated, or "" */
    struct grpc_memo *memo;    /* about that header, never NULL */
    uint64_t deadline_ns;      /* monotonic, of the session's clock; 0 = none.
                                  grpc_session_tick ends calls past it */
    const struct grpc_header *headers; /* those in options.keep_headers */
    size_t n_headers;
    void *attached; /* grpc_session_attach; NULL at first */
};

struct grpc_method {
    const char *path; /* "/halftone.v1.Halftone/Query" */
    enum grpc_kind kind;
    unsigned tag; /* the owner's */

    /* The head of a call came, and no message yet: may it go on?  If not, it
     * fails with this error, and on_call never hears of it.  NULL: yes. */
    enum err_code (*admit)(void *ctx, struct grpc_session *session,
                           const struct grpc_call *call, struct err *err);
    /* A complete message.  UNARY and SERVER_STREAM: the call, once. */
    void (*on_call)(void *ctx, struct grpc_session *session,
                    const struct grpc_call *call);
    /* BIDI alone: the client sent its last message; finish it.  May be NULL. */
    void (*on_end)(void *ctx, struct grpc_session *session, int32_t stream,
                   void *attached);
    /* The call is over and not by your doing.  NULL when nothing is to undo. */
    void (*on_cancel)(void *ctx, struct grpc_session *session, int32_t stream,
                      void *attached);
    /* The server drains: finish long calls (a watch) soon.  May be NULL. */
    void (*on_drain)(void *ctx, struct grpc_session *session, int32_t stream,
                     void *attached);
};

/* Methods that share an owner.  All borrowed for the session's life. */
struct grpc_service {
    const struct grpc_method *methods;
    size_t n_methods;
    void *ctx; /* first argument of its methods' functions */
};

/*
 * What is served to a GET beside the calls: a small page, at once, on the
 * loop's thread.  `path` is as the client wrote it, NUL-terminated; fill *out,
 * whose bytes are borrowed until the function is called again on this thread.
 */
struct grpc_page {
    const char *status; /* "200", "404", ... */
    const char *type;   /* of the content */
    const void *data;
    size_t len; /* bytes */
};
typedef void grpc_get_fn(void *ctx, const char *path, struct grpc_page *out);

/* 0 = the default in brackets. */
struct grpc_limits {
    uint32_t max_streams;      /* [100] at once on a connection */
    uint32_t max_header_len;   /* [16 KiB] sum of name + value + 32 */
    uint32_t max_message_len;  /* [256 KiB] of one request message */
    uint32_t max_buffered_len; /* [1 MiB] of all unfinished requests together */
    uint32_t max_queued_len;   /* [1 MiB] unsent messages of all streaming calls
                                  together */
    uint64_t max_replies_len;  /* [64 MiB] unsent replies of all unary calls
                                  together; a lone one may have any size */
    uint64_t request_ns; /* [30 s] from a call's HEADERS to its last byte */
    uint64_t stall_ns;   /* [60 s] a reply waits for flow control */
    uint32_t frame_burst, frame_rate; /* [1000, 100/s] frames beyond what calls
                                 need: of any type, known or not; DATA that
                                 carries next to nothing.  Replies earn some */
    uint32_t reset_burst, reset_rate; /* [200, 20/s] calls the peer resets */
};

struct grpc_session_options {
    const struct grpc_service *services; /* borrowed */
    size_t n_services;
    struct grpc_limits limits;
    const char *const *keep_headers; /* NULL-terminated names, borrowed; or
                                        NULL.  At most GRPC_KEEP_MAX */
    grpc_get_fn *on_get;             /* NULL: every GET is refused */
    void *get_ctx;
    struct clock *clock; /* borrowed */
    void *user;          /* grpc_session_user */
};
enum { GRPC_KEEP_MAX = 4 };

/* NULL when out of memory.  The options are copied, save what is borrowed. */
struct grpc_session *
grpc_session_new(const struct grpc_session_options *options);

/* on_cancel runs for each call under way, then everything is freed. */
void grpc_session_free(struct grpc_session *session);

void *grpc_session_user(const struct grpc_session *session);

/*
 * Input, consumed whole.  False: the peer broke the protocol or a limit; send
 * what pull() has (a GOAWAY that names the reason) and close.
 */
bool grpc_session_recv(struct grpc_session *session, const uint8_t *data,
                       size_t len);

/* Write up to cap bytes of output to buf; returns how many, 0 = none now. */
size_t grpc_session_pull(struct grpc_session *session, uint8_t *buf,
                         size_t cap);

/* Nothing is left to read or to write. */
bool grpc_session_finished(const struct grpc_session *session);

/* Calls are under way, or began since this was last asked. */
bool grpc_session_busy(struct grpc_session *session);

/* End calls that are past a deadline or stalled; call every second or so. */
void grpc_session_tick(struct grpc_session *session);

/* Send GOAWAY, run on_drain for each call, finish when all calls have. */
void grpc_session_drain(struct grpc_session *session);

/* Keep a pointer with the call; handed to its on_end, on_cancel, on_drain. */
void grpc_session_attach(struct grpc_session *session, int32_t stream,
                         void *attached);

/* True while the call can still be replied to. */
bool grpc_session_is_open(const struct grpc_session *session, int32_t stream);

/*
 * Bytes of a message.  release == NULL: copied before the function returns.
 * Else borrowed, and release(owner) is called once, when they are sent or the
 * call is over (also at once when the call is not found).
 */
struct grpc_bytes {
    const void *data;
    size_t len; /* bytes */
    void (*release)(void *owner);
    void *owner;
};

/* The one reply of a UNARY call, with status OK. */
void grpc_session_reply(struct grpc_session *session, int32_t stream,
                        struct grpc_bytes message);

/*
 * One message of a streaming call.  False when the call is over, or when more
 * than max_queued_len is unsent on the connection: the call has then been
 * failed.
 */
bool grpc_session_send(struct grpc_session *session, int32_t stream,
                       struct grpc_bytes message);

/* Bytes queued on a streaming call and not yet pulled. */
size_t grpc_session_queued(const struct grpc_session *session, int32_t stream);

/* End the call with a status; after messages sent, or without any. */
void grpc_session_finish(struct grpc_session *session, int32_t stream,
                         const struct grpc_status *status);

/* End the call with an error. */
void grpc_session_fail(struct grpc_session *session, int32_t stream,
                       const struct err *err);

/*
 * Custom metadata for the reply's headers (before the first message) and
 * trailers (before the end); copied.  False: the call is over, it is too late,
 * or out of memory.
 */
bool grpc_session_add_header(struct grpc_session *session, int32_t stream,
                             struct grpc_header header);
bool grpc_session_add_trailer(struct grpc_session *session, int32_t stream,
                              struct grpc_header header);

#endif
