#ifndef TESTS_LIB_LEDGER_H
#define TESTS_LIB_LEDGER_H

#include <stdatomic.h>

#include "server/ledger/ledger.h"

/* What tests of the ledger share: a folder, a clock of their own, arguments. */
struct fake_clock {
    struct clock clock;
    _Atomic int64_t wall_us; /* set freely; mono follows the system's */
};
void fake_clock_init(struct fake_clock *c, int64_t wall_us);

/* A new folder under $TMPDIR or /tmp, and where the ledger is: a file in it, or
 * (ledger_dirs_in_postgres) the test's PostgreSQL, emptied. */
struct ledger_dir {
    char dir[64], path[80];
    char beside[96]; /* a register's erasures */
};
void ledger_dirs_in_postgres(bool is_so);
void ledger_dir_init(struct ledger_dir *d);
void ledger_dir_fini(struct ledger_dir *d); /* removes it */

/* Arguments with storage of their own.  One account, "dataset/shop". */
enum { CHARGE_ACCOUNTS = 3 };
struct charge {
    struct ledger_charge_args args;
    struct ledger_account_spec accounts[CHARGE_ACCOUNTS];
    uint8_t request_hash[LEDGER_HASH_LEN], release_hash[LEDGER_HASH_LEN];
    char quota[64], window[64];
};

/*
 * `who` asks for release `release` at `rho_pico`; key "" = none; the request
 * hash follows from the release.  args.accounts lead into `out`: do not copy.
 */
void charge_init(struct charge *out, const char *who, const char *key,
                 const char *release, uint64_t rho_pico, uint64_t limit);

/* Add the quota of `who`, for life or (window_s > 0) in a window. */
void charge_add_quota(struct charge *c, uint64_t limit, uint64_t window_s);

/* Make of a closed ledger the file that a server of schema `version` wrote. */
void ledger_make_old(const char *path, int version);

/* True when ledger_verify finds nothing; else its findings are on stderr. */
bool ledger_verifies(const char *path);

/* What was taken of dataset/shop, whose limit is `limit`. */
uint64_t ledger_spent(struct ledger *l, uint64_t limit);

#endif
