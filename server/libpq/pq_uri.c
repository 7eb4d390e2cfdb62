#include "server/libpq/pq_uri.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

static const char *behind_scheme(const char *where)
{
    static const char *const schemes[] = { "postgresql://", "postgres://" };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(where, schemes[i], strlen(schemes[i])) == 0)
            return where + strlen(schemes[i]);
    return NULL;
}

bool pq_uri_is(const char *where)
{
    return behind_scheme(where) != NULL;
}

struct pq_name pq_uri_name(const char *uri)
{
    struct pq_name out;
    const char *rest = behind_scheme(uri);
    (void)snprintf(out.text, sizeof out.text, "postgresql://%.*s",
                   rest ? (int)strcspn(rest, "?") : 0, rest ? rest : "");
    return out;
}

/* What libpq marks as never to be shown, empty or not; or NULL. */
static const char *secret_in(const PQconninfoOption *options)
{
    for (; options->keyword; options++)
        if (options->val && strchr(options->dispchar, '*'))
            return options->keyword;
    return NULL;
}

static enum err_code refuse_secret(const char *what, const char *keyword,
                                   struct err *err)
{
    if (strcmp(keyword, "password") != 0) {
        (void)err_set(err, ERR_INVALID, "%s has a password in it, '%s'", what,
                      keyword);
        return err_hint(err, "name a key without a password, in a file of mode "
                             "0600: sslkey=FILE");
    }
    (void)err_set(err, ERR_INVALID, "%s has a password in it", what);
    return err_hint(err, "write postgresql://user@host/database"
                         "?passfile=/etc/halftone/pgpass, a file of mode "
                         "0600 with host:port:database:user:password");
}

enum err_code pq_uri_check(const char *what, const char *uri, struct err *err)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(uri, &why);
    const char *secret = options ? secret_in(options) : NULL;
    enum err_code code = ERR_OK;
    if (!options) {
        (void)err_set(err, ERR_INVALID,
                      "%s cannot be read: libpq finds a mistake in it", what);
        code = err_hint(err, "write postgresql://user@host/database"
                             "?passfile=FILE");
    } else if (secret) {
        code = refuse_secret(what, secret, err);
    }
    PQconninfoFree(options);
    PQfreemem(why); /* it may quote the URI */
    return code;
}
