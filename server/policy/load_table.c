#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "server/policy/parts.h"

enum { BOUND_MAX = 1000000, MOST_TIMES = 10, TABLES_MAX = 200 };

/* A table while it is read. */
struct table_text {
    struct policy_table t; /* first: readers of columns take the table */
    const char *from, *key;
    bool is_public;
    const struct yaml_node *rollups; /* or NULL */
};

/* Keep the node: it is read once columns and key are known. */
static void keep_rollups(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out)
{
    (void)l;
    (void)f;
    ((struct table_text *)out)->rollups = node;
}

#define AT(member) offsetof(struct table_text, member)
static const struct field TABLE[] = {
    { .key = "help",
      .kind = FIELD_TEXT,
      .at = AT(t.help),
      .absent = "nothing",
      .help = "What a row is, for analysts." },
    { .key = "from",
      .kind = FIELD_TEXT,
      .at = AT(from),
      .absent = "the table's name, for source duckdb and fake",
      .help = "The Parquet or CSV file, relative to this file (* and ? match "
              "several), or the table's name in the DuckDB file." },
    { .key = "key",
      .kind = FIELD_TEXT,
      .at = AT(key),
      .absent = "the table is public",
      .help = "The privacy key: the column that says whose row it is; rows "
              "where it is NULL belong to nobody and are dropped." },
    { .key = "public",
      .kind = FIELD_BOOL,
      .at = AT(is_public),
      .fallback = "false",
      .help = "True: no row says anything about a person, and the table has no "
              "key." },
    { .key = "max_groups",
      .kind = FIELD_U32,
      .at = AT(t.max_groups),
      .fallback = "5",
      .min = 1,
      .max = BOUND_MAX,
      .help = "Groups of one answer that one person counts in (L0), unless the "
              "analyst asks otherwise." },
    { .key = "max_rows",
      .kind = FIELD_U32,
      .at = AT(t.max_rows),
      .fallback = "10",
      .min = 1,
      .max = BOUND_MAX,
      .help = "Rows of one person that count in one group (Linf), likewise." },
    { .key = "most_groups",
      .kind = FIELD_U32,
      .at = AT(t.most_groups),
      .min = 1,
      .max = BOUND_MAX,
      .absent = "ten times max_groups",
      .help = "The most an analyst may ask for." },
    { .key = "most_rows",
      .kind = FIELD_U32,
      .at = AT(t.most_rows),
      .min = 1,
      .max = BOUND_MAX,
      .absent = "ten times max_rows",
      .help = "The most an analyst may ask for." },
    { .key = "expected_rows",
      .kind = FIELD_U64,
      .at = AT(t.expected_rows),
      .fallback = "0",
      .max = 1e15,
      .help = "Public guess of the number of rows: statements are chosen and "
              "joins that could not finish are refused by it; 0 is none." },
    { .key = "columns",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = policy_read_columns,
      .inner = &POLICY_COLUMN_FIELDS,
      .form = "map",
      .help = "The columns analysts see, by name; one that is not listed does "
              "not exist for them." },
    { .key = "rollups",
      .kind = FIELD_CUSTOM,
      .read = keep_rollups,
      .inner = &POLICY_ROLLUP_FIELDS,
      .form = "map",
      .absent = "none",
      .help = "Counts and sums per person and group that the server keeps in "
              "memory, by name: dashboards of them need not read every row." },
};
const struct field_set POLICY_TABLE_FIELDS =
    FIELD_SET("a table", "tables.NAME", TABLE);

static struct yaml_place place_of(const struct yaml_node *table,
                                  const char *key)
{
    const struct yaml_node *node = yaml_tree_find(table, key);
    return node ? yaml_place_of(node) : yaml_place_of_key(table);
}

static bool is_local_file(const char *path)
{
    static const char *const endings[] = { ".parquet", ".csv", ".csv.gz",
                                           ".tsv", ".csv.zst" };
    const size_t n = strlen(path);
    if (strstr(path, "://"))
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strcasecmp(path + n - m, endings[i]) == 0)
            return true;
    }
    return false;
}

/* What `from` means depends on `source`, which POLICY reads before. */
static void resolve_from(struct loader *l, const struct policy *p,
                         const struct yaml_node *node, struct table_text *t)
{
    if (p->source != SOURCE_FILES) {
        t->t.source = t->from ? t->from : t->t.name;
        return;
    }
    t->t.source = "";
    if (!t->from)
        loader_mistake(l, place_of(node, "from"),
                       arena_printf(l->a,
                                    "table '%s' does not say which file "
                                    "it is from",
                                    t->t.name),
                       "add 'from: FILE.parquet'");
    else if (!is_local_file(t->from))
        loader_mistake(l, place_of(node, "from"),
                       arena_printf(l->a,
                                    "'%s' is no local Parquet or CSV file",
                                    loader_quote(l, t->from)),
                       "name a file that ends in .parquet or .csv, or choose "
                       "'source: duckdb'");
    else
        t->t.source = loader_resolve(l, t->from);
}

static bool may_own(enum policy_type type)
{
    return type == POLICY_INT || type == POLICY_TEXT || type == POLICY_UUID;
}

