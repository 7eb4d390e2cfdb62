#ifndef MAIN_TELL_H
#define MAIN_TELL_H

#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/log.h"
#include "server/ledger/ledger.h"
#include "server/main/world.h"
#include "server/net/net.h"

/*
 * What the operator reads of a server: lines while it reads its files, events
 * in its log, and its metrics.  `ctx` is unused, so that these are callbacks.
 */

/* "halftoned: ...", on standard error. */
void tell_line(void *ctx, const char *line);
/* ... its message, and its hint when it has one. */
void tell_error(const struct err *err);

/* Events of an engine (engine.h); class_name NULL: the rollup was built. */
void tell_engine_failed(void *ctx, const char *class_name);
void tell_rollup_built(void *ctx, const char *dataset, const char *rollup,
                       const char *class_name);

/* An event of a listener that is open now. */
void tell_address(enum log_event event, const char *host, uint16_t port);

/* An event for each policy in force. */
void tell_world(const struct world *w);

/* Every metric as Prometheus reads it, connections counted now; how many bytes,
 * 0 = the system refused. */
size_t tell_metrics(char *buf, size_t cap, const struct net_server *net,
                    struct ledger *ledger);

#endif
