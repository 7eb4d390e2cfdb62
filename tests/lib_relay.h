#ifndef TESTS_LIB_RELAY_H
#define TESTS_LIB_RELAY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Stands between servers and a PostgreSQL, message by message, and does
 * something at one of them.
 *
 *   server --message--> relay --message--> database
 *          <--answer---       <--answer---
 *
 * Messages of servers are counted over all connections, and so are answers, as
 * the database's messages are called here, each from 1 on since the relay was
 * armed.  Something is done once, or, after that, once more.
 *
 * Source: PostgreSQL's frontend/backend protocol, "Message Formats".
 */
enum relay_fault {
    RELAY_NONE,
    RELAY_CUT_BEFORE, /* the connection ends; the message never arrives */
    RELAY_CUT_WITHIN, /* half of it arrives */
    RELAY_CUT_AFTER,  /* it arrives, and what the database says does not */
    RELAY_CUT_ANSWER, /* an answer is lost, and all behind it */
    RELAY_CUT_WITHIN_ANSWER, /* half of it arrives */
    RELAY_STRIKE_BEFORE,     /* strike() before a message is passed on, ... */
    RELAY_STRIKE_AFTER,      /* ... or as soon as the database had it */
    RELAY_HOLD,              /* it waits hold_ms */
    RELAY_HOLD_CUT,          /* likewise, and then as RELAY_CUT_AFTER */
};

/* A fault, and the message or answer at which it happens. */
struct relay_plan {
    enum relay_fault fault;
    uint64_t at;
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
    _Atomic int live;             /* connections */
    pthread_mutex_t lock;         /* of what follows */
    struct relay_plan plan, then; /* to come */
    uint64_t messages, answers;   /* since it was armed, or did something */
    unsigned done;                /* faults, since it was armed */
};

/* The first four members are set.  What goes wrong in the test's own machinery
 * ends the program. */
void relay_start(struct relay *r);
void relay_stop(struct relay *r);

/* From now on; counts begin anew. */
void relay_arm(struct relay *r, enum relay_fault fault, uint64_t at);

/* ... and after it `then`, counted from where it happened. */
void relay_arm_twice(struct relay *r, struct relay_plan first,
                     struct relay_plan then);

/* Does the fault happen at an answer? */
bool relay_is_of_answer(enum relay_fault fault);

/* Counted so far: messages, or answers for a fault of those. */
uint64_t relay_count(struct relay *r, enum relay_fault fault);
unsigned relay_done(struct relay *r);

#endif
