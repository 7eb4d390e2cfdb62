#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "clients/cli/client.h"

/*
 * Pages of a server, over one connection: TLS 1.3 and HTTP/2 as the calls use,
 * checked against the same authorities.  libcurl does it.
 */
struct fetcher;

/* Where from: client->target, ca, plaintext, timeout.  Borrowed.
 * ERR_INVALID  plaintext to another machine */
enum err_code fetcher_new(struct fetcher **out, const struct client *client,
                          struct err *err) MUST_CHECK;
void fetcher_free(struct fetcher *f); /* NULL is allowed */

/*
 * GET /path into out[0 .. *len); *len says how much it holds, then how much
 * came.
 * ERR_NOT_FOUND    there is no such page
 * ERR_LIMIT        it is longer
 * ERR_UNAVAILABLE  no connection, or the server cannot now
 */
enum err_code fetch(struct fetcher *f, const char *path, void *out, size_t *len,
                    struct err *err) MUST_CHECK;

#endif
