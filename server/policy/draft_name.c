#include "server/policy/draft_name.h"

#include <string.h>

#include "server/policy/scalar.h"

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A word starts at text[i]: after a small letter, or as the last capital of a
 * run (HTTPCode is http_code). */
static bool starts_word(const char *text, size_t i)
{
    return i > 0 && is_upper(text[i]) &&
           (is_small(text[i - 1]) ||
            (is_upper(text[i - 1]) && text[i + 1] >= 'a' &&
             text[i + 1] <= 'z'));
}

struct draft_name draft_name_of(const char *foreign)
{
    enum { ROOM = POLICY_NAME_MAX - 1 }; /* for one more '_' */
    struct draft_name name = { "" };
    size_t n = 0;
    if (foreign[0] >= '0' && foreign[0] <= '9')
        name.s[n++] = 'n';
    for (size_t i = 0; foreign[i] && n < ROOM; i++) {
        const char c = foreign[i];
        const bool keep = is_upper(c) || is_small(c);
        const bool gap = n > 0 && name.s[n - 1] != '_';
        if (gap && (!keep || starts_word(foreign, i)))
            name.s[n++] = '_';
        if (keep && n < ROOM)
            name.s[n++] = is_upper(c) ? (char)(c - 'A' + 'a') : c;
    }
    while (n > 0 && name.s[n - 1] == '_')
        n--;
    name.s[n] = '\0';
    if (n > 0 && scalar_is_reserved(name.s))
        name.s[n++] = '_';
    name.s[n] = '\0';
    if (!scalar_is_name(name.s) || scalar_is_reserved(name.s))
        name.s[0] = '\0';
    return name;
}
