/*
 * How often people may be contacted.  Properties: what is read is printed as it
 * was written, byte for byte; what is not read leaves the value alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/policy/often.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    enum { TEXT = 64 };
    char in[TEXT], out[OFTEN_TEXT];
    struct often o = { 77, 77 };
    if (len >= TEXT)
        return 0;
    memcpy(in, data, len);
    in[len] = '\0';
    if (!often_parse(&o, in)) {
        assert(o.n == 77 && o.period_s == 77);
        return 0;
    }
    assert(o.n <= OFTEN_MAX && often_is_valid(o));
    const bool printed = often_print(out, o);
    assert(printed && strcmp(in, out) == 0);
    return 0;
}
