#ifndef TESTS_SIM_SHARED_H
#define TESTS_SIM_SHARED_H

#include "server/ledger/store.h"
#include "tests/sim/baton.h"

/*
 * A database that several servers share, on a disk in memory whose power goes:
 * as server/ledger/store_pg.h promises one, over the rows and constraints of
 * the SQLite file.
 *
 * Connections break while they commit; whether that happened is known only when
 * it is asked for.
 */
struct shared;

struct shared_options {
    struct baton *baton;
    const char *path;   /* of the file in memory (lib_fault_vfs.h) */
    uint64_t breaks;    /* one commit in so many; 0 = none */
    bool believes;      /* control: what broke off counts as committed */
    bool reads_nothing; /* control: servers do not look what others changed */
};
struct shared *shared_new(const struct shared_options *o);
void shared_free(struct shared *s);

/* No more of that. */
void shared_heal(struct shared *s);

/* The next store_open gives a connection to it. */
void shared_serve(struct shared *s);

/* The newest connection. */
struct store *shared_newest(struct shared *s);

/* It is cut for ever, as a server that dies leaves it. */
void shared_cut(struct store *connection);

/* The machine of the database loses its power and comes back: connections that
 * were not cut before break for ever. */
void shared_power_lost(struct shared *s);

#endif
