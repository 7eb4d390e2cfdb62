#ifndef ENGINE_SCRATCH_PROCESS_H
#define ENGINE_SCRATCH_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "server/engine/scratch_wire.h"

/*
 * One process of the catalog, from without: started, asked, ended
 * (scratch_pool.h has several of them).  One thread at a time.
 */
struct scratch_process {
    pid_t pid; /* 0: there is none */
    int fd;    /* the socket to it, nonblocking in effect */
};

/* `program` with SCRATCH_WORKER_ARG; false: it does not start. */
bool scratch_process_start(struct scratch_process *p, const char *program);

/* At once, and whatever it does. */
void scratch_process_end(struct scratch_process *p);

/* It has not gone by itself so far. */
bool scratch_process_lives(const struct scratch_process *p);

enum scratch_heard {
    SCRATCH_HEARD,    /* a reply */
    SCRATCH_DIED,     /* the process, or it says what is none */
    SCRATCH_TOO_LATE, /* at `until_ns` (CLOCK_MONOTONIC) it was not there */
    SCRATCH_NO_ROOM,  /* call or reply do not fit into `a` */
};

/* A call and its reply; unless HEARD it must be ended. */
enum scratch_heard scratch_process_ask(struct scratch_reply *out,
                                       const struct scratch_process *p,
                                       const struct scratch_call *call,
                                       uint64_t until_ns, struct arena *a);

uint64_t scratch_now_ns(void); /* CLOCK_MONOTONIC */

#endif
