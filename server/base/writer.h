#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A cursor that appends to caller-owned storage, with a sticky error.
 *
 * A write past the end stores nothing and sets `overflow`; printers therefore
 * write a whole message straight through and check once.  `need` keeps counting
 * so that a caller can size a second try.  invariant: len <= cap.
 */
struct dialect;
struct writer {
    uint8_t *data;         /* borrowed */
    size_t len, cap, need; /* bytes */
    uint64_t behind; /* bytes that names in it stand for, where the printer
                        tells */
    bool overflow;
    struct dialect *dialect; /* of the SQL that is written; whoever prints SQL
                                knows it (server/plan/dialect.h) */
};

static inline struct writer writer_of(void *data, size_t cap)
{
    return (struct writer){ .data = data, .cap = cap };
}

void writer_bytes(struct writer *w, const void *src, size_t len);
void writer_u8(struct writer *w, uint8_t v);
void writer_be16(struct writer *w, uint16_t v);
void writer_be32(struct writer *w, uint32_t v);
void writer_be64(struct writer *w, uint64_t v);
void writer_str(struct writer *w, const char *s); /* without its NUL */
void writer_printf(struct writer *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON string, quoted: control characters, quotes and backslashes escaped. */
void writer_json(struct writer *w, const char *text, size_t len);

/* What was written is a name, and `bytes` stand behind it; saturates. */
void writer_behind(struct writer *w, uint64_t bytes);

/* NUL-terminate without counting it; false (and sticky) when there is no room.
 */
bool writer_cstr(struct writer *w);

#endif
