#include "server/base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room for `n` more bytes, or NULL once anything has overflowed. */
static uint8_t *take(struct writer *w, size_t n)
{
    w->need = w->need > SIZE_MAX - n ? SIZE_MAX : w->need + n;
    if (w->overflow || n > w->cap - w->len) {
        w->overflow = true;
        return NULL;
    }
    if (n == 0)
        return NULL; /* nothing to write, perhaps nowhere */
    uint8_t *p = w->data + w->len;
    w->len += n;
    return p;
}

void writer_bytes(struct writer *w, const void *src, size_t len)
{
    uint8_t *p = take(w, len);
    if (p && len > 0)
        memcpy(p, src, len);
}

void writer_u8(struct writer *w, uint8_t v)
{
    writer_bytes(w, &v, 1);
}

/* `n` low bytes of v, most significant first. */
static void put_be(struct writer *w, uint64_t v, size_t n)
{
    uint8_t *p = take(w, n);
    for (size_t i = 0; p && i < n; i++)
        p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

void writer_be16(struct writer *w, uint16_t v)
{
    put_be(w, v, 2);
}

void writer_be32(struct writer *w, uint32_t v)
{
    put_be(w, v, 4);
}

void writer_be64(struct writer *w, uint64_t v)
{
    put_be(w, v, 8);
}

void writer_str(struct writer *w, const char *s)
{
    writer_bytes(w, s, strlen(s));
}

void writer_printf(struct writer *w, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    const int want = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    const size_t len = want < 0 ? 0 : (size_t)want;
    /* vsnprintf needs a byte for its NUL, which is not part of the text. */
    if (want < 0 || w->overflow || len + 1 > w->cap - w->len) {
        w->need += len;
        w->overflow = true;
    } else {
        (void)vsnprintf((char *)w->data + w->len, len + 1, fmt, again);
        (void)take(w, len);
    }
    va_end(again);
}

/* Characters that stand for themselves. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

void writer_json(struct writer *w, const char *text, size_t len)
{
    writer_u8(w, '"');
    for (size_t i = 0, end = 0; i < len; i = end + 1) {
        end = i;
        while (end < len && is_plain((unsigned char)text[end]))
            end++;
        writer_bytes(w, text + i, end - i);
        if (end == len)
            break;
        const unsigned char c = (unsigned char)text[end];
        if (c == '"' || c == '\\')
            writer_printf(w, "\\%c", c);
        else
            writer_printf(w, "\\u%04x", c);
    }
    writer_u8(w, '"');
}

bool writer_cstr(struct writer *w)
{
    if (w->overflow || w->len == w->cap) {
        w->overflow = true;
        return false;
    }
    w->data[w->len] = '\0';
    return true;
}

void writer_behind(struct writer *w, uint64_t bytes)
{
    if (__builtin_add_overflow(w->behind, bytes, &w->behind))
        w->behind = UINT64_MAX / 4;
}
