#ifndef PLAN_DRAFT_H
#define PLAN_DRAFT_H

#include "server/plan/draft_state.h"

/*
 * A plan while it is being made.  Each step of plan_query reads what earlier
 * steps wrote and writes its own part:
 *
 *   nest.c    tree                                  where the aggregates are
 *   from.c    scope                                 who owns the rows
 *   attribute.c  attributes                         what is one value a person
 *   type.c    where, keys, aggregates, outputs      names, types, constants
 *             over type_row.c, type_agg.c, type_post.c, terms.c: type.h
 *   snap.c    where                                 times on the grain
 *   domain.c  plan->keys                            public groups
 *   narrow.c  ranges of what is aggregated
 *   bounds.c  plan->l0, linf; measures              what one person can change
 *   price.c   plan->measures[].noise, price
 *   totals.c  grouping sets added up from others' cells
 *   top.c     the same for the first k groups, where that is cheaper
 *   dialect_statement.c, hash.c, explain.c             texts
 *
 * draft_state.h has what they write.
 */

struct plan_after; /* after.h */
struct plan_over;  /* over.h */

enum err_code draft_memory(struct err *err);

/* plan.c: an empty plan for the question. */
enum err_code draft_start(struct draft *d, struct err *err) MUST_CHECK;
/* ... made, step by step. */
enum err_code draft_make(struct plan **out, struct draft *d,
                         struct err *err) MUST_CHECK;

/* The relation whose key is that of a row of the release. */
static inline const struct rel *draft_key(const struct draft *d)
{
    return d->scope->leaves[d->scope->key].rel;
}

/*
 * attribute.c: the column is read; a table read from now on shows the person's
 * value where the policy calls it an attribute.
 */
void draft_note_attribute(struct draft *d, const struct rel_column *c);
enum err_code draft_attributes(struct rel *rel, struct draft *d,
                               struct err *err) MUST_CHECK;
/* One value on all rows of a person, by construction?  `keys` are those of a
 * sub-query with groups, or NULL. */
bool draft_of_person(const struct rel_scope *s, const struct typed *e,
                     struct typed *const *keys);
/* Typed so far without people_alone: may it be typed again with it? */
bool draft_people_alone(const struct draft *d);
/* Is each person in one group, by construction? */
bool draft_one_group(const struct draft *d);

/* source.c: a table of the policy as a relation. */
enum err_code draft_table(const struct rel **out, struct draft *d,
                          const struct relation *from,
                          struct err *err) MUST_CHECK;

/*
 * from.c: the relations of the block's FROM as its scope.  `outer` is the scope
 * around a sub-query in an expression, or NULL.
 */
enum err_code draft_from(struct draft *d, const struct rel_scope *outer,
                         struct err *err) MUST_CHECK;

/*
 * from.c: the block's WHERE, and with it what FROM and WHERE say together: all
 * owned relations are joined by their keys (and by that of the outer row).
 */
enum err_code draft_rows(struct draft *d, struct err *err) MUST_CHECK;

/*
 * size.c: about how many rows the block's FROM makes, from public sizes;
 * REFUSAL_JOIN_SIZE when that cannot end in time.  Terms noted before are those
 * that ties of rows are looked for in.
 */
enum err_code draft_sizes(struct draft *d, struct err *err) MUST_CHECK;
enum err_code draft_note_equals(struct draft *d, const struct draft_terms *t,
                                struct err *err) MUST_CHECK;
double draft_table_rows(const struct policy *p, const struct policy_table *t);
double draft_people(const struct draft *d);
double draft_different(const struct typed *e); /* values of it; or HUGE_VAL */
double draft_rows_each(const struct draft *d, double rows); /* of a person */

/* Does it ask for rows as they are?  Then the hint of its refusal, which is
 * set, becomes a question that works (example.c). */
bool draft_is_raw(const struct select *s);
enum err_code draft_example(const struct draft *d, const struct select *s,
                            struct err *err);

/* describe.c: a question for rows that shows none; *done when it was one. */
enum err_code draft_describe(bool *done, struct draft *d,
                             struct err *err) MUST_CHECK;

/* sub.c: a sub-query as a relation. */
enum err_code draft_sub(const struct rel **out, struct draft *d,
                        const struct select *s, struct err *err) MUST_CHECK;

/*
 * nest.c: `core`, in FROM of which the privacy rules stopped since it counts
 * over many people, with what the SELECTs around it do to its answer: *out. The
 * error recorded already when other things than sub-queries stand between.
 */
