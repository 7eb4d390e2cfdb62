#include "server/policy/draft.h"

#include <string.h>
#include <strings.h>

#include "server/policy/policy.h"
#include "server/policy/scalar.h"

/* Engines' names of types by their beginning; the first that fits counts. */
static enum policy_type type_of(const char *type)
{
    static const struct {
        const char *start;
        enum policy_type type;
    } names[] = {
        { "BOOL", POLICY_BOOL },      { "TINYINT", POLICY_INT },
        { "SMALLINT", POLICY_INT },   { "INTERVAL", POLICY_TYPE_COUNT },
        { "INT", POLICY_INT },        { "BIGINT", POLICY_INT },
        { "HUGEINT", POLICY_INT },    { "UTINYINT", POLICY_INT },
        { "USMALLINT", POLICY_INT },  { "UINTEGER", POLICY_INT },
        { "UBIGINT", POLICY_INT },    { "FLOAT", POLICY_DOUBLE },
        { "REAL", POLICY_DOUBLE },    { "DOUBLE", POLICY_DOUBLE },
        { "DECIMAL", POLICY_DOUBLE }, { "NUMERIC", POLICY_DOUBLE },
        { "VARCHAR", POLICY_TEXT },   { "TEXT", POLICY_TEXT },
        { "CHAR", POLICY_TEXT },      { "ENUM", POLICY_TEXT },
        { "DATE", POLICY_DATE },      { "TIMESTAMP", POLICY_TIMESTAMP },
        { "UUID", POLICY_UUID },
    };
    const size_t len = strlen(type);
    if (len > 0 && type[len - 1] == ']') /* a list of something */
        return POLICY_TYPE_COUNT;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strncasecmp(type, names[i].start, strlen(names[i].start)) == 0)
            return names[i].type;
    return POLICY_TYPE_COUNT;
}

static bool may_own(const char *type)
{
    const enum policy_type t = type_of(type);
    return t == POLICY_INT || t == POLICY_TEXT || t == POLICY_UUID;
}

size_t policy_draft_key(const struct policy_draft *draft)
{
    /* Likeliest first: who is measured before what they hold or carry. */
    static const char *const names[] = {
        "person_id",    "customer_id", "user_id",       "client_id",
        "patient_id",   "member_id",   "subject_id",    "employee_id",
        "student_id",   "visitor_id",  "subscriber_id", "account_id",
        "household_id", "device_id",   "person",        "customer",
        "user_uuid",    "customerid",  "userid",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < draft->n_columns; j++)
            if (strcasecmp(draft->columns[j].name, names[i]) == 0 &&
                scalar_is_name(draft->columns[j].name) &&
                may_own(draft->columns[j].type))
                return j;
    return draft->n_columns;
}

/* Foreign text inside a comment or quotes must not end them. */
static void print_foreign(struct writer *w, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool bad = c < 0x20 || c >= 0x7f || c == '"' || c == '\\';
        writer_u8(w, bad ? '?' : c);
    }
}

/* A name from the file's: shop.parquet is shop.  `out` has POLICY_NAME_MAX + 1
 * bytes. */
static const char *name_of_file(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t n = 0;
    for (; *base && *base != '.' && n < POLICY_NAME_MAX; base++) {
        const char c = *base;
        const bool upper = c >= 'A' && c <= 'Z';
        const bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        out[n++] = upper ? (char)(c - 'A' + 'a') : keep ? c : '_';
    }
    out[n] = '\0';
    return scalar_is_name(out) && !scalar_is_reserved(out) ? out : "DECIDE";
}

