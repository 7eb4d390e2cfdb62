#ifndef SQL_SQL_CTX_H
#define SQL_SQL_CTX_H

#include <assert.h>
#include <pg_query/pg_query.pb-c.h>

#include "server/query/refusal.h"
#include "server/sql/command.h"
#include "server/sql/sql.h"

/*
 * One parse in progress, shared by the node handlers of this folder, and the
 * common table expressions in scope.
 *
 * PostgreSQL's tree lies in a scratch arena that ends with the parse; what a
 * handler keeps it copies into `arena`.  A handler checks the fields of its
 * message first (sql_fields), so that none can be set and forgotten.
 */
struct sql_cte {
    const char *name;
    struct select *select;
    unsigned n_relations;       /* of one reference */
    const struct sql_cte *next; /* the one before it, or of the SELECT around */
};

struct sql_ctx {
    struct arena *arena; /* of the request: the tree and its texts */
    struct err *err;
    const char *text;           /* as sent, NUL-terminated */
    const struct place *places; /* of each byte of the text, and of its end */
    size_t len;                 /* of the text */
    unsigned depth;             /* of the expression being read */
    unsigned repeats;    /* > 0 inside an operand that the tree holds twice */
    const char *no_aggs; /* where aggregates are refused, or NULL = allowed */
    const char *no_windows;         /* and window functions */
    const struct sql_cte *ctes;     /* in scope, last first */
    const PgQuery__Node *fractions; /* a list of them, of which the output being
                                       read takes one, ... */
    size_t fraction;                /* ... this one */
    unsigned n_relations; /* so far; each reference to a CTE counts what it
                             holds, for whoever reads the tree reads it again */
    const PgQuery__SelectStmt *stmt; /* being read: its WINDOW clause */
};

/* Place of a byte offset; offsets outside the text give no place. */
struct place sql_place(const struct sql_ctx *c, int offset);

/* Lines and columns (code points) from 1 of each byte; n = len + 1 places. */
void sql_places_fill(struct place *places, const char *text, size_t len);

/* refuse() at a byte offset; never ERR_OK. */
static inline enum err_code sql_refuse(struct sql_ctx *c, enum refusal id,
                                       int offset, const char *one,
                                       const char *two)
{
    const enum err_code code =
        refuse(c->err, id, sql_place(c, offset), one, two);
    assert(code != ERR_OK);
    return code;
}

static inline enum err_code sql_no_memory(struct sql_ctx *c)
{
    return sql_refuse(c, REFUSAL_MEMORY, -1, NULL, NULL);
}

/*
 * Refuse every field that is set in `msg` and is not for its handler to read:
 * the table is server/sql/field.def.
 */
enum err_code sql_fields(struct sql_ctx *c, const ProtobufCMessage *msg,
                         int offset) MUST_CHECK;

/* Where field.def is turned into rules; once, before any thread parses. */
void sql_fields_init(const ProtobufCMessageDescriptor *parse_result);

/* The message inside a node, or NULL for an empty node. */
const ProtobufCMessage *sql_message_of(const PgQuery__Node *n);

/* Byte offset of a node, or `otherwise` when it carries none. */
int sql_offset_of(const PgQuery__Node *n, int otherwise);

/* The text of a String node, or NULL for another node. */
const char *sql_string(const PgQuery__Node *n);

/* A copy of a name, refused when PostgreSQL may have cut it. */
enum err_code sql_name(struct sql_ctx *c, const char **out, const char *name,
                       int offset) MUST_CHECK;

/* sql_expr.c: any expression. */
enum err_code sql_expr(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n) MUST_CHECK;
enum err_code sql_expr_new(struct sql_ctx *c, struct expr **out,
                           enum expr_kind kind, int offset) MUST_CHECK;
enum err_code sql_qualifier(struct sql_ctx *c, struct expr *e,
                            const PgQuery__ColumnRef *ref) MUST_CHECK;
/* A call with room for n arguments, refused outside op.def's bounds. */
enum err_code sql_call_new(struct sql_ctx *c, struct expr **out,
                           enum expr_op op, size_t n, int offset) MUST_CHECK;
enum err_code sql_call_of(struct sql_ctx *c, struct expr **out, enum expr_op op,
                          PgQuery__Node *const *args, size_t n,
                          int offset) MUST_CHECK;
/* An operand that the tree will hold more than once. */
enum err_code sql_repeated(struct sql_ctx *c, struct expr **out,
                           const PgQuery__Node *n, const char *what,
                           int offset) MUST_CHECK;

