#ifndef BENCHMARKS_SQLITE_PEERS_H
#define BENCHMARKS_SQLITE_PEERS_H

#include <sqlite3.h>
#include <stdint.h>

/*
 * Two that the ledger is measured beside, each in a file of its own in `dir`;
 * sqlite3_close ends them.
 *
 *   naive  what one would write first: the same durability, one transaction a
 *          charge (three updates, one insert)
 *   bare   the ledger's rows and their indexes, PEER_BATCH a transaction, by
 * one thread that decides nothing: what the work cannot go below
 *
 * naive_charge and bare_charge go on for so long, count *serial on, and return
 * how many charges that were.  What fails ends the program.
 */
enum { PEER_BATCH = 128 };

sqlite3 *naive_open(const char *dir);
uint64_t naive_charge(sqlite3 *db, uint64_t *serial, uint64_t for_ns);

sqlite3 *bare_open(const char *dir);
uint64_t bare_charge(sqlite3 *db, uint64_t *serial, uint64_t for_ns);

#endif
