/* SCRAM-SHA-256, the server's side, by a client of our own. */
#include "server/auth/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "server/base/base64.h"
#include "tests/table.h"

/* What PostgreSQL 15 keeps of the password "foo". */
#define STORED "/u0uu6+3MjNNQFik4U65Lh3qesUR0Or2vgxol2zL1ro="
#define SERVER "hNnCA+hf97V/BWUSFgmJs8MjWHjDMdAu+8rA4d28ZIU="
#define KEPT   "SCRAM-SHA-256$4096:SD3IzQV3NQc5nB9Kisgv1w==$" STORED ":" SERVER

static const uint8_t CERT[] = "the hash of a certificate, 32 by";

/* A client: what it says of itself, and how it proves. */
struct client {
    const char *mechanism, *gs2, *password;
    bool binds;         /* it sends the certificate */
    const char *spoils; /* in the last message, a letter of this is changed */
};

static void hmac(uint8_t out[32], const uint8_t *key, size_t key_len,
                 const char *text)
{
    unsigned n = 32;
    (void)HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text,
               strlen(text), out, &n);
}

/* The last message of RFC 5802, section 3. */
static void prove(char *out, size_t cap, const struct client *c,
                  const char *server)
{
    uint8_t salt[64], salted[32], key[32], stored[32], proof[32], binding[128];
    size_t n = 0, salt_len = 0;
    unsigned iterations = 0;
    char bare[512], auth[2048], text[256];
    const char *s = strstr(server, ",s="), *i = strstr(server, ",i=");
    assert_true(s && i && sscanf(i, ",i=%u", &iterations) == 1);
    assert_true(
        base64_parse(salt, sizeof salt, &salt_len, s + 3, (size_t)(i - s - 3)));
    struct writer b = writer_of(binding, sizeof binding);
    writer_str(&b, c->gs2);
    if (c->binds)
        writer_bytes(&b, CERT, sizeof CERT - 1);
    struct writer w = writer_of(bare, sizeof bare);
    writer_str(&w, "c=");
    base64_print(&w, binding, b.len);
    writer_printf(&w, ",%.*s", (int)(s - server), server);
    assert_true(writer_cstr(&w));
    (void)snprintf(auth, sizeof auth, "n=,r=client,%s,%s", server, bare);
    assert_int_equal(PKCS5_PBKDF2_HMAC(c->password, (int)strlen(c->password),
                                       salt, (int)salt_len, (int)iterations,
                                       EVP_sha256(), 32, salted),
                     1);
    hmac(key, salted, 32, "Client Key");
    (void)SHA256(key, 32, stored);
    hmac(proof, stored, 32, auth);
    for (n = 0; n < 32; n++)
        proof[n] ^= key[n];
    struct writer t = writer_of(text, sizeof text);
    base64_print(&t, proof, 32);
    assert_true(writer_cstr(&t));
    (void)snprintf(out, cap, "%s,p=%s", bare, text);
}

