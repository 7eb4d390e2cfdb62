#ifndef MAIN_RELOAD_H
#define MAIN_RELOAD_H

#include <pthread.h>
#include <stdbool.h>

/*
 * Reading files again on a thread of its own, so that the acceptor, which hears
 * of the signal, goes on accepting while engines open.
 *
 *   IDLE --ask--> RUNNING --done--> IDLE
 *                    |  ^
 *                   ask |  once more, however many asked meanwhile: the last
 *                    '--'  one's files are read
 *
 * `run` never runs twice at once.  reload_ask and reload_end are for one
 * thread.
 */
struct reload {
    void (*run)(void *ctx);
    void *ctx; /* borrowed */
    pthread_mutex_t lock;
    bool runs, again; /* under the lock */
    pthread_t thread; /* started: to be joined before the next one */
    bool started;
};

void reload_init(struct reload *r, void (*run)(void *ctx), void *ctx);

/* False: the system refused a thread; nothing happens. */
bool reload_ask(struct reload *r);

/* Waits for what runs. */
void reload_end(struct reload *r);

#endif
