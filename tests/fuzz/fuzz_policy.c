/* loaded.h, of a policy.  Corpus: tests/fuzz/corpus/policy. */
#include "tests/fuzz/loaded.h"

#include "server/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err_code load(bool *is_made, const uint8_t *data, size_t len,
                          struct policy_report *report, struct arena *a,
                          struct err *err)
{
    struct policy *out = NULL;
    const enum err_code code =
        policy_load_bytes(&out, data, len, "dir/file.yaml", report, a, err);
    *is_made = out != NULL;
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    loaded_check(load, data, len);
    return 0;
}
