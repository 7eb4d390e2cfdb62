/*
 * An engine's statement for people: a line for each clause of each SELECT, and
 * none much longer than a page is wide.  Only spaces outside of quotes become
 * line breaks, so that it is the same statement.
 */
#include <ctype.h>
#include <string.h>

#include "server/plan/explain.h"

enum { WIDE = 96, LEVELS = 64, STEP = 2 };

struct pretty {
    struct writer *w;
    const char *sql, *p;
    size_t column;
    bool selects[LEVELS]; /* of open brackets: a SELECT stands in it */
    unsigned depth;       /* of brackets */
    unsigned nested;      /* of those that a SELECT stands in */
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool begins(const char *p, const char *word)
{
    const size_t n = strlen(word);
    return strncmp(p, word, n) == 0 && !is_word(p[n]);
}

/* A clause of the SELECT that the scan is in begins behind this space. */
static bool is_clause(const struct pretty *s)
{
    static const char *const words[] = { "SELECT", "FROM",  "WHERE", "GROUP",
                                         "HAVING", "UNION", "JOIN",  "LEFT",
                                         "CROSS",  "SEMI",  "ORDER" };
    const bool here = s->depth < LEVELS && s->selects[s->depth];
    const size_t before = (size_t)(s->p - s->sql);
    bool found = false;
    if (!here || (before >= 8 && strncmp(s->p - 8, "DISTINCT", 8) == 0))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        found |= begins(s->p + 1, words[i]);
    /* LEFT JOIN is one break, and so is UNION ALL SELECT. */
    const bool second =
        (begins(s->p + 1, "JOIN") &&
         ((before >= 4 && strncmp(s->p - 4, "LEFT", 4) == 0) ||
          (before >= 5 && strncmp(s->p - 5, "CROSS", 5) == 0) ||
          (before >= 4 && strncmp(s->p - 4, "SEMI", 4) == 0))) ||
        (before >= 3 && begins(s->p + 1, "SELECT") &&
         strncmp(s->p - 3, "ALL", 3) == 0);
    return found && !second;
}

/* A place where a line that is too long may end. */
static bool may_break(const struct pretty *s)
{
    return (s->p > s->sql && s->p[-1] == ',') || begins(s->p + 1, "AND") ||
           begins(s->p + 1, "OR") || begins(s->p + 1, "WHEN") ||
           begins(s->p + 1, "ELSE");
}

static void put(struct pretty *s, const char *from, size_t n)
{
    writer_bytes(s->w, from, n);
    s->column += n;
}

static void new_line(struct pretty *s, unsigned indent)
{
    writer_str(s->w, "\n");
    for (unsigned i = 0; i < indent; i++)
        writer_str(s->w, " ");
    s->column = indent;
}

/* Behind a quote, past the one that ends it. */
static size_t quoted(const char *p)
{
    const char *end = strchr(p + 1, *p);
    return end ? (size_t)(end - p) + 1 : strlen(p);
}

static void bracket(struct pretty *s)
{
    if (*s->p == '(' && s->depth + 1 < LEVELS) {
        s->depth++;
        s->selects[s->depth] = begins(s->p + 1, "SELECT");
        s->nested += s->selects[s->depth];
    } else if (*s->p == ')' && s->depth > 0) {
        s->nested -= s->selects[s->depth];
        s->depth--;
    }
}

/* How long the line would get without a break. */
static bool is_long(const char *line)
{
    return strcspn(line, "\n") > WIDE;
}

static void space(struct pretty *s, bool wraps)
{
    const unsigned indent = STEP * (s->nested + 1);
    if (wraps && is_clause(s))
        new_line(s, indent);
    else if (wraps && s->column > WIDE - 16 && may_break(s))
        new_line(s, indent + 2 * STEP);
    else
        put(s, s->p, 1);
}

void explain_sql(struct writer *w, const char *sql)
{
    struct pretty s = { .w = w, .sql = sql, .p = sql, .selects = { true } };
    bool wraps = is_long(sql);
    while (*s.p) {
        size_t n = 1;
        if (*s.p == '\'' || *s.p == '"') {
            n = quoted(s.p);
            put(&s, s.p, n);
        } else if (*s.p == '\n') {
            writer_str(w, "\n");
            s.column = 0;
            wraps = is_long(s.p + 1);
        } else if (*s.p == ' ') {
            space(&s, wraps);
        } else {
            bracket(&s);
            put(&s, s.p, 1);
        }
        s.p += n;
    }
}
