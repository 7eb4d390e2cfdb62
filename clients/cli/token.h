#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "clients/cli/options.h"

/*
 * The bearer token to call with, or *out = NULL when none is given.  The
 * strongest source decides (command line, environment, file); a token and a
 * token file of the same rank are a mistake.
 *
 * ERR_INVALID    two at once, or a token with what no token has
 * ERR_NOT_FOUND  the token file cannot be read
 */
enum { TOKEN_LEN_MAX = 512 };

enum err_code token_of_options(const char **out, const struct options *o,
                               struct arena *a, struct err *err) MUST_CHECK;

#endif
