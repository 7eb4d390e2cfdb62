#ifndef QUERY_TREE_H
#define QUERY_TREE_H

#include "server/query/value.h"

/*
 * What a question asks, whoever asked it and however: the relational tree that
 * the SQL parser and the structured message both produce, and the planner
 * reads.  Plain values in the request arena; nothing in it names a protocol.
 *
 *   SELECT [DISTINCT] items FROM from WHERE where GROUP BY keys
 *   HAVING having ORDER BY orders LIMIT limit OFFSET offset
 *
 *   from      a relation: a table, a sub-query, a join of two relations, or a
 *             set operation of SELECTs
 *   WITH      is resolved by the parser: each reference to a common table
 *             expression is a sub-query, and all share one struct select
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
    EXPR_STAR,   /* the * of COUNT(*), SELECT * or SELECT column.table.* */
    EXPR_CALL,   /* op over args, from op.def */
    EXPR_AGG,    /* an aggregate over rows */
    EXPR_WINDOW, /* a function over the rows of a window */
    EXPR_QUERY,  /* EXISTS (query), operand IN (query), or (query) as a value */
};

/* Every scalar operation an analyst may write; op.def holds the rows. */
enum expr_op {
#define OP(id, sql, form, min_args, max_args, help) OP_##id,
#include "server/query/op.def"
#undef OP
    OP_COUNT
};

enum agg_kind {
    AGG_COUNT, /* COUNT(*) with star, COUNT(x), COUNT(DISTINCT x) */
    AGG_SUM,
    AGG_AVG,
    AGG_VAR_POP,
    AGG_VAR_SAMP,
    AGG_STDDEV_POP,
    AGG_STDDEV_SAMP,
    AGG_PERCENTILE_CONT, /* WITHIN GROUP (ORDER BY arg); MEDIAN is one */
    AGG_PERCENTILE_DISC,
    AGG_MIN, /* always refused, with a hint */
    AGG_MAX, /* always refused, with a hint */
    AGG_KIND_COUNT
};

/* What stands before OVER. */
enum window_kind {
    WINDOW_AGG, /* an aggregate */
    WINDOW_ROW_NUMBER,
    WINDOW_RANK,
    WINDOW_DENSE_RANK,
    WINDOW_LAG, /* of the row before; LEAD, of the row after */
    WINDOW_LEAD,
    WINDOW_FIRST_VALUE,
    WINDOW_LAST_VALUE,
    WINDOW_NTH_VALUE,
    WINDOW_NTILE,
    WINDOW_PERCENT_RANK,
    WINDOW_CUME_DIST,
    WINDOW_KIND_COUNT
};

/* Which rows of the partition a function sees: from one edge to the other. */
enum frame_edge {
    EDGE_FIRST,  /* UNBOUNDED PRECEDING */
    EDGE_BEFORE, /* by so much before */
    EDGE_HERE,   /* the row; without ROWS, it and its peers */
    EDGE_AFTER,
    EDGE_LAST, /* UNBOUNDED FOLLOWING */
};
/* Rows that are left out of it, though they lie in it. */
enum frame_exclude {
    EXCLUDE_NOTHING,
    EXCLUDE_ROW,   /* the row itself */
    EXCLUDE_GROUP, /* it and its peers */
    EXCLUDE_TIES,  /* its peers */
};
/* How far the value of the one ORDER BY may lie: by a number, or of a time. */
struct frame_by {
    bool is_interval;
    double number;
    int64_t months, us;
};
struct frame {
    bool rows; /* ROWS; else RANGE, or GROUPS */
    enum frame_edge from, to;
    uint32_t from_offset, to_offset; /* of BEFORE and AFTER: rows, groups */
    bool groups;
    bool by_value; /* RANGE with BEFORE or AFTER: by ... */
    struct frame_by from_by, to_by;
    enum frame_exclude exclude;
};
enum { FRAME_OFFSET_MAX = 1000 };

struct window {
    enum window_kind kind;
    struct expr *arg; /* WINDOW_AGG: an EXPR_AGG; LAG to NTH_VALUE: the value;
                         else NULL */
    struct expr *number;    /* the n of lag, lead, nth_value, ntile; or NULL */
    struct expr *otherwise; /* lag, lead: where there is no such row; or NULL */
    struct expr **partition;
    size_t n_partition;
    struct select_order *orders;
    size_t n_orders;
    struct frame frame;
};

