#include "server/catalog/publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/catalog/catalog.h"

enum { OWNER = 10, FIRST_OID = 16384, TEXT_MAX = 64 * 1024 };

/* FNV-1a: the same on every machine and after every restart. */
uint32_t catalog_oid(const char *key)
{
    uint32_t h = 2166136261u;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return FIRST_OID + h % (2000000000u - FIRST_OID);
}

void publish_text(struct writer *w, const char *text)
{
    if (!text || !*text) {
        writer_str(w, "NULL");
        return;
    }
    writer_str(w, "'");
    for (; *text; text++)
        writer_printf(w, *text == '\'' ? "''" : "%c", *text);
    writer_str(w, "'");
}

uint32_t publish_type(enum policy_type type)
{
    static const uint32_t types[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = 16,   [POLICY_INT] = 20,    [POLICY_DOUBLE] = 701,
        [POLICY_TEXT] = 25,   [POLICY_DATE] = 1082, [POLICY_TIMESTAMP] = 1114,
        [POLICY_UUID] = 2950,
    };
    return types[type];
}

static uint32_t oid_of(const char *kind, const struct policy *p,
                       const struct policy_table *t,
                       const struct policy_column *c)
{
    char key[4 * POLICY_NAME_MAX + 16];
    (void)snprintf(key, sizeof key, "%s:%s.%s.%s", kind, p->name,
                   t ? t->name : "", c ? c->name : "");
    return catalog_oid(key);
}

uint32_t publish_row_type(const struct policy *p, const struct policy_table *t)
{
    return oid_of("y", p, t, NULL);
}

/* One value of a domain as PostgreSQL prints it in an expression. */
static void put_value(struct writer *w, enum policy_type type, const char *v,
                      bool in_list, bool pretty)
{
    switch (type) {
    case POLICY_BOOL:
        writer_str(w, v);
        return;
    case POLICY_INT:
    case POLICY_DOUBLE:
        if (!in_list) {
            writer_str(w, *v == '-' ? "'" : "");
            writer_printf(w, *v == '-' ? "%s'::%s" : "%s", v,
                          type == POLICY_INT ? "bigint" : "double precision");
            return;
        }
        writer_printf(w,
                      *v == '-' ? "'%s'::%s"
                      : pretty  ? "%s::%s"
                                : "(%s)::%s",
                      v, type == POLICY_INT ? "bigint" : "double precision");
        return;
    case POLICY_DATE:
    case POLICY_TIMESTAMP:
        publish_text(w, v);
        writer_str(w, type == POLICY_DATE ? "::date"
                                          : "::timestamp without time zone");
        return;
    case POLICY_TEXT:
    case POLICY_UUID:
    case POLICY_TYPE_COUNT:
        break;
    }
    writer_str(w, "'");
    for (; *v; v++)
        writer_printf(w, *v == '\'' ? "''" : "%c", *v);
    writer_str(w, type == POLICY_UUID ? "'::uuid" : "'::text");
}

static void put_name(struct writer *w, const char *name)
{
    bool plain = !(*name >= '0' && *name <= '9');
    for (const char *c = name; *c; c++)
        plain = plain && ((*c >= 'a' && *c <= 'z') || *c == '_' ||
                          (*c >= '0' && *c <= '9'));
    writer_printf(w, plain ? "%s" : "\"%s\"", name);
}

void publish_check(struct writer *w, const struct policy_column *c, bool pretty)
{
    const size_t n = c->domain.n + (c->other != NULL);
    put_name(w, c->name);
    writer_str(w, n == 1 ? " = " : " = ANY (ARRAY[");
    for (size_t i = 0; i < n; i++) {
        writer_str(w, i ? ", " : "");
        put_value(w, c->type, i < c->domain.n ? c->domain.text[i] : c->other,
                  n > 1, pretty);
    }
    writer_str(w, n == 1 ? "" : "])");
}

/* The whole constraint; NULL when it is too long to be shown. */
static const char *check_text(char *text, size_t cap,
                              const struct policy_column *c, bool pretty)
{
    struct writer w = writer_of(text, cap);
    writer_str(&w, pretty ? "CHECK (" : "CHECK ((");
    publish_check(&w, c, pretty);
    writer_str(&w, pretty ? ")" : "))");
    return writer_cstr(&w) ? text : NULL;
}

static size_t checks_of(const struct policy_table *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_columns; i++)
        n += t->columns[i].has_domain;
    return n;
}

static void add_comment(struct rows *r, uint32_t class, uint32_t object,
                        size_t sub, const char *text)
{
    if (*text)
        rows_add(r, ROWS_DESCRIPTION, "uuzt", object, class, sub, text);
}

