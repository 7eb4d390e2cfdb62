#include <string.h>

#include "server/policy/fields.h"

enum { WORD_MAX = 32 }; /* bytes; longer words get no suggestion */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) between two short words:
 * optimal string alignment, three rows of the usual table. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        before[j] = last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            const size_t change = a[i - 1] != b[j - 1];
            row[j] =
                least(last[j - 1] + change, least(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m];
}

const char *suggest_word(const char *text, const char *const *words)
{
    const size_t n = strlen(text);
    const char *best = NULL;
    size_t best_edits = 0;
    for (; *words && n <= WORD_MAX; words++) {
        const size_t m = strlen(*words);
        if (m > WORD_MAX)
            continue;
        const size_t edits = distance(text, n, *words, m);
        if (edits <= 1 + m / 4 && edits < m && (!best || edits < best_edits)) {
            best = *words;
            best_edits = edits;
        }
    }
    return best;
}
