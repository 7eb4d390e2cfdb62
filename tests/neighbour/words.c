#include "tests/neighbour/words.h"

#include <ctype.h>
#include <stdbool.h>

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

static const char *skip(const char *at)
{
    if (*at == '\'') {
        at++;
        while (*at && *at != '\'')
            at++;
        return at + (*at == '\'');
    }
    if (!is_name(*at))
        return at + 1;
    while (is_name(*at))
        at++;
    return at;
}

size_t words_cut(const char **start, const char *sql)
{
    size_t n = 0;
    for (const char *at = sql; *at && n < WORDS_MAX - 1; n++) {
        start[n] = at;
        at = skip(at);
        while (*at == ' ' || *at == '\n')
            at++;
    }
    start[n] = sql;
    while (*start[n])
        start[n]++;
    return n;
}

size_t words_len(const char *const *start, size_t i)
{
    size_t len = (size_t)(start[i + 1] - start[i]);
    while (len > 1 && (start[i][len - 1] == ' ' || start[i][len - 1] == '\n'))
        len--;
    return len;
}

size_t words_closing(const char *const *start, size_t n, size_t from)
{
    int deep = 0;
    for (size_t i = from; i < n; i++) {
        deep += *start[i] == '(';
        deep -= *start[i] == ')';
        if (deep == 0)
            return i + 1;
    }
    return from + 1;
}
