#include "server/base/base64.h"

#include <string.h>

static const char ALPHABET[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_print(struct writer *w, const void *data, size_t len)
{
    const uint8_t *p = data;
    for (; len > 0; len -= len < 3 ? len : 3, p += 3) {
        const uint32_t v = (uint32_t)p[0] << 16 |
                           (len > 1 ? (uint32_t)p[1] << 8 : 0) |
                           (len > 2 ? p[2] : 0);
        writer_u8(w, (uint8_t)ALPHABET[v >> 18]);
        writer_u8(w, (uint8_t)ALPHABET[v >> 12 & 63]);
        writer_u8(w, len > 1 ? (uint8_t)ALPHABET[v >> 6 & 63] : '=');
        writer_u8(w, len > 2 ? (uint8_t)ALPHABET[v & 63] : '=');
    }
}

static int value_of(char c)
{
    const char *at = c ? strchr(ALPHABET, c) : NULL;
    return at ? (int)(at - ALPHABET) : -1;
}

bool base64_parse(uint8_t *out, size_t cap, size_t *n, const char *text,
                  size_t len)
{
    *n = 0;
    if (len % 4 != 0)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        const bool is_last = i + 4 == len;
        const unsigned pad = !is_last || text[i + 3] != '=' ? 0
                             : text[i + 2] != '='           ? 1
                                                            : 2;
        uint32_t v = 0;
        for (unsigned k = 0; k < 4 - pad; k++) {
            const int digit = value_of(text[i + k]);
            if (digit < 0)
                return false;
            v |= (uint32_t)digit << (18 - 6 * k);
        }
        if ((v & ((UINT32_C(1) << 8 * pad) - 1)) != 0 || *n + 3 - pad > cap)
            return false;
        for (unsigned k = 0; k < 3 - pad; k++)
            out[(*n)++] = (uint8_t)(v >> (16 - 8 * k));
    }
    return true;
}
