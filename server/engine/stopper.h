#ifndef ENGINE_STOPPER_H
#define ENGINE_STOPPER_H

#include <duckdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * Interrupts DuckDB's runs from beside them.
 *
 * A task of DuckDB ends when it has produced so many rows, not after so long: a
 * join that finds nothing can stay in one task for hours.  Whoever works in it
 * cannot look at a clock, so one thread per engine looks at each run's `stop`
 * and says so to its connection, again and again until the run is over (DuckDB
 * can miss a call that comes while it begins).  It sleeps while nothing runs.
 */
struct stopper_run {
    duckdb_connection con;
    const atomic_int *stop; /* not 0: interrupt */
    struct stopper_run *next, *prev;
};

struct stopper {
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct stopper_run *runs; /* borrowed between add and remove */
    bool is_ending;
};

/* False: the system refused a thread; then stopper_fini must not be called. */
bool stopper_init(struct stopper *s);
void stopper_fini(struct stopper *s); /* when nothing runs */

/* `run` is the caller's, with con and stop set; it stays until removed. */
void stopper_add(struct stopper *s, struct stopper_run *run);
/* No interrupt reaches the connection afterwards. */
void stopper_remove(struct stopper *s, struct stopper_run *run);

#endif
