/*
 * Functions of texts on values: constants before the release, group keys after
 * it.  Characters are code points; lower and upper know ASCII alone, and are
 * not computed here for constants of other letters (check.c).
 */
#include <ctype.h>
#include <string.h>

#include "server/plan/eval.h"
#include "server/plan/func.h"

static const struct value FULL = { .type = VALUE_TYPE_COUNT };

static struct value text_of(const char *s, size_t len, struct arena *a)
{
    const char *copy = arena_strndup(a, s, len);
    return copy ? value_text(copy, len) : FULL;
}

static bool begins_char(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static int64_t chars_in(const char *s, size_t len)
{
    int64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += begins_char(s[i]);
    return n;
}

/* Byte offset of the character `n` (from 0), or len. */
static size_t offset_of(const struct value *v, int64_t n)
{
    size_t i = 0;
    for (; i < v->text.len; i++)
        if (begins_char(v->text.s[i]) && n-- == 0)
            return i;
    return i;
}

static struct value slice(const struct value *v, int64_t from, int64_t to,
                          struct arena *a)
{
    const size_t lo = offset_of(v, from), hi = offset_of(v, to);
    return text_of(v->text.s + lo, hi > lo ? hi - lo : 0, a);
}

static struct value mapped(const struct value *v, int (*map)(int),
                           struct arena *a)
{
    char *copy = arena_strndup(a, v->text.s, v->text.len);
    if (!copy)
        return FULL;
    for (size_t i = 0; i < v->text.len; i++)
        if ((unsigned char)copy[i] < 0x80)
            copy[i] = (char)map((unsigned char)copy[i]);
    return value_text(copy, v->text.len);
}

struct value func_lower(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    return mapped(&args[0], tolower, a);
}

struct value func_upper(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    return mapped(&args[0], toupper, a);
}

/* Is the character at s one of `set`? */
static bool in_set(const char *s, size_t len, const struct value *set)
{
    for (size_t i = 0; i + len <= set->text.len; i++)
        if (begins_char(set->text.s[i]) &&
            (i + len == set->text.len || begins_char(set->text.s[i + len])) &&
            memcmp(set->text.s + i, s, len) == 0)
            return true;
    return false;
}

static size_t char_len(const struct value *v, size_t at)
{
    size_t end = at + 1;
    while (end < v->text.len && !begins_char(v->text.s[end]))
        end++;
    return end - at;
}

static struct value trimmed(const struct value *args, size_t n, bool left,
                            bool right, struct arena *a)
{
    static const struct value space = { .type = VALUE_TEXT,
                                        .text = { " ", 1 } };
    const struct value *v = &args[0], *set = n > 1 ? &args[1] : &space;
    size_t lo = 0, hi = v->text.len;
    while (left && lo < hi && in_set(v->text.s + lo, char_len(v, lo), set))
        lo += char_len(v, lo);
    while (right && hi > lo) {
        size_t last = hi - 1;
        while (last > lo && !begins_char(v->text.s[last]))
            last--;
        if (!in_set(v->text.s + last, hi - last, set))
            break;
        hi = last;
    }
    return text_of(v->text.s + lo, hi - lo, a);
}

struct value func_btrim(const struct value *args, size_t n, struct arena *a)
{
    return trimmed(args, n, true, true, a);
}

struct value func_ltrim(const struct value *args, size_t n, struct arena *a)
{
    return trimmed(args, n, true, false, a);
}

struct value func_rtrim(const struct value *args, size_t n, struct arena *a)
{
    return trimmed(args, n, false, true, a);
}

struct value func_length(const struct value *args, size_t n, struct arena *a)
{
    (void)n;
    (void)a;
    return value_int(chars_in(args[0].text.s, args[0].text.len));
}

/* check_func.c brought the place to at least 1 and the length to at least 0. */
struct value func_substring(const struct value *args, size_t n, struct arena *a)
{
    const int64_t from = args[1].i - 1;
    return slice(&args[0], from, n > 2 ? from + args[2].i : INT64_MAX, a);
}

struct value func_left(const struct value *args, size_t n, struct arena *a)
{
    const int64_t all = chars_in(args[0].text.s, args[0].text.len);
    const int64_t k = args[1].i;
    (void)n;
    return slice(&args[0], 0, k >= 0 ? k : all + k > 0 ? all + k : 0, a);
}

struct value func_right(const struct value *args, size_t n, struct arena *a)
{
    const int64_t all = chars_in(args[0].text.s, args[0].text.len);
    const int64_t k = args[1].i;
    const int64_t from = k >= 0 ? all - k : -k;
    (void)n;
    return slice(&args[0], from > 0 ? from : 0, INT64_MAX, a);
}

/* The next separator at or after `at`, or len; the separator is not empty. */
static size_t next_of(const struct value *v, const struct value *separator,
                      size_t at)
{
    const char *found = at <= v->text.len
                            ? memmem(v->text.s + at, v->text.len - at,
                                     separator->text.s, separator->text.len)
                            : NULL;
    return found ? (size_t)(found - v->text.s) : v->text.len;
}

struct value func_split_part(const struct value *args, size_t n,
                             struct arena *a)
{
    const struct value *v = &args[0], *sep = &args[1];
    int64_t fields = 1, want = args[2].i;
    (void)n;
    for (size_t at = next_of(v, sep, 0); at < v->text.len;
         at = next_of(v, sep, at + sep->text.len))
        fields++;
    if (want < 0)
        want += fields + 1;
    if (want < 1 || want > fields)
        return text_of("", 0, a);
    size_t from = 0;
    for (int64_t i = 1; i < want; i++)
        from = next_of(v, sep, from) + sep->text.len;
    return text_of(v->text.s + from, next_of(v, sep, from) - from, a);
}

struct value func_replace(const struct value *args, size_t n, struct arena *a)
{
    const struct value *v = &args[0], *from = &args[1], *to = &args[2];
    size_t count = 0;
    (void)n;
    for (size_t at = next_of(v, from, 0); at < v->text.len;
         at = next_of(v, from, at + from->text.len))
        count++;
    const size_t len =
        v->text.len - count * from->text.len + count * to->text.len;
    char *out = arena_alloc(a, len + 1, 1);
    if (!out)
        return FULL;
    struct writer w = writer_of(out, len);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t next = next_of(v, from, at);
        writer_bytes(&w, v->text.s + at, next - at);
        writer_bytes(&w, to->text.s, to->text.len);
        at = next + from->text.len;
    }
    writer_bytes(&w, v->text.s + at, v->text.len - at);
    return value_text(out, len);
}

