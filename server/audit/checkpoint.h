#ifndef AUDIT_CHECKPOINT_H
#define AUDIT_CHECKPOINT_H

#include <stdint.h>

#include "server/audit/merkle.h"
#include "server/audit/note.h"

/*
 * A signed tree head: which log, how long, which root.
 *
 *   origin\n size\n base64 root\n [extension lines]
 *
 * The origin is the name of the key that signs.  Extension lines of others are
 * passed over; ours writes none.
 *
 * Source: C2SP tlog-checkpoint.
 */
enum { CHECKPOINT_LEN = 1024 }; /* bytes; enough for one that we sign */
struct checkpoint {
    char origin[NOTE_NAME_MAX];
    uint64_t size; /* leaves */
    struct merkle_hash root;
};

/* The text that is signed. */
void checkpoint_print(struct writer *w, const struct checkpoint *c);
/* ERR_INVALID says which line is malformed. */
enum err_code checkpoint_parse(struct checkpoint *out, const char *text,
                               size_t len, struct err *err) MUST_CHECK;

/* The signed note; its origin is the signer's name.  ERR_INTERNAL, ERR_LIMIT */
enum err_code checkpoint_sign(struct writer *w, const struct merkle_frontier *f,
                              const struct note_signer *s,
                              struct err *err) MUST_CHECK;
/* Open a note that v signed.  ERR_INVALID as note_open, or another origin. */
enum err_code checkpoint_open(struct checkpoint *out, const char *note,
                              size_t len, const struct note_verifier *v,
                              struct err *err) MUST_CHECK;

#endif