static const struct row {
    const char *name;
    struct client client;
    bool tls; /* the server has a certificate */
    enum err_code first, last;
} rows[] = {
    { "the right password",
      { "SCRAM-SHA-256", "n,,", "foo", false, NULL },
      true,
      ERR_OK,
      ERR_OK },
    { "the right password without TLS",
      { "SCRAM-SHA-256", "y,,", "foo", false, NULL },
      false,
      ERR_OK,
      ERR_OK },
    { "a wrong password",
      { "SCRAM-SHA-256", "n,,", "fop", false, NULL },
      true,
      ERR_OK,
      ERR_UNAUTHENTICATED },
    { "the right password, bound to the certificate",
      { "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "foo", true, NULL },
      true,
      ERR_OK,
      ERR_OK },
    { "bound to no certificate, though it says so",
      { "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "foo", false, NULL },
      true,
      ERR_OK,
      ERR_INVALID },
    { "-PLUS where there is no TLS",
      { "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "foo", true, NULL },
      false,
      ERR_INVALID,
      ERR_OK },
    { "another kind of binding",
      { "SCRAM-SHA-256-PLUS", "p=tls-unique,,", "foo", true, NULL },
      true,
      ERR_INVALID,
      ERR_OK },
    { "a client that was told we cannot bind: a downgrade",
      { "SCRAM-SHA-256", "y,,", "foo", false, NULL },
      true,
      ERR_INVALID,
      ERR_OK },
    { "another mechanism",
      { "SCRAM-SHA-1", "n,,", "foo", false, NULL },
      true,
      ERR_INVALID,
      ERR_OK },
    { "an authorisation identity, which nobody has",
      { "SCRAM-SHA-256", "n,a=root,", "foo", false, NULL },
      true,
      ERR_INVALID,
      ERR_OK },
    { "another nonce than ours",
      { "SCRAM-SHA-256", "n,,", "foo", false, ",r=" },
      true,
      ERR_OK,
      ERR_INVALID },
    { "another proof",
      { "SCRAM-SHA-256", "n,,", "foo", false, ",p=" },
      true,
      ERR_OK,
      ERR_UNAUTHENTICATED },
};

static void check(void **state)
{
    const struct row *row = *state;
    const struct client *c = &row->client;
    struct scram_verifier v;
    struct scram s;
    struct err err;
    char first[256], server[512], last[1024];
    assert_true(scram_parse(&v, KEPT, strlen(KEPT)));
    scram_init(&s, &v, CERT, row->tls ? sizeof CERT - 1 : 0);
    (void)snprintf(first, sizeof first, "%sn=,r=client", c->gs2);
    struct writer w = writer_of(server, sizeof server);
    const enum err_code code =
        scram_first(&s, c->mechanism, first, strlen(first), &w, &err);
    assert_int_equal(code, row->first);
    if (code != ERR_OK)
        return;
    assert_true(writer_cstr(&w));
    assert_memory_equal(server, "r=client", 8);
    prove(last, sizeof last, c, server);
    if (c->spoils) {
        char *at = strstr(last, c->spoils) + 3;
        *at = *at == 'A' ? 'B' : 'A';
    }
    struct writer r = writer_of(server, sizeof server);
    assert_int_equal(scram_final(&s, last, strlen(last), &r, &err), row->last);
    assert_int_equal(r.len > 0, row->last == ERR_OK);
}

/* Texts that are no verifiers. */
static const struct bad {
    const char *name;
} bads[] = {
    { "" },
    { "md5acbd18db4cc2f85cedef654fccc4a4d8" },
    { "SCRAM-SHA-256$4096:SD3IzQV3NQc5nB9Kisgv1w==$" },
    { "SCRAM-SHA-256$0:SD3IzQV3NQc5nB9Kisgv1w==$" STORED ":" SERVER },
    { KEPT "x" },
    { "SCRAM-SHA-256$4096:SD3IzQV3NQc5nB9Kisgv1w==$6YtlR4t69Q==:6YtlR4t69Q==" },
};

static void check_bad(void **state)
{
    const struct bad *row = *state;
    struct scram_verifier v;
    assert_false(scram_parse(&v, row->name, strlen(row->name)));
}

static void a_verifier_is_printed_as_it_was_read(void **state)
{
    struct scram_verifier v;
    char text[256];
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    assert_true(scram_parse(&v, KEPT, strlen(KEPT)));
    scram_print(&w, &v);
    assert_true(writer_cstr(&w));
    assert_string_equal(text, KEPT);
}

static void passwords_are_of_ascii(void **state)
{
    struct scram_verifier a, b;
    struct err err;
    (void)state;
    assert_int_equal(scram_verifier_new(&a, "", &err), ERR_INVALID);
    assert_int_equal(scram_verifier_new(&a, "p\303\244ss", &err), ERR_INVALID);
    assert_int_equal(scram_verifier_new(&a, "pass", &err), ERR_OK);
    assert_int_equal(scram_verifier_new(&b, "pass", &err), ERR_OK);
    assert_memory_not_equal(a.salt, b.salt, 16);
}

/* Who does not exist: always the same salt, and as long as a real one. */
static void a_mock_is_like_a_real_one(void **state)
{
    static const uint8_t secret[32] = { 1 }, other[32] = { 2 };
    struct scram_verifier a, b, c, d, real;
    struct err err;
    (void)state;
    scram_mock(&a, secret, "eve", NULL);
    scram_mock(&b, secret, "eve", NULL);
    scram_mock(&c, secret, "eva", NULL);
    scram_mock(&d, other, "eve", NULL);
    assert_int_equal(scram_verifier_new(&real, "pass", &err), ERR_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(a.salt, c.salt, 16);
    assert_memory_not_equal(a.salt, d.salt, 16);
    assert_int_equal(a.salt_len, real.salt_len);
    assert_int_equal(a.iterations, real.iterations);
    real.iterations = 15000;
    real.salt_len = SCRAM_SALT_MAX;
    scram_mock(&b, secret, "eve", &real);
    assert_int_equal(b.iterations, 15000);
    assert_int_equal(b.salt_len, SCRAM_SALT_MAX);
    assert_memory_equal(a.stored_key, b.stored_key, sizeof a.stored_key);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(a_verifier_is_printed_as_it_was_read),
        cmocka_unit_test(passwords_are_of_ascii),
        cmocka_unit_test(a_mock_is_like_a_real_one),
    };
    int failed = RUN_ROWS(rows, check);
    failed += RUN_ROWS(bads, check_bad);
    return failed +
           cmocka_run_group_tests_name("verifiers", others, NULL, NULL);
}
