#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <protobuf-c/protobuf-c.h>

#include "clients/cli/options.h"
#include "clients/cli/target.h"
#include "clients/cli/terminal.h"

/*
 * Typed calls to one server: a message goes in, messages come out.
 *
 * A call is tried again, at most CLIENT_TRIES times in all and within its time,
 * when the server says it is unavailable or the connection breaks: every call
 * here either reads or carries an idempotency key, so that a second try never
 * pays twice.  When nobody listens it fails at once.
 */
enum { CLIENT_TRIES = 3, CLIENT_TIMEOUT_MS = 120000 };

struct client {
    struct target target;
    const char *ca, *token; /* or NULL */
    bool plaintext;
    uint64_t timeout_ms;       /* 0 = none */
    struct terminal *terminal; /* borrowed: the spinner */
    const char *doing;         /* what the spinner says */
    bool once;                 /* a call that must not be tried again */
    bool reached;              /* out: the last call may have been seen */
};

/*
 * Where and as whom, from the options (file and environment applied).
 * ERR_INVALID: target or token are malformed, or two sources of equal rank
 * name a token; ERR_NOT_FOUND: the token file cannot be read.
 */
enum err_code client_of(struct client *out, const struct options *o,
                        struct terminal *t, struct arena *a,
                        struct err *err) MUST_CHECK;

struct client_method {
    const char *path; /* "/package.Service/Method" */
    const ProtobufCMessageDescriptor *reply;
};

/* One reply of a stream; lives until the callback returns. */
typedef enum err_code client_reply_fn(void *ctx, ProtobufCMessage *reply,
                                      struct err *err);

/*
 * Call and give the only reply, unpacked into `a`.  Errors are those of the
 * server, or of call.h and transport.h.
 */
enum err_code client_call(struct client *c, const struct client_method *m,
                          const ProtobufCMessage *request,
                          ProtobufCMessage **reply, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Call and hand over each reply as it comes.  Not tried again. */
enum err_code client_stream(struct client *c, const struct client_method *m,
                            const ProtobufCMessage *request,
                            client_reply_fn *on_reply, void *ctx,
                            struct arena *a, struct err *err) MUST_CHECK;

#endif