enum err_code draft_nest(const struct select **out, struct draft *d,
                         const struct select *core, struct err *err) MUST_CHECK;

/* after.c: what `s` does with an answer, whose columns `scope` shows: of one
 * array, leaf by leaf. */
enum err_code draft_after(struct plan_after *after, struct draft *d,
                          const struct select *s, struct rel_scope *scope,
                          struct err *err) MUST_CHECK;
/* ... one answer under a name, or NULL, as a scope; as one leaf of several,
 * whose columns are written to `columns`. */
enum err_code draft_answer_scope(struct rel_scope **out, struct draft *d,
                                 const struct plan_output *outputs, size_t n,
                                 const char *name, struct err *err) MUST_CHECK;
enum err_code draft_answer_leaf(struct rel_leaf *out, struct draft *d,
                                struct rel_column *columns,
                                const struct plan_output *outputs, size_t n,
                                const char *name, struct err *err) MUST_CHECK;

/* mix.c: sub-queries over many people stopped d: are they, all that FROM has,
 * answers to be put together?  d->mix tells; the error stays. */
bool draft_finds_mix(struct draft *d);
enum err_code draft_mix(struct plan **out, const struct draft *like,
                        struct err *err) MUST_CHECK;
/* plan.c: a question, whichever way: one release, sets, a mix.  With
 * like->shape its types alone. */
enum err_code draft_whole(struct plan **out, const struct draft *like,
                          struct err *err) MUST_CHECK;

/* among.c: terms that every row of the release passes; then, of its keys, those
 * that they bind to an earlier release. */
enum err_code draft_note_amongs(struct draft *d, const struct draft_terms *t,
                                struct err *err) MUST_CHECK;
enum err_code draft_key_amongs(struct draft *d, struct err *err) MUST_CHECK;

/* chain.c: a sub-query over many people as a release before this one. */
enum err_code draft_chain(const struct rel **out, struct draft *d,
                          const struct select *s, struct err *err) MUST_CHECK;

/* plan.c: `s` planned as an earlier release of the plan being made. */
enum err_code draft_plan(struct plan **out, const struct draft *d,
                         const struct request *req, const struct select *s,
                         struct err *err) MUST_CHECK;

/*
 * reach.c: how much the engine's planner goes through for `rel`: its text with
 * every column replaced by what it stands for, and all of it again for each of
 * `passes`; refused past PLAN_REACH_MAX.  `behind` its names stand that much.
 */
enum err_code draft_reach(struct rel *rel, unsigned passes, uint64_t behind,
                          struct place at, struct err *err) MUST_CHECK;
/* The same of the release's statements. */
enum err_code draft_reach_all(struct draft *d, struct err *err) MUST_CHECK;

/* set.c: a set operation as a relation. */
enum err_code draft_set(const struct rel **out, struct draft *d,
                        const struct relation *r, struct err *err) MUST_CHECK;

/* sub_expr.c: EXISTS (...) and x IN (...) as one condition. */
enum err_code draft_query(struct typed **out, struct draft *d,
                          const struct expr *e, struct err *err) MUST_CHECK;

/* window.c: a window function over rows of the engine. */
enum err_code draft_window(struct typed **out, struct draft *d,
                           const struct expr *e, struct err *err) MUST_CHECK;

/* over.c: one over rows of an answer, added to the block's. */
enum err_code draft_over(struct typed **out, struct draft *d,
                         const struct expr *e, struct err *err) MUST_CHECK;
/* ... what both share: the constant n of lag, ntile and their like (1 where
 * there is none), and two values brought to one type. */
enum err_code draft_window_number(int64_t *out, struct draft *d,
                                  const struct window *w, struct place at,
                                  struct err *err) MUST_CHECK;
enum err_code draft_one_type(struct typed **a, struct typed **b,
                             struct draft *d, struct place at,
                             struct err *err) MUST_CHECK;
/* Does it hold a window function, outside sub-queries? */
bool draft_windows(const struct expr *e);

/* sub_agg.c: an aggregate that the engine computes for each group of a
 * sub-query; its type and range.  The value is typed already. */
enum err_code draft_sub_agg(struct typed *out, struct draft *d,
                            const struct draft_agg *agg,
                            struct err *err) MUST_CHECK;
/* ... as text by itself; NULL when the arena is full. */
const char *draft_agg_text(struct draft *d, const struct draft_agg *agg,
                           const char *over);
