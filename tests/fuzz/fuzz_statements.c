/*
 * Any text as a file of SQL: statements lie inside it, in order, without
 * blanks at their ends, and what is left between them holds no character that
 * counts.  Taking one apart again gives it alone.  Corpus:
 * tests/fuzz/corpus/statements.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/statements.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_again(const struct statement *s, struct arena *a)
{
    struct statement *list;
    struct err err = { 0 };
    size_t n;
    const char *text = arena_strndup(a, s->text, s->len);
    REQUIRE(text);
    /* A letter that was before an E'..' is gone: it may end later, or not. */
    if (statements_split(&list, &n, text, a, &err) != ERR_OK)
        return;
    REQUIRE(n >= 1 && list[0].text == text && list[0].line == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct statement *list;
    struct err err = { 0 };
    struct arena a;
    size_t n;
    arena_init(&a, 64 << 20);
    const char *sql = arena_strndup(&a, (const char *)data, len);
    REQUIRE(sql);
    const enum err_code code = statements_split(&list, &n, sql, &a, &err);
    REQUIRE(code == ERR_OK || (code == ERR_INVALID && err.line > 0));
    const char *end = sql;
    for (size_t i = 0; code == ERR_OK && i < n; i++) {
        const struct statement *s = &list[i];
        REQUIRE(s->len > 0 && s->text >= end && s->line > 0 && s->col > 0);
        REQUIRE(s->text + s->len <= sql + strlen(sql));
        REQUIRE(!strchr(" \t\r\n;", s->text[0]));
        REQUIRE(!strchr(" \t\r\n", s->text[s->len - 1]));
        end = s->text + s->len;
        if (n <= 16)
            check_again(s, &a);
    }
    arena_fini(&a);
    return 0;
}
