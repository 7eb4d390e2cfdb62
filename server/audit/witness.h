#ifndef AUDIT_WITNESS_H
#define AUDIT_WITNESS_H

#include "server/audit/checkpoint.h"

/*
 * What a ledger's witness remembers: a file on another disk than the ledger's.
 *
 * It is a checkpoint of the ledger's log, signed by the log's key, with lines
 * of our own behind it:
 *
 *   example.com/log\n 1234\n kWz3...=\n
 *   halftone-epoch 00112233445566778899aabbccddeeff\n
 *   halftone-block dataset/shop 1000000 0 5000\n
 *   \n
 *   — example.com/log ...\n
 *
 * The epoch names the newest start of the ledger, so that a copy made before it
 * is told from the ledger itself.  A block says how much of an account may have
 * been spent at most: a release spends only what is within its block, and
 * whoever finds the ledger rolled back knows by the blocks what to count as
 * spent.  Amounts are pico-rho, nano-epsilon, atto-delta since the start.
 */
enum { WITNESS_EPOCH_LEN = 16, WITNESS_BLOCKS = 512, WITNESS_NAME_MAX = 128 };

struct witness_block {
    char account[WITNESS_NAME_MAX]; /* one word */
    uint64_t rho_pico, eps_nano, delta_atto;
};
struct witness {
    struct checkpoint head;
    uint8_t epoch[WITNESS_EPOCH_LEN];
    struct witness_block block[WITNESS_BLOCKS];
    size_t n;
};

/* The block of an account, or NULL. */
struct witness_block *witness_find(struct witness *w, const char *account);
/* Likewise, a new one of nothing where there is none; NULL when it is full or
 * the name is no word that fits. */
struct witness_block *witness_block_of(struct witness *w, const char *account);

/* The text that is signed, and its reverse.  ERR_INVALID says which line. */
void witness_print(struct writer *w, const struct witness *witness);
enum err_code witness_parse(struct witness *out, const char *text, size_t len,
                            struct err *err) MUST_CHECK;

/*
 * The file at `path`.  Reading checks the signature; *is_there is false, and
 * nothing else happens, when there is no file.  Writing is whole or not at all,
 * and durable when it returns.
 * ERR_NOT_FOUND  it cannot be read
 * ERR_INVALID    not a witness of this key
 * ERR_UNAVAILABLE  it cannot be written
 */
enum err_code witness_read(struct witness *out, bool *is_there,
                           const char *path, const struct note_verifier *v,
                           struct err *err) MUST_CHECK;
enum err_code witness_write(const struct witness *w, const char *path,
                            const struct note_signer *s,
                            struct err *err) MUST_CHECK;

#endif
