#ifndef PLAN_SUB_H
#define PLAN_SUB_H

#include "server/plan/draft.h"

/*
 * A sub-query while it becomes a relation: typed (sub.c), owned (sub_own.c) and
 * printed (sub_print.c).
 */
enum { SUB_COLUMNS_MAX = 512 };

/* An output: a column as it is, or an expression. */
struct sub_output {
    const char *name;
    const struct rel_column *column; /* else NULL */
    const struct expr *e;            /* else NULL, of a star */
    struct typed *typed;             /* NULL: the key */
};

struct sub {
    struct draft *d;
    const struct select *s;
    struct draft_block b;
    bool groups;
    struct sub_output *outputs;
    size_t n_outputs;
    struct typed *having;
    struct typed **on; /* DISTINCT ON, without the key */
    size_t n_on;
    struct typed **orders; /* per order; NULL: an output, or the key */
    size_t *order_outputs; /* its number, or SUB_NONE */
    struct rel *rel;
};
#define SUB_NONE SIZE_MAX

/* Do LIMIT or OFFSET leave out rows? */
static inline bool sub_limits(const struct sub *u)
{
    return u->s->has_limit || u->s->offset > 0;
}

/* Is group key i the privacy key? */
static inline bool sub_is_key(const struct sub *u, size_t i)
{
    return u->b.keys[i]->kind == TYPED_COLUMN &&
           u->b.keys[i]->column->key == REL_KEY_OWN;
}

/* Is the output the privacy key as it is? */
static inline bool sub_is_own_key(const struct sub_output *o)
{
    return o->column && o->column->key == REL_KEY_OWN;
}

/* sub_ties.c: u->b.ties, the order of rows that no ORDER BY tells apart. */
enum err_code sub_ties(struct sub *u, struct err *err) MUST_CHECK;

/* sub_own.c: whose the rows of u->rel are, and how many, once it is typed. */
void sub_own(struct sub *u);
/* Stages whose input the engine goes through once more. */
unsigned sub_passes(const struct sub *u);

/* sub_print.c: the text that stands in the engine's FROM; `u` is a struct sub.
 */
void sub_print(struct writer *w, const void *u);

#endif
