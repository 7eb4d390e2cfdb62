/*
 * Any words on the command line, one a line, and any text from a server.
 * Words are understood or refused with a sentence; what is printed of foreign
 * text moves no cursor and stays UTF-8.  Corpus: tests/fuzz/corpus/cli.
 */
#include <stdlib.h>
#include <string.h>

#include "clients/cli/cell.h"
#include "clients/cli/options.h"
#include "clients/cli/status.h"
#include "clients/cli/target.h"
#include "clients/cli/text.h"
#include "server/base/utf8.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

enum { WORDS_MAX = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_words(char *text)
{
    const char *argv[WORDS_MAX + 1] = { "halftone" };
    struct options o;
    struct err err = { 0 };
    int argc = 1;
    for (char *at = strtok(text, "\n"); at && argc < WORDS_MAX;
         at = strtok(NULL, "\n"))
        argv[argc++] = at;
    const enum err_code code = options_parse(&o, argc, argv, &err);
    REQUIRE(code == ERR_OK || (code == ERR_INVALID && err.msg[0]));
    if (code != ERR_OK)
        return;
    REQUIRE(!(o.rho < 0) && !(o.epsilon < 0) && o.level >= 0 && o.level < 1);
    REQUIRE(o.accuracy.half_width >= 0 && o.n_args < (size_t)argc);
    for (size_t i = 0; i < o.n_args; i++) {
        struct target t;
        struct value v;
        if (target_parse(&t, o.args[i], &err) == ERR_OK)
            REQUIRE(strlen(t.host) > 0 && atoi(t.port) > 0);
        REQUIRE(cell_parse(&v, o.args[i], &err) != ERR_OK ||
                v.type < VALUE_TYPE_COUNT);
    }
}

static void check_shown(const char *text, size_t len)
{
    struct arena a;
    char status[64];
    arena_init(&a, 64 << 20);
    const char *line = text_line(&a, text);
    REQUIRE(line && utf8_is_text(line, strlen(line)));
    for (const char *c = line; *c; c++)
        REQUIRE((uint8_t)*c >= 0x20 && *c != 0x7f);
    const char *valid = text_valid(&a, text);
    REQUIRE(valid && utf8_is_text(valid, strlen(valid)));
    status_decode(status, sizeof status, (const uint8_t *)text, len);
    REQUIRE(strlen(status) < sizeof status &&
            utf8_is_text(status, strlen(status)));
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    REQUIRE(text);
    memcpy(text, data, len);
    text[len] = '\0';
    check_shown(text, strlen(text));
    check_words(text);
    free(text);
    return 0;
}
