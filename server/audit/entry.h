#ifndef AUDIT_ENTRY_H
#define AUDIT_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "server/audit/merkle.h"
#include "server/base/writer.h"

/*
 * One entry of the log: what auditors read, and what the public sees of it.
 *
 *   entry       {"kind":"charge","time_us":...,"principal":...}   for auditors
 *   commitment  SHA-256(salt || entry), 32 bytes                  for all
 *   leaf        SHA-256(00 || commitment)                         in the tree
 *
 * The salt is random, so that nobody can find an entry by guessing; who has
 * entry and salt can show that the log has held just this since its checkpoint.
 * Entries hold no personal data of subjects and no SQL.
 */
enum audit_kind {
#define AUDIT(constant, name, help) AUDIT_##constant,
#include "server/audit/audit.def"
#undef AUDIT
    AUDIT_KINDS
};
const char *audit_kind_name(enum audit_kind k);
const char *audit_kind_help(enum audit_kind k);

enum { AUDIT_SALT_LEN = 32, AUDIT_ENTRY_LEN = 2048 };

/* NULL and 0 are left out.  Texts are borrowed, and cut where they are long. */
struct audit_entry {
    enum audit_kind kind;
    int64_t time_us; /* wall */
    const char *principal, *dataset, *purpose;
    const char *charge; /* its id */
    bool has_price;
    uint64_t rho_pico, eps_nano, delta_atto;
    uint64_t policy_version;
    const char *detail;
    const char *bond; /* of what the ledger holds beside it; says nothing to
                         whoever has not the ledger (server/ledger/bond.h) */
};

/* One line of JSON, keys in the order above; AUDIT_ENTRY_LEN bytes suffice. */
void audit_entry_print(struct writer *w, const struct audit_entry *e);

struct audit_salt {
    uint8_t bytes[AUDIT_SALT_LEN];
};
/* False: the system gave no randomness. */
bool audit_salt_new(struct audit_salt *out);
struct merkle_hash audit_commitment(const struct audit_salt *salt,
                                    const void *entry, size_t len);
/* The leaf of that commitment. */
struct merkle_hash audit_leaf(const struct merkle_hash *commitment);

#endif
