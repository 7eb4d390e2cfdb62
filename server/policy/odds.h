#ifndef POLICY_ODDS_H
#define POLICY_ODDS_H

#include "dp/price.h"
#include "server/base/writer.h"

/*
 * What a spent price can reveal about one person, as odds: epsilon alone tells
 * nobody anything.  Never below the bound: odds are rounded up, the chance is
 * rounded up, each to the digits that a person reads.
 */
struct odds {
    double percent; /* what someone who believed 50:50 can come to believe */
    double chance;  /* that the bound does not hold; 0 under pure */
};

/* `delta` is the conversion's; the price's own comes on top.  Under gdp the bound
 * is that of zCDP, which mu-GDP implies at rho = mu^2 / 2. */
struct odds odds_of(enum dp_notion notion, struct dp_price price, double delta);

/* "someone who believed 50:50 about a person could come to believe at most
 * 66.7:33.3, save for a chance of one in 199 million." */
void odds_print(struct writer *w, struct odds odds);

#endif
