#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Several servers over one ledger, clients that ask until they know, and all
 * that can go wrong between, in an order that a seed decides (baton.h):
 *
 *   network   requests are lost, late, doubled at another server; replies lost
 *   server    killed at any pause, started again; runs slower than their lease;
 *             engines that fail
 *   database  commits that break off, done or not; power lost, unsynced writes
 *             lost or torn
 *   time      passes as it must; leases lapse, servers are taken for dead
 *
 * The servers are the product's from the service down, but for its store and
 * its engine; they pause before each transaction and in each run.  Clients hold
 * what they were told against a model:
 *
 *   a key has one answer, the same bytes for ever, from whichever server
 *   after an answer there is no miss, after a miss no answer
 *   each key that came through is one charge, each refused for budget is none,
 *   and not more are charged than the budget is for
 *   what verify checks holds
 */
enum sim_plant {
    SIM_PLANT_NONE,
    SIM_PLANT_BELIEVES, /* an unknown commit is taken for done */
    SIM_PLANT_STALE,    /* what other servers changed is not read */
    SIM_PLANT_LOSER,    /* the loser of a race sends its own answer */
};

struct sim_result {
    const char *broken; /* what did not hold, or NULL; static */
    unsigned answers, misses, refused, charges, retries, kills;
    uint64_t events; /* a hash of all that happened, and when */
};

/* One life of all of it; with `tells` its events are on standard output. */
void sim_live(struct sim_result *out, uint64_t seed, enum sim_plant plant,
              bool tells);

#endif
