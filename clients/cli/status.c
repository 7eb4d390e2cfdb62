#include "clients/cli/status.h"

#include <stdbool.h>
#include <string.h>

#include "clients/cli/text.h"

static enum err_code of_grpc(int status)
{
    /* Statuses that several of our errors share get the likeliest one. */
    static const enum err_code CODES[] = {
        [1] = ERR_CANCELLED, [2] = ERR_INTERNAL,
        [3] = ERR_INVALID,   [4] = ERR_DEADLINE,
        [5] = ERR_NOT_FOUND, [6] = ERR_CONFLICT,
        [7] = ERR_DENIED,    [8] = ERR_LIMIT,
        [9] = ERR_REFUSED,   [10] = ERR_MISS,
        [11] = ERR_INVALID,  [12] = ERR_UNIMPLEMENTED,
        [13] = ERR_INTERNAL, [14] = ERR_UNAVAILABLE,
        [15] = ERR_INTERNAL, [16] = ERR_UNAUTHENTICATED,
    };
    const size_t n = sizeof CODES / sizeof *CODES;
    return status > 0 && (size_t)status < n ? CODES[status] : ERR_INTERNAL;
}

void status_fill(struct err *err, int status, const char *name)
{
    const enum err_code named = err_code_of_name(name);
    const bool known = strcmp(err_info_of(named)->name, name) == 0;
    err->code = known && named != ERR_OK ? named : of_grpc(status);
    if (err->msg[0] == '\0') {
        const struct err before = *err;
        (void)err_set(err, before.code, "%s", err_info_of(before.code)->help);
        (void)err_hint(err, "%s", before.hint);
    }
}

void status_of_http(struct err *err, unsigned http)
{
    enum err_code code = ERR_INTERNAL;
    if (http == 401)
        code = ERR_UNAUTHENTICATED;
    else if (http == 403)
        code = ERR_DENIED;
    else if (http == 404)
        code = ERR_UNIMPLEMENTED;
    else if (http == 429 || (http >= 502 && http <= 504))
        code = ERR_UNAVAILABLE;
    (void)err_set(err, code, "the server answered with HTTP status %u", http);
    (void)err_hint(err, "something between may not speak gRPC");
}

static int hex(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const int letter = (c | 0x20) - 'a';
    return letter >= 0 && letter < 6 ? letter + 10 : -1;
}

void status_decode(char *out, size_t cap, const uint8_t *in, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < cap; i++) {
        const int hi = in[i] == '%' && i + 2 < len ? hex(in[i + 1]) : -1;
        const int lo = hi >= 0 ? hex(in[i + 2]) : -1;
        out[n++] = (char)(lo >= 0 ? hi << 4 | lo : in[i]);
        i += lo >= 0 ? 2 : 0;
    }
    const bool cut = n + 1 == cap;
    for (size_t at = 0; at < n;) {
        const size_t c = text_char(out + at, n - at);
        if (c == 0 && cut && n - at < 4)
            n = at;
        else if (c == 0)
            out[at] = '?';
        at += c ? c : 1;
    }
    out[n] = '\0';
}
