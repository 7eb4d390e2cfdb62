/*
 * Any bytes as what a process of the catalog is told, as what it says, and as
 * the words of its DuckDB: nothing crashes, what was read is written and read
 * again alike, and every text of DuckDB's is a refusal that quotes none of it
 * but a name.  The first byte chooses.  Corpus: tests/fuzz/corpus/scratch.
 */
#include <stdlib.h>
#include <string.h>

#include "server/engine/scratch_error.h"
#include "server/engine/scratch_wire.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

enum { ARENA = 1 << 20, BYTES = 1 << 19 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t once[BYTES], twice[BYTES];

/* The length in front is that of what follows. */
static void check_head(const uint8_t *bytes, size_t len)
{
    struct reader r = reader_of(bytes, len);
    REQUIRE(reader_be32(&r) == len - SCRATCH_HEAD);
}

static void call(const uint8_t *data, size_t len, struct arena *a)
{
    struct scratch_call c;
    struct writer w = writer_of(once, sizeof once);
    struct writer v = writer_of(twice, sizeof twice);
    if (!scratch_call_read(&c, data, len, a))
        return;
    scratch_call_write(&w, &c);
    REQUIRE(!w.overflow);
    check_head(once, w.len);
    REQUIRE(
        scratch_call_read(&c, once + SCRATCH_HEAD, w.len - SCRATCH_HEAD, a));
    scratch_call_write(&v, &c);
    REQUIRE(w.len == v.len && memcmp(once, twice, w.len) == 0);
}

static void reply(const uint8_t *data, size_t len, struct arena *a)
{
    struct scratch_reply r;
    struct writer w = writer_of(once, sizeof once);
    struct writer v = writer_of(twice, sizeof twice);
    if (!scratch_reply_read(&r, data, len, a))
        return;
    scratch_reply_write(&w, &r);
    REQUIRE(!w.overflow);
    check_head(once, w.len);
    REQUIRE(
        scratch_reply_read(&r, once + SCRATCH_HEAD, w.len - SCRATCH_HEAD, a));
    scratch_reply_write(&v, &r);
    REQUIRE(w.len == v.len && memcmp(once, twice, w.len) == 0);
}

static void words(const uint8_t *data, size_t len, struct arena *a)
{
    struct err err = { 0 };
    const char *text = arena_strndup(a, (const char *)data, len);
    REQUIRE(text);
    const enum err_code code = scratch_error(&err, text);
    REQUIRE(code == ERR_REFUSED || code == ERR_LIMIT || code == ERR_INVALID ||
            code == ERR_NOT_FOUND);
    REQUIRE(err.code == code && err.reason && err.msg[0] && err.hint[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    if (len == 0 || len > BYTES / 8)
        return 0;
    arena_init(&a, ARENA);
    if (data[0] % 3 == 0)
        call(data + 1, len - 1, &a);
    else if (data[0] % 3 == 1)
        reply(data + 1, len - 1, &a);
    else
        words(data + 1, len - 1, &a);
    arena_fini(&a);
    return 0;
}
