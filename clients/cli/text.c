#include "clients/cli/text.h"

#include <inttypes.h>
#include <string.h>

#include "server/base/utf8.h"

/* An escape is at most "\u{10ffff}" for one byte or more of input. */
enum { ESCAPE_MAX = 11 };

size_t text_char(const char *s, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (utf8_is_text(s, n))
            return n;
    return 0;
}

static uint32_t code_point(const char *s, size_t n)
{
    static const uint8_t FIRST[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t c = (uint8_t)s[0] & FIRST[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((uint8_t)s[i] & 0x3f);
    return c;
}

/* Controls (C0, DEL, C1), line separators and the marks of Unicode's
 * bidirectional algorithm (UAX 9) with which text can pose as other text. */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c ||
           (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static int escape(char *out, uint32_t c)
{
    if (c == '\n' || c == '\t' || c == '\r')
        return sprintf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    return c < 0x80 ? sprintf(out, "\\x%02" PRIx32, c)
                    : sprintf(out, "\\u{%" PRIx32 "}", c);
}

static const char *make_safe(struct arena *a, const char *s, bool keep_breaks)
{
    const size_t len = strlen(s);
    char *out = arena_alloc(a, len + 1, ESCAPE_MAX);
    if (!out)
        return NULL;
    char *end = out;
    for (size_t at = 0; at < len;) {
        const size_t n = text_char(s + at, len - at);
        const uint32_t c = n ? code_point(s + at, n) : (uint8_t)s[at];
        if (n == 0) {
            end += sprintf(end, "\\x%02" PRIx32, c);
        } else if (is_unsafe(c) && !(keep_breaks && c == '\n')) {
            end += escape(end, c);
        } else {
            memcpy(end, s + at, n);
            end += n;
        }
        at += n ? n : 1;
    }
    *end = '\0';
    return out;
}

const char *text_line(struct arena *a, const char *s)
{
    return make_safe(a, s, false);
}

const char *text_lines(struct arena *a, const char *s)
{
    return make_safe(a, s, true);
}

const char *text_valid(struct arena *a, const char *s)
{
    static const char REPLACEMENT[] = "\xef\xbf\xbd";
    const size_t len = strlen(s);
    if (utf8_is_text(s, len))
        return s;
    char *out = arena_alloc(a, len + 1, sizeof REPLACEMENT);
    char *end = out;
    for (size_t at = 0; out && at < len;) {
        const size_t n = text_char(s + at, len - at);
        memcpy(end, n ? s + at : REPLACEMENT, n ? n : 3);
        end += n ? n : 3;
        at += n ? n : 1;
    }
    return out;
}

void text_wrap(FILE *out, const char *text, size_t width, int indent)
{
    while (strlen(text) > width) {
        size_t cut = width;
        while (cut > 0 && text[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        (void)fprintf(out, "%.*s\n%*s", (int)cut, text, indent, "");
        text += cut + 1;
    }
    (void)fprintf(out, "%s\n", text);
}
