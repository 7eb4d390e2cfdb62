#ifndef CLI_CALL_H
#define CLI_CALL_H

#include <nghttp2/nghttp2.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * The client's side of one gRPC call on one HTTP/2 connection, without I/O:
 * bytes from the server go into call_input, bytes for it come out of
 * call_output, and the transport between is somebody else's.
 *
 *   OPEN --call_input: trailers, reset, GOAWAY, nonsense--> DONE
 *
 * A hostile server can make a call fail; it cannot make it crash, write
 * outside its buffers or hold more than CALL_MESSAGE_MAX bytes.
 *
 * Source: "gRPC over HTTP2" (grpc/grpc, doc/PROTOCOL-HTTP2.md); statuses from
 * HTTP codes: doc/http-grpc-status-mapping.md; RFC 9113.
 */
enum { CALL_MESSAGE_MAX = 64 << 20, CALL_PREFIX = 5, CALL_NAME_MAX = 64 };

/* What to ask.  All borrowed until call_fini. */
struct call_request {
    const char *authority; /* host:port */
    const char *path;      /* "/package.Service/Method" */
    bool tls;              /* the scheme */
    const char *token;     /* or NULL */
    uint64_t timeout_ms;   /* told to the server; 0 = none */
    const uint8_t *body;   /* one message, packed */
    size_t body_len;       /* bytes, at most CALL_MESSAGE_MAX */
};

/* One whole message of the reply; an error ends the call with it. */
typedef enum err_code call_message_fn(void *ctx, const uint8_t *msg, size_t len,
                                      struct err *err);

enum call_state { CALL_OPEN, CALL_DONE };

struct call {
    enum call_state state;
    nghttp2_session *h2; /* owned */
    struct call_request request;
    size_t sent; /* bytes of prefix and body given to HTTP/2 */
    call_message_fn *on_message;
    void *ctx;

    /* Of the response, as it comes in. */
    unsigned http_status;     /* 0 = no headers yet */
    bool is_grpc;             /* content-type says so */
    int grpc_status;          /* -1 = no trailers yet */
    char name[CALL_NAME_MAX]; /* trailer halftone-code, or "" */
    struct err trailer;       /* message, hint and place of the trailers */

    uint8_t *msg;            /* owned: prefix and message being received */
    size_t msg_len, msg_cap; /* bytes */
    uint8_t prefix[CALL_PREFIX];

    struct err err; /* outcome, DONE */
};

/*
 * Prepare the call.  `on_message` is called with `ctx` for each message.
 * ERR_LIMIT: out of memory, or the body is too large.  Call call_fini in
 * either case.
 */
enum err_code call_init(struct call *c, const struct call_request *request,
                        call_message_fn *on_message, void *ctx,
                        struct err *err) MUST_CHECK;
void call_fini(struct call *c);

/* The next bytes to send, borrowed until the next call; 0 = none for now. */
size_t call_output(struct call *c, const uint8_t **data);

/* Take bytes in.  Bytes after DONE are ignored. */
void call_input(struct call *c, const uint8_t *data, size_t len);

/* The connection ended (`why` says how): an open call fails as unavailable. */
void call_lost(struct call *c, const char *why);

/* DONE: ERR_OK when the server said so, else its error in *err. */
enum err_code call_result(const struct call *c, struct err *err) MUST_CHECK;

#endif
