#ifndef LEDGER_RANDOM_H
#define LEDGER_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Random bytes of OpenSSL's generator, drawn in advance: ids and salts are a
 * few bytes each, and a draw costs as much as the rest of either.  What is
 * handed out is wiped.  One thread at a time.
 */
enum { RANDOM_POOL = 2048 };
struct random_pool {
    uint8_t bytes[RANDOM_POOL];
    size_t left; /* bytes, at the end */
};

/* False: the system gave no randomness.  len <= RANDOM_POOL. */
bool random_take(struct random_pool *p, void *out, size_t len);

#endif