/* sql_const.c, sql_func.c: handlers of their nodes. */
enum err_code sql_const(struct sql_ctx *c, struct expr **out,
                        const PgQuery__Node *n) MUST_CHECK;
enum err_code sql_cast(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n) MUST_CHECK;
enum err_code sql_func(struct sql_ctx *c, struct expr **out,
                       const PgQuery__Node *n) MUST_CHECK;
/* sql_format.c: to_char of a time. */
enum err_code sql_to_char(struct sql_ctx *c, struct expr **out,
                          const PgQuery__FuncCall *f) MUST_CHECK;
/* sql_dp.c: names of output columns inside dp_low() and dp_high(). */
void sql_name_bounds(struct select *s);

/* sql_agg.c: the aggregate of that name; false when there is none. */
bool sql_agg_kind(enum agg_kind *out, const char *name);
/* ... and a call of one, without what stands behind OVER: there its arguments
 * may be aggregates themselves. */
enum err_code sql_aggregate(struct sql_ctx *c, struct expr **out,
                            const PgQuery__FuncCall *f) MUST_CHECK;
/* What a column of an aggregate or function that is read as others is called:
 * "stddev", "to_char"; else NULL. */
const char *sql_agg_alias(const PgQuery__Node *n);
/* The list of a percentile of several fractions, one output each; or NULL. */
const PgQuery__Node *sql_fractions(const PgQuery__Node *n);
/* An integer constant; false when the node is anything else. */
bool sql_is_int(const PgQuery__Node *n, int64_t *out);

/* sql.c: EXPLAIN tells the price, whatever form it asks for; what would ask the
 * question (ANALYZE) is refused. */
enum err_code
sql_explain_options(struct sql_ctx *c,
                    const PgQuery__ExplainStmt *explain) MUST_CHECK;

/* sql_interval.c: an interval constant, which stands beside a time only. */
struct sql_interval {
    int64_t months, us;
};
/* *is_one tells whether the node is one, signs and whole factors included. */
enum err_code sql_interval_of(struct sql_ctx *c, struct sql_interval *out,
                              bool *is_one, const PgQuery__Node *n) MUST_CHECK;
/* ... a bare text, too, where an interval is wanted. */
enum err_code sql_interval_text(struct sql_ctx *c, struct sql_interval *out,
                                bool *is_one,
                                const PgQuery__Node *n) MUST_CHECK;
/* The time x moved by an interval, once forth (sign 1) or back (-1). */
enum err_code sql_shift(struct sql_ctx *c, struct expr **out,
                        const PgQuery__Node *x, struct sql_interval i, int sign,
                        int offset) MUST_CHECK;

/* sql_foreign.c: what to write in place of a function of another database, or
 * NULL; what to write where the parser stopped, with this message. */
const char *sql_foreign_function(const char *name);
const char *sql_foreign_syntax(const char *text, size_t offset,
                               const char *message);

/* sql_refuse.c: what no handler exists for, by name. */
enum err_code sql_refuse_expr(struct sql_ctx *c, const PgQuery__Node *n,
                              int offset) MUST_CHECK;
enum err_code sql_refuse_from(struct sql_ctx *c, const PgQuery__Node *n,
                              int offset) MUST_CHECK;
enum err_code sql_refuse_statement(struct sql_ctx *c, const PgQuery__Node *n,
                                   int offset) MUST_CHECK;

/* sql_query.c: a sub-query, or a whole query: WITH, set operations, SELECT. */
enum err_code sql_query(struct sql_ctx *c, struct select **out,
                        const PgQuery__SelectStmt *stmt, int offset) MUST_CHECK;
/* A set operation as a relation; *out is NULL when `stmt` is none. */
enum err_code sql_set(struct sql_ctx *c, struct relation **out,
                      const PgQuery__SelectStmt *stmt, int offset) MUST_CHECK;
enum err_code sql_relation_new(struct sql_ctx *c, struct relation **out,
                               enum relation_kind kind, int offset) MUST_CHECK;
enum err_code sql_sub_link(struct sql_ctx *c, struct expr **out,
                           const PgQuery__Node *n) MUST_CHECK;

/* Names for the columns of a query, from an alias t(a, b). */
enum err_code sql_rename(struct sql_ctx *c, struct select *s,
                         PgQuery__Node *const *names, size_t n,
                         int offset) MUST_CHECK;

/* sql_from.c: the items of FROM, joined. */
enum err_code sql_from(struct sql_ctx *c, struct relation **out,
                       const PgQuery__SelectStmt *stmt, int offset) MUST_CHECK;

