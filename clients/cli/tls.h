#ifndef CLI_TLS_H
#define CLI_TLS_H

#include <openssl/types.h>

#include <stddef.h>
#include <stdint.h>

#include "clients/cli/target.h"

/*
 * A non-blocking socket, through TLS 1.3 or plain.  Each operation makes what
 * progress it can; `*wait` is then the poll(2) events to wait for before it is
 * called again, or 0.
 */
struct tls {
    int fd;       /* owned */
    SSL_CTX *ctx; /* owned; NULL in the clear */
    SSL *ssl;     /* owned; NULL in the clear */
};

/*
 * Takes over `fd`.  `target` NULL means plaintext, else whom the certificate
 * must name; `ca` is a PEM file or NULL for the system's authorities.
 * ERR_INVALID: the file does not load.  tls_fini in any case.
 */
enum err_code tls_init(struct tls *t, int fd, const struct target *target,
                       const char *ca, struct err *err) MUST_CHECK;
void tls_fini(struct tls *t);

/* ERR_UNAVAILABLE says why no trusted connection came about. */
enum err_code tls_handshake(struct tls *t, short *wait,
                            struct err *err) MUST_CHECK;

/* *n bytes were moved; *n = 0 without *wait from tls_read is the end.
 * ERR_UNAVAILABLE: the connection broke. */
enum err_code tls_read(struct tls *t, uint8_t *buf, size_t cap, size_t *n,
                       short *wait, struct err *err) MUST_CHECK;
enum err_code tls_write(struct tls *t, const uint8_t *data, size_t len,
                        size_t *n, short *wait, struct err *err) MUST_CHECK;

#endif
