#include <stddef.h>
#include <string.h>

#include "server/policy/policy.h"
#include "server/policy/scalar.h"

/* PostgreSQL 15, appendix C: reserved, or reserved as a table or column name.
 * Sorted only for the reader. */
static const char *const RESERVED[] = {
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    /* Schemas and pseudo-columns that exist already. */
    "information_schema",
    "oid",
    "rowid",
    "ctid",
    "xmin",
    "xmax",
    "cmin",
    "cmax",
    "tableoid",
};

static const char *const RESERVED_PREFIX[] = { "pg_", "halftone", "duckdb_",
                                               "sqlite_", "__" };

bool scalar_is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof RESERVED / sizeof RESERVED[0]; i++)
        if (strcmp(name, RESERVED[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof RESERVED_PREFIX / sizeof RESERVED_PREFIX[0];
         i++)
        if (strncmp(name, RESERVED_PREFIX[i], strlen(RESERVED_PREFIX[i])) == 0)
            return true;
    return false;
}

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool scalar_is_name(const char *text)
{
    size_t n = 0;
    if (!is_lower(text[0]))
        return false;
    while (is_lower(text[n]) || is_digit(text[n]))
        n++;
    return !text[n] && n <= POLICY_NAME_MAX;
}

bool scalar_is_id(const char *text)
{
    size_t n = 0;
    if (!is_lower(text[0]) && !is_digit(text[0]))
        return false;
    while (is_lower(text[n]) || is_digit(text[n]) || text[n] == '-' ||
           text[n] == '.' || text[n] == '@')
        n++;
    return !text[n] && n <= POLICY_NAME_MAX;
}

bool scalar_is_printable(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        const bool c1 =
            c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        if ((c < 0x20 && c != '\n') || c == 0x7f || c1)
            return false;
    }
    return true;
}
