/*
 * Consent strings of the TCF.  Properties: the parser ends; what it accepts is
 * of version 2, has its time in range, and is accepted again without its other
 * segments, with the same meaning; a vendor 0 is in no section of bits.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/consent/tcf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct tcf t, core;
    struct err err = { 0 };
    const char *text = (const char *)data;
    if (tcf_parse(&t, text, len, 7, &err) != ERR_OK) {
        assert(err.code == ERR_INVALID && err.msg[0]);
        return 0;
    }
    assert(len > 0 && text[0] == 'C'); /* version 2 in six bits */
    assert(t.updated_us >= 0 &&
           t.updated_us < (INT64_C(1) << 36) * INT64_C(100000));
    assert(t.consent < 1u << TCF_PURPOSES && t.interest < 1u << TCF_PURPOSES);
    const char *dot = memchr(text, '.', len);
    const size_t n = dot ? (size_t)(dot - text) : len;
    const enum err_code code = tcf_parse(&core, text, n, 7, &err);
    assert(code == ERR_OK);
    assert(core.updated_us == t.updated_us && core.consent == t.consent &&
           core.interest == t.interest &&
           core.vendor_consent == t.vendor_consent &&
           core.vendor_interest == t.vendor_interest);
    return 0;
}
