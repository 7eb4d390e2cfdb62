#ifndef ENGINE_DECISIONS_H
#define ENGINE_DECISIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * Rows of a file of people's decisions and of their choices of channels, for
 * `halftone consent import`: CSV with a header, Parquet, or JSON a line, told
 * by the name's ending.
 *
 *   subject   required: the value of the dataset's privacy key
 *   channel, at_most   a choice: by which channel, how often ("2 per month",
 *             "any", "never").  Its row says nothing of the next two
 *   purposes  ids with spaces, commas or semicolons between, or a list; also
 *             "purpose".  Empty for special and ordinary
 *   state     granted, granted_explicitly, withdrawn, objected, expired,
 *             special, ordinary
 *   at        required: a timestamp in UTC, or microseconds since 1970
 *   until, notice   may be absent or empty
 *
 * A file has channel and at_most, or state and purposes, or all four.  Other
 * columns are passed over.
 */
struct decisions;
struct decision {
    const char *subject;
    const char *state;
    const char *purposes;          /* with single spaces between */
    const char *channel, *at_most; /* of a choice; else "" */
    int64_t at_us, until_us;       /* until 0: none */
    uint32_t notice;
};

/*
 * ERR_NOT_FOUND  the file cannot be read
 * ERR_INVALID    a column is missing, or the file is of another kind
 */
enum err_code decisions_open(struct decisions **out, const char *path,
                             struct err *err) MUST_CHECK;
void decisions_close(struct decisions *d); /* NULL is allowed */

/* How many rows there are. */
uint64_t decisions_count(const struct decisions *d);

/*
 * The next row; false at the end.  Texts are good until the next call.
 * ERR_INVALID: a value is missing or cannot be read; says which, in what row.
 */
enum err_code decisions_next(bool *found, struct decision *out,
                             struct decisions *d, struct err *err) MUST_CHECK;

#endif
