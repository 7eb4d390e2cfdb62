#ifndef AUDIT_REMOTE_H
#define AUDIT_REMOTE_H

#include "server/audit/checkpoint.h"
#include "server/audit/tile.h"

/*
 * Somebody else's log, read tile by tile and believed in nothing.
 *
 * The owner fetches; here it is checked that what was fetched is the log that
 * the checkpoint's key signed: whole (remote_check_whole) or only as an
 * extension of what was seen before (remote_check_grown), which needs a few
 * tiles however long the log is.
 *
 * Source: C2SP tlog-tiles; RFC 9162 section 2.1.4.
 */

/* Fetch `path` ("tile/0/000"): exactly `len` bytes into out, or an error. */
typedef enum err_code remote_fetch_fn(void *ctx, const char *path, uint8_t *out,
                                      size_t len, struct err *err);

struct remote {
    remote_fetch_fn *fetch;
    void *ctx;
    uint64_t size; /* of the checkpoint that is being checked */
    /* The last tile of each level, for proofs read them again and again. */
    struct {
        bool is_there;
        uint64_t index;
        struct merkle_hash hash[MERKLE_TILE];
    } last[MERKLE_LEVELS];
};
struct remote remote_of(remote_fetch_fn *fetch, void *ctx);

/*
 * Every leaf hash is fetched and the root computed.  `old` (or NULL) must be
 * the root of its size on the way.
 * ERR_INVALID  the tiles are not the tree of the checkpoint; or the log is not
 *              an extension of `old`
 */
enum err_code remote_check_whole(struct remote *r, const struct checkpoint *c,
                                 const struct checkpoint *old,
                                 struct err *err) MUST_CHECK;

/* The log of `c` begins with the log of `old`.
 * ERR_INVALID  it does not: the log was rolled back, or shows two faces */
enum err_code remote_check_grown(struct remote *r, const struct checkpoint *old,
                                 const struct checkpoint *c,
                                 struct err *err) MUST_CHECK;

#endif