/* ... what goes into it, of one row; and itself over columns x and f, the
 * filter, with ` OVER (...)` or nothing behind. */
void dialect_sub_value(struct writer *w, const struct draft_agg *agg);
void dialect_sub_agg(struct writer *w, const struct draft_agg *agg,
                     const char *x, const char *f, const char *over);

/* name.c: the column that `e`, an EXPR_COLUMN, names in the block's scope. */
enum err_code draft_column(const struct rel_column **out, struct draft *d,
                           const struct expr *e, struct err *err) MUST_CHECK;
/* The same; NULL and no error when there is none, or several. */
const struct rel_column *draft_column_try(const struct draft *d,
                                          const struct expr *e);
/* May `e`, a COLUMN or STAR, mean this relation? */
bool draft_leaf_fits(const struct rel_leaf *leaf, const struct expr *e);
/* The leaf of `scope` itself whose column it is, or n_leaves. */
size_t draft_leaf_of(const struct rel_scope *scope, const struct rel_column *c);
/* The same when it is a privacy key, by itself; else NULL. */
const struct rel_column *draft_bare_key(const struct draft *d,
                                        const struct expr *e);

/* type.c: check and bind everything the tree says; fills in where, keys, aggs,
 * and the plan's outputs, having and orders. */
enum err_code draft_types(struct draft *d, struct err *err) MUST_CHECK;

/* What a column is read for decides whether the policy allows it: a value is
 * the column itself, COMPUTE what an operation makes of it. */
enum draft_use { USE_FILTER, USE_GROUP, USE_VALUE, USE_COMPUTE };

/* type_row.c: what the block has read since its flags were set is used so. */
enum err_code draft_check_read(const struct draft *d, enum draft_use use,
                               struct place at, struct err *err) MUST_CHECK;

/* For sub-queries too: an expression over rows (type_row.c), one over groups
 * (type_post.c), an aggregate (type_agg.c), the terms of a condition (terms.c),
 * the group keys (type.c), a column (type_row.c). */
enum err_code draft_row(struct typed **out, struct draft *d,
                        const struct expr *e, enum draft_use use,
                        struct err *err) MUST_CHECK;
enum err_code draft_post(struct typed **out, struct draft *d,
                         const struct expr *e, struct err *err) MUST_CHECK;
enum err_code draft_agg_of(struct draft_agg *agg, struct draft *d,
                           const struct expr *e, struct err *err) MUST_CHECK;
enum err_code draft_conjuncts(struct draft_terms *t, struct draft *d,
                              const struct expr *e, struct err *err) MUST_CHECK;
enum err_code draft_keys(struct draft *d, struct err *err) MUST_CHECK;
/* Refused, as `what`, when the block has GROUPING SETS.
 */
enum err_code draft_no_sets(const struct draft *d, const char *what,
                            struct err *err) MUST_CHECK;
enum err_code draft_read(struct typed **out, struct draft *d,
                         const struct rel_column *c, enum draft_use use,
                         struct place at, struct err *err) MUST_CHECK;
/* A key that may be missing, as a value to pass on. */
enum err_code draft_key_column(struct typed **out, struct draft *d,
                               const struct rel_column *c, struct place at,
                               struct err *err) MUST_CHECK;
enum err_code draft_add_term(struct draft_terms *t, struct draft *d,
                             struct typed *term, struct err *err) MUST_CHECK;
/* Bare keys on both sides of =: the term that joins them. */
enum err_code draft_key_pair(struct draft_terms *t, struct draft *d,
                             const struct rel_column *a,
                             const struct rel_column *b, struct place at,
                             struct err *err) MUST_CHECK;
/* Does it hold an aggregate, outside sub-queries? */
bool draft_aggregates(const struct expr *e);
/* The text of `print` over `ctx` in the arena; NULL when it is full. */
const char *draft_print(struct draft *d,
                        void (*print)(struct writer *w, const void *ctx),
                        const void *ctx);

/* Texts, up to a NULL, as one; NULL when the arena is full.  Relations are
 * long, and printf counts what it has no room for byte by byte. */
const char *draft_concat(struct draft *d, const char *const *texts);

/* domain.c: all that a sub-query's output can be, when that is public and
 * short.
 */
enum err_code draft_keep_domain(struct rel_column *out, struct draft *d,
                                const struct typed *e,
                                struct err *err) MUST_CHECK;
/* column_range.c: what the terms leave of a number or time column's public
 * range. */
struct range draft_range(const struct draft_terms *t,
                         const struct rel_column *c);

