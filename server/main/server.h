#ifndef MAIN_SERVER_H
#define MAIN_SERVER_H

#include "server/main/config.h"

/*
 * The composition root: everything the server is made of, wired.
 *
 *   config -> world (policies, engines, principals), ledger
 *          -> workers -> calls -> gRPC services -> listeners
 *
 * server_run returns when a drain has completed: SIGTERM or SIGINT, or the
 * ledger failed (then ERR_INTERNAL: a server that cannot charge must not live).
 * SIGHUP reads certificates, policies and principals again; what is wrong is
 * said and the old ones stay in force.
 */
struct server;

/* `config` is borrowed for the server's life. */
enum err_code server_new(struct server **out, const struct config *config,
                         struct err *err) MUST_CHECK;
enum err_code server_run(struct server *s, struct err *err) MUST_CHECK;
void server_free(struct server *s); /* NULL is allowed */

#endif
