#include "tests/neighbour/mutate.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/neighbour/words.h"

/* A question as words that can be moved. */
struct words {
    const char *start[WORDS_MAX];
    size_t n;
};

/* What stands for each other; a word becomes another of its line. */
enum { ALIKE_MAX = 12 };
static const char *const ALIKE[][ALIKE_MAX] = {
    { "JOIN", "LEFT JOIN", "RIGHT JOIN", "CROSS JOIN", "FULL JOIN", "," },
    { "LEFT", "RIGHT", "FULL", "INNER", "" },
    { "UNION ALL", "UNION", "INTERSECT", "EXCEPT" },
    { "UNION", "INTERSECT", "EXCEPT", "UNION ALL" },
    { "AND", "OR", "AND NOT", "OR TRUE OR" },
    { "OR", "AND" },
    { "NOT", "" },
    { "EXISTS", "NOT EXISTS" },
    { "IN", "NOT IN" },
    { "=", "<>", "<", ">=", "IS DISTINCT FROM", "+ 0 =" },
    { "COUNT", "SUM", "MIN", "MAX", "AVG", "count", "sum", "stddev" },
    { "SUM", "COUNT", "MIN", "MAX", "AVG" },
    { "MAX", "MIN", "SUM", "COUNT" },
    { "MIN", "MAX", "SUM", "COUNT" },
    { "DISTINCT", "" },
    { "WHERE", "HAVING", "GROUP BY", "ORDER BY" },
    { "PARTITION", "ORDER" },
    { "LIMIT", "OFFSET" },
    { "ON", "WHERE" },
    { "row_number", "rank", "count", "lag" },
    { "buys", "trips", "towns", "shop.trips", "pg_class" },
    { "trips", "buys", "towns", "shop.buys" },
    { "towns", "buys", "trips" },
    { "who", "n", "city", "km", "a.who", "b.who", "note", "customer_id" },
    { "city", "who", "n", "zone", "km", "b.city", "t.city" },
    { "customer_id", "category", "amount", "campaign", "qty" },
};
enum { ALIKE_N = sizeof ALIKE / sizeof ALIKE[0] };

static bool is_word(const struct words *w, size_t i, const char *text)
{
    return strlen(text) == words_len(w->start, i) &&
           strncasecmp(w->start[i], text, strlen(text)) == 0;
}

static void put(struct writer *w, const struct words *s, size_t from, size_t to)
{
    writer_bytes(w, s->start[from], (size_t)(s->start[to] - s->start[from]));
    writer_str(w, " ");
}

/* A word becomes one that can stand in its place. */
static bool exchange(struct writer *w, struct draw *d, const struct words *s)
{
    for (unsigned tries = 0; tries < 200; tries++) {
        const size_t i = draw_below(d, (unsigned)s->n);
        const char *const *line = ALIKE[draw_below(d, ALIKE_N)];
        size_t n = 0;
        while (n < ALIKE_MAX && line[n])
            n++;
        if (!is_word(s, i, line[0]))
            continue;
        put(w, s, 0, i);
        writer_printf(w, "%s ", line[1 + draw_below(d, (unsigned)n - 1)]);
        put(w, s, i + 1, s->n);
        return true;
    }
    return false;
}

static bool is_name(const struct words *s, size_t i)
{
    return isalpha((unsigned char)*s->start[i]);
}

/* Two names change places, or one stands for the other too. */
static bool rename(struct writer *w, struct draw *d, const struct words *s)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        size_t i = draw_below(d, (unsigned)s->n);
        size_t k = draw_below(d, (unsigned)s->n);
        const bool both = draw_chance(d, 40);
        if (i > k) {
            const size_t swap = i;
            i = k, k = swap;
        }
        if (i == k || !is_name(s, i) || !is_name(s, k) ||
            (words_len(s->start, i) == words_len(s->start, k) &&
             strncmp(s->start[i], s->start[k], words_len(s->start, i)) == 0))
            continue;
        put(w, s, 0, i);
        put(w, s, k, k + 1);
        put(w, s, i + 1, k);
        put(w, s, both ? i : k, both ? i + 1 : k + 1);
        put(w, s, k + 1, s->n);
        return true;
    }
    return false;
}

/* A run of words, or brackets and what is in them, is left out or doubled. */
static bool cut(struct writer *w, struct draw *d, const struct words *s)
{
    const size_t i = draw_below(d, (unsigned)s->n);
    size_t to = i + 1 + draw_below(d, 5);
    if (draw_chance(d, 30))
        to = words_closing(s->start, s->n, i);
    to = to < s->n ? to : s->n;
    put(w, s, 0, draw_chance(d, 25) ? to : i);
    put(w, s, to, s->n);
    return true;
}

/* The equality of two keys is weakened. */
static bool loosen(struct writer *w, struct draw *d, const struct words *s)
{
    static const char *const forms[] = { " + 0", " OR TRUE",
                                         " IS NOT NULL OR 1 = 1", " AND FALSE",
                                         NULL };
    for (unsigned tries = 0; tries < 60; tries++) {
        const size_t i = draw_below(d, (unsigned)s->n);
        if (!is_name(s, i) || i == 0 || !is_word(s, i - 1, "="))
            continue;
        put(w, s, 0, i + 1);
        writer_printf(w, "%s ", draw_text(d, forms));
        put(w, s, i + 1, s->n);
        return true;
    }
    return false;
}

static bool find_bracket(size_t *from, size_t *to, struct draw *d,
                         const struct words *s)
{
    for (unsigned tries = 0; s->n && tries < 100; tries++) {
        *from = draw_below(d, (unsigned)s->n);
        *to = words_closing(s->start, s->n, *from);
        if (*s->start[*from] == '(')
            return true;
    }
    return false;
}

/* Brackets from another question, or from elsewhere in this one. */
static bool splice(struct writer *w, struct draw *d, const struct words *s,
                   const struct words *other)
{
    size_t i, to, from, end;
    if (!find_bracket(&i, &to, d, s) || !find_bracket(&from, &end, d, other))
        return false;
    put(w, s, 0, i);
    put(w, other, from, end);
    put(w, s, to, s->n);
    return true;
}

static bool change(struct writer *w, struct draw *d, const struct words *s,
                   const struct words *other)
{
    switch (draw_below(d, 10)) {
    case 0:
    case 1:
    case 2:
        return exchange(w, d, s);
    case 3:
    case 4:
    case 5:
        return rename(w, d, s);
    case 6:
        return loosen(w, d, s);
    case 7:
        return splice(w, d, s, s);
    case 8:
        return splice(w, d, s, other);
    default:
        return cut(w, d, s);
    }
}

void mutate(struct writer *w, struct draw *d, const char *sql,
            const char *other)
{
    enum { ROOM = 65536 };
    struct words *s = malloc(sizeof *s), *o = malloc(sizeof *o);
    char *from = malloc(ROOM), *to = malloc(ROOM);
    if (!s || !o || !from || !to)
        abort();
    strcpy(from, sql);
    o->n = words_cut(o->start, other);
    for (unsigned n = 1 + draw_below(d, 3); n > 0; n--) {
        struct writer out = writer_of(to, ROOM);
        s->n = words_cut(s->start, from);
        if (s->n > 1 && change(&out, d, s, o) && writer_cstr(&out))
            strcpy(from, to);
    }
    writer_str(w, from);
    free(s);
    free(o);
    free(from);
    free(to);
}
