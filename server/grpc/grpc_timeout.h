#ifndef GRPC_GRPC_TIMEOUT_H
#define GRPC_GRPC_TIMEOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The header grpc-timeout: one to eight digits and a unit of H, M, S, m, u, n.
 * False when it is anything else; *out_ns is then untouched.
 * source: gRPC over HTTP/2, "Timeout".
 */
bool grpc_timeout_parse(uint64_t *out_ns, const void *text, size_t len);

#endif
