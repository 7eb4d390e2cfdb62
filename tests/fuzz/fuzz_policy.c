/*
 * Any bytes: loading stays inside its input and its memory, is right or says
 * why with a place and a fix, and says the same again.
 * Corpus: tests/fuzz/corpus/policy.
 */
#include <stdlib.h>
#include <string.h>

#include "server/policy/policy.h"
#include "server/policy/report.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum err_code load(const uint8_t *data, size_t len, struct arena *a,
                          struct policy_report *report, struct err *err)
{
    struct policy *out = NULL;
    const enum err_code code =
        policy_load_bytes(&out, data, len, "dir/file.yaml", report, a, err);
    REQUIRE((code == ERR_OK) == (out != NULL));
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct policy_report report = { 0 }, again = { 0 };
    struct arena a;
    struct err err = { 0 };

    arena_init(&a, 64 << 20);
    const enum err_code code = load(data, len, &a, &report, &err);
    REQUIRE(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    REQUIRE((code == ERR_OK) == (err.msg[0] == '\0'));
    REQUIRE(code != ERR_OK || report.n == 0);
    REQUIRE(code != ERR_INVALID || report.n > 0);
    REQUIRE(report.n <= REPORT_MAX);
    for (size_t i = 0; i < report.n; i++) {
        const struct policy_mistake *m = &report.mistakes[i];
        REQUIRE(m->line > 0 && m->col > 0 && m->msg[0] && m->fix[0]);
    }
    REQUIRE(load(data, len, &a, &again, &err) == code || code == ERR_LIMIT ||
            err.code == ERR_LIMIT);
    arena_fini(&a);
    return 0;
}
