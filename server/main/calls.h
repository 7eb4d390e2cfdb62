#ifndef MAIN_CALLS_H
#define MAIN_CALLS_H

#include "server/grpc/grpc_session.h"
#include "server/main/retry.h"
#include "server/main/service.h"
#include "server/main/workers.h"
#include "server/net/net.h"

/*
 * halftone.v1.Halftone and Admin as gRPC calls: from a message on a loop's
 * thread, through a worker, to a reply on the loop at its slot.
 *
 *   loop     authenticate -> known retry? reply at its slot
 *               '-> copy the message, queue a job (full: UNAVAILABLE)
 *   worker   decode -> service_answer -> encode -> post to the loop
 *   loop     wait for the slot -> reply, or the error
 *
 * Each loop has a world and a retry cache of its own, so that nothing on this
 * path takes a lock but the job queue.
 */
struct calls;

struct calls_options {
    const struct service *service; /* borrowed */
    struct workers *workers;       /* borrowed */
    struct world *world;           /* the first; a reference is taken */
    unsigned n_loops;
    size_t replay_len; /* bytes of replies a loop's cache may hold */
};

enum err_code calls_new(struct calls **out, const struct calls_options *options,
                        struct err *err) MUST_CHECK;

/* After net_server_free and workers_free.  NULL is allowed. */
void calls_free(struct calls *c);

/* The service to give to sessions; borrows c. */
struct grpc_service calls_service(struct calls *c);

/* Loops post through this server; once, before it runs. */
void calls_attach(struct calls *c, struct net_server *server);

/* An answer's error, for the metrics; ERR_OK is none. */
void calls_count_error(enum err_code code);

/* The world of a loop, borrowed until its next turn; *version changes with it.
 * On that loop's thread. */
struct world *calls_world(const struct calls *c, unsigned loop,
                          uint64_t *version);

/*
 * New requests see `world` from now on: each loop swaps at its next turn and
 * forgets its retries.  References are taken.  Any thread.
 */
void calls_set_world(struct calls *c, struct world *world);

#endif
