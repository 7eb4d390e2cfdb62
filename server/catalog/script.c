#include "server/catalog/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/catalog/catalog.h"
#include "server/catalog/publish.h"

enum { OWNER = 10 };

static const struct view {
    const char *schema, *name, *query;
} views[] = {
#define VIEW(schema, name, query) { schema, name, query },
#include "server/catalog/view.def"
#undef VIEW
};

static bool is_view(const struct rewrite_relation *r)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i].schema, r->schema) == 0 &&
            strcmp(views[i].name, r->name) == 0)
            return true;
    return false;
}

static const char *schema_name(const char *schema)
{
    return strcmp(schema, "pg_catalog") == 0 ? "pgc" : "infos";
}

static void put_tables(struct writer *w, const struct names *n)
{
    writer_str(w, "CREATE SCHEMA pgc; CREATE SCHEMA infos;\n"
                  "CREATE TABLE pgc.texts (oid BIGINT, plain VARCHAR, pretty "
                  "VARCHAR);\n"
                  "CREATE TABLE pgc.shown (oid BIGINT, shown VARCHAR);\n"
                  "CREATE TABLE pgc.keywords (word VARCHAR, catcode VARCHAR, "
                  "barelabel BOOLEAN, catdesc VARCHAR, baredesc VARCHAR);\n");
    for (size_t i = 0; i < n->n_relations; i++) {
        const struct rewrite_relation *r = &n->relations[i].of;
        if (is_view(r) || r->is_closed)
            continue;
        writer_printf(w, "CREATE TABLE %s.%s (", schema_name(r->schema),
                      r->name);
        for (size_t k = 0; k < r->n_columns; k++)
            writer_printf(w, "%s\"%s\" %s", k ? ", " : "", r->columns[k].name,
                          names_held(n, r->columns[k].type));
        writer_str(w, ");\n");
    }
}

static void put_views(struct writer *w)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        writer_printf(w, "CREATE VIEW %s.%s AS %s;\n",
                      schema_name(views[i].schema), views[i].name,
                      views[i].query);
}

static void put_macros(struct writer *w)
{
#define MACRO(head, body)                                                      \
    writer_str(w, ";\nCREATE MACRO ");                                         \
    writer_str(w, head " AS " body);
#define MACRO2(head, body)                                                     \
    writer_str(w, ", ");                                                       \
    writer_str(w, strchr(head, '('));                                          \
    writer_str(w, " AS " body);
#include "server/catalog/macro.def"
#undef MACRO
#undef MACRO2
    writer_str(w, ";\n");
}

static void put_rows(struct writer *w)
{
#define ROWS(relation, columns, values)                                        \
    writer_str(w, "INSERT INTO pgc." relation " (" columns ") VALUES " values  \
                  ";\n");
#include "server/catalog/row.def"
#undef ROWS
}

/* What format_type() says, where it is not the short name. */
static const char *shown(const struct names_type *t)
{
    static const struct {
        const char *name, *shown;
    } longer[] = {
        { "bool", "boolean" },
        { "int2", "smallint" },
        { "int4", "integer" },
        { "int8", "bigint" },
        { "float4", "real" },
        { "float8", "double precision" },
        { "bpchar", "character" },
        { "varchar", "character varying" },
        { "varbit", "bit varying" },
        { "time", "time without time zone" },
        { "timetz", "time with time zone" },
        { "timestamp", "timestamp without time zone" },
        { "timestamptz", "timestamp with time zone" },
        { "char", "\"char\"" },
        { "any", "\"any\"" },
    };
    for (size_t i = 0; i < sizeof longer / sizeof *longer; i++)
        if (strcmp(longer[i].name, t->name) == 0)
            return longer[i].shown;
    return t->name;
}

/* The functions of a type, from that which reads it: "int4in", "int4out". */
static const char *function_of(char *to, size_t cap, const char *input,
                               const char *suffix)
{
    const size_t stem = strlen(input) > 2 ? strlen(input) - 2 : 0;
    (void)snprintf(to, cap, "%.*s%s", (int)stem, input, suffix);
    return to;
}

enum {
    CATALOG_OID = 11,
    INFORMATION_OID = 13207,
    TIME_STAMP = 13232,
    YES_OR_NO = 13234
};

