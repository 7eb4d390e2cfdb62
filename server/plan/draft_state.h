#ifndef PLAN_DRAFT_STATE_H
#define PLAN_DRAFT_STATE_H

#include "server/plan/plan.h"
#include "server/plan/rel.h"

/*
 * What a plan is while it is being made (draft.h): what its steps read and
 * write.  Everything lives in the request arena.
 */

/* What the engine computes for one measure; parallel to plan->measures. */
struct draft_measure {
    const struct typed *filter; /* or NULL: rows without it do not count */
    const struct typed *value;  /* SUM: this; ROWS: where it is not NULL, or
                                   NULL for every row */
    struct range row;           /* SUM: one row is clamped to this, ... */
    int64_t lo, hi;             /* ... in grid steps, rounded outward */
    bool has_squares; /* SUM: a sum of squares of the same rows stands beside */
    bool clamps_person; /* SUM: no row limit, but this, grid steps */
    int64_t person_lo, person_hi;
    size_t of;       /* CLAMPED, EXCESS: the sum they report on */
    int64_t most;    /* EXCESS: of a row, or a person who is clamped, at most
                        this, grid steps ... */
    double most_row; /* ... and units of the column */
};

/* An aggregate as written, typed. */
struct draft_agg {
    enum agg_kind kind;
    bool people;               /* COUNT(DISTINCT key) */
    bool distinct;             /* COUNT(DISTINCT x) of another value */
    const struct typed *value; /* NULL: COUNT(*) */
    const struct typed *filter;
    double fraction; /* PERCENTILE_* */
    struct place at;
};

/*
 * Terms of an AND: of a WHERE or an ON.  Equality of two bare privacy keys is a
 * term too, printed already; what it joins stands in `pairs`.
 */
struct draft_pair {
    const struct rel_column *a, *b;
};
struct draft_terms {
    struct typed **v;
    size_t n, cap;
    bool never; /* one is constantly false */
    struct draft_pair *pairs;
    size_t n_pairs, cap_pairs;
};

/*
 * One SELECT while it is typed: the question itself, whose aggregates become a
 * release, or a sub-query, whose aggregates the engine computes.
 */
struct draft_block {
    const struct select *tree;
    struct rel_scope *scope;
    bool is_release;
    bool in_join;   /* an ON is being typed */
    bool in_output; /* an output or an order is being typed: windows fit */
    bool is_answer; /* rows of an answer, in a SELECT around the release */
    bool groups;    /* ... which groups them */
    struct plan_over *overs; /* window functions over rows of an answer */
    size_t n_overs;
    bool has_windows; /* some was typed, over rows of a sub-query */
    bool is_value; /* a sub-query that is one value: its aggregates are texts */
    bool reads_outer; /* a column of the scope around was read */
    const char *ties; /* all that its outputs read, for an ORDER BY */
    struct draft_terms where;
    struct typed **keys;
    bool *real_keys;     /* per key: a whole double, cast to INT in keys */
    uint64_t *key_reach; /* of a sub-query, per key: reach.h */
    size_t n_keys;
    struct draft_agg *aggs; /* room for PLAN_MEASURES_MAX */
    size_t n_aggs;
    bool may_group, may_filter; /* of every column read since they were set */
    const char *forbids;        /* one of those that are not both */
};

/* A term by which `e` is one of the values of an earlier release's column. */
struct draft_among {
    const struct typed *e;
    const struct rel_column *column;
};

/* Does FROM put answers together? */
enum draft_mix { MIX_NONE, MIX_MAYBE, MIX_SURE };

enum { DRAFT_COLUMNS_MAX = 512 };
enum { DRAFT_OUTERS_MAX = 8, DRAFT_ATTRIBUTES_MAX = 16 };

struct draft {
    struct plan *plan;
    const struct select *tree;
    const struct request *req;
    const struct policy *policy;
    struct arena *a;
    struct dialect *dialect;   /* of the engine's SQL (dialect.h) */
    struct draft_block *block; /* being typed */
    size_t n_relations;        /* so far, each as often as it is met */
    size_t n_aliases;
    bool is_before; /* an earlier release of a chain itself */
    bool chains;    /* sub-queries over many people become earlier releases */
    const struct select *chained[PLAN_CHAIN_MAX]; /* plan->before, as written */
    struct draft_among *amongs; /* of the block of the release */
    size_t n_amongs;
    const struct select *outers[DRAFT_OUTERS_MAX]; /* SELECTs that work on the
                                                     answer, innermost first */
    size_t n_outers;
    const struct select *unkeyed; /* the sub-query whose aggregates or DISTINCT
                                     are over many people; refused */
    const struct policy_column *attributes[DRAFT_ATTRIBUTES_MAX];
    size_t n_attributes; /* of a person, that the question reads: attribute.c */
    bool reads_rows;     /* and columns that are none */
    bool people_alone;   /* people and attributes are all that is asked for: a
                            table shows one row a person */
    const char **story;  /* a line for each relation, for people; room for 64 */
    size_t n_story;

    /* The release: what its block held. */
    struct rel_scope *scope;
    struct draft_terms where;
    struct typed **keys;  /* n = plan->n_keys */
    struct value *others; /* per key: stands for values outside the domain;
                             NULL: they are dropped */
    struct draft_agg *aggs;
    size_t n_aggs;
    struct draft_measure *measures; /* room for PLAN_MEASURES_MAX */
    struct draft_measure *hists;    /* of the plan's; as many */
    bool wants_intervals; /* of percentiles, too: asked for, or dp_low() */
    const char *bounding; /* how groups of a person are limited, for people */
    const char *form;     /* ... and what else is done to be quick; or NULL */
    bool explains; /* someone reads plan->text, which says by itself ... */
    size_t plain_from, plain_to; /* ... what these of its notices do */
    uint64_t behind; /* bytes behind the names in all texts printed */
    const struct select *in_sets; /* the SELECT whose GROUPING SETS are those of
                                     the question: itself, or one that it
                                     selects from; NULL: not known of any */
    const uint32_t *set; /* the grouping set of this part, of keys as bits; NULL
                            = all keys */
    size_t n_parts;      /* that share the price; 0 = one */
    size_t n_sharers;    /* answers that share it, of a mix; 0 = one */
    enum draft_mix mix;  /* why it stopped: it is one, to be planned as such */
    unsigned mix_depth;  /* mixes around it */
    bool no_mix;         /* it is none: nobody shall look */
    const struct plan *total_of; /* the part is added up from the cells of this
                                    one, the total_index-th; or NULL */
    size_t total_index;
    struct plan_shape *shape; /* types are asked for: parameters have no value;
                                 else NULL */
    bool never;               /* a filter is constantly false: no row counts */
    const struct plan *like;  /* a part of this plan, noised as it is, of ... */
    const int64_t *only;      /* ... these of the days of its series; or NULL */
    size_t n_only;
};

#endif
