#include "server/audit/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_LEN = 1024 };

struct http {
    CURL *curl; /* owned */
    char base[URL_LEN / 2];
    char why[CURL_ERROR_SIZE];
};

/* What an answer is written to. */
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

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Of "http://HOST[:PORT][/...]": this machine and no other. */
static bool is_loopback(const char *base)
{
    const char *host = base + strlen("http://");
    const size_t all = strcspn(host, "/");
    if (begins(host, "[::1]"))
        return host[5] == ':' || host[5] == '/' || host[5] == '\0';
    const size_t name = strcspn(host, ":/");
    if (strspn(host + name, ":0123456789") != all - name)
        return false; /* a user's name, or worse */
    return (name == strlen("localhost") && begins(host, "localhost")) ||
           (begins(host, "127.") && strspn(host, "0123456789.") == name);
}

static bool configure(struct http *h, const struct http_options *o)
{
    const bool plain = begins(o->base, "http://");
    CURLcode rc = curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->why);
    rc |= curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    rc |= curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(h->curl, CURLOPT_NOPROXY, "*");
    rc |= curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR,
                           plain ? "http" : "https");
    rc |= curl_easy_setopt(h->curl, CURLOPT_SSLVERSION,
                           (long)CURL_SSLVERSION_TLSv1_3);
    rc |=
        curl_easy_setopt(h->curl, CURLOPT_HTTP_VERSION,
                         (long)(!plain     ? CURL_HTTP_VERSION_2TLS
                                : o->is_h2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                                           : CURL_HTTP_VERSION_1_1));
    rc |= curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    /* Nobody there is soon known. */
    rc |= curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS,
                           (long)o->timeout_ms / 3);
    if (o->ca)
        rc |= curl_easy_setopt(h->curl, CURLOPT_CAINFO, o->ca);
    return rc == CURLE_OK;
}

static enum err_code check(const struct http_options *o, struct err *err)
{
    const size_t len = strlen(o->base);
    if (begins(o->base, "http://") && !is_loopback(o->base)) {
        (void)err_set(err, ERR_INVALID, "plaintext to another machine");
        return err_hint(err, "use https://, or a tunnel that ends here");
    }
    if ((begins(o->base, "http://") || begins(o->base, "https://")) &&
        len < sizeof((struct http *)NULL)->base && o->base[len - 1] != '/')
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "'%.80s' is no address of pages", o->base);
    return err_hint(err, "write it like https://witness.example/log");
}

enum err_code http_new(struct http **out, const struct http_options *o,
                       struct err *err)
{
    TRY(check(o, err));
    struct http *h = calloc(1, sizeof *h);
    if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(h);
        return err_set(err, ERR_LIMIT, "out of memory");
    }
    strcpy(h->base, o->base); /* check: it fits */
    h->curl = curl_easy_init();
    if (!h->curl || !configure(h, o)) {
        http_free(h);
        return err_set(err, ERR_INTERNAL, "this libcurl has no HTTP/2");
    }
    *out = h;
    return ERR_OK;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    curl_easy_cleanup(h->curl);
    curl_global_cleanup();
    free(h);
}

enum err_code http_exchange(struct http *h, const char *path,
                            const struct http_body *body, void *out,
                            size_t *len, long *status, struct err *err)
{
    char url[URL_LEN];
    struct sink sink = { .out = out, .cap = *len };
    (void)snprintf(url, sizeof url, "%s/%s", h->base, path + (path[0] == '/'));
    (void)curl_easy_setopt(h->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &sink);
    (void)curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
    if (body) {
        (void)curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body->data);
        (void)curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE, (long)body->len);
    }
    h->why[0] = '\0';
    const CURLcode rc = curl_easy_perform(h->curl);
    if (sink.is_full)
        return err_set(err, ERR_LIMIT, "%s is longer than it should be", path);
    if (rc != CURLE_OK)
        return err_set(err, ERR_UNAVAILABLE, "cannot reach %s: %s", h->base,
                       h->why[0] ? h->why : curl_easy_strerror(rc));
    *len = sink.len;
    (void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, status);
    return ERR_OK;
}
