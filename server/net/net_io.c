#include "server/net/net_io.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

/* OpenSSL's verdict on its last call; the thread's error queue was empty. */
static enum net_io verdict_of(SSL *ssl, int ret)
{
    switch (SSL_get_error(ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return NET_IO_READ;
    case SSL_ERROR_WANT_WRITE:
        return NET_IO_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return NET_IO_EOF;
    default:
        /* A fatal alert or a truncated stream; a later SSL_shutdown on such a
         * connection is forbidden, so the caller only closes. */
        ERR_clear_error();
        return NET_IO_FAILED;
    }
}

enum net_io net_io_handshake(SSL *ssl)
{
    ERR_clear_error();
    const int ret = SSL_do_handshake(ssl);
    return ret == 1 ? NET_IO_OK : verdict_of(ssl, ret);
}

enum net_io net_io_read(int fd, SSL *ssl, uint8_t *buf, size_t cap,
                        size_t *done)
{
    assert(cap > 0);
    if (ssl) {
        ERR_clear_error();
        const int ret = SSL_read_ex(ssl, buf, cap, done);
        return ret == 1 ? NET_IO_OK : verdict_of(ssl, ret);
    }
    const ssize_t n = recv(fd, buf, cap, 0);
    if (n > 0) {
        *done = (size_t)n;
        return NET_IO_OK;
    }
    if (n == 0)
        return NET_IO_EOF;
    return errno == EAGAIN || errno == EINTR ? NET_IO_READ : NET_IO_FAILED;
}

enum net_io net_io_write(int fd, SSL *ssl, const uint8_t *buf, size_t len,
                         size_t *done)
{
    assert(len > 0);
    if (ssl) {
        ERR_clear_error();
        const int ret = SSL_write_ex(ssl, buf, len, done);
        return ret == 1 ? NET_IO_OK : verdict_of(ssl, ret);
    }
    const ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);
    if (n > 0) {
        *done = (size_t)n;
        return NET_IO_OK;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? NET_IO_WRITE
                                                        : NET_IO_FAILED;
}

void net_io_end(int fd, SSL *ssl)
{
    if (ssl) {
        ERR_clear_error();
        (void)SSL_shutdown(ssl);
    }
    (void)shutdown(fd, SHUT_WR);
}
