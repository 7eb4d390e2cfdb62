/*
 * Intervals of functions; laws.h.  Where f rises (or falls) the values that f
 * takes on an interval lie between those at its ends.  CASE over one number is
 * taken piece by piece: between the constants that its conditions compare the
 * number with nothing changes but by the branch, which rises or falls itself.
 */
#include <math.h>
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/plan/laws.h"

enum { ARGS_MAX = 16, POINTS_MAX = 48, DEPTH_MAX = 16 };

static const struct reply_interval NONE = { .kind = INTERVAL_NONE };

bool laws_reads(const struct typed *e)
{
    bool found = e->kind == TYPED_AGG || e->kind == TYPED_OVER;
    for (size_t i = 0; e->kind == TYPED_CALL && !found && i < e->call.n_args;
         i++)
        found = laws_reads(e->call.args[i]);
    return found;
}

/* The only argument that is no constant, by its place; n_args when there are
 * several. */
static size_t only_argument(const struct typed *e)
{
    size_t at = e->call.n_args;
    for (size_t i = 0; i < e->call.n_args; i++) {
        if (typed_is_const(e->call.args[i]))
            continue;
        if (at < e->call.n_args)
            return e->call.n_args;
        at = i;
    }
    return at;
}

/* Does the operation rise or fall with that argument, all along? */
static bool is_monotone(const struct typed *e, size_t at)
{
    switch ((int)e->call.op) {
    case OP_ROUND:
    case OP_TRUNC:
    case OP_COALESCE:
    case OP_NULLIF:
        return at == 0;
    case OP_CEIL:
    case OP_FLOOR:
    case OP_SQRT:
    case OP_EXP:
    case OP_LN:
    case OP_SIGN:
    case OP_NEG:
    case OP_GREATEST:
    case OP_LEAST:
    case OP_CAST_INT:
    case OP_CAST_DOUBLE:
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
        return true;
    case OP_LOG: /* of the number, to a constant base */
        return at + 1 == e->call.n_args;
    case OP_DIV:
        return at == 0;
    default:
        return false;
    }
}

static double number_of(const struct value *v)
{
    return v->type == VALUE_INT      ? (double)v->i
           : v->type == VALUE_DOUBLE ? v->d
                                     : (double)NAN;
}

/* An end of an interval as a value of the type: whole numbers lie inside it. */
static bool end_value(struct value *out, enum value_type type, double end,
                      bool is_low)
{
    const double whole = is_low ? ceil(end) : floor(end);
    if (type == VALUE_DOUBLE && isfinite(end)) {
        *out = value_double(end);
        return true;
    }
    if (type != VALUE_INT || !(fabs(whole) < 0x1p62))
        return false;
    *out = value_int((int64_t)whole);
    return true;
}

static struct eval_env env_of(const struct laws_row *row)
{
    return (struct eval_env){ .keys = row->keys,
                              .aggs = row->aggs,
                              .overs = row->overs };
}

static bool value_of(struct value *out, const struct laws_row *row,
                     const struct typed *e)
{
    const struct eval_env env = env_of(row);
    struct err ignored;
    return eval(out, e, &env, row->a, &ignored) == ERR_OK &&
           out->type != VALUE_NULL;
}

static void take_in(struct reply_interval *hull, double v)
{
    if (hull->kind == INTERVAL_NONE)
        *hull = (struct reply_interval){ INTERVAL_BOUNDED, v, v };
    hull->lo = fmin(hull->lo, v);
    hull->hi = fmax(hull->hi, v);
}

/* f with one argument replaced by each end of its interval. */
static struct reply_interval of_ends(const struct laws_row *row,
                                     const struct typed *e, size_t at)
{
    struct typed *args[ARGS_MAX];
    const struct typed *inner = e->call.args[at];
    struct typed copy = *e;
    struct value cell;
    struct reply_interval hull = NONE;
    if (!value_of(&cell, row, inner))
        return NONE; /* COALESCE took a constant */
    const struct reply_interval of = laws_interval(row, inner, &cell);
    if (of.kind != INTERVAL_BOUNDED || e->call.op == OP_NULLIF)
        return of;
    memcpy(args, e->call.args, e->call.n_args * sizeof *args);
    copy.call.args = args;
    for (int high = 0; high < 2; high++) {
        struct typed end = { .kind = TYPED_CONST, .type = inner->type };
        struct value v;
        if (!end_value(&end.value, inner->type, high ? of.hi : of.lo, !high))
            return NONE;
        args[at] = &end;
        if (value_of(&v, row, &copy) && isfinite(number_of(&v)))
            take_in(&hull, number_of(&v));
        else if (e->call.op == OP_SQRT && !high)
            take_in(&hull, 0); /* of what may be below 0 */
        else
            return (struct reply_interval){ .kind = INTERVAL_UNBOUNDED };
    }
    return hull;
}

/* ---- CASE over one number ---- */

/* The leaf all of `e` reads, and where its conditions change. */
struct pieces {
    const struct typed *leaf;
    double points[POINTS_MAX];
    size_t n;
};

static bool is_leaf(const struct typed *e)
{
    return e->kind == TYPED_AGG || e->kind == TYPED_OVER;
}

