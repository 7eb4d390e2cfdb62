/*
 * Files that claim to be lists of whom to erase, and receipts.
 *
 *   - A list is read or refused with words; nothing is written past its length.
 *   - What is read is the note that stood there, and its sealed bytes printed
 *     again are the file's.
 *   - Nobody opens what was not sealed.
 */
#include <stdlib.h>
#include <string.h>

#include "clients/cli/erase.h"
#include "server/audit/box.h"
#include "server/base/base64.h"
#include "server/consent/erase_log.h"
#include "server/consent/receipt.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_list(const struct erase_list *list, const char *text,
                       size_t len, struct arena *a)
{
    const size_t note = strlen(list->note);
    REQUIRE(note < len && memcmp(list->note, text, note) == 0);
    REQUIRE(note > 0 && list->note[note - 1] == '\n');
    char *again = arena_alloc(a, 2 * len + 8, 1);
    char *stood = arena_alloc(a, len + 1, 1);
    REQUIRE(again && stood);
    struct writer w = writer_of(again, 2 * len + 8);
    base64_print(&w, list->sealed, list->sealed_len);
    size_t n = 0;
    for (size_t i = note; i < len && text[i]; i++)
        if (text[i] != '\n' && text[i] != '\r')
            stood[n++] = text[i];
    REQUIRE(w.len == n && memcmp(again, stood, n) == 0);
}

/* A line that is read is printed as it stood. */
static void check_line(const char *text, size_t len)
{
    char again[1024];
    struct erase_line line;
    if (len > sizeof again || !erase_line_parse(&line, text, len))
        return;
    struct writer w = writer_of(again, sizeof again);
    erase_line_print(&w, &line);
    REQUIRE(w.len == len && memcmp(again, text, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t secret[BOX_KEY_LEN] = { 7 };
    static const struct pseudonym who = { { 1, 2, 3 } };
    const struct box_context c = { .info = "", .aad = "" };
    struct erase_list list;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 4 << 20);
    char *text = arena_alloc(&a, len + 1, 1);
    char *kept = arena_alloc(&a, len + 1, 1);
    uint8_t *out = arena_alloc(&a, len + 1, 1);
    if (text && kept && out) {
        memcpy(text, data, len);
        text[len] = '\0';
        memcpy(kept, text, len + 1);
        const enum err_code code =
            erase_list_parse(&list, text, len, "a file", &a, &err);
        REQUIRE(code == ERR_OK || err.msg[0] != '\0');
        if (code == ERR_OK)
            check_list(&list, kept, len, &a);
        if (code == ERR_OK && list.sealed_len <= len)
            REQUIRE(!box_open(out, secret, &c, list.sealed, list.sealed_len));
    }
    check_line((const char *)data, len);
    (void)receipt_is_of((const char *)data, len, &who, 1);
    arena_fini(&a);
    return 0;
}
