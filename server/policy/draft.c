#include "server/policy/draft.h"

#include <string.h>
#include <strings.h>

#include "server/base/utf8.h"
#include "server/policy/draft_name.h"
#include "server/policy/scalar.h"

enum { COMMENT_COLUMN = 50 };

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

static bool may_own(const struct policy_draft_column *c)
{
    const enum policy_type t = c->why ? POLICY_TYPE_COUNT : type_of(c->type);
    return t == POLICY_INT || t == POLICY_TEXT || t == POLICY_UUID;
}

/* The same but for underlines: userid, user_id and UserID are one. */
static bool is_like(const char *name, const char *pattern)
{
    while (*name && *pattern) {
        if (*name == '_')
            name++;
        else if (*pattern == '_')
            pattern++;
        else if (*name++ != *pattern++)
            return false;
    }
    return !*name && !*pattern;
}

size_t policy_draft_key(const struct policy_draft_table *table)
{
    /* Likeliest first: who is measured before what they hold or carry. */
    static const char *const names[] = {
        "person_id",     "customer_id", "user_id",      "client_id",
        "patient_id",    "member_id",   "subject_id",   "employee_id",
        "student_id",    "visitor_id",  "passenger_id", "respondent_id",
        "subscriber_id", "account_id",  "household_id", "device_id",
        "person",        "customer",    "user",         "user_uuid",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < table->n_columns; j++)
            if (is_like(draft_name_of(table->columns[j].name).s, names[i]) &&
                may_own(&table->columns[j]))
                return j;
    return table->n_columns;
}

/* Foreign text inside a comment must not end it. */
static void print_foreign(struct writer *w, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        writer_u8(w, c < 0x20 || c >= 0x7f ? '?' : c);
    }
}

static bool is_quotable(const char *text)
{
    return utf8_is_text(text, strlen(text)) &&
           scalar_is_printable(text, strlen(text)) && !strchr(text, '\n');
}

/* As YAML in double quotes. */
static void print_quoted(struct writer *w, const char *text)
{
    writer_u8(w, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            writer_u8(w, '\\');
        writer_u8(w, (uint8_t)*text);
    }
    writer_u8(w, '"');
}

/* shop.parquet is shop, and "Shop.Orders" of a database is shop_orders. */
static struct draft_name name_of_path(const char *path)
{
    char base[POLICY_NAME_MAX + 1];
    const char *slash = strrchr(path, '/');
    const char *from = slash ? slash + 1 : path;
    const size_t len = strcspn(from, ".");
    const size_t kept = len < sizeof base ? len : sizeof base - 1;
    memcpy(base, from, kept);
    base[kept] = '\0';
    return draft_name_of(base);
}

/* The file, as it was named; where that depends on where one stands, on what.
 */
static void print_source(struct writer *w, const char *path)
{
    print_quoted(w, path);
    writer_str(w, *path == '/' ? "\n" : "  # relative to this file\n");
}

static void print_postgres(struct writer *w, const char *uri)
{
    writer_str(w, "source: postgresql\ndatabase: ");
    print_quoted(w, uri);
    writer_str(w,
               "  # of a role that can only read\n"
               "# writer: \"postgresql://...\"   # with consent: the role that "
               "keeps who counts; docs/sources.md\n");
}

