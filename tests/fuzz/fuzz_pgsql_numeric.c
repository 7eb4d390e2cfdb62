/*
 * Any bytes as a NUMERIC of PostgreSQL's: refused, or a whole number of 128
 * bits that, written as those bytes, is read as the same.
 */
#include "server/engine/pgsql_result.h"

#include <stdlib.h>

#include "server/base/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int ok)
{
    if (!ok)
        abort();
}

static size_t print(uint8_t *out, size_t cap, dp_int v)
{
    enum { DIGITS = 12, BASE = 10000, NEGATIVE = 0x4000 };
    uint16_t digits[DIGITS];
    size_t n = 0;
    struct writer w = writer_of(out, cap);
    for (dp_int rest = v; rest != 0; rest /= BASE)
        digits[n++] = (uint16_t)(rest < 0 ? -(rest % BASE) : rest % BASE);
    writer_be16(&w, (uint16_t)n);
    writer_be16(&w, n ? (uint16_t)(n - 1) : 0);
    writer_be16(&w, v < 0 ? NEGATIVE : 0);
    writer_be16(&w, 0);
    while (n > 0)
        writer_be16(&w, digits[--n]);
    check(!w.overflow);
    return w.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    dp_int v = 0, again = 1;
    uint8_t bytes[64];
    if (!pgsql_numeric(&v, data, len))
        return 0;
    check(pgsql_numeric(&again, bytes, print(bytes, sizeof bytes, v)));
    check(again == v);
    return 0;
}
