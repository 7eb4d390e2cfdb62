/*
 * LIKE and ILIKE with a constant pattern.  DuckDB tries, for each %, every
 * place where the rest could begin: with LIKE ... ESCAPE eight of them over
 * sixty characters took more than 20 s, and how long it takes depends on the
 * data. Two forms are linear:
 *
 *   no _, and no % or _ that stands for itself     x LIKE 'a%b'
 *   no %                                           x LIKE 'a_b' ESCAPE '\'
 *   else                                           regexp_full_match, RE2
 *
 * An expression of RE2's may need more memory than it takes, so its length is
 * limited (check.c).
 */
#include <string.h>

#include "server/plan/dialect.h"

/* What a pattern holds. */
struct holds {
    bool any;     /* % */
    bool one;     /* _ */
    bool literal; /* \% or \_ */
};

static struct holds look(const char *p)
{
    struct holds h = { 0 };
    for (; *p; p++) {
        h.any |= *p == '%';
        h.one |= *p == '_';
        if (*p != '\\')
            continue;
        p++;
        h.literal |= *p == '%' || *p == '_';
    }
    return h;
}

bool like_needs_regex(const char *pattern)
{
    const struct holds h = look(pattern);
    return h.any && (h.one || h.literal);
}

/* One byte of a text constant. */
static void byte(struct writer *w, char c)
{
    writer_str(w, c == '\'' ? "'" : "");
    writer_u8(w, (uint8_t)c);
}

static void literal(struct writer *w, char c)
{
    if (strchr("\\.+*?()|[]{}^$", c))
        byte(w, '\\');
    byte(w, c);
}

static void regex(struct writer *w, const char *p)
{
    for (; *p; p++) {
        if (*p == '%')
            writer_str(w, ".*");
        else if (*p == '_')
            writer_str(w, ".");
        else if (*p == '\\')
            literal(w, *++p);
        else
            literal(w, *p);
    }
}

/* Without its backslashes, which nothing needs. */
static void plain(struct writer *w, const char *p)
{
    for (; *p; p++) {
        p += *p == '\\';
        byte(w, *p);
    }
}

static void escaped(struct writer *w, const char *p)
{
    for (; *p; p++)
        byte(w, *p);
}

void dialect_like(struct writer *w, const struct typed *e)
{
    const char *p = e->call.args[1]->value.text.s;
    const struct holds h = look(p);
    const bool is_regex = like_needs_regex(p), lower = e->call.op == OP_ILIKE;
    const bool escapes = !is_regex && (h.one || h.literal);
    writer_str(w, is_regex ? "regexp_full_match(" : "(");
    writer_str(w, lower ? "lower(" : "");
    dialect_expr(w, e->call.args[0]);
    writer_str(w, lower ? ")" : "");
    writer_str(w, is_regex ? ", " : " LIKE ");
    writer_str(w, lower ? "lower('" : "'");
    if (is_regex)
        regex(w, p);
    else if (escapes)
        escaped(w, p);
    else
        plain(w, p);
    writer_str(w, lower ? "')" : "'");
    writer_str(w, is_regex ? ", 's')" : escapes ? " ESCAPE '\\')" : ")");
}
