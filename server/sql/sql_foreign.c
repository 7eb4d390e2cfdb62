/*
 * SQL as other databases have it: functions by foreign.def, and, where
 * PostgreSQL's parser stops, words and signs that tell what was meant.  A hint
 * says what to write; what is PostgreSQL's own never comes here.
 */
#include "server/sql/sql_ctx.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct foreign {
    const char *name, *write;
} FOREIGN_FUNCTIONS[] = {
#define FOREIGN(name, write) { name, write },
#include "server/sql/foreign.def"
#undef FOREIGN
};

const char *sql_foreign_function(const char *name)
{
    const size_t n = sizeof FOREIGN_FUNCTIONS / sizeof FOREIGN_FUNCTIONS[0];
    for (size_t i = 0; i < n; i++)
        if (strcmp(FOREIGN_FUNCTIONS[i].name, name) == 0)
            return FOREIGN_FUNCTIONS[i].write;
    return NULL;
}

/* ---- what does not parse ---- */

enum { WORD_ROOM = 32 };

/* Where the parser stopped: the word or sign there, and two before it. */
struct spot {
    char at[WORD_ROOM], before[WORD_ROOM], earlier[WORD_ROOM];
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static void copy_word(char out[WORD_ROOM], const char *s, size_t len)
{
    if (len >= WORD_ROOM)
        len = WORD_ROOM - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)tolower((unsigned char)s[i]);
    out[len] = '\0';
}

/* The word, or else the one sign, that ends before `end`; where it begins. */
static size_t word_before(char out[WORD_ROOM], const char *text, size_t end)
{
    size_t from;
    while (end > 0 && isspace((unsigned char)text[end - 1]))
        end--;
    from = end;
    while (from > 0 && is_word(text[from - 1]))
        from--;
    if (from == end && end > 0)
        from--;
    copy_word(out, text + from, end - from);
    return from;
}

static struct spot spot_at(const char *text, size_t offset)
{
    struct spot s;
    size_t len = 0;
    while (is_word(text[offset + len]))
        len++;
    copy_word(s.at, text + offset, len || !text[offset] ? len : 1);
    offset = word_before(s.before, text, offset);
    (void)word_before(s.earlier, text, offset);
    return s;
}

/* A rule: words where the parser stopped and before, "#" for a number, NULL for
 * any; or a sign that stands somewhere up to there. */
static const struct rule {
    const char *earlier, *before, *at, *sign, *hint;
} RULES[] = {
    { NULL, NULL, NULL, "`",
      "Write names in double quotes, \"x\", or in none: backticks are not "
      "SQL's." },
    { NULL, NULL, "[", NULL,
      "Write names in double quotes, \"x\", or in none: brackets are not "
      "SQL's." },
    { NULL, "[", NULL, NULL,
      "Write names in double quotes, \"x\", or in none: brackets are not "
      "SQL's." },
    { NULL, NULL, "{", NULL,
      "A template's {...} was not filled in: write the value." },
    { NULL, "{", NULL, NULL,
      "A template's {...} was not filled in: write the value." },
    { NULL, "top", "#", NULL, "Write LIMIT 10 at the end of the question." },
    { NULL, NULL, "qualify", NULL,
      "Write SELECT * FROM (SELECT ..., row_number() OVER (...) AS r ...) t "
      "WHERE r <= 3." },
    { NULL, NULL, "rlike", NULL,
      "Write LIKE, starts_with, strpos or split_part: regular expressions are "
      "not supported." },
    { NULL, NULL, "regexp", NULL,
      "Write LIKE, starts_with, strpos or split_part: regular expressions are "
      "not supported." },
    { NULL, "interval", "#", NULL,
      "Write INTERVAL '7 days', the number and its unit in quotes." },
    { NULL, NULL, "as", "try_cast",
      "Write CAST(x AS int): a cast that fails is NULL." },
    { NULL, NULL, "as", "safe_cast",
      "Write CAST(x AS int): a cast that fails is NULL." },
    { NULL, NULL, "with", NULL,
      "Write GROUP BY ROLLUP (x) for totals; a WITH stands in front of "
      "SELECT." },
    { "by", "all", "", NULL,
      "Name the group keys, or their positions: GROUP BY 1, 2." },
    { NULL, "as", "'", NULL,
      "Write an output name in double quotes, AS \"x\", or in none: single "
      "quotes are for texts." },
    { NULL, "'", "'", NULL, "A comma is missing between the texts." },
    { NULL, "minus", "select", NULL, "Write EXCEPT." },
    { NULL, NULL, "minus", NULL, "Write EXCEPT." },
    { "*", "except", NULL, NULL,
      "Name the columns that shall stand in SELECT." },
    { "except", "(", NULL, NULL,
      "Name the columns that shall stand in SELECT." },
    { NULL, ",", "from", NULL, "A comma too many in front of FROM." },
    { NULL, NULL, "(", "pivot",
      "Write a column for each value: COUNT(*) FILTER (WHERE x = 'a'), "
      "COUNT(*) FILTER (WHERE x = 'b')." },
    { NULL, NULL, "?", NULL, "Write parameters as $1, $2." },
    { NULL, "?", NULL, NULL, "Write parameters as $1, $2." },
    { NULL, NULL, ":", NULL, "Write parameters as $1, $2." },
    { NULL, NULL, "@", NULL, "Write parameters as $1, $2." },
    { NULL, "%", "s", NULL, "Write parameters as $1, $2." },
    { NULL, NULL, NULL, "&&", "Write AND, OR and NOT." },
};

static bool fits(const char *want, const char *word)
{
    return !want || strcmp(want, word) == 0 ||
           (strcmp(want, "#") == 0 && isdigit((unsigned char)word[0]));
}

/* Outside of quotes, up to `end`? */
static bool has_sign(const char *text, size_t end, const char *sign)
{
    const size_t len = strlen(sign);
    char quote = '\0';
    for (size_t i = 0; text[i] && i <= end; i++) {
        if (quote)
            quote = text[i] == quote ? '\0' : quote;
        else if (text[i] == '\'' || text[i] == '"')
            quote = text[i];
        else if (strncasecmp(text + i, sign, len) == 0)
            return true;
    }
    return false;
}

const char *sql_foreign_syntax(const char *text, size_t offset,
                               const char *message)
{
    const struct spot s = spot_at(text, offset);
    if (strstr(message, "LIMIT #,#"))
        return "Write LIMIT 10 OFFSET 5, the number of rows first.";
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        const struct rule *r = &RULES[i];
        if (fits(r->earlier, s.earlier) && fits(r->before, s.before) &&
            fits(r->at, s.at) && (!r->sign || has_sign(text, offset, r->sign)))
            return r->hint;
    }
    return "The SQL is PostgreSQL's; docs/sql.md shows what works.";
}
