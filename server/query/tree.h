#ifndef QUERY_TREE_H
#define QUERY_TREE_H

#include "server/query/value.h"

/*
 * What a question asks, whoever asked it and however: the relational tree that
 * the SQL parser and the structured message both produce, and the planner
 * reads.  Plain values in the request arena; nothing in it names a protocol.
 *
 *   SELECT items FROM from WHERE where GROUP BY keys
 *   HAVING having ORDER BY orders LIMIT limit OFFSET offset
 *
 * Names are as the analyst wrote them after PostgreSQL's case folding; the
 * planner resolves them against the policy.
 */
struct place {
    unsigned line, col; /* from 1; 0 when the text is not SQL */
};

enum expr_kind {
    EXPR_CONST,  /* value */
    EXPR_PARAM,  /* $n; bound before planning */
    EXPR_COLUMN, /* [table.]name */
    EXPR_STAR,   /* the * of COUNT(*) or SELECT * */
    EXPR_CALL,   /* op over args, from op.def */
    EXPR_AGG,    /* an aggregate over rows */
};

/* Every scalar operation an analyst may write; op.def holds the rows. */
enum expr_op {
#define OP(id, sql, min_args, max_args, help) OP_##id,
#include "server/query/op.def"
#undef OP
    OP_COUNT
};

enum agg_kind {
    AGG_COUNT, /* COUNT(*) with star, COUNT(x), COUNT(DISTINCT x) */
    AGG_SUM,
    AGG_AVG,
    AGG_MIN, /* always refused, with a hint */
    AGG_MAX, /* always refused, with a hint */
    AGG_KIND_COUNT
};

struct expr {
    enum expr_kind kind;
    struct place at;
    union {
        struct value value;
        unsigned param; /* from 1 */
        struct {
            const char *table; /* alias or table as written, or NULL */
            const char *name;
        } column;
        struct {
            enum expr_op op;
            struct expr **args;
            size_t n_args;
        } call;
        struct {
            enum agg_kind kind;
            bool distinct;
            struct expr *arg;    /* EXPR_STAR for COUNT(*) */
            struct expr *filter; /* FILTER (WHERE ...), or NULL */
        } agg;
    };
};

struct select_item {
    struct expr *expr;
    const char *alias; /* or NULL */
    struct place at;
};

struct select_order {
    struct expr *expr;
    bool descending;
    bool nulls_first;
};

/* A table as named in FROM. */
struct select_table {
    const char *dataset; /* schema part, or NULL */
    const char *name;
    const char *alias; /* or NULL */
    struct place at;
};

struct select {
    struct place at;
    bool explain; /* EXPLAIN (PRIVACY) in front */
    struct select_table from;
    struct select_item *items;
    size_t n_items;
    struct expr *where; /* or NULL */
    struct expr **keys; /* GROUP BY, positions and aliases resolved */
    const char **key_aliases; /* per key: the alias it was written as, or NULL.
                                 PostgreSQL prefers an input column of that
                                 name: the planner, which knows the columns,
                                 refuses a table that has one.  NULL = none */
    size_t n_keys;
    struct expr *having; /* or NULL */
    struct select_order *orders;
    size_t n_orders;
    bool has_limit;
    uint64_t limit, offset; /* rows */
};

/* Facts about an operation. */
struct op_info {
    const char *sql; /* function name or operator text */
    unsigned min_args, max_args;
    const char *help;
};
const struct op_info *op_info_of(enum expr_op op);

/* Lower-case name of an aggregate: "count", "sum", ... */
const char *agg_kind_name(enum agg_kind kind);

/*
 * The operation written `sql` over `n_args` arguments ("-" is SUB over two and
 * NEG over one), compared without case, or OP_COUNT.
 */
enum expr_op op_of_sql(const char *sql, size_t n_args);

/* Structural equality, places and key_aliases ignored; NULL equals NULL. */
bool expr_equal(const struct expr *a, const struct expr *b);
bool select_equal(const struct select *a, const struct select *b);

/*
 * What PostgreSQL calls an output column: its alias, the column, the function,
 * the type of a cast, "case", or else "?column?".
 */
const char *select_item_name(const struct select_item *item);

/*
 * Does the select list or WHERE, which know input columns only, read one of
 * this name?  Then it exists, and GROUP BY of that name means it.
 */
bool select_reads(const struct select *s, const char *name);

/*
 * Print as SQL that parses to the same tree (canonical: full parentheses).
 * For EXPLAIN, receipts and tests; never sent to an engine.  Recurses as deep
 * as the tree, which SQL and codecs bound.  Two trees that no SQL parses to
 * print as their equal: a cast of a constant text, and AND (OR) whose first
 * argument is another AND (OR).
 */
void expr_print(struct writer *w, const struct expr *e);
void select_print(struct writer *w, const struct select *s);

#endif
