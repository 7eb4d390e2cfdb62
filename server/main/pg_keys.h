#ifndef MAIN_PG_KEYS_H
#define MAIN_PG_KEYS_H

#include "server/base/err.h"
#include "server/net/net.h"

/*
 * By what PostgreSQL's clients cancel a connection: a number, which is no
 * secret, and a secret.  The request to cancel comes over another connection,
 * on any loop.  Any thread.
 */
struct pg_keys;

struct pg_key {
    uint32_t pid, secret;
};

struct pg_keys *pg_keys_new(void); /* NULL: out of memory */
void pg_keys_free(struct pg_keys *k);

/* ERR_INTERNAL: no memory or no randomness. */
enum err_code pg_keys_add(struct pg_keys *k, struct pg_key *out,
                          struct net_handle conn, struct err *err) MUST_CHECK;
void pg_keys_drop(struct pg_keys *k, uint32_t pid);

/* False: there is none of that number, or its secret is another. */
bool pg_keys_find(struct pg_keys *k, struct pg_key key, struct net_handle *out);

#endif
