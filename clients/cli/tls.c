#include "clients/cli/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static enum err_code trust(struct tls *t, const char *ca, struct err *err)
{
    if (!ca)
        return SSL_CTX_set_default_verify_paths(t->ctx) == 1
                   ? ERR_OK
                   : err_set(err, ERR_INTERNAL, "OpenSSL has no trust store");
    if (SSL_CTX_load_verify_file(t->ctx, ca) == 1)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "'%.200s' holds no certificates that load",
                  ca);
    return err_hint(err, "--ca or HALFTONE_CA names a PEM file with the "
                         "authority that signed the server's certificate");
}

/* Whom the certificate must name: an address as an address, a name as one. */
static bool expect(struct tls *t, const struct target *target)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, target->host) == 1)
        return true;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(t->ssl, target->host) == 1 &&
           SSL_set_tlsext_host_name(t->ssl, target->host) == 1;
}

enum err_code tls_init(struct tls *t, int fd, const struct target *target,
                       const char *ca, struct err *err)
{
    static const unsigned char H2[] = { 2, 'h', '2' };
    *t = (struct tls){ .fd = fd };
    if (!target)
        return ERR_OK;
    t->ctx = SSL_CTX_new(TLS_client_method());
    if (!t->ctx || SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) != 1)
        return err_set(err, ERR_INTERNAL, "OpenSSL cannot do TLS 1.3");
    TRY(trust(t, ca, err));
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
    t->ssl = SSL_new(t->ctx);
    /* SSL_set_alpn_protos returns 0 on success. */
    if (!t->ssl || SSL_set_alpn_protos(t->ssl, H2, sizeof H2) != 0 ||
        SSL_set_fd(t->ssl, fd) != 1 || !expect(t, target))
        return err_set(err, ERR_INTERNAL, "OpenSSL cannot begin a connection");
    SSL_set_connect_state(t->ssl);
    return ERR_OK;
}

void tls_fini(struct tls *t)
{
    if (t->ssl && SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    (void)close(t->fd);
    *t = (struct tls){ .fd = -1 };
}

static enum err_code untrusted(const struct tls *t, struct err *err)
{
    const long why = SSL_get_verify_result(t->ssl);
    (void)err_set(err, ERR_UNAVAILABLE,
                  "the server's certificate is not trusted: %s",
                  X509_verify_cert_error_string(why));
    if (why == X509_V_ERR_HOSTNAME_MISMATCH ||
        why == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return err_hint(err, "--target must name the host as the certificate "
                             "does");
    return err_hint(err, "--ca FILE (or HALFTONE_CA) names the authority that "
                         "signed it");
}

/* What an unfinished operation waits for; an error when it will not finish. */
static enum err_code unfinished(struct tls *t, int rc, short *wait,
                                struct err *err)
{
    const int why = SSL_get_error(t->ssl, rc);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        *wait = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return ERR_OK;
    }
    if (SSL_get_verify_result(t->ssl) != X509_V_OK)
        return untrusted(t, err);
    const unsigned long first = ERR_get_error();
    const char *reason = ERR_reason_error_string(first);
    (void)err_set(err, ERR_UNAVAILABLE, "the connection broke: %s",
                  reason  ? reason
                  : errno ? strerror(errno)
                          : "closed by the server");
    if (ERR_GET_REASON(first) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
        return err_hint(err, "that port speaks another protocol, PostgreSQL's "
                             "maybe: --target names the one for gRPC");
    return err_hint(err, "the server speaks TLS 1.3; --plaintext is for one on "
                         "this machine that does not");
}

enum err_code tls_handshake(struct tls *t, short *wait, struct err *err)
{
    *wait = 0;
    if (!t->ssl)
        return ERR_OK;
    ERR_clear_error();
    errno = 0;
    const int rc = SSL_do_handshake(t->ssl);
    if (rc != 1)
        return unfinished(t, rc, wait, err);
    const unsigned char *alpn;
    unsigned len;
    SSL_get0_alpn_selected(t->ssl, &alpn, &len);
    if (len == 2 && memcmp(alpn, "h2", 2) == 0)
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE, "the server does not offer HTTP/2");
    return err_hint(err, "is it the gRPC port of a halftone server?");
}

static enum err_code plain_result(ssize_t rc, short events, size_t *n,
                                  short *wait, struct err *err)
{
    if (rc >= 0) {
        *n = (size_t)rc;
    } else if (errno == EAGAIN || errno == EINTR) {
        *wait = events;
    } else {
        (void)err_set(err, ERR_UNAVAILABLE, "the connection broke: %s",
                      strerror(errno));
        return err->code;
    }
    return ERR_OK;
}

enum err_code tls_read(struct tls *t, uint8_t *buf, size_t cap, size_t *n,
                       short *wait, struct err *err)
{
    *n = 0;
    *wait = 0;
    if (!t->ssl)
        return plain_result(recv(t->fd, buf, cap, 0), POLLIN, n, wait, err);
    ERR_clear_error();
    errno = 0;
    const int rc = SSL_read_ex(t->ssl, buf, cap, n);
    if (rc == 1 || SSL_get_error(t->ssl, rc) == SSL_ERROR_ZERO_RETURN)
        return ERR_OK;
    *n = 0;
    return unfinished(t, rc, wait, err);
}

enum err_code tls_write(struct tls *t, const uint8_t *data, size_t len,
                        size_t *n, short *wait, struct err *err)
{
    *n = 0;
    *wait = 0;
    if (!t->ssl)
        return plain_result(send(t->fd, data, len, MSG_NOSIGNAL), POLLOUT, n,
                            wait, err);
    ERR_clear_error();
    errno = 0;
    const int rc = SSL_write_ex(t->ssl, data, len, n);
    if (rc == 1)
        return ERR_OK;
    *n = 0;
    return unfinished(t, rc, wait, err);
}