static void print_head(struct writer *w, const char *name)
{
    writer_printf(
        w,
        "# A first policy, from names and types alone: no value was "
        "read.\n"
        "# Replace every DECIDE; until then this file does not "
        "load.\n"
        "# 'halftone policy check' tells what is left; docs/policy.md "
        "explains each key.\n"
        "dataset: %s\n",
        name);
    writer_str(w,
               "exclusive: DECIDE      # true: these people are in no other "
               "dataset, here or elsewhere\n"
               "version: 1\n"
               "data_version: DECIDE   # public, such as the last day in it: "
               "\"2026-01-31\"\n"
               "\n"
               "# What all answers together may cost, for ever, such as "
               "{epsilon: 8, delta: 1e-6}.\n"
               "# delta: well below 1 / max_people.\n"
               "cap: DECIDE\n"
               "max_people: DECIDE     # a public upper bound, not a count of "
               "the data\n"
               "\n"
               "purposes:\n"
               "  analytics:\n"
               "    help: DECIDE       # one sentence for the people "
               "concerned\n"
               "    basis: DECIDE      # consent, legitimate_interest or "
               "public_task\n"
               "\n");
}

static void print_table(struct writer *w, const struct policy_draft *draft,
                        const char *name, size_t key)
{
    writer_printf(w, "tables:\n  %s:\n    from: \"",
                  strcmp(name, "DECIDE") == 0 ? "data" : name);
    print_foreign(w, draft->source);
    writer_str(w, "\"  # relative to this file\n");
    if (key < draft->n_columns)
        writer_printf(w,
                      "    key: %s  # guessed by its name: is it whose row "
                      "it is?\n",
                      draft->columns[key].name);
    else
        writer_str(w, "    key: DECIDE        # the column that says whose row "
                      "it is\n");
    writer_str(w, "    max_groups: DECIDE # groups of one answer that a person "
                  "counts in, such as 5\n"
                  "    max_rows: DECIDE   # rows of a person that count in one "
                  "group, such as 10\n"
                  "    columns:           # remove what analysts need not "
                  "see\n");
}

static void print_skipped(struct writer *w, const struct policy_draft_column *c,
                          const char *why)
{
    writer_str(w, "      # ");
    print_foreign(w, c->name);
    writer_str(w, " (");
    print_foreign(w, c->type);
    writer_printf(w, "): %s\n", why);
}

static void print_column(struct writer *w, const struct policy_draft_column *c,
                         bool is_key)
{
    static const char *const hints[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = "bool",
        [POLICY_INT] = "{type: int, range: DECIDE}        # [least, greatest] "
                       "by its meaning, or remove 'range'",
        [POLICY_DOUBLE] = "{type: double, range: DECIDE}     # [least, "
                          "greatest] by its meaning, or remove 'range'",
        [POLICY_TEXT] = "text  # {type: text, domain: [...]} when its values "
                        "are public",
        [POLICY_DATE] = "{type: date, range: DECIDE}       # [first, last], or "
                        "remove 'range'",
        [POLICY_TIMESTAMP] = "{type: timestamp, range: DECIDE}  # [first, "
                             "last], or remove 'range'",
        [POLICY_UUID] = "text  # a uuid; remove it if it names somebody",
    };
    const enum policy_type type = type_of(c->type);
    if (!scalar_is_name(c->name) || scalar_is_reserved(c->name))
        print_skipped(w, c,
                      "rename it in the source to a lower-case name that "
                      "SQL does not reserve");
    else if (type == POLICY_TYPE_COUNT)
        print_skipped(w, c, "no such type in a policy");
    else if (is_key)
        writer_printf(w, "      %s: %s\n", c->name, policy_type_name(type));
    else
        writer_printf(w, "      %s: %s\n", c->name, hints[type]);
}

void policy_draft_print(struct writer *w, const struct policy_draft *draft)
{
    char buf[POLICY_NAME_MAX + 1];
    const char *name =
        draft->dataset ? draft->dataset : name_of_file(draft->source, buf);
    const size_t key = policy_draft_key(draft);
    print_head(w, name);
    print_table(w, draft, name, key);
    for (size_t i = 0; i < draft->n_columns; i++)
        print_column(w, &draft->columns[i], i == key);
}
