#ifndef PLAN_REL_H
#define PLAN_REL_H

#include "server/plan/typed.h"

/*
 * Relations after checking: who owns their rows, what is public about their
 * columns, and how the engine reads them.
 *
 *   public   rows say nothing about a person
 *   owned    each row belongs to one person, whose key travels with it whether
 *            or not the analyst selected it
 *
 * Invariants of an owned relation, which bounding and the proof rest on:
 *
 *   - its rows of one person are a function of the rows of that person and of
 *     public relations alone; rows without a key are in none
 *   - `one_row` holds by construction: at most one row per person
 *   - it is a multiset: whatever orders rows inside breaks ties by all that
 *     could tell them apart, and sums are of integers
 *   - its text cannot raise an error that depends on data
 *
 * Everything lives in the request arena.
 */

/* What a column has to do with the privacy key of its relation. */
enum rel_key {
    REL_KEY_NONE,
    REL_KEY_OWN,   /* it is the key; never NULL */
    REL_KEY_MAYBE, /* the key, or NULL where an outer join found no row */
};

struct rel_column {
    const char *name; /* as expressions call it */
    const char *sql;  /* as the engine calls it: t."city", t2.c3 */
    enum value_type type;
    enum rel_key key;
    bool raw;     /* of a source: NaN and far times are NULL when it is read */
    bool merged;  /* USING made it one with a column before it */
    bool numbers; /* the rows of each person as 1, 2, 3, ...: no two alike */
    bool of_person; /* one value on all rows of a person: attribute.c */
    bool may_group, may_filter; /* by policy; of all columns it is made of */
    bool never_null;
    struct range
        range; /* numbers; times in microseconds; infinite ends: none */
    unsigned grid_bits;
    bool whole;      /* a double that holds whole numbers only */
    bool numeric;    /* to PostgreSQL's clients: numeric.h */
    uint64_t behind; /* bytes of the expression it stands for: reach.c */
    unsigned before; /* of earlier release `before` - 1, its output ... */
    unsigned output; /* ... this one, or some of its values; 0 = of none */
    const struct policy_column *policy;    /* unchanged from a table; or NULL */
    const struct policy_column *values_of; /* the least or greatest text a
                                              person has in this column, which
                                              has a public domain; or NULL */
    bool is_least;                         /* ... the least */
    const struct value *domain; /* computed: all it can be, NULL too; or NULL */
    size_t n_domain;
};

/* Defaults and limits of bounds: the largest of all tables inside. */
struct rel_limits {
    uint32_t max_groups, max_rows, most_groups, most_rows;
};

static inline uint32_t rel_most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline struct rel_limits rel_limits_max(struct rel_limits a,
                                               struct rel_limits b)
{
    return (struct rel_limits){ rel_most(a.max_groups, b.max_groups),
                                rel_most(a.max_rows, b.max_rows),
                                rel_most(a.most_groups, b.most_groups),
                                rel_most(a.most_rows, b.most_rows) };
}

struct rel {
    const char *sql; /* what stands in the engine's FROM */
    uint64_t behind; /* bytes its names stand for: reach.c */
    double rows;     /* about as many, from public sizes: size.c */
    bool sized;      /* ... that the policy states, none of them guessed here */
    bool cheap; /* read a second time for little: no join, group or window */
    const struct policy_table *table; /* whose rows it has, all of them; or NULL
                                       */
    struct rel_column *columns;       /* sql: the bare name */
    size_t n_columns;
    const struct rel *people_of; /* a row for each person of this table, whose
                                    rows all count; or NULL */
    bool owned;
    bool one_row;
    bool never; /* a filter is constantly false: it has no row */
    /* Owned only: */
    const char *key_sql;  /* the bare name */
    const char *key_name; /* for people */
    bool key_may_be_null; /* a source: rows without a key are dropped */
    enum policy_type key_type;
    struct rel_limits limits;
};

/* One relation of a FROM under its alias. */
struct rel_leaf {
    const char *name;    /* in SQL, or NULL */
    const char *dataset; /* of a table without an alias; else NULL */
    struct place at;
    const char *alias; /* in the engine: "t", "t1", ... */
    const struct rel *rel;
    struct rel_column *columns; /* of rel, read through the alias */
    const char *key_sql;        /* owned: t."who" */
    bool optional; /* stands on the side of an outer join that may be missing */
    bool one_row;  /* of rel, or by a filter on a column that numbers rows */
    size_t group;  /* owned: a leaf with the same key on every row, towards the
                      one that stands for all of them */
    bool joined_by_key; /* optional: to the person of a preserved row */
    bool with_outer;    /* of that one: the key of the row of the outer scope */
};

enum { REL_EQUALS_MAX = 128 };

/* The relations whose columns an expression may read. */
struct rel_scope {
    struct rel_leaf *leaves;
    size_t n_leaves;
    size_t first; /* leaves before it are out of sight: those of another item of
                     FROM while an ON is read */
    const struct rel_scope
        *outer;       /* of a sub-query in an expression; or NULL */
    const char *from; /* the engine's text of FROM */
    uint64_t behind;  /* bytes its names stand for: reach.c */
    bool owned, one_row;
    bool never;                  /* an inner join's ON is constantly false */
    double rows;                 /* about as many, from public sizes: size.c */
    bool sized;                  /* ... all of which the policy states */
    const struct typed **equals; /* terms x = y of ON and WHERE, most of them */
    size_t n_equals;
    size_t key;               /* owned: the leaf whose key is that of a row */
    struct rel_limits limits; /* owned */
};

#endif