/* A condition: comparisons of the leaf, moved by constants, with constants. */
static bool conditions(struct pieces *p, const struct typed *e, unsigned depth)
{
    if (typed_is_const(e) || !laws_reads(e))
        return true;
    if (e->kind != TYPED_CALL || depth == DEPTH_MAX)
        return false;
    struct typed *const *args = e->call.args;
    const enum expr_op op = e->call.op;
    if (op == OP_AND || op == OP_OR || op == OP_NOT) {
        bool ok = true;
        for (size_t i = 0; i < e->call.n_args; i++)
            ok &= conditions(p, args[i], depth + 1);
        return ok;
    }
    if (op == OP_IS_NULL)
        return is_leaf(args[0]) && typed_equal(args[0], p->leaf);
    const size_t at = only_argument(e);
    if (op > OP_IS_DISTINCT || op < OP_EQ || at == e->call.n_args)
        return false;
    const struct typed *leaf = laws_linear(args[at]);
    if (!leaf || !typed_equal(leaf, p->leaf))
        return false;
    const double b = laws_linear_at(args[at], 0);
    const double a = laws_linear_at(args[at], 1) - b;
    for (size_t i = 0; i < e->call.n_args; i++) {
        if (i == at || typed_is_null(args[i]))
            continue;
        if (p->n == POINTS_MAX || a == 0)
            return false;
        p->points[p->n++] = (number_of(&args[i]->value) - b) / a;
    }
    return true;
}

static const struct typed *leaf_of(const struct typed *e)
{
    const struct typed *found = is_leaf(e) ? e : NULL;
    for (size_t i = 0; e->kind == TYPED_CALL && !found && i < e->call.n_args;
         i++)
        found = leaf_of(e->call.args[i]);
    return found;
}

/* A branch: constant, of the keys, or rising or falling with the leaf. */
static bool is_branch(const struct pieces *p, const struct typed *e,
                      unsigned depth)
{
    if (!laws_reads(e))
        return true;
    if (is_leaf(e))
        return typed_equal(e, p->leaf);
    if (e->kind != TYPED_CALL || depth == DEPTH_MAX)
        return false;
    const size_t at = only_argument(e);
    return at < e->call.n_args && is_monotone(e, at) &&
           is_branch(p, e->call.args[at], depth + 1);
}

static void at_point(struct reply_interval *hull, const struct laws_row *row,
                     const struct typed *e, const struct typed *leaf,
                     const struct value *point)
{
    const struct plan *p = row->laws->p;
    const bool over = leaf->kind == TYPED_OVER;
    const size_t n = over ? p->n_overs : p->n_aggs;
    struct value *leaves = ARENA_NEW_N(row->a, n + 1, struct value), v;
    struct eval_env env = env_of(row);
    struct err ignored;
    if (!leaves)
        return;
    memcpy(leaves, over ? row->overs : row->aggs, n * sizeof *leaves);
    leaves[leaf->index] = *point;
    if (over)
        env.overs = leaves;
    else
        env.aggs = leaves;
    if (eval(&v, e, &env, row->a, &ignored) == ERR_OK &&
        isfinite(number_of(&v)))
        take_in(hull, number_of(&v));
}

/* Just below, at and just above a point, as far as these lie inside. */
static void around(struct reply_interval *hull, const struct laws_row *row,
                   const struct typed *e, const struct pieces *p, double x,
                   struct reply_interval in)
{
    const bool whole = p->leaf->type == VALUE_INT;
    const double below = whole ? ceil(x) - 1 : nextafter(x, -HUGE_VAL);
    const double above = whole ? floor(x) + 1 : nextafter(x, HUGE_VAL);
    const double at[] = { below, whole ? floor(x) : x, whole ? ceil(x) : x,
                          above };
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct value v;
        if (at[i] >= in.lo && at[i] <= in.hi &&
            end_value(&v, p->leaf->type, at[i], false))
            at_point(hull, row, e, p->leaf, &v);
    }
}

static struct reply_interval of_pieces(const struct laws_row *row,
                                       const struct typed *e)
{
    struct pieces p = { .leaf = leaf_of(e) };
    struct reply_interval hull = NONE;
    struct value cell, end;
    if (!p.leaf || !value_of(&cell, row, p.leaf))
        return NONE;
    for (size_t i = 0; i < e->call.n_args; i++) {
        const bool test = i % 2 == 0 && i + 1 < e->call.n_args;
        if (test ? !conditions(&p, e->call.args[i], 0)
                 : !is_branch(&p, e->call.args[i], 0))
            return NONE;
    }
    const struct reply_interval in = laws_interval(row, p.leaf, &cell);
    if (in.kind != INTERVAL_BOUNDED)
        return in;
    for (int high = 0; high < 2; high++)
        if (end_value(&end, p.leaf->type, high ? in.hi : in.lo, !high))
            at_point(&hull, row, e, p.leaf, &end);
    for (size_t i = 0; i < p.n; i++)
        around(&hull, row, e, &p, p.points[i], in);
    return hull;
}

/* Conditions over keys choose the branch, and its interval. */
static struct reply_interval of_case(const struct laws_row *row,
                                     const struct typed *e)
{
    const size_t n = e->call.n_args;
    struct value v;
    bool by_keys = true;
    for (size_t i = 0; i + 1 < n; i += 2)
        by_keys &= !laws_reads(e->call.args[i]);
    if (!by_keys)
        return of_pieces(row, e);
    size_t i = 0;
    while (i + 1 < n &&
           !(value_of(&v, row, e->call.args[i]) && v.type == VALUE_BOOL && v.b))
        i += 2;
    const struct typed *branch = i + 1 < n ? e->call.args[i + 1]
                                 : n % 2   ? e->call.args[n - 1]
                                           : NULL;
    if (!branch || !laws_reads(branch) || !value_of(&v, row, branch))
        return NONE;
    return laws_interval(row, branch, &v);
}

struct reply_interval laws_function(const struct laws_row *row,
                                    const struct typed *e)
{
    if (e->kind != TYPED_CALL || !laws_reads(e))
        return NONE;
    if (e->call.op == OP_CASE)
        return of_case(row, e);
    const size_t at = only_argument(e);
    if (e->call.n_args > ARGS_MAX || at == e->call.n_args ||
        !is_monotone(e, at))
        return NONE;
    return of_ends(row, e, at);
}
