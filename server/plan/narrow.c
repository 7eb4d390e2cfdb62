/*
 * What WHERE and FILTER say of a number narrows its range: a value of
 * `WHERE x BETWEEN 0 AND 10` is summed as within 0 and 10, whatever the policy
 * declares.  Constants are public, and every row is clamped to the range, so
 * what is narrowed wrongly costs accuracy and never privacy.  A row whose value
 * lies outside the declared range counts as before, at the end that is left.
 */
#include "server/plan/draft.h"
#include "server/plan/range.h"
#include "server/plan/range_given.h"

/* Tests looked at, over all aggregates: what is not narrowed is as declared. */
enum { TESTS_MOST = 1 << 18, DEPTH_MAX = 64 };

struct narrowing {
    const struct draft *d;
    const struct typed *filter; /* of the aggregate, or NULL */
    size_t tests;               /* in both */
    size_t left;
};

static size_t tests_of(const struct typed *e)
{
    size_t n = 1;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        n += tests_of(e->call.args[i]);
    return n;
}

static bool is_number(const struct typed *e)
{
    return e->type == VALUE_INT || e->type == VALUE_DOUBLE;
}

static struct range known(struct narrowing *n, struct range r,
                          const struct typed *e)
{
    if (n->left < n->tests)
        return r;
    n->left -= n->tests;
    for (size_t i = 0; i < n->d->where.n; i++)
        r = range_given(r, n->d->where.v[i], true, e);
    return n->filter ? range_given(r, n->filter, true, e) : r;
}

/* Of times nothing is taken away: days of a series are all noised alike. */
static enum err_code narrow(struct range *out, struct narrowing *n,
                            const struct typed *e, unsigned depth,
                            struct err *err)
{
    *out = e->range;
    if (depth == DEPTH_MAX || typed_is_const(e) || !is_number(e))
        return ERR_OK;
    if (e->kind == TYPED_CALL) {
        const size_t k = e->call.n_args;
        struct typed copy = *e;
        struct typed *args = ARENA_NEW_N(n->d->a, k + 1, struct typed);
        copy.call.args = ARENA_NEW_N(n->d->a, k + 1, struct typed *);
        if (!args || !copy.call.args)
            return draft_memory(err);
        for (size_t i = 0; i < k; i++) {
            args[i] = *e->call.args[i];
            copy.call.args[i] = &args[i];
            TRY(narrow(&args[i].range, n, e->call.args[i], depth + 1, err));
        }
        range_of(&copy);
        *out = copy.range;
    }
    /* What is tested is a column, or what is aggregated as it stands. */
    if (depth == 0 || e->kind == TYPED_COLUMN)
        *out = known(n, *out, e);
    return ERR_OK;
}

static enum err_code narrow_agg(struct draft_agg *agg, struct narrowing *n,
                                struct err *err)
{
    struct range r;
    TRY(narrow(&r, n, agg->value, 0, err));
    if (r.lo == agg->value->range.lo && r.hi == agg->value->range.hi)
        return ERR_OK;
    struct typed *value = ARENA_NEW(n->d->a, struct typed);
    if (!value)
        return draft_memory(err);
    *value = *agg->value;
    value->range = r;
    agg->value = value;
    return ERR_OK;
}

enum err_code draft_narrow(struct draft *d, struct err *err)
{
    struct narrowing n = { .d = d, .left = TESTS_MOST };
    size_t where = 0;
    for (size_t i = 0; i < d->where.n; i++)
        where += tests_of(d->where.v[i]);
    for (size_t i = 0; i < d->n_aggs; i++) {
        struct draft_agg *agg = &d->aggs[i];
        n.filter = agg->filter;
        n.tests = where + (agg->filter ? tests_of(agg->filter) : 0);
        if (agg->value && is_number(agg->value) && n.tests > 0)
            TRY(narrow_agg(agg, &n, err));
    }
    return ERR_OK;
}
