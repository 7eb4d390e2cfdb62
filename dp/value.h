#ifndef DP_VALUE_H
#define DP_VALUE_H

#include <stdint.h>

/* 128-bit integers on a public grid: exact sums whatever the row order. */
__extension__ typedef __int128 dp_int;
__extension__ typedef unsigned __int128 dp_uint;

#define DP_INT_MAX ((dp_int)(~(dp_uint)0 >> 1))
#define DP_INT_MIN (-DP_INT_MAX - 1)

/*
 * The privacy boundary, as types.  Engines produce dp_exact; reply encoders
 * accept only dp_noisy; the mechanisms in dp/ are the only code that turns one
 * into the other, so forgetting to add noise is a compile error.
 *
 * The member is called `touched` so that tests/check_layers.sh can refuse every
 * mention of it outside dp/ and server/engine/.
 */
struct dp_exact {
    dp_int touched;
};
struct dp_noisy {
    dp_int v;
};

#endif
