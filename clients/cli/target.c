#include "clients/cli/target.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err_code wrong(const char *text, struct err *err)
{
    (void)err_set(err, ERR_INVALID, "'%.80s' is not a server's address", text);
    return err_hint(err, "write HOST:PORT, such as localhost:7443 or "
                         "[::1]:7443");
}

static bool port_is_good(const char *port)
{
    const size_t len = strlen(port);
    if (len == 0 || len > 5 || strspn(port, "0123456789") != len)
        return false;
    const long n = strtol(port, NULL, 10);
    return n >= 1 && n <= 65535;
}

/* Letters, digits and what addresses need; no scheme, user or path. */
static bool host_is_good(const char *host, size_t len, bool bracketed)
{
    if (len == 0 || len >= sizeof((struct target *)0)->host)
        return false;
    for (size_t i = 0; i < len; i++) {
        const char c = host[i];
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                          c == '_';
        if (!word && !(bracketed && (c == ':' || c == '%')))
            return false;
    }
    return true;
}

enum err_code target_parse(struct target *out, const char *text,
                           struct err *err)
{
    const bool bracketed = text[0] == '[';
    const char *host = text + bracketed;
    const size_t len = strcspn(host, bracketed ? "]" : ":");
    const char *rest = host + len;
    if (bracketed && *rest++ != ']')
        return wrong(text, err);
    const char *port = *rest == '\0' ? TARGET_PORT : rest + 1;
    if ((*rest != '\0' && *rest != ':') || !port_is_good(port) ||
        !host_is_good(host, len, bracketed))
        return wrong(text, err);

    *out = (struct target){ 0 };
    memcpy(out->host, host, len);
    (void)snprintf(out->port, sizeof out->port, "%.5s", port);
    (void)snprintf(out->authority, sizeof out->authority,
                   bracketed ? "[%s]:%s" : "%s:%s", out->host, out->port);
    return ERR_OK;
}
