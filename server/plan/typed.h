#ifndef PLAN_TYPED_H
#define PLAN_TYPED_H

#include "server/policy/policy.h"
#include "server/query/tree.h"

/*
 * An expression after checking: names are bound to columns of relations,
 * parameters to their values, every argument has exactly the type its operation
 * wants, and what is constant has been computed.
 *
 *   row expressions    over COLUMN leaves: printed for the engine
 *   post expressions   over KEY, AGG and OVER leaves: evaluated on noisy
 * numbers
 *
 * NaN and times outside the years 1 to 9999 are NULL wherever a column is read.
 * Integers are added and multiplied as doubles by the engine, so that nothing
 * can overflow; they are exact up to 2^53.
 */
enum typed_kind {
    TYPED_CONST,
    TYPED_COLUMN,
    TYPED_CALL,
    TYPED_KEY,  /* group key `index` */
    TYPED_AGG,  /* aggregate `index` */
    TYPED_OVER, /* window function `index` over rows of the answer */
    TYPED_TEXT, /* what the engine is to compute, printed already */
};

struct rel_column; /* server/plan/rel.h */

/* Where the values that are not NULL lie; ends may be infinite. */
struct range {
    double lo, hi;
};

struct typed {
    enum typed_kind kind;
    enum value_type type; /* VALUE_NULL: a bare NULL constant */
    struct place at;
    struct range range; /* numbers and times (microseconds since 1970):
                           public, from the policy */
    unsigned grid_bits; /* DOUBLE: values are worth 2^-grid_bits */
    bool whole;         /* INT, and DOUBLE that holds whole numbers only */
    bool never_null;
    bool numeric;    /* to PostgreSQL's clients: numeric.h */
    bool is_window;  /* TEXT: has to stand in the SELECT of its rows */
    unsigned param;  /* CONST: stands for $n, whose type is asked for; or 0 */
    uint64_t behind; /* TEXT, KEY: bytes that its names stand for */
    const struct typed *looked_up;      /* TEXT: it is this IN ... */
    const struct rel_column *looked_in; /* ... the values of this; or NULL */
    union {
        struct value value; /* of `type`, or NULL */
        const struct rel_column *column;
        const char *text;
        struct {
            enum expr_op op;
            struct typed **args;
            size_t n_args;
        } call;
        size_t index;
    };
};

static inline bool typed_is_const(const struct typed *e)
{
    return e->kind == TYPED_CONST;
}

static inline bool typed_is_null(const struct typed *e)
{
    return e->kind == TYPED_CONST && e->value.type == VALUE_NULL;
}

static inline bool typed_is_call(const struct typed *e, enum expr_op op)
{
    return e->kind == TYPED_CALL && e->call.op == op;
}

/* Same value on every row: structural, places ignored. */
bool typed_equal(const struct typed *a, const struct typed *b);

/*
 * Canonical bytes for hashing: equal expressions write equal bytes and
 * different ones different bytes.  a + b and b + a are equal, a > b and b < a,
 * the values of an IN in any order.
 */
void typed_write(struct writer *w, const struct typed *e);

/* As SQL, for people: "LEAST(500, amount)". */
void typed_print(struct writer *w, const struct typed *e);

/* The only column `e` reads; NULL when it reads none or several. */
const struct rel_column *typed_only_column(const struct typed *e);

/* Is `e` this column, at most brought to a wider type? */
bool typed_reads_column(const struct typed *e, const struct rel_column *c);

enum value_type typed_of_policy(enum policy_type type);

#endif
