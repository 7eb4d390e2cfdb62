#include "clients/cli/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* RFC 6750, b64token: what may stand in the header. */
static enum err_code check(const char *token, struct err *err)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789-._~+/=";
    const size_t len = strlen(token);
    if (len > 0 && len <= TOKEN_LEN_MAX && strspn(token, ALPHABET) == len)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "the token is not one");
    return err_hint(err, "a token of this server is 64 hex digits");
}

static enum err_code read_file(const char **out, const char *path,
                               struct arena *a, struct err *err)
{
    char line[TOKEN_LEN_MAX + 2] = "";
    FILE *f = fopen(path, "re");
    const bool got = f && fgets(line, sizeof line, f);
    const int why = errno;
    if (f)
        (void)fclose(f);
    if (!got) {
        (void)err_set(err, ERR_NOT_FOUND, "no token in '%.200s': %s", path,
                      f ? "the file is empty" : strerror(why));
        return err_hint(err, "--token-file or token-file in the "
                             "configuration names the file");
    }
    line[strcspn(line, "\r\n")] = '\0';
    *out = arena_strdup(a, line);
    return *out ? check(*out, err) : err_set(err, ERR_LIMIT, "out of memory");
}

enum err_code token_of_options(const char **out, const struct options *o,
                               struct arena *a, struct err *err)
{
    const enum option_source text = o->source[FLAG_TOKEN];
    const enum option_source file = o->source[FLAG_TOKEN_FILE];
    *out = NULL;
    if (text == FROM_NOWHERE && file == FROM_NOWHERE)
        return ERR_OK;
    if (text == file) {
        (void)err_set(err, ERR_INVALID, "a token and a token file are given");
        return err_hint(err, "keep one of the two");
    }
    if (file > text)
        return read_file(out, o->token_file, a, err);
    *out = o->token;
    return check(*out, err);
}