struct value func_strpos(const struct value *args, size_t n, struct arena *a)
{
    const struct value *v = &args[0], *what = &args[1];
    (void)n;
    (void)a;
    if (what->text.len == 0)
        return value_int(1);
    const size_t at = next_of(v, what, 0);
    if (at == v->text.len)
        return value_int(0);
    return value_int(chars_in(v->text.s, at) + 1);
}

struct value func_starts_with(const struct value *args, size_t n,
                              struct arena *a)
{
    const struct value *v = &args[0], *what = &args[1];
    (void)n;
    (void)a;
    return (struct value){ .type = VALUE_BOOL,
                           .b = v->text.len >= what->text.len &&
                                memcmp(v->text.s, what->text.s,
                                       what->text.len) == 0 };
}

/* NULLs are left out; || is not asked when there is one. */
struct value func_concat(const struct value *args, size_t n, struct arena *a)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += args[i].type == VALUE_TEXT ? args[i].text.len : 0;
    char *out = arena_alloc(a, len + 1, 1);
    if (!out)
        return FULL;
    struct writer w = writer_of(out, len);
    for (size_t i = 0; i < n; i++)
        if (args[i].type == VALUE_TEXT)
            writer_bytes(&w, args[i].text.s, args[i].text.len);
    return value_text(out, len);
}
