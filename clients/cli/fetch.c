#include "clients/cli/fetch.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_LEN = 512 };

struct fetcher {
    const struct client *client;
    CURL *curl; /* owned */
    char why[CURL_ERROR_SIZE];
};

/* What a page is written to. */
struct sink {
    uint8_t *out;
    size_t len, cap;
    bool is_full;
};

static size_t on_bytes(char *data, size_t size, size_t n, void *ctx)
{
    struct sink *s = ctx;
    if (size * n > s->cap - s->len) {
        s->is_full = true;
        return 0;
    }
    memcpy(s->out + s->len, data, size * n);
    s->len += size * n;
    return size * n;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0;
}

static bool configure(struct fetcher *f)
{
    const struct client *c = f->client;
    CURLcode rc = curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, f->why);
    rc |= curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    rc |= curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(f->curl, CURLOPT_NOPROXY, "*");
    rc |= curl_easy_setopt(f->curl, CURLOPT_PROTOCOLS_STR,
                           c->plaintext ? "http" : "https");
    rc |= curl_easy_setopt(f->curl, CURLOPT_SSLVERSION,
                           (long)CURL_SSLVERSION_TLSv1_3);
    rc |= curl_easy_setopt(f->curl, CURLOPT_HTTP_VERSION,
                           (long)(c->plaintext
                                      ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                                      : CURL_HTTP_VERSION_2TLS));
    rc |= curl_easy_setopt(f->curl, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
    if (c->ca)
        rc |= curl_easy_setopt(f->curl, CURLOPT_CAINFO, c->ca);
    return rc == CURLE_OK;
}

enum err_code fetcher_new(struct fetcher **out, const struct client *client,
                          struct err *err)
{
    if (client->plaintext && !is_loopback(client->target.host)) {
        (void)err_set(err, ERR_INVALID, "plaintext to another machine");
        return err_hint(err, "leave --plaintext out");
    }
    struct fetcher *f = calloc(1, sizeof *f);
    if (!f || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(f);
        return err_set(err, ERR_LIMIT, "out of memory");
    }
    f->client = client;
    f->curl = curl_easy_init();
    if (!f->curl || !configure(f)) {
        fetcher_free(f);
        return err_set(err, ERR_INTERNAL, "this libcurl has no HTTP/2");
    }
    *out = f;
    return ERR_OK;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    curl_easy_cleanup(f->curl);
    curl_global_cleanup();
    free(f);
}

static enum err_code by_status(struct fetcher *f, const char *path,
                               struct err *err)
{
    long status = 0;
    (void)curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200)
        return ERR_OK;
    (void)err_set(err, status == 404 ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
                  "%s has no %s (HTTP %ld)", f->client->target.authority, path,
                  status);
    return err_hint(err, "is a halftone server with an audit log there?");
}

enum err_code fetch(struct fetcher *f, const char *path, void *out, size_t *len,
                    struct err *err)
{
    char url[URL_LEN];
    struct sink sink = { .out = out, .cap = *len };
    (void)snprintf(url, sizeof url, "%s://%s%s",
                   f->client->plaintext ? "http" : "https",
                   f->client->target.authority, path);
    (void)curl_easy_setopt(f->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, &sink);
    f->why[0] = '\0';
    const CURLcode rc = curl_easy_perform(f->curl);
    if (sink.is_full)
        return err_set(err, ERR_LIMIT, "%s is longer than it should be", path);
    if (rc != CURLE_OK) {
        (void)err_set(err, ERR_UNAVAILABLE, "cannot reach %s: %s",
                      f->client->target.authority,
                      f->why[0] ? f->why : curl_easy_strerror(rc));
        return err_hint(err, "check --target and --ca");
    }
    *len = sink.len;
    return by_status(f, path, err);
}