/* shape.c: a parameter without a value; what it is brought to is its type. */
enum err_code draft_param(struct typed **out, struct draft *d,
                          const struct expr *e, struct err *err) MUST_CHECK;
void draft_param_is(struct draft *d, const struct typed *e,
                    enum value_type type);
/* ... the question's types and columns, and no more. */
enum err_code draft_shape(struct draft *d, struct err *err) MUST_CHECK;

/* The dataset's as-of time: the end of the day, or the time, that its data
 * version names, never past the clock; the clock where it names none. */
int64_t draft_now_us(const struct draft *d);

/* snap.c: bounds on times in the block's WHERE snap outward to the policy's
 * grain. */
enum err_code draft_snap(struct draft *d, struct draft_block *b,
                         struct err *err) MUST_CHECK;

/* lo <= time < hi, microseconds; ends outside the calendar stand for none. */
struct time_span {
    int64_t lo, hi;
};
struct time_span draft_all_time(void);

/* snap.c: true when `e` is nothing but bounds on `c`; *span is cut to them. */
bool draft_time_span(struct time_span *span, const struct typed *e,
                     const struct rel_column *c);

/* series.c: plan->series, when the question is one. */
struct draft_series {
    const struct rel_column *column; /* the time ... */
    size_t key;                      /* ... that this group key is a unit of */
    uint32_t max_groups;             /* as asked, however many days there are */
};
enum err_code draft_series(struct draft *d, struct err *err) MUST_CHECK;

/* hash.c: plan->series->hash. */
enum err_code draft_hash_series(uint8_t out[32], struct draft *d,
                                const struct draft_series *s,
                                struct err *err) MUST_CHECK;

/* sets.c: a plan with a part for each grouping set of like->in_sets. */
enum err_code draft_sets(struct plan **out, const struct draft *like,
                         struct err *err) MUST_CHECK;

/* Does the part group by key i of the question? */
static inline bool draft_in_set(const struct draft *d, size_t i)
{
    return !d->set || (*d->set & UINT32_C(1) << i);
}

/* domain.c: which keys are public and all their values. */
enum err_code draft_domains(struct draft *d, struct err *err) MUST_CHECK;

/* How many releases share the price asked for, and the memory. */
static inline uint64_t draft_sharers(const struct draft *d)
{
    return (d->n_parts ? d->n_parts : 1) * (d->n_sharers ? d->n_sharers : 1);
}

/* bounds.c: L0, Linf, and a measure for each thing the aggregates need. */
enum err_code draft_bounds(struct draft *d, struct err *err) MUST_CHECK;

/* What Linf rows of a person may add up to, at least 1; UINT64_MAX, which
 * draft_add_measure refuses, when that does not fit. */
uint64_t draft_times_rows(uint64_t row, uint32_t linf);

/* bounds.c: the index of this measure, new or shared with one alike. */
enum err_code draft_add_measure(size_t *out, struct draft *d,
                                struct plan_measure m,
                                const struct draft_measure *w,
                                struct err *err) MUST_CHECK;

/* narrow.c: ranges of what is aggregated, among rows that WHERE and FILTER
 * leave. */
enum err_code draft_narrow(struct draft *d, struct err *err) MUST_CHECK;

/* report.c: measures of what bounding cuts off. */
enum err_code draft_reports(struct draft *d, struct err *err) MUST_CHECK;

/* Can a person have more groups than count? */
static inline bool draft_ranks(const struct draft *d)
{
    const struct plan *p = d->plan;
    return p->n_keys > 0 && !d->scope->one_row && !p->one_group &&
           (p->selects || p->l0 < p->groups_public);
}

/* quantile.c: a histogram and its picks for a PERCENTILE_*. */
enum err_code draft_quantile(struct plan_agg *out, struct draft *d,
                             const struct draft_agg *agg,
                             struct err *err) MUST_CHECK;

/* bounds.c: the range of an aggregate's values, in grid steps: of `extra` bits
 * more than the values', as far as steps stay below `fine`; ERR_REFUSED when it
 * is not public. */
struct draft_grid {
    unsigned extra;
    double fine;
};
enum err_code draft_steps(struct draft_measure *w, unsigned *bits,
                          struct draft *d, const struct draft_agg *agg,
                          struct draft_grid grid, struct err *err) MUST_CHECK;

/*
 * bounds.c: the grids on which a column itself is summed, mostly: bits of each,
 * n of them.  The first fits every price that pays for narrow noise; a sum
 * whose noise is wider moves to the next, and one beside a spread to any.
 */