static void print_head(struct writer *w, const struct policy_draft *draft)
{
    const struct draft_name name =
        draft->name ? draft_name_of(draft->name) : name_of_path(draft->source);
    writer_printf(
        w,
        "# A first policy, from names and types alone: no value was read.\n"
        "# Replace every DECIDE; until then this file does not load.\n"
        "# 'halftone policy check' tells what is left, 'halftone policy keys' "
        "what each\n"
        "# key means; docs/policy.md says how to choose.\n"
        "dataset: %s\n"
        "exclusive: DECIDE      # true: these people are in no other dataset, "
        "here or elsewhere\n"
        "version: 1\n"
        "data_version: DECIDE   # public, such as the last day in it: "
        "\"2026-01-31\"\n",
        name.s[0] ? name.s : "DECIDE");
    if (draft->is_postgres) {
        print_postgres(w, draft->source);
    } else if (draft->is_database) {
        writer_str(w, "source: duckdb\ndatabase: ");
        print_source(w, draft->source);
    }
    writer_str(w,
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
               "\n"
               "tables:\n");
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

/* What stands after the type, and what is said beside it. */
static const struct hint {
    const char *type, *more, *comment;
} HINTS[POLICY_TYPE_COUNT] = {
    [POLICY_BOOL] = { "bool", "", "" },
    [POLICY_INT] = { "int", "range: DECIDE",
                     "[least, greatest] by its meaning, or remove 'range'" },
    [POLICY_DOUBLE] = { "double", "range: DECIDE",
                        "[least, greatest] by its meaning, or remove 'range'" },
    [POLICY_TEXT] = { "text", "",
                      "add domain: [...] when its values are public" },
    [POLICY_DATE] = { "date", "range: DECIDE",
                      "[first, last], or remove 'range'" },
    [POLICY_TIMESTAMP] = { "timestamp", "range: DECIDE",
                           "[first, last], or remove 'range'" },
    [POLICY_UUID] = { "text", "", "a uuid; remove it if it names somebody" },
};

static void print_typed(struct writer *w, const struct policy_draft_column *c,
                        const char *name, const struct hint *hint)
{
    const size_t start = w->len;
    const bool renamed = strcmp(name, c->name) != 0;
    writer_printf(w, "      %s: %s%s", name,
                  renamed || *hint->more ? "{type: " : "", hint->type);
    if (*hint->more)
        writer_printf(w, ", %s", hint->more);
    if (renamed) {
        writer_str(w, ", from: ");
        print_quoted(w, c->name);
    }
    writer_str(w, renamed || *hint->more ? "}" : "");
    while (*hint->comment && !w->overflow && w->len - start < COMMENT_COLUMN)
        writer_u8(w, ' ');
    writer_printf(w, "%s%s\n", *hint->comment ? "  # " : "", hint->comment);
}

/* An earlier column has the same name for analysts. */
static bool is_taken(const struct policy_draft_table *t, size_t column)
{
    const struct draft_name name = draft_name_of(t->columns[column].name);
    for (size_t i = 0; i < column; i++)
        if (strcmp(draft_name_of(t->columns[i].name).s, name.s) == 0)
            return true;
    return false;
}

static void print_column(struct writer *w, const struct policy_draft *draft,
                         const struct policy_draft_table *t, size_t i,
                         bool is_key)
{
    const struct policy_draft_column *c = &t->columns[i];
    const struct draft_name name = draft_name_of(c->name);
    const enum policy_type type = type_of(c->type);
    if (name.s[0] == '\0' || !is_quotable(c->name) || is_taken(t, i)) {
        print_skipped(w, c, "give it a name: NAME: {type: ..., from: \"...\"}");
    } else if (c->why) {
        print_skipped(w, c, c->why);
    } else if (type == POLICY_TYPE_COUNT) {
        print_skipped(w, c, "no such type in a policy");
    } else if (is_key) {
        const struct hint key = { policy_type_name(type), "", "" };
        print_typed(w, c, name.s, &key);
    } else {
        struct hint hint = HINTS[type];
        hint.comment = draft->is_untyped ? "" : hint.comment;
        print_typed(w, c, name.s, &hint);
    }
}

static void print_table(struct writer *w, const struct policy_draft *draft,
                        const struct policy_draft_table *t)
{
    const size_t key = policy_draft_key(t);
    const struct draft_name name = draft_name_of(t->name);
    writer_printf(w, "  %s:\n    from: ", name.s[0] ? name.s : "data");
    if (draft->is_database) {
        print_quoted(w, t->name);
        writer_str(w, "\n");
    } else {
        print_source(w, draft->source);
    }
    if (key < t->n_columns)
        writer_printf(w,
                      "    key: %s  # guessed by its name: is it whose row "
                      "it is?\n",
                      draft_name_of(t->columns[key].name).s);
    else
        writer_str(w, "    key: DECIDE        # the column that says whose row "
                      "it is, as named below\n");
    writer_str(w, "    max_groups: DECIDE # groups of one answer that a person "
                  "counts in, such as 5\n"
                  "    max_rows: DECIDE   # rows of a person that count in one "
                  "group, such as 10\n"
                  "    columns:           # remove what analysts need not "
                  "see\n");
    if (draft->is_untyped)
        writer_str(w,
                   "      # A CSV file says nothing of types.  Where it is no "
                   "text, write int, double,\n"
                   "      # bool, date or timestamp; where it is summed, "
                   "NAME: {type: double, range: [0, 100]}.\n");
    for (size_t i = 0; i < t->n_columns; i++)
        print_column(w, draft, t, i, i == key);
}

void policy_draft_print(struct writer *w, const struct policy_draft *draft)
{
    print_head(w, draft);
    for (size_t i = 0; i < draft->n_tables; i++)
        print_table(w, draft, &draft->tables[i]);
}
