/*
 * Any bytes as a tile's name, a key, a signed note, a checkpoint, a witness,
 * a request to one:
 * nothing crashes, and what is accepted prints as it was read, or prints to
 * something that reads the same.  Corpus: tests/fuzz/corpus/audit.
 */
#include <stdlib.h>
#include <string.h>

#include "server/audit/cosigner.h"
#include "server/audit/tile.h"
#include "server/audit/witness.h"
#include "server/base/base64.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TEXT_MAX = 4096 };
static const char KEY[] = "PeterNeumann+c74f20a3+"
                          "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

static void try_tile(const char *text, size_t len)
{
    char again[TILE_PATH_LEN];
    struct tile t;
    struct writer w = writer_of(again, sizeof again);
    if (!tile_parse(&t, text, len))
        return;
    REQUIRE(t.width >= 1 && t.width <= MERKLE_TILE && t.level < MERKLE_LEVELS);
    tile_print(&w, &t);
    REQUIRE(!w.overflow && w.len == len && memcmp(again, text, len) == 0);
}

static void try_key(const char *text, size_t len)
{
    char again[NOTE_KEY_TEXT_LEN];
    struct note_verifier v;
    struct note_signer s;
    struct err err;
    struct writer w = writer_of(again, sizeof again);
    if (note_verifier_parse(&v, text, &err) == ERR_OK) {
        const size_t line = len - (text[len - 1] == '\n');
        note_verifier_print(&w, &v);
        REQUIRE(w.len == line && memcmp(again, text, line) == 0);
    } else {
        REQUIRE(err.code == ERR_INVALID && err.msg[0] && err.hint[0]);
    }
    REQUIRE(note_signer_parse(&s, text, &err) == ERR_OK ||
            err.code == ERR_INVALID);
}

static void try_note(const char *text, size_t len)
{
    struct note_verifier v;
    struct err err;
    size_t text_len = 0;
    REQUIRE(note_verifier_parse(&v, KEY, &err) == ERR_OK);
    if (note_open(&text_len, text, len, &v, &err) == ERR_OK)
        REQUIRE(text_len > 0 && text_len < len && text[text_len - 1] == '\n');
    else
        REQUIRE(err.code == ERR_INVALID && err.msg[0] && err.hint[0]);
}

static void try_witness(const char *text, size_t len)
{
    static struct witness a, b;
    static char print[2 * TEXT_MAX];
    struct checkpoint c;
    struct err err;
    struct writer w = writer_of(print, sizeof print);
    const bool is_checkpoint = checkpoint_parse(&c, text, len, &err) == ERR_OK;
    const bool is_witness = witness_parse(&a, text, len, &err) == ERR_OK;
    REQUIRE(is_checkpoint || !is_witness);
    if (is_checkpoint) {
        checkpoint_print(&w, &c);
        REQUIRE(w.len <= len && memcmp(print, text, w.len) == 0);
    }
    if (!is_witness)
        return;
    w = writer_of(print, sizeof print);
    witness_print(&w, &a);
    REQUIRE(!w.overflow && witness_parse(&b, print, w.len, &err) == ERR_OK);
    REQUIRE(memcmp(&a, &b, sizeof a) == 0);
}

static void try_request(const char *text, size_t len)
{
    static char again[2 * TEXT_MAX];
    struct cosigner_request r;
    struct err err;
    struct writer w = writer_of(again, sizeof again);
    if (cosigner_request_parse(&r, text, len, &err) != ERR_OK) {
        REQUIRE(err.code == ERR_INVALID && err.msg[0]);
        return;
    }
    REQUIRE(r.note >= text && r.note + r.note_len == text + len);
    cosigner_request_print(&w, r.note, r.note_len, r.old, &r.proof);
    REQUIRE(!w.overflow && w.len == len && memcmp(again, text, len) == 0);
}

static void try_base64(const char *text, size_t len)
{
    uint8_t bytes[TEXT_MAX];
    char again[TEXT_MAX + 4];
    size_t n;
    struct writer w = writer_of(again, sizeof again);
    if (!base64_parse(bytes, sizeof bytes, &n, text, len))
        return;
    base64_print(&w, bytes, n);
    REQUIRE(w.len == len && memcmp(again, text, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char text[TEXT_MAX + 1];
    if (len == 0 || len > TEXT_MAX)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    try_tile(text, len);
    if (memchr(text, '\0', len) == NULL)
        try_key(text, len);
    try_note(text, len);
    try_witness(text, len);
    try_request(text, len);
    try_base64(text, len);
    return 0;
}
