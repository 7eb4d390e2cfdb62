#ifndef GRPC_GRPC_HEALTH_H
#define GRPC_GRPC_HEALTH_H

#include <stdatomic.h>

#include "server/grpc/grpc_session.h"

/*
 * grpc.health.v1.Health: Check and Watch.
 *
 * One health for the process; every known service and "" (the whole server)
 * share its state.  When a session drains, its watchers are told NOT_SERVING
 * and then ended with UNAVAILABLE, so that a drain need not wait for them.
 * An unknown service: NOT_FOUND from Check, SERVICE_UNKNOWN from Watch.
 *
 * source: grpc/doc/health-checking.md.
 */
struct grpc_health {
    const char *const *services; /* NULL-terminated full names, borrowed */
    atomic_bool serving;         /* set by anyone; new Checks see it */
};

void grpc_health_init(struct grpc_health *health, const char *const *services);

/* The service to give to sessions.  Borrows health. */
struct grpc_service grpc_health_service(struct grpc_health *health);

#endif
