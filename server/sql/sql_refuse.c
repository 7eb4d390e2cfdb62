/* Nodes without a handler, refused by the name an analyst knows them by. */
#include "server/sql/sql_ctx.h"

#include <ctype.h>
#include <string.h>

struct refused {
    PgQuery__Node__NodeCase kind;
    enum refusal id;
    const char *one;
};

#define NODE(name) PG_QUERY__NODE__NODE_##name

static const struct refused EXPRS[] = {
    { NODE(A_STAR), REFUSAL_SELECT_STAR, NULL },
    { NODE(A_INDIRECTION), REFUSAL_INDIRECTION, NULL },
    { NODE(COLLATE_CLAUSE), REFUSAL_COLLATE, NULL },
    { NODE(A_ARRAY_EXPR), REFUSAL_CONSTRUCT, "ARRAY[...]" },
    { NODE(ROW_EXPR), REFUSAL_CONSTRUCT, "A row of several values" },
    { NODE(SET_TO_DEFAULT), REFUSAL_CONSTRUCT, "DEFAULT" },
    { NODE(NAMED_ARG_EXPR), REFUSAL_FUNCTION_OPTION, "A named argument" },
    { NODE(GROUPING_SET), REFUSAL_GROUPING_SETS,
      "GROUPING SETS, ROLLUP or CUBE outside GROUP BY" },
};

static const struct refused TABLES[] = {
    { NODE(RANGE_FUNCTION), REFUSAL_FROM_FUNCTION, NULL },
    { NODE(RANGE_TABLE_SAMPLE), REFUSAL_TABLESAMPLE, NULL },
};

enum { NAME_MAX_LEN = 64 };

/* "InsertStmt" as "INSERT", "XmlExpr" as "XML". */
static const char *spell(char out[NAME_MAX_LEN], const PgQuery__Node *n)
{
    const ProtobufCMessage *msg = sql_message_of(n);
    const char *name = msg ? msg->descriptor->short_name : "Nothing";
    size_t len = strlen(name), at = 0;
    if (len > 4 && (strcmp(name + len - 4, "Stmt") == 0 ||
                    strcmp(name + len - 4, "Expr") == 0))
        len -= 4;
    for (size_t i = 0; i < len && at + 2 < NAME_MAX_LEN; i++) {
        if (i > 0 && isupper((unsigned char)name[i]) &&
            islower((unsigned char)name[i - 1]))
            out[at++] = ' ';
        out[at++] = (char)toupper((unsigned char)name[i]);
    }
    out[at] = '\0';
    return out;
}

static const struct refused *find(const struct refused *rows, size_t n_rows,
                                  const PgQuery__Node *n)
{
    for (size_t i = 0; i < n_rows; i++)
        if (rows[i].kind == n->node_case)
            return &rows[i];
    return NULL;
}

static enum err_code refuse_by(struct sql_ctx *c, const struct refused *row,
                               const PgQuery__Node *n, enum refusal otherwise,
                               int offset)
{
    char name[NAME_MAX_LEN];
    if (row)
        return sql_refuse(c, row->id, offset, row->one, NULL);
    return sql_refuse(c, otherwise, offset, spell(name, n), NULL);
}

enum err_code sql_refuse_expr(struct sql_ctx *c, const PgQuery__Node *n,
                              int offset)
{
    if (n->node_case == NODE(A_INDIRECTION)) /* has no place of its own */
        offset = sql_offset_of(n->a_indirection->arg, offset);
    const struct refused *row = find(EXPRS, sizeof EXPRS / sizeof EXPRS[0], n);
    return refuse_by(c, row, n, REFUSAL_CONSTRUCT, offset);
}

enum err_code sql_refuse_from(struct sql_ctx *c, const PgQuery__Node *n,
                              int offset)
{
    const struct refused *row =
        find(TABLES, sizeof TABLES / sizeof TABLES[0], n);
    return refuse_by(c, row, n, REFUSAL_FROM_ITEM, offset);
}

enum err_code sql_refuse_statement(struct sql_ctx *c, const PgQuery__Node *n,
                                   int offset)
{
    return refuse_by(c, NULL, n, REFUSAL_STATEMENT, offset);
}
