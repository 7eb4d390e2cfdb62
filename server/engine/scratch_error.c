#include "server/engine/scratch_error.h"

#include <stdbool.h>
#include <string.h>

#include "server/query/refusal.h"

enum { NAME_MAX_LEN = 128 };

/* The first row that fits: how the message begins, and words in it. */
static const struct kind {
    const char *start, *words;
    enum refusal id;
} KINDS[] = {
    { "Out of Memory Error", "", REFUSAL_CATALOG_MEMORY },
    { "", "std::bad_alloc", REFUSAL_CATALOG_MEMORY },
    { "Binder Error", "not found in FROM clause", REFUSAL_CATALOG_COLUMN },
    { "Binder Error", "does not have a column named", REFUSAL_CATALOG_COLUMN },
    { "Binder Error: Column \"", "referenced that exists in the SELECT clause",
      REFUSAL_CATALOG_COLUMN },
    { "Binder Error", "Ambiguous reference to column",
      REFUSAL_AMBIGUOUS_COLUMN },
    { "Binder Error", "Duplicate alias", REFUSAL_ALIAS_TWICE },
    { "Binder Error", "Referenced table", REFUSAL_NO_ALIAS },
    { "Binder Error", "must appear in the GROUP BY clause",
      REFUSAL_CATALOG_UNGROUPED },
    { "Binder Error", "cannot contain aggregates", REFUSAL_CATALOG_AGGREGATE },
    { "Binder Error", "cannot be nested", REFUSAL_CATALOG_AGGREGATE },
    { "Binder Error", "cannot contain window functions",
      REFUSAL_CATALOG_AGGREGATE },
    { "Binder Error", "No function matches", REFUSAL_CATALOG_ARGUMENTS },
    { "Binder Error", "does not support the supplied arguments",
      REFUSAL_CATALOG_ARGUMENTS },
    { "Binder Error", "can only be applied to", REFUSAL_CATALOG_ARGUMENTS },
    { "Catalog Error", "Function with name", REFUSAL_CATALOG_ARGUMENTS },
    { "Binder Error", "an explicit cast is required", REFUSAL_CATALOG_TYPES },
    { "Binder Error", "Cannot compare values", REFUSAL_CATALOG_TYPES },
    { "Binder Error", "Cannot extract field", REFUSAL_CATALOG_TYPES },
    { "Mismatch Type Error", "", REFUSAL_CATALOG_TYPES },
    { "Conversion Error: Unimplemented type for cast", "",
      REFUSAL_CATALOG_TYPES },
    { "Binder Error", "number of result columns", REFUSAL_CATALOG_WIDTH },
    { "Binder Error", "columns available but", REFUSAL_CATALOG_WIDTH },
    { "Binder Error: Subquery returns", "", REFUSAL_CATALOG_WIDTH },
    { "Binder Error", "term out of range", REFUSAL_CATALOG_POSITION },
    { "Invalid Input Error: More than one row", "", REFUSAL_CATALOG_ONE_ROW },
    { "Invalid Input Error: division by zero", "", REFUSAL_CATALOG_ZERO },
    { "Invalid Input Error: generate_series of more", "",
      REFUSAL_CATALOG_LONG },
    { "Invalid Input Error: the text becomes too long", "",
      REFUSAL_CATALOG_LONG },
    { "Out of Range Error: Cannot create a string", "", REFUSAL_CATALOG_LONG },
    { "Out of Range Error", "", REFUSAL_CATALOG_RANGE },
    { "Conversion Error: Type", "out of range", REFUSAL_CATALOG_RANGE },
    { "Conversion Error", "", REFUSAL_CATALOG_VALUE },
};

/* Names that a sentence tells; without one the sentence is another. */
static bool is_named(enum refusal id)
{
    return id == REFUSAL_CATALOG_COLUMN || id == REFUSAL_AMBIGUOUS_COLUMN ||
           id == REFUSAL_NO_ALIAS || id == REFUSAL_ALIAS_TWICE ||
           id == REFUSAL_CATALOG_UNGROUPED;
}

/* Where the name is in the message: behind these words, in double quotes. */
static const char *const NAMED[] = {
    "does not have a column named \"",
    "Referenced column \"",
    "Ambiguous reference to column name \"",
    "Referenced table \"",
    "Duplicate alias \"",
    "column \"",
    "Column \"",
};

static bool is_plain(const char *s, size_t len)
{
    if (len == 0 || len >= NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ')
            return false;
    /* Names of the rewriter's own end so, and are nobody's. */
    return len < 2 || memcmp(s + len - 2, "__", 2) != 0;
}

static const char *name_in(const char *message, char *out)
{
    for (size_t i = 0; i < sizeof NAMED / sizeof NAMED[0]; i++) {
        const char *at = strstr(message, NAMED[i]);
        if (!at)
            continue;
        at += strlen(NAMED[i]);
        const char *end = strchr(at, '"');
        if (!end || !is_plain(at, (size_t)(end - at)))
            continue;
        memcpy(out, at, (size_t)(end - at));
        out[end - at] = '\0';
        return out;
    }
    return NULL;
}

static bool fits(const struct kind *k, const char *message)
{
    return strncmp(message, k->start, strlen(k->start)) == 0 &&
           strstr(message, k->words) != NULL;
}

enum err_code scratch_error(struct err *err, const char *message)
{
    char name[NAME_MAX_LEN];
    const char *found = name_in(message, name);
    enum refusal id = REFUSAL_CATALOG_CANNOT;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (fits(&KINDS[i], message)) {
            id = KINDS[i].id;
            break;
        }
    if (is_named(id) && !found)
        id = REFUSAL_CATALOG_CANNOT;
    return refuse(err, id, REFUSAL_NOWHERE, found, NULL);
}
