/*
 * Where a database is.  The first byte chooses:
 *
 *   even  the rest is a URI.  It is taken, or refused as one that cannot be
 *         read or that has a password in it
 *   odd   a URI is built around a secret, the rest, in the place and in the
 *         spelling that the next three bytes choose.  It is refused for a
 *         password, and neither message nor hint tells it; with the name of a
 *         file in that place it is taken
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/libpq/pq_uri.h"

enum { CAP = 2048, SECRET_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_any(const uint8_t *data, size_t len)
{
    char uri[CAP];
    struct err err = { 0 };
    if (len >= sizeof uri || memchr(data, '\0', len))
        return;
    memcpy(uri, data, len);
    uri[len] = '\0';
    const enum err_code code = pq_uri_check("'here'", uri, &err);
    assert(code == ERR_OK || code == ERR_INVALID);
    assert(code == ERR_OK || strncmp(err.msg, "'here' ", 7) == 0);
    assert(code == ERR_OK || err.hint[0]);
    assert(strncmp(pq_uri_name(uri).text, "postgresql://", 13) == 0);
}

/* `word`, its letters written as %XX where `bits` says so. */
static size_t put(char *out, size_t at, const char *word, size_t len,
                  unsigned bits)
{
    for (size_t i = 0; i < len; i++)
        at += (size_t)snprintf(out + at, CAP - at,
                               bits >> i % 16 & 1 ? "%%%02x" : "%c",
                               (unsigned char)word[i]);
    return at;
}

/* A query's parameter of this name, or (NULL) the password before the host. */
static void build(char uri[CAP], const char *name, unsigned bits,
                  const char *secret, size_t len)
{
    size_t at = put(uri, 0, "postgresql://u", 14, 0);
    if (!name) {
        at = put(uri, at, ":sesame", 7, 0);
        at = put(uri, at, secret, len, 0xffff);
    }
    at = put(uri, at, "@h/d?sslmode=require", 20, 0);
    if (name) {
        at = put(uri, at, "&", 1, 0);
        at = put(uri, at, name, strlen(name), bits);
        at = put(uri, at, "=sesame", 7, 0);
        at = put(uri, at, secret, len, 0xffff);
    }
    (void)put(uri, at, "&connect_timeout=5", 19, 0); /* and its NUL */
}

static void check_secret(const uint8_t *data, size_t len)
{
    static const char *const secrets[] = { "password", "sslpassword", NULL };
    static const char *const files[] = { "passfile", "sslkey" };
    char uri[CAP];
    struct err err = { 0 };
    const char *text = (const char *)data + 3;
    if (len < 3 || len - 3 > SECRET_MAX || memchr(text, '\0', len - 3))
        return;
    const unsigned bits = data[1] | (unsigned)data[2] << 8;
    build(uri, secrets[data[0] % 3], bits, text, len - 3);
    assert(pq_uri_check("it", uri, &err) == ERR_INVALID);
    assert(strstr(err.msg, "has a password in it") && err.hint[0]);
    assert(!strstr(err.msg, "sesame") && !strstr(err.hint, "sesame"));
    build(uri, files[data[0] % 2], bits, text, len - 3);
    assert(pq_uri_check("it", uri, &err) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] % 2)
        check_secret(data + 1, len - 1);
    else
        check_any(data + 1, len - 1);
    return 0;
}
