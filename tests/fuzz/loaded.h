#ifndef TESTS_FUZZ_LOADED_H
#define TESTS_FUZZ_LOADED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/policy/report.h"

/*
 * Files in YAML, of any bytes: loading stays inside its input and its memory,
 * is right or says why with a place and a fix, and says the same again.
 */
#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

/* Loads the bytes as dir/file.yaml; *is_made: it gave something. */
typedef enum err_code loaded_fn(bool *is_made, const uint8_t *data, size_t len,
                                struct policy_report *report, struct arena *a,
                                struct err *err);

static inline void loaded_check(loaded_fn *load, const uint8_t *data,
                                size_t len)
{
    struct policy_report report = { 0 }, again = { 0 };
    struct arena a;
    struct err err = { 0 };
    bool is_made = false;

    arena_init(&a, 64 << 20);
    const enum err_code code = load(&is_made, data, len, &report, &a, &err);
    REQUIRE(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    REQUIRE((code == ERR_OK) == is_made);
    REQUIRE((code == ERR_OK) == (err.msg[0] == '\0'));
    REQUIRE(code != ERR_OK || report.n == 0);
    REQUIRE(code != ERR_INVALID || report.n > 0);
    REQUIRE(report.n <= REPORT_MAX);
    for (size_t i = 0; i < report.n; i++) {
        const struct policy_mistake *m = &report.mistakes[i];
        REQUIRE(m->line > 0 && m->col > 0 && m->msg[0] && m->fix[0]);
    }
    const enum err_code then = load(&is_made, data, len, &again, &a, &err);
    REQUIRE((then == ERR_OK) == is_made);
    REQUIRE(then == code || code == ERR_LIMIT || err.code == ERR_LIMIT);
    arena_fini(&a);
}

#endif
