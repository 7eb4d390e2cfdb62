#ifndef MAIN_PG_CONN_H
#define MAIN_PG_CONN_H

#include "server/main/calls.h"
#include "server/main/pg_keys.h"
#include "server/pg/pg_session.h"

/*
 * PostgreSQL's protocol on a connection: glue between server/net (bytes and
 * sockets), server/pg (bytes and statements), server/auth (passwords) and the
 * workers.
 *
 *   loop     bytes -> session -> needs a worker? queue a job (full: an error)
 *   worker   statement -> service_answer -> messages -> post to the loop
 *   loop     wait for the slot -> the session goes on
 *
 * A connection keeps the world it logged in under until the loop has another;
 * then its principal must still be there, with the same password.
 */
struct pg_door {
    const struct service *service; /* borrowed, as all here */
    struct workers *workers;
    struct calls *calls;       /* for the world of a loop */
    struct net_server *server; /* set before it runs */
    struct pg_keys *keys;
    bool needs_tls;
    size_t max_message_len;
};

/* For struct net_listener_options: protocol, with a pg_door as ctx. */
extern const struct net_protocol pg_conn_protocol;

/* ---- for pg_job.c ---- */

struct pg_conn;
struct pg_job;

const struct pg_door *pg_conn_door(const struct pg_conn *c);

/* The connection's session, or NULL when it is gone.  On its loop. */
struct pg_conn *pg_conn_find(struct net_loop *loop, struct net_handle handle);

/* A job is back: the session goes on with its backend. */
void pg_conn_resume(struct pg_conn *c, struct pg_backend *backend, bool ends);

/* What is asked, from the loop to a worker.  Takes backend and bytes; false:
 * the queue is full and nothing was taken. */
struct pg_job_args {
    const struct pg_door *door;
    struct world *world; /* a reference is taken */
    const struct auth_principal *who;
    struct net_handle conn;
    struct pg_backend *backend;
    struct pg_frame message;
    uint8_t *bytes;
};
struct pg_job *pg_job_start(const struct pg_job_args *args);

/* Without a worker: what the backend said leaves in wait_ns.  On the loop. */
struct pg_job *pg_job_wait(const struct pg_job_args *args,
                           struct net_loop *loop, uint64_t wait_ns);

/* The caller has gone, or asks to cancel.  On the loop, while the job runs. */
void pg_job_abandon(struct pg_job *job);
void pg_job_cancel(struct pg_job *job);

#endif
