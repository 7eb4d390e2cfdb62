#include "server/pg/pg_uuid.h"

#include <string.h>

enum { UUID_LEN = 16 };

bool pg_uuid_send(struct pg_out *o, const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[UUID_LEN];
    size_t n = 0, i = 0;
    for (; i < len && n < 2 * (size_t)UUID_LEN; i++) {
        const char c = text[i];
        const char *at = c ? strchr(digits, c | 0x20) : NULL;
        if (c == '-')
            continue;
        if (!at)
            return false;
        const uint8_t half = (uint8_t)(at - digits);
        bytes[n / 2] = (uint8_t)(n % 2 ? bytes[n / 2] | half : half << 4);
        n++;
    }
    if (n != 2 * (size_t)UUID_LEN || i != len)
        return false;
    pg_out_bytes(o, bytes, sizeof bytes);
    return true;
}

bool pg_uuid_recv(struct writer *w, const uint8_t *data, size_t len)
{
    if (len != UUID_LEN)
        return false;
    for (size_t i = 0; i < UUID_LEN; i++)
        writer_printf(w, "%s%02x", i >= 4 && i <= 10 && i % 2 == 0 ? "-" : "",
                      data[i]);
    return writer_cstr(w);
}
