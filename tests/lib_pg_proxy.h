#ifndef TESTS_LIB_PG_PROXY_H
#define TESTS_LIB_PG_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * Stands between a ledger and the test's PostgreSQL, and cuts the connection at
 * a BEGIN, or at a COMMIT: before the database has it, when it has it but did
 * not say so, or in between, when nobody knows.
 */
enum proxy_cut { CUT_NONE, CUT_BEGIN, CUT_BEFORE, CUT_AFTER, CUT_WITHIN };

struct pg_proxy {
    char dir[64], uri[160];
    int listener;
    pthread_t thread;
    _Atomic int next_cut; /* then CUT_NONE */
    _Atomic int cuts;     /* so far */
    _Atomic bool stops;
    _Atomic int live; /* connections */
};
void pg_proxy_start(struct pg_proxy *p);
void pg_proxy_stop(struct pg_proxy *p);

#endif
