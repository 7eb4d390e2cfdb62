#ifndef PLAN_DIALECT_STAGE_H
#define PLAN_DIALECT_STAGE_H

#include "server/plan/dialect.h"
#include "server/plan/draft.h"

/* What a person has in a group, added up: dialect_keep.c. */
struct stage_slot {
    size_t flag; /* f column, NONE: every row */
    size_t sum;  /* measure whose values are added up, NONE: rows counted */
};
enum { STAGE_SLOTS = 16 };

/* Where the keys that a code stands for are read. */
enum stage_names {
    NAMES_ROWS, /* in the rows, read, and joined, a second time */
    NAMES_LIST, /* in the public domains */
    NAMES_LEAF, /* in the one relation that all keys come from, read alone: more
                   groups than there are, which match no code */
    NAMES_NONE
};

/*
 * A question over a rollup whose groups it filters: what it reads of them.
 */
struct rolled_term {
    const struct typed *e; /* over the rollup's keys, r.k0, ..; or NULL: */
    size_t by;             /* this key, a unit of time, ... */
    struct time_span span; /* ... lies in here, whole units */
};
enum { ROLLED_TERMS = 16, ROLLED_KEYS = 8 };
struct rolled {
    struct rolled_term where[ROLLED_TERMS];
    size_t n_where;
    const struct typed *filter[PLAN_MEASURES_MAX]; /* f column -> condition */
    bool filters;                                  /* there is one */
    size_t
        left[ROLLED_KEYS];   /* values of a key that the WHERE names; 0: none */
    size_t key[ROLLED_KEYS]; /* key of the question -> of the rollup */
    bool drops; /* the rollup has keys, of one value, that the question has not
                 */
    bool few;   /* no person can have more than L0 groups of those left */
};

/*
 * One statement of an engine's while it is printed, stage by stage; the table
 * of stages stands in dialect_statement.c.  Measures are those of `pm` and
 * `dm`: of the release, or the one a histogram is made of.
 */
struct sql {
    struct draft *d;
    struct writer *w;
    const struct plan_measure *pm;
    const struct draft_measure *dm;
    const struct plan_hist *hist;   /* its counts per bucket; or NULL */
    size_t n;                       /* measures */
    size_t flag[PLAN_MEASURES_MAX]; /* measure -> f column, NONE: every row */
    size_t x[PLAN_MEASURES_MAX];    /* measure -> x, v column */
    size_t u[PLAN_MEASURES_MAX];    /* DISTINCT -> u column */
    size_t n_flags, n_x, n_u;
    bool ranks; /* a person may have more than L0 groups */
    bool keeps; /* ... which, or rows in them, an aggregate of ours bounds */
    bool grows; /* ... whose state grows with what people have */
    bool spare; /* what is printed stands in for that: no aggregate of ours */
    enum stage_names names; /* keeps: whence the keys of a group's code */
    size_t named_by;        /* NAMES_LEAF: the leaf */
    struct stage_slot slots[STAGE_SLOTS]; /* keeps */
    size_t n_slots;
    const struct policy_table *table; /* the rows come from it alone; or NULL */
    const struct policy_rollup *rollup; /* what is printed reads it; or NULL */
    struct rolled *rolled;              /* ... and what of it */
};
#define STAGE_NONE SIZE_MAX

/* dialect_place.c: the stage `placed`. */
void stage_placed(const struct sql *s);

/* ... of keys alone: " SELECT 0, k0, .. FROM from WHERE .." */
void stage_placed_keys(const struct sql *s, const char *from);

/* What measure i adds up, of one row: its value, or its square. */
void stage_addend(const struct sql *s, size_t i);
bool stage_squares_fit(const struct sql *s, size_t i); /* 64 bits hold them */

/* dialect_choose.c: sets `keeps`, `grows` and the slots; says how groups are
 * bounded, and why so; NULL when the arena is full. */
const char *stage_keeps(struct sql *s);
/* Does what `keeps` live on a heap, beside which there has to be a window? */
static inline bool stage_needs_spare(const struct sql *s)
{
    return s->keeps && (s->grows || s->n_u > 0 || s->hist);
}

