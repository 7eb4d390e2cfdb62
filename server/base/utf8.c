#include "server/base/utf8.h"

#include <stdint.h>

/* Length of the well-formed sequence at p (1..4), or 0. */
static size_t sequence(const uint8_t *p, size_t left)
{
    static const struct form {
        uint8_t lo, hi;   /* first byte */
        uint8_t lo2, hi2; /* second byte */
        uint8_t len;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        if (p[0] < forms[f].lo || p[0] > forms[f].hi)
            continue;
        if (forms[f].len > left)
            return 0;
        if (forms[f].len > 1 && (p[1] < forms[f].lo2 || p[1] > forms[f].hi2))
            return 0;
        for (size_t i = 2; i < forms[f].len; i++)
            if ((p[i] & 0xc0) != 0x80)
                return 0;
        return forms[f].len;
    }
    return 0;
}

bool utf8_is_text(const void *data, size_t len)
{
    const uint8_t *p = data;
    for (size_t at = 0; at < len;) {
        const size_t n = sequence(p + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

size_t utf8_width(const char *text, size_t len)
{
    size_t width = 0;
    for (size_t i = 0; i < len; i++) {
        const uint8_t b = (uint8_t)text[i];
        const bool continues = (b & 0xc0) == 0x80;
        const uint8_t next = i + 1 < len ? (uint8_t)text[i + 1] : 0;
        const bool mark = b == 0xcc || (b == 0xcd && next < 0xb0);
        if (!continues && !mark)
            width++;
    }
    return width;
}
