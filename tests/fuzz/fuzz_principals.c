/* loaded.h, of the file of principals.  Corpus: tests/fuzz/corpus/principals.
 */
#include "tests/fuzz/loaded.h"

#include "server/auth/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err_code load(bool *is_made, const uint8_t *data, size_t len,
                          struct policy_report *report, struct arena *a,
                          struct err *err)
{
    struct auth_registry *out = NULL;
    const enum err_code code =
        auth_load_bytes(&out, data, len, "dir/file.yaml", report, a, err);
    *is_made = out != NULL;
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    loaded_check(load, data, len);
    return 0;
}
