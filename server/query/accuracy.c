#include "server/query/accuracy.h"

#include <math.h>
#include <string.h>

#include "server/query/value.h"

static bool skip(const char **at, const char *word)
{
    const size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* A number in text[0..len) that may end in a percent sign. */
static bool parse_share(double *out, bool *percent, const char *text,
                        size_t len)
{
    struct err ignored;
    struct value v;
    *percent = len > 0 && text[len - 1] == '%';
    len -= *percent;
    /* Digits first, so no sign, no "inf" and no "nan". */
    if (len == 0 || len > 60 || !strchr("0123456789.", text[0]) ||
        strspn(text, "0123456789.eE+-") < len ||
        value_parse(&v, VALUE_DOUBLE, text, len, &ignored) != ERR_OK ||
        !isfinite(v.d))
        return false;
    *out = v.d;
    return true;
}

enum err_code accuracy_parse_level(double *out, const char *text,
                                   struct err *err)
{
    double level = 0;
    bool percent = false;
    const bool read = parse_share(&level, &percent, text, strlen(text));
    const double share = percent ? level / 100 : level;
    if (!read || !(share > 0 && share < 1)) {
        (void)err_set(err, ERR_INVALID, "'%.40s' is not a confidence level",
                      text);
        return err_hint(err, "write 95%% or 0.95: above 0 and below 100%%");
    }
    *out = share;
    return ERR_OK;
}

enum err_code accuracy_parse(struct accuracy *out, const char *text,
                             struct err *err)
{
    static const char *const SIGNS[] = { "\xc2\xb1", "+-", "+/-" };
    const char *at = text;
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++)
        if (skip(&at, SIGNS[i]))
            break;

    const char *sign = strchr(at, '@');
    const size_t len = sign ? (size_t)(sign - at) : strlen(at);
    struct accuracy acc = { 0 };
    if (!parse_share(&acc.half_width, &acc.relative, at, len) ||
        !(acc.half_width > 0)) {
        (void)err_set(err, ERR_INVALID, "'%.60s' is not an accuracy", text);
        return err_hint(err, "write \xc2\xb1"
                             "100@95%% (within 100 in 95 of 100 cases), or "
                             "5%% for a share of a public size");
    }
    if (acc.relative)
        acc.half_width /= 100;
    if (sign)
        TRY(accuracy_parse_level(&acc.level, sign + 1, err));
    *out = acc;
    return ERR_OK;
}
