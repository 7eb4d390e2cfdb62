#ifndef NET_NET_TLS_H
#define NET_NET_TLS_H

#include <openssl/ssl.h>

#include "server/base/err.h"
#include "server/net/net.h"

/*
 * A server's TLS context from files: TLS 1.3 (1.2 with forward-secret AEAD
 * ciphers when opted in), no tickets, no renegotiation, ALPN when asked.
 *
 * *out is owned by the caller (SSL_CTX_free); connections hold a reference of
 * their own, so replacing it leaves them alone.
 * ERR_INVALID: a file cannot be read or does not fit; the message names it.
 */
enum err_code net_tls_new(SSL_CTX **out, const struct net_tls_options *options,
                          const char *alpn, struct err *err) MUST_CHECK;

/* True when the peer agreed on the protocol (or none was asked for). */
bool net_tls_agreed(const SSL *ssl, const char *alpn);

/* As net_conn_endpoint, of a connection whose handshake is done. */
size_t net_tls_endpoint(SSL *ssl, uint8_t out[NET_ENDPOINT_LEN]);

#endif