/* The six columns that every table of PostgreSQL has besides its own. */
static void add_system_columns(struct rows *r, uint32_t table)
{
    static const struct {
        const char *name;
        int type, len, number;
        char align;
    } columns[] = {
        { "tableoid", 26, 4, -6, 'i' }, { "cmax", 29, 4, -5, 'i' },
        { "xmax", 28, 4, -4, 'i' },     { "cmin", 29, 4, -3, 'i' },
        { "xmin", 28, 4, -2, 'i' },     { "ctid", 27, 6, -1, 's' },
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        rows_add(r, ROWS_ATTRIBUTE, "utiiiiiiibcctbbbttbbii----", table,
                 columns[i].name, columns[i].type, 0, columns[i].len,
                 columns[i].number, 0, -1, -1, columns[i].type != 27,
                 columns[i].align, 'p', "", true, false, false, "", "", false,
                 true, 0, 0);
}

static void add_column(struct rows *r, const struct names *n, uint32_t table,
                       size_t number, const struct policy_column *c)
{
    const uint32_t type = publish_type(c->type);
    const struct names_type *t = names_type_of(n, type);
    rows_add(r, ROWS_ATTRIBUTE, "utuiiziiibcctbbbttbbiu----", table, c->name,
             type, -1, t->len, number, 0, -1, -1, t->by_value, t->align,
             t->storage, "", false, false, false, "", "", false, true, 0,
             t->collation);
    add_comment(r, 1259, table, number, c->help);
}

static void add_constraint(struct rows *r, const struct policy *p,
                           const struct policy_table *t, size_t i)
{
    char name[2 * POLICY_NAME_MAX + 8], key[32], plain[TEXT_MAX],
        pretty[TEXT_MAX];
    const struct policy_column *c = &t->columns[i];
    const uint32_t oid = oid_of("c", p, t, c);
    (void)snprintf(name, sizeof name, "%s_%s_check", t->name, c->name);
    (void)snprintf(key, sizeof key, "[%zu]", i + 1);
    rows_add(r, ROWS_CONSTRAINT, "ututbbbuiiiicccbibt-------", oid, name,
             oid_of("s", p, NULL, NULL), "c", false, false, true,
             oid_of("t", p, t, NULL), 0, 0, 0, 0, ' ', ' ', ' ', true, 0, false,
             key);
    rows_add(r, ROWS_TEXTS, "utt", oid,
             check_text(plain, sizeof plain, c, false),
             check_text(pretty, sizeof pretty, c, true));
}

static void add_row_type(struct rows *r, const struct policy *p,
                         const struct policy_table *t)
{
    char name[2 * POLICY_NAME_MAX + 8];
    const uint32_t row = publish_row_type(p, t),
                   array = oid_of("a", p, t, NULL);
    rows_add_row_types(r, row, array, oid_of("s", p, NULL, NULL),
                       oid_of("t", p, t, NULL), t->name);
    (void)snprintf(name, sizeof name, "%s.%s", p->name, t->name);
    rows_add(r, ROWS_SHOWN, "ut", row, name);
    (void)snprintf(name, sizeof name, "%s.%s[]", p->name, t->name);
    rows_add(r, ROWS_SHOWN, "ut", array, name);
}

static void add_table(struct rows *r, const struct names *n,
                      const struct policy *p, const struct policy_table *t)
{
    const uint32_t table = oid_of("t", p, t, NULL);
    rows_add(r, ROWS_CLASS, "utuuiiiuiiiiibbcczzbbbbbbcbiii---", table, t->name,
             oid_of("s", p, NULL, NULL), publish_row_type(p, t), 0, OWNER, 2,
             table, 0, 0, -1, 0, 0, false, false, 'p', 'r', t->n_columns,
             checks_of(t), false, false, false, false, false, true, 'd', false,
             0, 0, 0);
    add_comment(r, 1259, table, 0, t->help);
    add_row_type(r, p, t);
    add_system_columns(r, table);
    for (size_t i = 0; i < t->n_columns; i++) {
        add_column(r, n, table, i + 1, &t->columns[i]);
        if (t->columns[i].has_domain)
            add_constraint(r, p, t, i);
    }
}

void publish_rows(struct rows *r, const struct names *n,
                  const struct policy *const *policies, size_t n_policies)
{
    for (size_t i = 0; i < n_policies; i++) {
        const struct policy *p = policies[i];
        const uint32_t schema = oid_of("s", p, NULL, NULL);
        rows_add(r, ROWS_NAMESPACE, "uti-", schema, p->name, OWNER);
        add_comment(r, 2615, schema, 0, p->help);
        for (size_t k = 0; k < p->n_tables; k++)
            add_table(r, n, p, &p->tables[k]);
    }
}

static void ddl_comment(struct writer *w, const char *what, const char *name,
                        const char *text)
{
    if (!*text)
        return;
    writer_printf(w, "COMMENT ON %s %s IS ", what, name);
    publish_text(w, text);
    writer_str(w, ";\n");
}

static void ddl_table(struct writer *w, const struct policy *p,
                      const struct policy_table *t)
{
    static const char *const names[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = "boolean",
        [POLICY_INT] = "bigint",
        [POLICY_DOUBLE] = "double precision",
        [POLICY_TEXT] = "text",
        [POLICY_DATE] = "date",
        [POLICY_TIMESTAMP] = "timestamp",
        [POLICY_UUID] = "uuid",
    };
    char name[3 * POLICY_NAME_MAX + 16];
    writer_printf(w, "CREATE TABLE \"%s\".\"%s\" (", p->name, t->name);
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct policy_column *c = &t->columns[i];
        writer_printf(w, "%s\n  \"%s\" %s", i ? "," : "", c->name,
                      names[c->type]);
        if (c->has_domain) {
            writer_str(w, " CHECK (");
            publish_check(w, c, false);
            writer_str(w, ")");
        }
    }
    writer_str(w, ");\n");
    (void)snprintf(name, sizeof name, "\"%s\".\"%s\"", p->name, t->name);
    ddl_comment(w, "TABLE", name, t->help);
    for (size_t i = 0; i < t->n_columns; i++) {
        (void)snprintf(name, sizeof name, "\"%s\".\"%s\".\"%s\"", p->name,
                       t->name, t->columns[i].name);
        ddl_comment(w, "COLUMN", name, t->columns[i].help);
    }
}

void catalog_ddl(struct writer *w, const struct policy *const *policies,
                 size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char name[POLICY_NAME_MAX + 3];
        (void)snprintf(name, sizeof name, "\"%s\"", policies[i]->name);
        writer_printf(w, "CREATE SCHEMA %s;\n", name);
        ddl_comment(w, "SCHEMA", name, policies[i]->help);
        for (size_t k = 0; k < policies[i]->n_tables; k++)
            ddl_table(w, policies[i], &policies[i]->tables[k]);
    }
}
