#ifndef NET_NET_PUMP_H
#define NET_NET_PUMP_H

#include "server/net/net_conn.h"

/*
 * The pump of a connection: what its loop watches, bytes both ways, and when it
 * has been quiet for too long.  Private to server/net; on the loop's thread.
 *
 *   readable -> SSL_read/recv -> protocol.bytes -> conn is dirty
 *   dirty    -> protocol.pull -> SSL_write/send -> linger, once all was sent
 *
 * Any of these may free the connection.
 */

/* The loop takes the connection over; the handover task's function. */
void net_pump_start(struct net_task *task, struct net_loop *loop);

/* Send what the protocol has. */
void net_pump_flush(struct net_conn *conn);

/* Time-outs. */
void net_pump_tick(struct net_conn *conn, uint64_t now_ns);

/* Ask the protocol to end. */
void net_pump_drain(struct net_conn *conn);

#endif