/* What stands where no frame is written, and where it holds every row. */
static inline bool frame_is_default(const struct frame *f)
{
    return !f->rows && !f->groups && f->from == EDGE_FIRST &&
           f->to == EDGE_HERE && f->exclude == EXCLUDE_NOTHING;
}
static inline bool frame_is_all(const struct frame *f)
{
    return f->from == EDGE_FIRST && f->to == EDGE_LAST &&
           f->exclude == EXCLUDE_NOTHING;
}
/* More than rows or peers on from the row: GROUPS, RANGE by a value, EXCLUDE. */
static inline bool frame_is_wide(const struct frame *f)
{
    return f->groups || f->by_value || f->exclude != EXCLUDE_NOTHING;
}

struct expr {
    enum expr_kind kind;
    struct place at;
    union {
        struct value value;
        unsigned param; /* from 1 */
        struct {
            const char *table;   /* alias or table as written, or NULL */
            const char *name;    /* COLUMN only */
            const char *dataset; /* in front of the table, or NULL */
        } column;                /* COLUMN, STAR */
        struct {
            enum expr_op op;
            struct expr **args;
            size_t n_args;
        } call;
        struct {
            enum agg_kind kind;
            bool distinct;
            struct expr *arg;      /* EXPR_STAR for COUNT(*) */
            struct expr *filter;   /* FILTER (WHERE ...), or NULL */
            struct expr *fraction; /* PERCENTILE_*: 0 to 1; else NULL */
        } agg;
        struct window *window;
        struct {
            struct expr *operand; /* of IN; else NULL */
            bool is_value;        /* its one value; else EXISTS */
            struct select *select;
        } query;
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

enum relation_kind {
    RELATION_TABLE, /* table */
    RELATION_QUERY, /* select */
    RELATION_JOIN,  /* join */
    RELATION_SET,   /* set */
};

enum join_kind { JOIN_INNER, JOIN_LEFT, JOIN_RIGHT, JOIN_FULL };

/* INTERSECT and EXCEPT have two arms, UNIONs two or more. */
enum set_kind { SET_UNION_ALL, SET_UNION, SET_INTERSECT, SET_EXCEPT };

/* What stands in FROM. */
struct relation {
    enum relation_kind kind;
    struct place at;
    const char *alias; /* or NULL; a JOIN has none */
    union {
        struct {
            const char *dataset; /* schema part, or NULL */
            const char *name;
        } table;
        struct select *select;
        struct {
            enum join_kind kind;
            struct relation *left, *right;
            struct expr *on;    /* or NULL: every pair, or USING */
            const char **using; /* USING (names) */
            size_t n_using;
        } join;
        struct {
            enum set_kind kind;
            struct select **arms;
            size_t n_arms;
        } set;
    };
};

struct select {
    struct place at;
    bool explain; /* EXPLAIN (PRIVACY) in front */
    bool distinct;
    struct expr **distinct_on; /* DISTINCT ON (...): one row for each; with it
                                  `distinct` is false */
    size_t n_distinct_on;
    struct relation *from;
    struct select_item *items;
    size_t n_items;
    struct expr *where;       /* or NULL */
    struct expr **keys;       /* GROUP BY, positions and aliases resolved */
    const char **key_aliases; /* per key: the alias it was written as, or NULL.
                                 PostgreSQL prefers an input column of that
                                 name: the planner, which knows the columns,
                                 refuses a table that has one.  NULL = none */
    size_t n_keys;
    uint32_t *sets; /* GROUPING SETS: of each, the keys it groups by, as bits;
                       ROLLUP and CUBE are written out */
    size_t n_sets;  /* 0 = one, of all keys */
    struct expr *having; /* or NULL */
    struct select_order *orders;
    size_t n_orders;
    bool has_limit;
    uint64_t limit, offset;             /* rows */
    unsigned limit_param, offset_param; /* the $n that stands for it, or 0: then
                                           select_bind_limits() fills it in */
    struct place limit_at, offset_at;   /* of these */
};

/* How an operation is written. */
enum op_form {
    OP_FORM_INFIX,    /* a + b */
    OP_FORM_FUNCTION, /* abs(a) */
    OP_FORM_CAST,     /* CAST(a AS text) */
    OP_FORM_SPECIAL,  /* each in its own way: CASE, IN, extract, ... */
};

/* Facts about an operation. */
struct op_info {
    const char *sql; /* function name or operator text */
    enum op_form form;
    unsigned min_args, max_args;
    const char *help;
};
const struct op_info *op_info_of(enum expr_op op);

/* Lower-case name of an aggregate: "count", "sum", ... */
const char *agg_kind_name(enum agg_kind kind);

static inline bool agg_is_percentile(enum agg_kind kind)
{
    return kind == AGG_PERCENTILE_CONT || kind == AGG_PERCENTILE_DISC;
}

/* Variances and standard deviations. */
static inline bool agg_is_spread(enum agg_kind kind)
{
    return kind >= AGG_VAR_POP && kind <= AGG_STDDEV_SAMP;
}

/* Facts about what stands before OVER; name in lower case, NULL for WINDOW_AGG.
 */
struct window_info {
    const char *name;
    unsigned min_args, max_args;
    const char *args;  /* for people: "1 to 3 arguments" */
    bool takes_value;  /* the first argument is a value of the row */
    bool takes_number; /* the next one is a number of rows */
};
const struct window_info *window_info_of(enum window_kind kind);
const char *window_kind_name(enum window_kind kind);

/* The i-th expression in it, itself an argument, a key or an order; NULL behind
 * the last.  What stands before OVER is the first. */
struct expr *window_part(const struct window *win, size_t i);

/* As SQL, "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"; nothing for the default.
 */
void frame_print(struct writer *w, const struct frame *f);

/* "UNION ALL", "UNION", ... */
const char *set_kind_name(enum set_kind kind);

/*
 * The operation written `sql` over `n_args` arguments ("-" is SUB over two and
 * NEG over one), compared without case, or OP_COUNT.
 */
enum expr_op op_of_sql(const char *sql, size_t n_args);

/* Structural equality, places and key_aliases ignored; NULL equals NULL. */
bool expr_equal(const struct expr *a, const struct expr *b);
bool select_equal(const struct select *a, const struct select *b);
bool relation_equal(const struct relation *a, const struct relation *b);
bool window_equal(const struct window *a, const struct window *b);
bool order_equal(const struct select_order *a, const struct select_order *b);

/* The name a relation is called by: its alias, else the table's; or NULL. */
const char *relation_name(const struct relation *r);

/*
 * The alias of a set operation that is a whole query, not a part of FROM: such
 * a query is SELECT * over it.
 */
#define SET_ALIAS "_set"

/* The schema of the first table named, or NULL. */
const char *select_dataset(const struct select *s);

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
 * The values of parameters behind LIMIT and OFFSET, in `s` and every SELECT
 * inside: written into the tree, which must be the caller's own.  NULL is no
 * limit.  While only types are asked for, `met` has room for n and there are
 * no values: each is 1, and met[i] tells that $i+1 is one.  ERR_INVALID and
 * ERR_REFUSED name the place of what has no value, or none that is a number of
 * rows.
 */
enum err_code select_bind_limits(const struct select *s,
                                 const struct value *params, size_t n,
                                 bool *met, struct err *err) MUST_CHECK;

/*
 * Print as SQL that parses to the same tree (canonical: full parentheses).
 * For EXPLAIN, receipts and tests; never sent to an engine.  Recurses as deep
 * as the tree, which SQL and codecs bound.  Two trees that no SQL parses to
 * print as their equal: a cast of a constant text, and AND (OR) whose first
 * argument is another AND (OR).
 */
void expr_print(struct writer *w, const struct expr *e);
void select_print(struct writer *w, const struct select *s);
void relation_print(struct writer *w, const struct relation *r);
void window_print(struct writer *w, const struct window *win);
/* DESC and NULLS, where they are not PostgreSQL's default. */
void order_print(struct writer *w, const struct select_order *o);
/* An identifier, quoted where it has to be. */
void name_print(struct writer *w, const char *name);

#endif
