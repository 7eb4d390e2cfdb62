#ifndef AUDIT_COSIGNER_H
#define AUDIT_COSIGNER_H

#include "server/audit/checkpoint.h"
#include "server/base/arena.h"

/*
 * A witness that is asked over HTTP: it remembers the longest checkpoint it saw
 * of a log, signs one that goes on from it, and no other.
 *
 *   log      POST PREFIX/add-checkpoint     old SIZE\n proof...\n \n checkpoint
 *   witness  200 lines of signatures | 409 SIZE\n | 403, 404, 422
 *
 * Here are both sides' bytes, without I/O but for cosigner_ask, and what a
 * witness decides.
 *
 * Source: C2SP tlog-witness, tlog-cosignature.
 */
enum { COSIGNER_REQUEST_LEN = NOTE_LEN_MAX + 64 * 64, COSIGNER_PROOF_MAX = 63 };
enum { COSIGNER_LINES_LEN = 4096 };

/* ---- the log's side ---- */

struct cosigner;
/* `base` and `ca` as http_options; `key` of the witness. */
enum err_code cosigner_new(struct cosigner **out, const char *base,
                           const char *ca, const struct note_verifier *key,
                           struct err *err) MUST_CHECK;
void cosigner_free(struct cosigner *c); /* NULL is allowed */

enum cosigner_verdict {
    COSIGNER_SIGNED, /* the note with its signature is in `note` */
    COSIGNER_OTHER,  /* it has seen `size` leaves, and wants a proof from there
                      */
    COSIGNER_DENIED, /* the past is another, or the log is unknown to it */
};
struct cosigner_said {
    enum cosigner_verdict verdict;
    uint64_t size;
    long status;
    char note[NOTE_LEN_MAX];
    size_t note_len;
};
/*
 * Submit a signed note of a checkpoint, with the proof from `old` leaves.
 * Any thread, one at a time.
 * ERR_UNAVAILABLE  it cannot be reached, or its answer is none: it is away, and
 *                  whoever others wait for asks it no more, until somebody who
 *                  has time has got an answer
 */
enum err_code cosigner_ask(struct cosigner *c, struct cosigner_said *out,
                           const char *note, size_t note_len, uint64_t old,
                           const struct merkle_proof *proof,
                           struct err *err) MUST_CHECK;

/* Any thread, never blocks. */
bool cosigner_is_away(const struct cosigner *c);

/* ---- the witness's side ---- */

struct cosigner_state {
    struct note_verifier log; /* the only one */
    struct note_signer key;   /* NOTE_COSIGNATURE */
    struct checkpoint seen;   /* size 0: none yet */
};

/*
 * Decide about the body of a request.  200: the note that is to be remembered
 * durably is *note, its checkpoint *fresh, and `reply` the answer that may be
 * sent then.  Else the status, and the answer.
 */
int cosigner_decide(const struct cosigner_state *s, const char *body,
                    size_t len, uint64_t time_s, const char **note,
                    size_t *note_len, struct checkpoint *fresh,
                    struct writer *reply);

/* Of that request: ERR_INVALID says what is malformed.  `note` is in body. */
struct cosigner_request {
    uint64_t old;
    struct merkle_proof proof;
    const char *note;
    size_t note_len;
};
enum err_code cosigner_request_parse(struct cosigner_request *out,
                                     const char *body, size_t len,
                                     struct err *err) MUST_CHECK;
void cosigner_request_print(struct writer *w, const char *note, size_t note_len,
                            uint64_t old, const struct merkle_proof *proof);

#endif