/* The key must be a listed column that names a person and says no more. */
static void resolve_key(struct loader *l, const struct yaml_node *node,
                        struct table_text *t)
{
    const struct yaml_place at = place_of(node, "key");
    const struct policy_column *key = policy_find_column(&t->t, t->key);
    if (!key) {
        loader_mistake(l, at,
                       arena_printf(l->a,
                                    "the key '%s' is not among the "
                                    "columns of '%s'",
                                    loader_quote(l, t->key), t->t.name),
                       "list it under 'columns', with its type");
        return;
    }
    t->t.owned = true;
    t->t.key = (size_t)(key - t->t.columns);
    struct policy_column *c = &t->t.columns[t->t.key];
    const struct yaml_node *col =
        yaml_tree_find(yaml_tree_find(node, "columns"), c->name);
    if (!may_own(c->type))
        loader_mistake(l, at,
                       arena_printf(l->a, "the key '%s' is of type %s", c->name,
                                    policy_type_name(c->type)),
                       "a privacy key is int, uuid or text");
    if (col && col->kind == YAML_MAP &&
        col->n > 1 + (size_t) !!yaml_tree_find(col, "help") +
                     (size_t) !!yaml_tree_find(col, "from"))
        loader_mistake(l, yaml_place_of_key(col),
                       arena_printf(l->a,
                                    "'%s' is the privacy key: it takes a "
                                    "type, a from and a help only",
                                    c->name),
                       "remove its other keys: it names people, so nothing "
                       "else about it is public");
    c->may_group = c->may_filter = false;
}

static void resolve_owner(struct loader *l, const struct yaml_node *node,
                          struct table_text *t)
{
    const struct yaml_node *open = yaml_tree_find(node, "public");
    const bool unsaid = !open || (open->kind == YAML_SCALAR &&
                                  strcmp(open->text, "false") == 0);
    if (!t->key && unsaid && !yaml_tree_find(node, "key"))
        loader_mistake(l, yaml_place_of_key(node),
                       arena_printf(l->a,
                                    "table '%s' does not say whose its "
                                    "rows are",
                                    t->t.name),
                       "add 'key: COLUMN', or 'public: true' when no row says "
                       "anything about a person");
    else if (t->key && t->is_public)
        loader_mistake(
            l, place_of(node, "public"),
            arena_printf(l->a, "table '%s' has a key and is public", t->t.name),
            "remove one of the two");
    else if (t->key)
        resolve_key(l, node, t);
}

static void resolve_most(struct loader *l, const struct yaml_node *node,
                         uint32_t *most, uint32_t usual, const char *key)
{
    if (*most == 0)
        *most = usual > BOUND_MAX / MOST_TIMES ? BOUND_MAX : usual * MOST_TIMES;
    if (*most < usual)
        loader_mistake(
            l, place_of(node, key),
            arena_printf(l->a, "'%s' is below the default of %u", key, usual),
            "raise it, or lower the default");
}

/* A key that is used under a type of its own can only be a person's. */
static void refuse_uuid(struct loader *l, const struct yaml_node *node,
                        const struct table_text *t)
{
    for (size_t i = 0; i < t->t.n_columns; i++) {
        const struct policy_column *c = &t->t.columns[i];
        if (c->type == POLICY_UUID && !(t->t.owned && t->t.key == i))
            loader_mistake(l,
                           place_of(yaml_tree_find(node, "columns"), c->name),
                           arena_printf(l->a,
                                        "column '%s' is of type uuid but "
                                        "not the key",
                                        c->name),
                           "remove the column, or call it text");
    }
}

static void read_table(struct loader *l, struct policy *p,
                       const struct yaml_node *node)
{
    static const struct field name = {
        .key = "table",
        .kind = FIELD_NAME,
        .help = "Rename the table here; 'from' says what it is called in the "
                "source."
    };
    struct table_text t = {
        .t = { .name = "", .help = "", .source = "", .line = node->key_line }
    };
    fields_read_key(l, &name, node, &t.t.name);
    fields_read(l, &POLICY_TABLE_FIELDS, node, &t);
    if (node->kind == YAML_MAP) {
        resolve_from(l, p, node, &t);
        resolve_owner(l, node, &t);
        refuse_uuid(l, node, &t);
        resolve_most(l, node, &t.t.most_groups, t.t.max_groups, "most_groups");
        resolve_most(l, node, &t.t.most_rows, t.t.max_rows, "most_rows");
        if (t.rollups)
            policy_read_rollups(l, p, &t.t, t.rollups);
    }
    p->tables[p->n_tables++] = t.t;
}

void policy_read_tables(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out)
{
    struct policy *p = &((struct policy_file *)out)->p;
    (void)f;
    if (node->kind != YAML_MAP || node->n == 0 || node->n > TABLES_MAX) {
        loader_mistake(l, yaml_place_of_key(node),
                       "'tables' must be a map of 1 to 200 tables",
                       "write 'tables: {NAME: {from: FILE, key: COLUMN, "
                       "columns: ...}}'");
        return;
    }
    p->tables = loader_alloc(l, node->n, sizeof *p->tables);
    for (const struct yaml_node *c = node->first; p->tables && c; c = c->next)
        read_table(l, p, c);
}
