#include "server/query/suggest.h"

#include <string.h>

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned suggest_distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    if (n > SUGGEST_LEN_MAX || m > SUGGEST_LEN_MAX)
        return SUGGEST_FAR;
    unsigned d[SUGGEST_LEN_MAX + 1][SUGGEST_LEN_MAX + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = (unsigned)i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            const unsigned replace = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            d[i][j] = least(replace, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

const char *suggest(const char *word, const char *const *words, size_t n)
{
    const char *best = NULL;
    /* More than a third of the letters wrong, or two of four, is another
     * word: year() is not a misspelt lead(). */
    enum { SHORT = 4 };
    const unsigned len = (unsigned)strlen(word);
    unsigned reach = len <= SHORT ? 1 : least(3, len / 3 + 1);
    for (size_t i = 0; i < n; i++) {
        const unsigned d = suggest_distance(word, words[i]);
        if (d <= reach) {
            best = words[i];
            reach = d > 0 ? d - 1 : 0;
            if (d == 0)
                break;
        }
    }
    return best;
}
