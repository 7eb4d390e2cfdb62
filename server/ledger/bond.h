#ifndef LEDGER_BOND_H
#define LEDGER_BOND_H

#include "server/ledger/bundle.h"
#include "server/ledger/store.h"

/*
 * What the leaf of a charge binds of it beside what its entry says: the release
 * that it pays for and how long that is kept, the key and request that lead to
 * it, the accounts that it draws on and, of a bundle, its pieces.
 *
 *   bond = the first 16 bytes of SHA-256(secret || id || release || lifetime
 *                              || accounts || pieces || request || key)
 *
 * An entry is for auditors, and a hash of what was asked can be guessed: so the
 * secret is the ledger's own and in no entry.  It is made by the first start
 * that finds none, kept in the table meta, and moves, is copied and is
 * recovered with the ledger.  Who has the ledger can verify the bonds
 * (bond_check), and nobody learns anything from one, not even that two charges
 * asked the same.
 *
 * A leaf of an older server has no bond, and binds what it says.
 */
enum { BOND_LEN = 16, BOND_DIGEST = 32 };

struct bond_secret {
    uint8_t bytes[BOND_DIGEST];
};

/* What is bound, borrowed; hashes are as long as ledger.h says. */
struct bond {
    const uint8_t *id, *release_hash;
    int64_t keep_us;
    const uint8_t *accounts;     /* BOND_DIGEST bytes, of bond_of_text */
    const uint8_t *pieces;       /* BOND_DIGEST bytes; NULL: it has none */
    const uint8_t *request_hash; /* looked at when there is a key */
    const char *key;             /* "" = none */
};

struct bond_hex {
    char text[2 * BOND_LEN + 1];
};
struct bond_hex bond_of(const struct bond_secret *secret, const struct bond *b);

/* "account window start,account window start": by the ids of their counters. */
void bond_of_text(uint8_t out[BOND_DIGEST], const char *accounts);

/* `digest` begins as zeros and goes on from piece to piece, in order. */
void bond_add_piece(uint8_t digest[BOND_DIGEST], const struct ledger_piece *p);

/* In a transaction: the ledger's secret, which is made when there is none.  An
 * error is in store->rc. */
void bond_load(struct bond_secret *out, struct store *s);

/* False: there is none, or an error. */
bool bond_find(struct bond_secret *out, struct store *s);

/*
 * Verify every bond.  `find` hears a sentence of each charge whose row is not
 * what its leaf binds.  An error is in store->rc.
 */
typedef void bond_find_fn(void *ctx, const char *sentence);
void bond_check(struct store *s, bond_find_fn *find, void *ctx);

#endif
