#include "server/net/net_tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

/* The reason OpenSSL gives for its last failure, in words. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text ? text : "unreadable";
}

/* Picks our one protocol, or refuses the handshake with the alert for it. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned offered_len,
                   void *arg)
{
    const char *want = arg;
    const size_t want_len = strlen(want);
    (void)ssl;
    for (unsigned at = 0; at < offered_len; at += 1u + offered[at]) {
        if (offered[at] == want_len && at + 1 + want_len <= offered_len &&
            memcmp(offered + at + 1, want, want_len) == 0) {
            *out = offered + at + 1;
            *out_len = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum err_code
load_files(SSL_CTX *ctx, const struct net_tls_options *options, struct err *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, options->cert_file) != 1) {
        err_set(err, ERR_INVALID, "certificate file %s: %s", options->cert_file,
                reason());
        return err_hint(err, "give a PEM file with the server's certificate "
                             "first and its chain after it");
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, options->key_file, SSL_FILETYPE_PEM) !=
            1 ||
        SSL_CTX_check_private_key(ctx) != 1) {
        err_set(err, ERR_INVALID, "key file %s: %s", options->key_file,
                reason());
        return err_hint(err, "give the PEM key that belongs to %s",
                        options->cert_file);
    }
    if (!options->client_ca_file)
        return ERR_OK;

    STACK_OF(X509_NAME) *names =
        SSL_load_client_CA_file(options->client_ca_file);
    if (!names || SSL_CTX_load_verify_locations(ctx, options->client_ca_file,
                                                NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return err_set(err, ERR_INVALID, "client CA file %s: %s",
                       options->client_ca_file, reason());
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
    return ERR_OK;
}

enum err_code net_tls_new(SSL_CTX **out, const struct net_tls_options *options,
                          const char *alpn, struct err *err)
{
    *out = NULL;
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return err_set(err, ERR_INTERNAL, "TLS cannot start: %s", reason());

    const int least = options->allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    (void)SSL_CTX_set_min_proto_version(ctx, least);
    (void)SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    /* Connections are long-lived: resumption would buy little and hold keys. */
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    /* The output buffer refills after a partial write, at the same place. */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (alpn)
        SSL_CTX_set_alpn_select_cb(ctx, on_alpn, (void *)(uintptr_t)alpn);

    const enum err_code code = load_files(ctx, options, err);
    if (code != ERR_OK)
        SSL_CTX_free(ctx);
    else
        *out = ctx;
    return code;
}

/* RFC 5929, section 4.1: the signature's own hash, SHA-256 for older ones. */
size_t net_tls_endpoint(SSL *ssl, uint8_t out[NET_ENDPOINT_LEN])
{
    const X509 *cert = SSL_get_certificate(ssl);
    int hash = NID_undef;
    unsigned len = 0;
    if (!cert)
        return 0;
    if (X509_get_signature_info((X509 *)(uintptr_t)cert, &hash, NULL, NULL,
                                NULL) != 1 ||
        hash == NID_md5 || hash == NID_sha1 || hash == NID_undef)
        hash = NID_sha256;
    const EVP_MD *md = EVP_get_digestbynid(hash);
    if (!md || EVP_MD_get_size(md) > NET_ENDPOINT_LEN ||
        X509_digest(cert, md, out, &len) != 1)
        return 0;
    return len;
}

bool net_tls_agreed(const SSL *ssl, const char *alpn)
{
    if (!alpn)
        return true;
    const unsigned char *got = NULL;
    unsigned got_len = 0;
    SSL_get0_alpn_selected(ssl, &got, &got_len);
    return got_len == strlen(alpn) && memcmp(got, alpn, got_len) == 0;
}
