#include "server/base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_info INFO[ERR_COUNT] = {
#define ERR(code, name_, grpc_, sqlstate_, exit_, help_)                       \
    [ERR_##code] = { name_, sqlstate_, help_, grpc_, exit_ },
#include "server/base/err.def"
#undef ERR
};

const struct err_info *err_info_of(enum err_code code)
{
    assert(code < ERR_COUNT);
    return &INFO[code];
}

enum err_code err_code_of_name(const char *name)
{
    for (int c = 0; c < ERR_COUNT; c++)
        if (strcmp(INFO[c].name, name) == 0)
            return (enum err_code)c;
    return ERR_INTERNAL;
}

/* vsnprintf may cut a UTF-8 sequence: drop the incomplete tail. */
static void print_whole(char *out, size_t cap, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
static void print_whole(char *out, size_t cap, const char *fmt, va_list ap)
{
    const int want = vsnprintf(out, cap, fmt, ap);
    if (want < 0 || (size_t)want < cap)
        return;
    size_t end = cap - 1;
    while (end > 0 && ((unsigned char)out[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)out[end - 1] >= 0xc0)
        end--;
    if (cap - 1 - end < 4) /* at most one sequence */
        out[end] = '\0';
}

enum err_code err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    assert(code != ERR_OK);

    va_list ap;
    va_start(ap, fmt);
    *err = (struct err){ .code = code };
    print_whole(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return code;
}

static void put(char *out, size_t cap, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void put(char *out, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_whole(out, cap, fmt, ap);
    va_end(ap);
}

enum err_code err_before(struct err *err, const char *fmt, ...)
{
    char words[sizeof err->msg], said[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    print_whole(words, sizeof words, fmt, ap);
    va_end(ap);
    memcpy(said, err->msg, sizeof said);
    put(err->msg, sizeof err->msg, "%s%s", words, said);
    return err->code;
}

enum err_code err_hint(struct err *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    print_whole(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return err->code;
}

enum err_code err_at(struct err *err, unsigned line, unsigned col)
{
    err->line = line;
    err->col = col;
    return err->code;
}
