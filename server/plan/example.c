/*
 * What works, for who asked for rows: the hint of a refusal is a question about
 * the same table, as it is to be typed.
 */
#include <stdio.h>
#include <string.h>

#include "server/plan/draft.h"

/* PostgreSQL 15's reserved words, and those that cannot be a column's name
 * without quotes. */
static const char reserved[] =
    " all analyse analyze and any array as asc asymmetric both case cast check "
    "collate column constraint create current_catalog current_date "
    "current_role current_time current_timestamp current_user default "
    "deferrable desc distinct do else end except false fetch for foreign from "
    "grant group having in initially intersect into lateral leading limit "
    "localtime localtimestamp not null offset on only or order placing primary "
    "references returning select session_user some symmetric table then to "
    "trailing true union unique user using variadic when where window with "
    "authorization binary collation concurrently cross current_schema freeze "
    "full ilike inner is isnull join left like natural notnull outer overlaps "
    "right similar tablesample verbose between bigint bit boolean char "
    "character coalesce dec decimal exists extract float greatest grouping "
    "inout int integer interval least national nchar none normalize nullif "
    "numeric out overlay position precision real row setof smallint substring "
    "time timestamp treat trim values varchar xmlattributes ";

static bool is_plain(const char *name)
{
    char word[80];
    const size_t len = strlen(name);
    if (len == 0 || len > 63 || (name[0] >= '0' && name[0] <= '9') ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
        return false;
    (void)snprintf(word, sizeof word, " %s ", name);
    return strstr(reserved, word) == NULL;
}

static void put_name(struct writer *w, const char *name)
{
    if (is_plain(name)) {
        writer_str(w, name);
        return;
    }
    writer_u8(w, '"');
    for (const char *c = name; *c; c++) {
        if (*c == '"')
            writer_u8(w, '"');
        writer_u8(w, (uint8_t)*c);
    }
    writer_u8(w, '"');
}

/* The first table that is read, through sub-queries and joins. */
static const struct policy_table *table_of(const struct policy *p,
                                           const struct relation *r)
{
    for (;;)
        switch (r->kind) {
        case RELATION_TABLE:
            for (size_t i = 0; i < p->n_tables; i++)
                if (strcmp(p->tables[i].name, r->table.name) == 0)
                    return &p->tables[i];
            return NULL;
        case RELATION_QUERY:
            r = r->select->from;
            break;
        case RELATION_JOIN:
            r = r->join.left;
            break;
        case RELATION_SET:
            r = r->set.arms[0]->from;
            break;
        }
}

/* A column whose values are public: there is a row for each. */
static const struct policy_column *group_of(const struct policy_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (t->columns[i].has_domain && t->columns[i].may_group && i != t->key)
            return &t->columns[i];
    return NULL;
}

enum err_code draft_example(const struct draft *d, const struct select *s,
                            struct err *err)
{
    char text[sizeof err->hint];
    struct writer w = writer_of(text, sizeof text);
    const struct policy_table *t = table_of(d->policy, s->from);
    if (!t || !t->owned)
        return err->code;
    const struct policy_column *c = group_of(t);
    writer_str(&w, "One that works: SELECT ");
    if (c)
        put_name(&w, c->name);
    writer_str(&w, c ? ", COUNT(*) FROM " : "COUNT(*) FROM ");
    put_name(&w, d->policy->name);
    writer_u8(&w, '.');
    put_name(&w, t->name);
    writer_str(&w, c ? " GROUP BY " : "");
    if (c)
        put_name(&w, c->name);
    return writer_cstr(&w) ? err_hint(err, "%s", text) : err->code;
}
