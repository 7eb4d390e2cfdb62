#ifndef TESTS_CRASH_RELAY_H
#define TESTS_CRASH_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Stands between servers and a PostgreSQL, message by message, and does
 * something at one of them.
 *
 *   server --message--> relay --message--> database
 *          <--bytes----       <--bytes----
 *
 * Messages of servers are counted over all connections, from 1 on since the
 * relay was armed.  Something is done once.
 *
 * Source: PostgreSQL's frontend/backend protocol, "Message Formats".
 */
enum relay_fault {
    RELAY_NONE,
    RELAY_CUT_BEFORE,    /* the connection ends; the message never arrives */
    RELAY_CUT_WITHIN,    /* half of it arrives */
    RELAY_CUT_AFTER,     /* it arrives, and what the database says does not */
    RELAY_CUT_REPLY,     /* half of that does */
    RELAY_STRIKE_BEFORE, /* strike() before it is passed on, ... */
    RELAY_STRIKE_AFTER,  /* ... or as soon as the database had it */
    RELAY_HOLD,          /* it waits hold_ms */
    RELAY_HOLD_CUT,      /* likewise, and then as RELAY_CUT_AFTER */
};

struct relay {
    const char *database; /* folder of its socket; borrowed */
    void (*strike)(void *ctx);
    void *ctx;
    unsigned hold_ms;

    char dir[64], uri[160]; /* where it listens */
    int listener;
    pthread_t thread;
    _Atomic bool stops;
    _Atomic int live; /* connections */
    _Atomic enum relay_fault fault;
    _Atomic uint64_t at, count;
    _Atomic bool is_done; /* the fault happened */
};

/* The first three members are set.  What goes wrong in the test's own machinery
 * ends the program. */
void relay_start(struct relay *r);
void relay_stop(struct relay *r);

/* From now on; count begins anew. */
void relay_arm(struct relay *r, enum relay_fault fault, uint64_t at);

#endif
