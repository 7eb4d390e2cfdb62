/* What a statement reads, by the names in PostgreSQL's tree. */
#include <string.h>

#include "server/sql/sql_ctx.h"

static bool is_a(const ProtobufCMessage *msg, const char *name)
{
    return strcmp(msg->descriptor->short_name, name) == 0;
}

typedef void visit_fn(void *ctx, const ProtobufCMessage *msg);

static void walk(const ProtobufCMessage *msg, visit_fn *visit, void *ctx);

static void walk_field(const ProtobufCMessage *msg,
                       const ProtobufCFieldDescriptor *f, visit_fn *visit,
                       void *ctx)
{
    const char *at = (const char *)msg + f->offset;
    size_t n = 1;
    ProtobufCMessage *const *list = (ProtobufCMessage *const *)(const void *)at;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        return;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        memcpy(&n, (const char *)msg + f->quantifier_offset, sizeof n);
        memcpy(&list, at, sizeof list);
    }
    for (size_t i = 0; list && i < n; i++)
        walk(list[i], visit, ctx);
}

/* As deep as the tree, which sql_guard bounds. */
static void walk(const ProtobufCMessage *msg, visit_fn *visit, void *ctx)
{
    if (!msg)
        return;
    if (is_a(msg, "Node")) {
        walk(sql_message_of((const PgQuery__Node *)msg), visit, ctx);
        return;
    }
    visit(ctx, msg);
    for (unsigned i = 0; i < msg->descriptor->n_fields; i++)
        walk_field(msg, &msg->descriptor->fields[i], visit, ctx);
}

struct search {
    const ProtobufCMessage *root;
    const char *name; /* of a common table expression; NULL: it is there */
    enum sql_reads most;
};

static void meet_cte(void *ctx, const ProtobufCMessage *msg)
{
    struct search *s = ctx;
    if (s->name && is_a(msg, "CommonTableExpr") &&
        strcmp(((const PgQuery__CommonTableExpr *)msg)->ctename, s->name) == 0)
        s->name = NULL;
}

static bool is_cte(const struct search *s, const char *name)
{
    struct search inner = { .name = name };
    walk(s->root, meet_cte, &inner);
    return !inner.name;
}

static enum sql_reads reads_of(const struct search *s,
                               const PgQuery__RangeVar *table)
{
    const char *schema = table->schemaname ? table->schemaname : "";
    if (strcmp(schema, "pg_catalog") == 0 ||
        strcmp(schema, "information_schema") == 0)
        return SQL_READS_CATALOG;
    if (strcmp(schema, "halftone") == 0)
        return SQL_READS_OWN;
    if (schema[0])
        return SQL_READS_DATA;
    if (strncmp(table->relname, "pg_", 3) == 0)
        return SQL_READS_CATALOG;
    return is_cte(s, table->relname) ? SQL_READS_NOTHING : SQL_READS_DATA;
}

static void meet_table(void *ctx, const ProtobufCMessage *msg)
{
    struct search *s = ctx;
    if (s->most == SQL_READS_DATA || !is_a(msg, "RangeVar"))
        return;
    const enum sql_reads found =
        reads_of(s, (const PgQuery__RangeVar *)(const void *)msg);
    if (found > s->most)
        s->most = found;
}

enum sql_reads sql_reads_of(const PgQuery__Node *n)
{
    struct search s = { .root = sql_message_of(n) };
    walk(s.root, meet_table, &s);
    return s.most;
}