/* dialect_keep.c */
void stage_kept(const struct sql *s);    /* the stage `kept` */
void stage_named(const struct sql *s);   /* `names` and the last SELECT */
void stage_buckets(const struct sql *s); /* the same of a histogram */
bool stage_skips_pairs(const struct sql *s);
void stage_kept_pairs(const struct sql *s); /* whence the pairs, to ")" */
/* dialect_names.c: whence the keys can be read; and the stage `names`. */
enum stage_names stage_names_of(struct sql *s);
void stage_names(const struct sql *s);
/* dialect_stage.c: ", k0", ... of a prefix; the key as k0, of the engine's
 * type. */
void stage_columns(const struct sql *s, char prefix, size_t n);
void stage_key(const struct sql *s, size_t k);
/* dialect_code.c: the code of x: of text itself, of all else as a whole number.
 */
void stage_code_of(const struct sql *s, enum value_type type, const char *x);
/* Are people texts, or as such compared? */
static inline bool stage_person_is_text(const struct sql *s)
{
    return draft_key(s->d)->key_type != POLICY_INT;
}
/* One of the person's that has nothing to do with the groups. */
void stage_person_code(const struct sql *s);
/* The code of the group of k0, k1, ... */
void stage_code(const struct sql *s);
/* What stands for the value of DISTINCT measure i, as UBIGINT: the engine's
 * hash of it, or one that other engines can tell. */
void stage_value_code(const struct sql *s, size_t i);
/* ... and its place among those of person p: keep.h. */
void stage_place(const struct sql *s);
void stage_place_open(const struct sql *s); /* up to the code */
/* dialect_share.c: "e.a3": the slot of these; or the rollup's column of these.
 */
void stage_slot(const struct sql *s, size_t flag, size_t sum);
/* dialect_pg_stage.c: the stage `persons`; `lines` of the pairs; of DISTINCT
 * values, linesI of valuesI; the place of a row of these; and `starts`, numbers
 * c of persons q.  `placed` is read again where the rows are one table's. */
bool stage_pg_reads_again(const struct sql *s);
void stage_pg_persons(const struct sql *s);
void stage_pg_codes(const struct sql *s);
void stage_pg_value_codes(const struct sql *s, size_t i);
void stage_pg_place(const struct sql *s);
void stage_pg_starts(const struct sql *s);
/* Is what a person has in a group added up already, in slots? */
static inline bool stage_has_slots(const struct sql *s)
{
    return s->keeps || s->rollup;
}

/* Which measure reads which column; the first two stages. */
void stage_number(struct sql *s);
void stage_sources(const struct sql *s);

/* dialect_people.c: can people be counted by numbers that stand for the values
 * of the key?  And the statement that does. */
bool stage_counts_people(const struct sql *s);
void stage_people(const struct sql *s);

/* dialect_rollup.c: sets `rollup` to one that can answer, and NULL when none
 * does; says how, or why not: NULL where there is none. */
const char *stage_rolls(struct sql *s);
void stage_rolled(const struct sql *s); /* the statement */
void stage_rollup_slot(const struct sql *s, size_t flag, size_t sum);
bool stage_is_rollup_key(const struct sql *s,
                         const struct policy_rollup_key *by,
                         const struct typed *e);
void stage_of_rollup(const struct sql *s, const char *part);
/* dialect_rolled.c: NULL when the filters and keys are the rollup's, else why
 * not.  Then, of its statement, stages `named` and `found` and what pairs are
 * to be read from, up to "<= L0" where that ends in a column; NULL: there is no
 * filter. */
const char *stage_rolled_fits(struct rolled *out, const struct sql *s,
                              const struct policy_rollup *r);
const char *stage_rolled_found(const struct sql *s);
extern const char stage_other_keys[]; /* why not, that says least */
bool stage_rolled_plain(const struct sql *s);

/* dialect_share.c: measure i of one person and group, as an integer. */
void stage_share(const struct sql *s, size_t i);

/* dialect_report.c: is the value clamped (c), what clamping takes off (e). */
void stage_report_columns(const struct sql *s);

/* dialect_hist.c: the last SELECT, of rows per group and bucket. */
void stage_histogram(const struct sql *s);

/* " SEMI JOIN ...": only rows of `of` in a group that the person keeps; nothing
 * where no group is left out. */
void stage_kept_groups(const struct sql *s, const char *of);

/* dialect_distinct.c: different values per group, of a person at most Linf;
 * `counted` stages for measure i, before the last SELECT. */
void stage_distinct(const struct sql *s, size_t i);
/* ... and the last SELECT: totals joined with what was counted. */
void stage_with_distinct(const struct sql *s);

#endif
