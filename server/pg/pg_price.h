#ifndef PG_PRICE_H
#define PG_PRICE_H

#include <stdint.h>

/*
 * Amounts of a budget as notices tell them, in four significant digits: a price
 * up and a rest down, as the command line client does, so that nothing says
 * less than was charged or more than is left.
 *
 * `units` are the ledger's (pico-rho, nano-epsilon), `per` how many make one;
 * the double prints in four digits with %.4g.
 */
double pg_price_up(uint64_t units, double per);
double pg_price_down(uint64_t units, double per);

#endif
