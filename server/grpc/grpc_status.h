#ifndef GRPC_GRPC_STATUS_H
#define GRPC_GRPC_STATUS_H

#include <stdint.h>

#include "server/base/err.h"
#include "server/base/writer.h"

/*
 * How a call ended, as trailers.
 *
 * source: gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md), "Responses" and
 * "Status-Message": percent-encoding of all but 0x20..0x7e, and of '%'.
 *
 *   grpc-status      decimal google.rpc.Code
 *   grpc-message     one sentence
 *   halftone-code    stable name of the error, "over_budget"
 *   halftone-hint    a way out
 *   halftone-place   "LINE:COLUMN" in the caller's SQL
 */
enum grpc_code {
    GRPC_OK = 0,
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_INVALID_ARGUMENT = 3,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_NOT_FOUND = 5,
    GRPC_ALREADY_EXISTS = 6,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_FAILED_PRECONDITION = 9,
    GRPC_ABORTED = 10,
    GRPC_OUT_OF_RANGE = 11,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_DATA_LOSS = 15,
    GRPC_UNAUTHENTICATED = 16,
};

/* A status to send.  Text is borrowed for the call; NULL or "" = no trailer. */
struct grpc_status {
    int code;            /* enum grpc_code, or any other the caller may see */
    const char *message; /* UTF-8 */
    const char *name;    /* halftone-code */
    const char *hint;    /* UTF-8 */
    unsigned line, col;  /* halftone-place; 0 = none */
};

/* The status of an error.  Borrows err's text. */
struct grpc_status grpc_status_of(const struct err *err);

/* Append `text` percent-encoded; at most three bytes for each of its own. */
void grpc_percent_encode(struct writer *w, const char *text);

/*
 * Undo it in place of `out` (as large as text with its NUL).  Lenient, as the
 * specification asks: a stray '%' stays as it is.  Returns the length.
 */
size_t grpc_percent_decode(char *out, const char *text, size_t len);

#endif