/* sql_values.c: no FROM, but outputs that are sub-queries. */
enum err_code sql_from_values(struct sql_ctx *c, struct select *s,
                              int offset) MUST_CHECK;

/* sql_window.c: what stands before OVER, and the window. */
enum err_code sql_window(struct sql_ctx *c, struct expr **out,
                         const PgQuery__FuncCall *f) MUST_CHECK;

/* sql_depth.c: refuse a tree that a walker would recurse into too deeply. */
enum err_code sql_check_depth(struct sql_ctx *c,
                              const struct select *s) MUST_CHECK;

/* sql_select.c: one SELECT; sql_name.c: its GROUP BY and ORDER BY. */
enum err_code sql_select(struct sql_ctx *c, struct select *s,
                         const PgQuery__SelectStmt *stmt,
                         int offset) MUST_CHECK;
/* DISTINCT ON, which names outputs as ORDER BY does. */
enum err_code sql_distinct_on(struct sql_ctx *c, struct select *s,
                              const PgQuery__SelectStmt *stmt) MUST_CHECK;
/* ORDER BY, LIMIT and OFFSET. */
enum err_code sql_order_limit(struct sql_ctx *c, struct select *s,
                              const PgQuery__SelectStmt *stmt,
                              int offset) MUST_CHECK;
enum err_code sql_group_by(struct sql_ctx *c, struct select *s,
                           const PgQuery__SelectStmt *stmt) MUST_CHECK;
enum err_code sql_order_by(struct sql_ctx *c, struct select *s,
                           const PgQuery__SelectStmt *stmt) MUST_CHECK;

enum err_code sql_sort_list(struct sql_ctx *c, struct select_order **out,
                            size_t *n_out, PgQuery__Node *const *list,
                            size_t n) MUST_CHECK;

/* sql_name.c, for sql_sets.c: one group key, its index in s->keys. */
enum err_code sql_group_key(struct sql_ctx *c, struct select *s, size_t *out,
                            const PgQuery__Node *n) MUST_CHECK;
/* sql_sets.c: GROUP BY with GROUPING SETS, ROLLUP, CUBE or (). */
enum err_code sql_grouping_sets(struct sql_ctx *c, struct select *s,
                                const PgQuery__SelectStmt *stmt) MUST_CHECK;

/* sql.c: a text parsed, and what `read` makes of PostgreSQL's tree. */
typedef enum err_code sql_tree_fn(struct sql_ctx *c, void *out,
                                  const PgQuery__ParseResult *tree);
enum err_code sql_read(sql_tree_fn *read, void *out, const char *text,
                       size_t len, struct arena *a, struct err *err) MUST_CHECK;
/* One SELECT, or EXPLAIN (PRIVACY) of one; where a statement begins. */
enum err_code sql_statement(struct sql_ctx *c, struct select **out,
                            const PgQuery__Node *n, int offset) MUST_CHECK;
int sql_statement_offset(const struct sql_ctx *c, const PgQuery__RawStmt *stmt);

/* sql_prepare.c: PREPARE and EXECUTE. */
struct sql_command;
enum err_code sql_prepare_of(struct sql_ctx *c, struct sql_command *out,
                             const PgQuery__PrepareStmt *p,
                             int offset) MUST_CHECK;
enum err_code sql_execute_of(struct sql_ctx *c, struct sql_command *out,
                             const PgQuery__ExecuteStmt *e,
                             int offset) MUST_CHECK;

/* sql_reads.c: what a statement reads, by the names in it. */
enum sql_reads sql_reads_of(const PgQuery__Node *n);

/* sql_constant.c: SELECTs that read no data and are simple; *out is NULL for
 * others. */
enum err_code sql_constants_of(struct sql_ctx *c, struct sql_constants **out,
                               const PgQuery__SelectStmt *s) MUST_CHECK;
/* ... a list of such constants; NULL: one is none. */
enum err_code sql_constant_list(struct sql_ctx *c, struct sql_constants **out,
                                PgQuery__Node *const *nodes,
                                size_t n) MUST_CHECK;
/* ... and of our own tables, which are asked in no other way. */
enum err_code sql_own_of(struct sql_ctx *c, struct sql_own **out,
                         const PgQuery__SelectStmt *s, int offset) MUST_CHECK;

/* sql_guard.c: the text before PostgreSQL's parser sees it. */
enum err_code sql_guard(struct sql_ctx *c, const char *text,
                        size_t len) MUST_CHECK;

enum {
    SQL_LIST_MAX = 256,
    SQL_KEYS_MAX = 64,
    SQL_NAME_MAX = 59,
    SQL_RELATIONS_MAX = 64
};

#endif
