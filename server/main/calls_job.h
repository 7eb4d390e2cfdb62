#ifndef MAIN_CALLS_JOB_H
#define MAIN_CALLS_JOB_H

#include "server/grpc/codec.h"
#include "server/main/calls.h"
#include "server/main/grpc_conn.h"

/* Shared by calls.c, calls_job.c and calls_watch.c; nobody else's. */

struct calls_loop {
    struct world *world;    /* the loop's reference */
    uint64_t world_version; /* counts swaps; 0 is none */
    struct retry *retry;    /* owned */
};

struct calls {
    struct calls_options options;
    struct net_server *server; /* borrowed */
    struct calls_loop *loop;   /* options.n_loops, owned */
};

/*
 * One request between loop and worker.
 *
 *   QUEUED -> RUNNING (worker) -> posted -> WAITING (slot) -> over
 *
 * The loop owns it before and after, the worker in between; `gone` is the one
 * word both may touch then.
 */
struct job {
    struct net_task task; /* first: the loop gets it back by this */
    struct work work;
    struct calls *calls;
    struct world *world;              /* a reference */
    const struct auth_principal *who; /* in world */
    const struct codec_method *method;
    struct net_handle conn;
    int32_t stream;
    uint64_t received_ns, deadline_ns, leave_ns; /* monotonic */
    bool holds;                                  /* the worker until leave_ns */
    atomic_int gone;                             /* the caller left */
    struct watch *watch;                         /* WATCH_BUDGET, or NULL */
    struct net_loop *loop;                       /* once it is back on it */

    uint8_t *message; /* owned */
    size_t message_len;

    struct err err; /* of the answer; ERR_OK: reply */
    uint8_t *reply; /* owned */
    size_t reply_len;
    bool may_retry; /* keep the reply for retries */
    int64_t expires_us;
    char *dataset, *purpose; /* of the reply, owned; may_retry */
};

/* NULL when out of memory.  Copies the message, takes a reference of world. */
struct job *job_new(struct calls *c, struct world *world,
                    const struct auth_principal *who,
                    const struct codec_method *method,
                    const struct net_conn *conn, const struct grpc_call *call);
void job_free(struct job *job);

/* Queue it; false (and nothing happens) when the queue is full. */
bool job_submit(struct job *job) MUST_CHECK;

/* A finished job of a watched call is back on its loop; watch.c frees it. */
void watch_done(struct job *job);

/* WatchBudget: begin, as grpc_method.on_call after authentication. */
void watch_start(struct grpc_session *session, struct job *job);
void watch_cancel(struct watch *watch);
void watch_drain(struct watch *watch, struct grpc_session *session);

/* Do counters count calls of this method? */
bool calls_counts(const char *path);

/* How to refuse what does not fit into the queue. */
enum err_code calls_busy(struct err *err);

#endif
