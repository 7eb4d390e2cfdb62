#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Statuses on the wire as errors of ours.
 *
 * The trailer halftone-code names the error exactly; without it (a proxy, an
 * older server) the gRPC status says roughly which it was.
 */

/* Set err->code from the name, else from the status; keeps the message, or
 * gives one when it is empty.  `status` is not 0. */
void status_fill(struct err *err, int status, const char *name);

/* Set *err for an HTTP status that is not 200 and carried no gRPC status. */
void status_of_http(struct err *err, unsigned http);

/* Percent-decode (grpc-message) into out[0..cap), NUL-terminated, cut to fit
 * at a character; what is no UTF-8 or a NUL becomes '?'. */
void status_decode(char *out, size_t cap, const uint8_t *in, size_t len);

#endif
