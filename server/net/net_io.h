#ifndef NET_NET_IO_H
#define NET_NET_IO_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Non-blocking bytes over TLS or plain TCP, one vocabulary for both.
 * ssl == NULL: plain.
 */
enum net_io {
    NET_IO_OK,    /* *done bytes moved, at least one */
    NET_IO_READ,  /* wait until readable */
    NET_IO_WRITE, /* wait until writable */
    NET_IO_EOF,   /* the peer ended its side in order */
    NET_IO_FAILED /* reset, broken TLS: close */
};

enum net_io net_io_handshake(SSL *ssl);
enum net_io net_io_read(int fd, SSL *ssl, uint8_t *buf, size_t cap,
                        size_t *done);
enum net_io net_io_write(int fd, SSL *ssl, const uint8_t *buf, size_t len,
                         size_t *done);

/* End our side: close_notify when TLS, then FIN. */
void net_io_end(int fd, SSL *ssl);

#endif
