#include "clients/cli/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/audit/http.h"

enum { BASE_LEN = 512 };

struct fetcher {
    const struct client *client;
    struct http *http; /* owned */
};

enum err_code fetcher_new(struct fetcher **out, const struct client *client,
                          struct err *err)
{
    char base[BASE_LEN];
    struct fetcher *f = calloc(1, sizeof *f);
    if (!f)
        return err_set(err, ERR_LIMIT, "out of memory");
    (void)snprintf(base, sizeof base, "%s://%s",
                   client->plaintext ? "http" : "https",
                   client->target.authority);
    const struct http_options o = { .base = base,
                                    .ca = client->ca,
                                    .is_h2 = true,
                                    .timeout_ms = client->timeout_ms };
    f->client = client;
    const enum err_code code = http_new(&f->http, &o, err);
    if (code != ERR_OK) {
        fetcher_free(f);
        return client->plaintext ? err_hint(err, "leave --plaintext out")
                                 : code;
    }
    *out = f;
    return ERR_OK;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    http_free(f->http);
    free(f);
}

enum err_code fetch(struct fetcher *f, const char *path, void *out, size_t *len,
                    struct err *err)
{
    long status = 0;
    const enum err_code code =
        http_exchange(f->http, path, NULL, out, len, &status, err);
    if (code == ERR_UNAVAILABLE)
        return err_hint(err, "check --target and --ca");
    if (code != ERR_OK || status == 200)
        return code;
    (void)err_set(err, status == 404 ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
                  "%s has no %s (HTTP %ld)", f->client->target.authority, path,
                  status);
    return err_hint(err, "is a halftone server with an audit log there?");
}
