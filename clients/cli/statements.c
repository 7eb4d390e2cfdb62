#include "clients/cli/statements.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A place in the file; invariant: line and col are those of *at. */
struct scan {
    const char *at;
    unsigned line, col;
    char before; /* the character before it, or 0 */
};

static void step(struct scan *s)
{
    const unsigned char c = (unsigned char)*s->at;
    if (c == '\0')
        return;
    s->before = (char)c;
    s->at++;
    if (c == '\n') {
        s->line++;
        s->col = 1;
    } else if (((unsigned char)*s->at & 0xc0) != 0x80) {
        s->col++; /* the next byte begins a character */
    }
}

static void skip(struct scan *s, size_t n)
{
    while (n-- > 0)
        step(s);
}

static bool is_word(char c)
{
    const unsigned char u = (unsigned char)c;
    return isalnum(u) || c == '_' || u >= 0x80;
}

/* '..' and ".." double their quote; E'..' has backslashes, too. */
static bool skip_quoted(struct scan *s, bool escapes)
{
    const char quote = *s->at;
    step(s);
    while (*s->at) {
        if (escapes && *s->at == '\\' && s->at[1]) {
            skip(s, 2);
        } else if (*s->at == quote && s->at[1] == quote) {
            skip(s, 2);
        } else if (*s->at == quote) {
            step(s);
            return true;
        } else {
            step(s);
        }
    }
    return false;
}

/* Block comments nest. */
static bool skip_comment(struct scan *s)
{
    unsigned depth = 0;
    do {
        if (s->at[0] == '/' && s->at[1] == '*') {
            depth++;
            skip(s, 2);
        } else if (s->at[0] == '*' && s->at[1] == '/') {
            depth--;
            skip(s, 2);
        } else if (*s->at) {
            step(s);
        } else {
            return false;
        }
    } while (depth > 0);
    return true;
}

/* The length of $tag$ here, or 0: $1 is a parameter. */
static size_t dollar_tag(const char *at)
{
    size_t n = 1;
    if (*at != '$' || isdigit((unsigned char)at[1]))
        return 0;
    while (is_word(at[n]))
        n++;
    return at[n] == '$' ? n + 1 : 0;
}

static bool skip_dollar(struct scan *s, size_t tag_len)
{
    const char *tag = s->at;
    skip(s, tag_len);
    for (; *s->at; step(s))
        if (strncmp(s->at, tag, tag_len) == 0) {
            skip(s, tag_len);
            return true;
        }
    return false;
}

/* E'..', but not the end of a longer word before a quote. */
static bool is_escape(const struct scan *s, const char *sql)
{
    const bool e = s->before == 'e' || s->before == 'E';
    return e && (s->at - sql < 2 || !is_word(s->at[-2]));
}

/* One token; *counts when it is more than a blank or a comment. */
static bool skip_token(struct scan *s, const char *sql, bool *counts)
{
    const size_t tag = is_word(s->before) ? 0 : dollar_tag(s->at);
    *counts = false;
    if (s->at[0] == '-' && s->at[1] == '-') {
        skip(s, strcspn(s->at, "\n"));
        return true;
    }
    if (s->at[0] == '/' && s->at[1] == '*')
        return skip_comment(s);
    *counts = !isspace((unsigned char)*s->at);
    if (*s->at == '\'' || *s->at == '"')
        return skip_quoted(s, *s->at == '\'' && is_escape(s, sql));
    if (tag > 0)
        return skip_dollar(s, tag);
    step(s);
    return true;
}

static enum err_code unended(const struct scan *at, struct err *err)
{
    (void)err_set(err, ERR_INVALID,
                  "a text, a quoted name or a comment does not end");
    (void)err_hint(err, "close it before the end of the file");
    return err_at(err, at->line, at->col);
}

/* From here to the next semicolon; !*is_there: nothing in it counts. */
static enum err_code read_one(struct statement *out, bool *is_there,
                              struct scan *s, const char *sql, struct err *err)
{
    *is_there = false;
    while (*s->at && *s->at != ';') {
        const struct scan at = *s;
        bool counts;
        if (!skip_token(s, sql, &counts))
            return unended(&at, err);
        if (counts && !*is_there)
            *out = (struct statement){ at.at, 0, at.line, at.col };
        *is_there |= counts;
        if (counts)
            out->len = (size_t)(s->at - out->text);
    }
    step(s); /* the semicolon, or nothing */
    return ERR_OK;
}

enum err_code statements_split(struct statement **out, size_t *n,
                               const char *sql, struct arena *a,
                               struct err *err)
{
    struct scan s = { .at = sql, .line = 1, .col = 1 };
    size_t most = 1;
    for (const char *c = sql; *c; c++)
        most += *c == ';';
    *n = 0;
    *out = ARENA_NEW_N(a, most, struct statement);
    if (!*out)
        return err_set(err, ERR_LIMIT, "the questions are too large");
    while (*s.at) {
        bool is_there;
        TRY(read_one(&(*out)[*n], &is_there, &s, sql, err));
        *n += is_there;
    }
    return ERR_OK;
}
