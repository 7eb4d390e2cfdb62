#ifndef GRPC_GRPC_STREAM_H
#define GRPC_GRPC_STREAM_H

#include <nghttp2/nghttp2.h>

#include "server/grpc/grpc_frame.h"
#include "server/grpc/grpc_guard.h"
#include "server/grpc/grpc_scan.h"
#include "server/grpc/grpc_session.h"

/*
 * The inside of a session, shared by grpc_session.c (life), grpc_request.c
 * (what comes in) and grpc_reply.c (what goes out).  Private to these.
 *
 *   HEADERS -> BODY -> CALLED -> DONE -> freed when HTTP/2 closes the stream
 *
 * In CALLED the owner owes an end; entering DONE is the owner's end or
 * on_cancel, never both.
 */
enum grpc_stream_state {
    GRPC_STREAM_HEADERS, /* the header block is arriving */
    GRPC_STREAM_BODY,    /* request messages are arriving, none delivered */
    GRPC_STREAM_CALLED,  /* the owner knows of the call */
    GRPC_STREAM_DONE,    /* nothing more is owed; output may still be queued */
};

/* A piece of output: a message with its prefix, or raw bytes of a body. */
struct grpc_chunk {
    struct grpc_chunk *next;
    struct grpc_bytes bytes; /* data may point at the copy behind this struct */
    uint8_t prefix[GRPC_PREFIX_LEN];
    size_t prefix_len; /* 0 for raw bytes */
    size_t sent;       /* of prefix and data together */
};

struct grpc_metadata {
    struct grpc_metadata *next;
    bool is_trailer;
    size_t name_len, value_len;
    char text[]; /* name, value */
};

/* What the header block said. */
struct grpc_request_head {
    uint32_t len; /* sum of name + value + 32 (RFC 9113, 10.5.1) */
    bool is_post, is_get, is_head, has_grpc_type, has_te, has_bad_encoding,
        has_bad_timeout;
    bool too_long, is_page;
    /* Not a gRPC call: answered with these once the peer has ended its side. */
    const char *http_status, *http_text; /* static; NULL = a call */
    nghttp2_rcbuf *path;                 /* owned reference, or NULL */
    nghttp2_rcbuf *authorization;        /* likewise */
    nghttp2_rcbuf *kept[GRPC_KEEP_MAX];  /* by index in keep_headers */
};

struct grpc_stream {
    struct grpc_session *session;
    struct grpc_stream *next, *prev;
    int32_t id;
    enum grpc_stream_state state;
    struct grpc_request_head head;
    const struct grpc_method *method; /* NULL = unknown path */
    void *ctx;                        /* of the method's service */
    void *attached;
    uint64_t began_ns, deadline_ns;
    uint64_t moved_ns; /* output last moved, or began to wait */
    bool has_message;  /* a whole request message is in frame */
    bool peer_ended;   /* END_STREAM came */
    bool headers_sent; /* response HEADERS were submitted */
    bool is_parked;    /* DATA waits until there is more output */
    struct grpc_chunk *out, **out_end;
    size_t queued_len;
    struct grpc_metadata *metadata;
    struct grpc_trailers *trailers; /* of the end, once DONE; NULL = OK */
    struct grpc_frame frame;
};

struct grpc_session {
    nghttp2_session *h2;
    struct grpc_session_options options; /* defaults filled in */
    struct grpc_stream *streams;         /* open, doubly linked */
    struct grpc_stream *spare;           /* for reuse, singly linked */
    struct grpc_guard frames, resets;
    struct grpc_scan scan;        /* of the input, beside nghttp2 */
    nghttp2_rcbuf *authorization; /* of the latest call, a reference, or NULL */
    struct grpc_memo memo;        /* about it */
    struct grpc_stream *current;  /* whose header block is arriving */
    uint64_t now_ns;              /* while input or output runs; else 0 */
    size_t buffered_len;          /* bytes of unfinished request messages */
    size_t queued_len;  /* bytes of unsent messages of streaming calls */
    size_t replies_len; /* bytes of unsent replies of unary calls */
    bool broken;        /* a limit or the protocol was violated */
    bool worked;        /* a call began since grpc_session_busy was asked */
    enum { GRPC_UP, GRPC_NOTICED, GRPC_GOING } drain;
    const uint8_t *pending; /* nghttp2's, until its next mem_send */
    size_t pending_len;
};

/* --- grpc_session.c --- */

struct grpc_stream *grpc_stream_of(const struct grpc_session *s, int32_t id);
struct grpc_stream *grpc_stream_new(struct grpc_session *s, int32_t id);
void grpc_stream_free(struct grpc_stream *st);
/* Calls on_cancel if the owner knows of the call and has not ended it. */
void grpc_stream_cancel(struct grpc_stream *st);
/* The memo of this header: the one of the call before, or empty. */
struct grpc_memo *grpc_session_memo(struct grpc_session *s,
                                    nghttp2_rcbuf *header);
/* Say GOAWAY(ENHANCE_YOUR_CALM) and stop: the peer floods. */
void grpc_session_calm(struct grpc_session *s);
uint64_t grpc_session_now_ns(const struct grpc_session *s);

/* --- grpc_request.c --- */

void grpc_request_callbacks(nghttp2_session_callbacks *callbacks);
/* Count frames before they are worked on.  False: the peer floods. */
bool grpc_request_count(struct grpc_session *s, const uint8_t *data,
                        size_t len);

/* --- grpc_reply.c --- */

/* End a stream with a status that the transport itself decided. */
void grpc_reply_status(struct grpc_stream *st, int code, const char *message);
void grpc_reply_fail(struct grpc_stream *st, const struct err *err);
/* Answer one that is not a gRPC call; the page is copied. */
void grpc_reply_page(struct grpc_stream *st, const struct grpc_page *page);
/* Frees what is queued and tells its owners. */
void grpc_reply_clear(struct grpc_stream *st);

#endif
