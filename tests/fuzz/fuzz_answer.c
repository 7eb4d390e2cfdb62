/*
 * Any bytes: the parser stays inside its input and its arena; what it accepts
 * prints to the same bytes.  Corpus: tests/fuzz/corpus/answer.
 */
#include <stdlib.h>
#include <string.h>

#include "server/query/answer.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct answer answer;
    struct err err = { 0 };
    struct arena a;
    arena_init(&a, 1 << 22);
    const enum err_code code = answer_read(&answer, data, len, &a, &err);
    REQUIRE(code == ERR_OK || code == ERR_INTERNAL || code == ERR_LIMIT);
    if (code == ERR_OK) {
        struct writer w = writer_of(malloc(len + 1), len + 1);
        REQUIRE(w.data);
        answer_write(&w, &answer);
        REQUIRE(!w.overflow && w.len == len);
        free(w.data);
    }
    arena_fini(&a);
    return 0;
}
