#ifndef PLAN_SUB_H
#define PLAN_SUB_H

#include "server/plan/draft.h"

/* A sub-query while it is typed (sub.c) and printed (sub_print.c). */

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

/* The text that stands in the engine's FROM; `u` is a struct sub. */
void sub_print(struct writer *w, const void *u);

#endif
