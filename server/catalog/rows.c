#include "server/catalog/rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 64 };

static const struct shape {
    const char *name;
    const char *columns; /* types, where it is no relation of PostgreSQL's */
} shapes[ROWS_TABLES] = {
    [ROWS_NAMESPACE] = { "pg_namespace", NULL },
    [ROWS_CLASS] = { "pg_class", NULL },
    [ROWS_ATTRIBUTE] = { "pg_attribute", NULL },
    [ROWS_TYPE] = { "pg_type", NULL },
    [ROWS_CONSTRAINT] = { "pg_constraint", NULL },
    [ROWS_DESCRIPTION] = { "pg_description", NULL },
    [ROWS_SHOWN] = { "shown", "BIGINT VARCHAR" },
    [ROWS_TEXTS] = { "texts", "BIGINT VARCHAR VARCHAR" },
    [ROWS_KEYWORDS] = { "keywords", "VARCHAR VARCHAR BOOLEAN VARCHAR VARCHAR" },
};

static void put(struct rows *r, struct rows_text *t, const char *s, size_t len)
{
    if (t->cap - t->len < len) {
        const size_t cap = 2 * (t->cap + len) + 4096;
        char *more = realloc(t->data, cap);
        if (!more) {
            r->failed = true;
            return;
        }
        t->data = more;
        t->cap = cap;
    }
    memcpy(t->data + t->len, s, len);
    t->len += len;
}

/* Tabs part the columns and newlines the rows; quotes are doubled, as the whole
 * will stand in a literal. */
static void put_text(struct rows *r, struct rows_text *t, const char *s)
{
    for (; *s; s++) {
        const char c = *s == '\t' || *s == '\n' || *s == '\r' ? ' ' : *s;
        put(r, t, c == '\'' ? "''" : &c, c == '\'' ? 2 : 1);
    }
}

static void put_value(struct rows *r, struct rows_text *t, char type,
                      va_list *ap)
{
    char text[32] = "";
    const char *s = text;
    switch (type) {
    case 'i':
        (void)snprintf(text, sizeof text, "%d", va_arg(*ap, int));
        break;
    case 'u':
        (void)snprintf(text, sizeof text, "%" PRIu32, va_arg(*ap, uint32_t));
        break;
    case 'z':
        (void)snprintf(text, sizeof text, "%zu", va_arg(*ap, size_t));
        break;
    case 'b':
        s = va_arg(*ap, int) ? "t" : "f";
        break;
    case 'c':
        text[0] = (char)va_arg(*ap, int);
        break;
    case 't':
        s = va_arg(*ap, const char *);
        break;
    default:
        s = NULL;
        break;
    }
    if (s)
        put_text(r, t, s);
    else
        put(r, t, "\\N", 2);
}

void rows_add(struct rows *r, enum rows_table table, const char *types, ...)
{
    struct rows_text *t = &r->of[table];
    va_list ap;
    va_start(ap, types);
    if (t->len)
        put(r, t, "\n", 1);
    for (const char *c = types; *c && !r->failed; c++) {
        if (c != types)
            put(r, t, "\t", 1);
        put_value(r, t, *c, &ap);
    }
    va_end(ap);
}

void rows_add_type(struct rows *r, const struct rows_type *t)
{
    rows_add(r, ROWS_TYPE, "utuiibccbbcutuutttttttccbuiiu-t-", t->oid, t->name,
             t->schema, 10, t->len, t->by_value, t->kind, t->category,
             t->is_preferred, true, t->delimiter, t->table, t->subscript,
             t->element, t->array, t->input, t->output, t->receive, t->send,
             "-", "-", t->analyze, t->align, t->storage, false, t->base,
             t->modifier, 0, t->collation, t->initial);
}

void rows_add_array(struct rows *r, const struct rows_array *a)
{
    char name[2 * NAME_MAX_LEN];
    (void)snprintf(name, sizeof name, "_%s", a->element_name);
    rows_add_type(r, &(struct rows_type){
                         .oid = a->oid,
                         .name = name,
                         .schema = a->schema,
                         .len = -1,
                         .kind = a->is_pseudo ? 'p' : 'b',
                         .category = a->is_pseudo ? 'P' : 'A',
                         .delimiter = a->delimiter,
                         .subscript = "array_subscript_handler",
                         .element = a->element,
                         .input = "array_in",
                         .output = "array_out",
                         .receive = "array_recv",
                         .send = "array_send",
                         .analyze = "array_typanalyze",
                         .align = a->align == 'd' ? 'd' : 'i',
                         .storage = 'x',
                         .modifier = -1,
                         .collation = a->collation,
                     });
}

void rows_add_row_types(struct rows *r, uint32_t row, uint32_t array,
                        uint32_t schema, uint32_t table, const char *name)
{
    rows_add_type(r, &(struct rows_type){
                         .oid = row,
                         .name = name,
                         .schema = schema,
                         .len = -1,
                         .kind = 'c',
                         .category = 'C',
                         .delimiter = ',',
                         .table = table,
                         .subscript = "-",
                         .array = array,
                         .input = "record_in",
                         .output = "record_out",
                         .receive = "record_recv",
                         .send = "record_send",
                         .analyze = "-",
                         .align = 'd',
                         .storage = 'x',
                         .modifier = -1,
                     });
    if (array)
        rows_add_array(r, &(struct rows_array){ .oid = array,
                                                .element_name = name,
                                                .schema = schema,
                                                .element = row,
                                                .delimiter = ',',
                                                .align = 'd' });
}

static void print_column(struct writer *w, size_t i, const char *type,
                         size_t len)
{
    writer_printf(w, "%snullif(x[%zu], '\\N')::%.*s", i ? ", " : "", i + 1,
                  (int)len, type);
}

static void print_columns(struct writer *w, const struct shape *s,
                          const struct names *n)
{
    const struct rewrite_relation *r =
        s->columns ? NULL : names_relation(n, "pg_catalog", s->name);
    size_t i = 0;
    for (; r && i < r->n_columns; i++) {
        const char *type = names_held(n, r->columns[i].type);
        print_column(w, i, type, strlen(type));
    }
    for (const char *at = s->columns; at && *at; i++) {
        const size_t len = strcspn(at, " ");
        print_column(w, i, at, len);
        at += len;
        at += strspn(at, " ");
    }
}

void rows_print(struct writer *w, const struct rows *r, const struct names *n)
{
    for (size_t i = 0; i < ROWS_TABLES; i++) {
        if (!r->of[i].len)
            continue;
        writer_printf(w, "INSERT INTO pgc.%s SELECT ", shapes[i].name);
        print_columns(w, &shapes[i], n);
        writer_str(w, " FROM (SELECT string_split(unnest(string_split('");
        writer_bytes(w, r->of[i].data, r->of[i].len);
        writer_str(w, "', chr(10))), chr(9)) AS x);\n");
    }
}

void rows_fini(struct rows *r)
{
    for (size_t i = 0; i < ROWS_TABLES; i++)
        free(r->of[i].data);
    *r = (struct rows){ 0 };
}