static void add_type(struct rows *r, const struct names *n,
                     const struct names_type *t)
{
    char send[72], recv[72], out[72], shown_as[96];
    const uint32_t base = names_base(t->oid);
    const bool is_domain = base != t->oid;
    const char *input = is_domain ? names_type_of(n, base)->input : t->input;
    rows_add_type(
        r, &(struct rows_type){
               .oid = t->oid,
               .name = t->name,
               .schema = is_domain ? INFORMATION_OID : CATALOG_OID,
               .len = t->len,
               .by_value = t->by_value,
               .is_preferred = t->is_preferred,
               .kind = t->kind,
               .category = t->category,
               .delimiter = t->delimiter,
               .align = t->align,
               .storage = t->storage,
               .element = t->element,
               .array = t->array,
               .base = is_domain ? base : 0,
               .collation = t->collation,
               .subscript = !t->element  ? "-"
                            : t->len > 0 ? "raw_array_subscript_handler"
                                         : "array_subscript_handler",
               .input = t->input,
               .output = function_of(out, sizeof out, input, "out"),
               .receive = function_of(recv, sizeof recv,
                                      is_domain ? t->input : input, "recv"),
               .send = function_of(send, sizeof send, input, "send"),
               .analyze = "-",
               .modifier = t->oid == TIME_STAMP  ? 2
                           : t->oid == YES_OR_NO ? 7
                                                 : -1,
               .initial = t->oid == TIME_STAMP ? "CURRENT_TIMESTAMP(2)" : NULL,
           });
    (void)snprintf(shown_as, sizeof shown_as, "%s%s",
                   is_domain ? "information_schema." : "", shown(t));
    rows_add(r, ROWS_SHOWN, "ut", t->oid, shown_as);
}

static void add_array(struct rows *r, const struct names_type *t)
{
    char shown_as[72];
    (void)snprintf(shown_as, sizeof shown_as, "%s[]", shown(t));
    rows_add_array(r,
                   &(struct rows_array){
                       .oid = t->array,
                       .element_name = t->name,
                       .schema = t->kind == 'd' ? INFORMATION_OID : CATALOG_OID,
                       .element = t->oid,
                       .collation = t->collation,
                       .delimiter = t->delimiter,
                       .align = t->align,
                       .is_pseudo = strcmp(t->name, "record") == 0,
                   });
    rows_add(r, ROWS_SHOWN, "ut", t->array, shown_as);
}

static void add_types(struct rows *r, const struct names *n)
{
    for (size_t i = 0; i < n->n_types; i++) {
        add_type(r, n, &n->types[i]);
        if (n->types[i].array)
            add_array(r, &n->types[i]);
    }
}

/* "2703 pg_type_oid_index, 2671 pg_database_datname_index!" */
static void add_others(struct rows *r, char kind, int schema, const char *list)
{
    char name[64];
    while (*list) {
        const size_t len = strcspn(list, ","), digits = strcspn(list, " ");
        const bool is_shared = list[len - 1] == '!';
        const uint32_t oid = (uint32_t)strtoul(list, NULL, 10);
        (void)snprintf(name, sizeof name, "%.*s",
                       (int)(len - digits - 1 - is_shared), list + digits + 1);
        rows_add(r, ROWS_CLASS, "utiiiiiuiiiiibbcciibbbbbbcbiii---", oid, name,
                 schema, 0, 0, OWNER, kind == 'i' ? 403 : 2, oid,
                 is_shared ? 1664 : 0, 0, -1, 0, 0, false, is_shared, 'p', kind,
                 0, 0, false, false, false, false, false, true, 'n', false, 0,
                 0, 0);
        list += len;
        list += strspn(list, ", ");
    }
}

static void add_keywords(struct rows *r, char category, bool is_bare,
                         const char *words)
{
    static const struct {
        char category;
        const char *text;
    } meanings[] = {
        { 'U', "unreserved" },
        { 'C', "unreserved (cannot be function or type name)" },
        { 'T', "reserved (can be function or type name)" },
        { 'R', "reserved" },
    };
    const char *meaning = "";
    char word[64];
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].category == category)
            meaning = meanings[i].text;
    while (*words) {
        const size_t len = strcspn(words, " ");
        (void)snprintf(word, sizeof word, "%.*s", (int)len, words);
        rows_add(r, ROWS_KEYWORDS, "tcbtt", word, category, is_bare, meaning,
                 is_bare ? "can be bare label" : "requires AS");
        words += len;
        words += strspn(words, " ");
    }
}

