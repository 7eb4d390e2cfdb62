/*
 * Any bytes as a ledger's words: events in their domain, whose words read back
 * as the same events, or an error with a place inside the word and a way out.
 * Corpus: tests/fuzz/corpus/history.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/history.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_event(const struct dp_event *e)
{
    char word[HISTORY_WORD_MAX];
    struct dp_event again = { 0 };
    struct err err;
    REQUIRE(dp_event_ok(e));
    history_word_print(word, e);
    REQUIRE(strlen(word) < HISTORY_WORD_MAX);
    REQUIRE(history_word_parse(&again, word, strlen(word), &err) == ERR_OK);
    REQUIRE(again.kind == e->kind && again.sigma == e->sigma &&
            again.eps == e->eps && again.delta == e->delta &&
            again.times == e->times);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct err err = { 0 };
    struct dp_event *events = NULL, one;
    size_t n = 0;

    arena_init(&a, 64 << 20);
    char *text = arena_alloc(&a, len + 1, 1);
    REQUIRE(text);
    memcpy(text, data, len);
    text[len] = '\0';
    const char *const texts[] = { text, "L1" };
    enum err_code code = history_of_words(&events, &n, texts, 2, &a, &err);
    REQUIRE(code == ERR_OK || code == ERR_INVALID);
    if (code == ERR_OK) {
        REQUIRE(n >= 1);
        for (size_t i = 0; i < n; i++)
            check_event(&events[i]);
    } else {
        REQUIRE(err.col > 0 && err.msg[0] && err.hint[0]);
    }

    /* The bytes as one word, NULs and all. */
    code = history_word_parse(&one, (const char *)data, len, &err);
    REQUIRE(code == ERR_OK || (code == ERR_INVALID && err.col <= len + 1));
    if (code == ERR_OK)
        check_event(&one);
    arena_fini(&a);
    return 0;
}