enum { DRAFT_GRIDS = 4 };
size_t draft_grids(unsigned out[DRAFT_GRIDS], const struct policy_column *c);

/* "what value where filter", in the arena, NULL when it is full. */
const char *draft_what(struct draft *d, const char *what,
                       const struct typed *value, const struct typed *filter);

/* Measure i on the next coarser grid; false when there is none. */
bool draft_coarsen(struct draft *d, size_t i);

/*
 * share.c: what each measure gets of a price, in its units; the parts add up to
 * the total.  DP_ERANGE when it has fewer units than there are measures; parts
 * are then untouched.
 */
enum dp_status draft_share(uint64_t *parts, const struct draft *d,
                           uint64_t total) DP_MUST_CHECK;

/* price.c: a mechanism per measure, the threshold, the price. */
enum err_code draft_price(struct draft *d, struct err *err) MUST_CHECK;

/*
 * accuracy.c: noise that holds each column to the accuracy asked for, of the
 * measures that need any: has[i].  People in one group, as far as the policy
 * makes that public, or 0; and the refusal where it does not.
 */
enum err_code draft_reach_outputs(struct draft *d, bool *has,
                                  struct err *err) MUST_CHECK;
double draft_public_size(const struct draft *d);
enum err_code draft_no_public_size(struct err *err);

/*
 * price_pick.c: the picks of percentiles, each for `part` of the price over all
 * groups, or off by at most so many rows at the plan's level; then the ends of
 * an interval, which aim as far below and above as a pick may miss.
 */
enum err_code draft_buy_picks(struct draft *d, uint64_t part,
                              struct err *err) MUST_CHECK;
enum err_code draft_reach_picks(struct draft *d, double rows,
                                struct err *err) MUST_CHECK;
enum err_code draft_aim_ends(struct draft *d, struct err *err) MUST_CHECK;

/* tell.c: what a reader has to know of how it was bounded. */
enum err_code draft_tell(struct draft *d, struct err *err) MUST_CHECK;

/* The plan's price against the policy's maximum for one query. */
enum err_code draft_within_maximum(const struct draft *d,
                                   struct err *err) MUST_CHECK;

/* dialect_statement.c: the plan's statements. */
enum err_code draft_statements(struct draft *d, struct err *err) MUST_CHECK;

/* memory.c: plan->memory; refused past PLAN_MEMORY_MAX, for all parts. */
enum err_code draft_memory_fits(struct draft *d, struct err *err) MUST_CHECK;

/* ... of one row of an answer, what GROUPING SETS over it take. */
double draft_sets_bytes(const struct plan *p);

/* hash.c: plan->release_hash. */
enum err_code draft_hash(struct draft *d, struct err *err) MUST_CHECK;

/* explain.c: plan->text and plan->mechanism_text. */
enum err_code draft_explain(struct draft *d, struct err *err) MUST_CHECK;

/* ... its line on the price. */
void draft_explain_price(struct writer *w, const struct plan *p);
/* ... and what it says of the earlier releases of a chain. */
void draft_explain_before(struct writer *w, const struct plan *p);

/* Add a sentence for the reader of the answer, once; past DRAFT_NOTICES_MAX
 * there are enough. */
enum { DRAFT_NOTICES_MAX = 32 };
enum err_code draft_notice(struct draft *d, struct err *err, const char *fmt,
                           ...)
    __attribute__((format(printf, 3, 4))) MUST_CHECK;

/* The text of `e` in the arena, NULL when it is full. */
const char *draft_text(struct draft *d, const struct typed *e);

/* fold.c: a new call, its range filled in, folded when constant. */
enum err_code draft_call(struct typed **out, struct draft *d, enum expr_op op,
                         enum value_type type, struct typed **args,
                         size_t n_args, struct place at,
                         struct err *err) MUST_CHECK;
struct typed *draft_const(struct draft *d, enum value_type type, struct value v,
                          struct place at);

/* undeclared.c: tell of a constant that a public domain does not have. */
enum err_code draft_undeclared(struct draft *d, const struct typed *e,
                               struct err *err) MUST_CHECK;

/* check.c: give `e` the type its operation asks for; may replace arguments by
 * casts.  ERR_INVALID names the place. */
enum err_code check_call(struct typed **out, struct draft *d, enum expr_op op,
                         struct typed **args, size_t n_args, struct place at,
                         struct err *err) MUST_CHECK;

#endif