static void add_lists(struct rows *r)
{
#define OTHERS(kind, schema, list) add_others(r, kind, schema, list);
#include "server/catalog/other.def"
#undef OTHERS
#define KEYWORDS(category, is_bare, words)                                     \
    add_keywords(r, category, is_bare, words);
#include "server/catalog/keyword.def"
#undef KEYWORDS
}

static void add_system_column(struct rows *r, const struct names *n,
                              const struct names_relation *of, size_t i)
{
    const uint32_t type = of->types[i];
    const struct names_type *t = names_type_of(n, type);
    const bool is_array = !t || t->oid != type;
    const char align =
        t ? t->align : 'd'; /* of rows, which are no types here */
    rows_add(r, ROWS_ATTRIBUTE, "utuiiziiibcctbbbttbbiu----", of->oid,
             of->of.columns[i].name, type, -1, is_array ? -1 : t->len, i + 1,
             (int)is_array, -1, -1, !is_array && t->by_value,
             !is_array || align == 'd' ? align : 'i',
             is_array ? 'x' : t->storage, "", of->not_null[i], false, false, "",
             "", false, true, 0, t ? t->collation : 0);
}

/* The catalog's relations are in the catalog as well. */
static void add_system_table(struct rows *r, const struct names *n,
                             const struct names_relation *of)
{
    const int schema = strcmp(of->of.schema, "pg_catalog") == 0
                           ? CATALOG_OID
                           : INFORMATION_OID;
    const bool is_table = of->kind == 'r';
    rows_add(r, ROWS_CLASS, "utiuiiiuiiiiibbcczibbbbbbcbiii---", of->oid,
             of->of.name, schema, of->row_type, 0, OWNER, is_table ? 2 : 0,
             of->oid, of->is_shared ? 1664 : 0, 0, -1, 0, 0, is_table,
             of->is_shared, 'p', of->kind, of->of.n_columns, 0, !is_table,
             false, false, false, false, true, 'n', false, 0, 0, 0);
    rows_add_row_types(r, of->row_type, of->array_type, (uint32_t)schema,
                       of->oid, of->of.name);
    for (size_t i = 0; i < of->of.n_columns; i++)
        add_system_column(r, n, of, i);
}

static void put_session(struct writer *w, const struct script_of *s)
{
    writer_str(w, "INSERT INTO pgc.pg_database (oid, datname, datdba, "
                  "encoding, datlocprovider, datistemplate, datallowconn, "
                  "datconnlimit, datfrozenxid, datminmxid, dattablespace, "
                  "datcollate, datctype) VALUES (16384, ");
    publish_text(w, s->database);
    writer_str(w, ", 10, 6, 'c', false, true, -1, 0, 1, 1663, 'C.UTF-8', "
                  "'C.UTF-8');\n");
    writer_str(w,
               "INSERT INTO pgc.pg_roles (oid, rolname, rolsuper, rolinherit, "
               "rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, "
               "rolconnlimit, rolpassword, rolbypassrls) VALUES (10, "
               "'halftone', false, true, false, false, false, false, -1, "
               "'********', false)");
    if (s->user && *s->user && strcmp(s->user, "halftone") != 0) {
        writer_printf(w, ", (%" PRIu32 ", ", catalog_oid(s->user));
        publish_text(w, s->user);
        writer_str(w, ", false, true, false, false, true, false, -1, "
                      "'********', false)");
    }
    writer_str(w, ";\n");
}

static void add_rows(struct rows *r, const struct script_of *s)
{
    add_types(r, s->names);
    add_lists(r);
    for (size_t i = 0; i < s->names->n_relations; i++)
        add_system_table(r, s->names, &s->names->relations[i]);
    publish_rows(r, s->names, s->policies, s->n_policies);
}

static void print(struct writer *w, const struct script_of *s,
                  const struct rows *r)
{
    writer_str(w, "BEGIN;\n");
    put_tables(w, s->names);
    put_macros(w);
    put_rows(w);
    put_session(w, s);
    rows_print(w, r, s->names);
    put_views(w);
    writer_str(w, "COMMIT;\n");
}

char *script_text(const struct script_of *s)
{
    struct rows r = { .failed = false };
    struct writer w = writer_of(NULL, 0);
    add_rows(&r, s);
    print(&w, s, &r);
    const size_t cap = w.need + 1;
    char *text = r.failed ? NULL : malloc(cap);
    w = writer_of(text, text ? cap : 0);
    if (text)
        print(&w, s, &r);
    rows_fini(&r);
    if (text && !writer_cstr(&w)) {
        free(text);
        return NULL;
    }
    return text;
}
