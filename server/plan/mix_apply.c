/* Evaluation of what mix.h describes. */
#include "server/plan/mix.h"

#include <stdlib.h>
#include <string.h>

#include "server/plan/draft.h"
#include "server/plan/eval.h"
#include "server/query/refusal.h"

static const struct reply_interval NONE = { .kind = INTERVAL_NONE };

/* Rows in the making; cells and intervals are row-major. */
struct table {
    struct value *cells;
    struct reply_interval *intervals;
    size_t n, width;
};

struct mixer {
    const struct plan *p;
    struct reply_table *answers; /* of each arm */
    struct arena *a;
};

/* ---- arms ---- */

static enum err_code finish_arm(struct reply_table *out, const struct plan *p,
                                const struct plan_arm *arm,
                                const struct plan_noisy *all, struct arena *a,
                                struct err *err)
{
    const size_t n = plan_releases(arm->plan);
    struct plan_noisy own, *each = ARENA_NEW_N(a, n, struct plan_noisy);
    if (!each)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++)
        if (plan_runs(plan_release(arm->plan, i)))
            TRY(plan_part_rows(&each[i], p, all, arm->first + i, a, err));
    for (size_t i = 0; i < n; i++)
        each[i].cut = all->cut;
    TRY(plan_gather(&own, arm->plan, each, a, err));
    return plan_finish(out, arm->plan, &own, a, err);
}

static enum err_code
finish_arms(struct mixer *m, const struct plan_noisy *noisy, struct err *err)
{
    const struct plan_mix *mix = m->p->mix;
    m->answers = ARENA_NEW_N(m->a, mix->n_arms, struct reply_table);
    if (!m->answers)
        return draft_memory(err);
    for (size_t i = 0; i < mix->n_arms; i++)
        TRY(finish_arm(&m->answers[i], m->p, &mix->arms[i], noisy, m->a, err));
    return ERR_OK;
}

/* ---- tables ---- */

static enum err_code room(struct table *t, size_t rows, size_t width,
                          struct arena *a, struct err *err)
{
    *t = (struct table){ .width = width };
    t->cells = ARENA_NEW_N(a, rows * width + 1, struct value);
    t->intervals = ARENA_NEW_N(a, rows * width + 1, struct reply_interval);
    return t->cells && t->intervals ? ERR_OK : draft_memory(err);
}

static const struct value *row_of(const struct table *t, size_t i)
{
    return &t->cells[i * t->width];
}

static void add_row(struct table *t, const struct table *from, size_t i)
{
    memcpy(&t->cells[t->n * t->width], row_of(from, i),
           t->width * sizeof *t->cells);
    memcpy(&t->intervals[t->n * t->width], &from->intervals[i * t->width],
           t->width * sizeof *t->intervals);
    t->n++;
}

static int compare(const struct value *a, const struct value *b, size_t n)
{
    int c = 0;
    for (size_t i = 0; c == 0 && i < n; i++)
        c = value_cmp(&a[i], &b[i]);
    return c;
}

/* Rows of `keys`, n values each, by these; equal ones in the order given. */
struct sorted {
    const struct value *keys;
    size_t n_keys;
    size_t *by;
    size_t n;
};

static int by_keys(const void *left, const void *right, void *ctx)
{
    const struct sorted *s = ctx;
    const size_t a = *(const size_t *)left, b = *(const size_t *)right;
    const int c =
        compare(&s->keys[a * s->n_keys], &s->keys[b * s->n_keys], s->n_keys);
    return c ? c : (a > b) - (a < b);
}

static enum err_code sort(struct sorted *s, const struct value *keys,
                          size_t n_keys, size_t n, struct arena *a,
                          struct err *err)
{
    *s = (struct sorted){ .keys = keys, .n_keys = n_keys, .n = n };
    s->by = ARENA_NEW_N(a, n + 1, size_t);
    if (!s->by)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++)
        s->by[i] = i;
    if (n > 1)
        qsort_r(s->by, n, sizeof *s->by, by_keys, s);
    return ERR_OK;
}

/* The first place in s->by whose row is not below `key`. */
static size_t place_of(const struct sorted *s, const struct value *key)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        const size_t middle = lo + (hi - lo) / 2;
        if (compare(&s->keys[s->by[middle] * s->n_keys], key, s->n_keys) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static bool is_at(const struct sorted *s, size_t place, const struct value *key)
{
    return place < s->n &&
           compare(&s->keys[s->by[place] * s->n_keys], key, s->n_keys) == 0;
}

/* ---- sets ---- */

static struct value as_type(struct value v, enum value_type type)
{
    if (type == VALUE_DOUBLE && v.type == VALUE_INT)
        return value_double((double)v.i);
    if (type == VALUE_TIMESTAMP && v.type == VALUE_DATE)
        v = (struct value){ .type = type, .i = v.i * US_PER_DAY };
    return v;
}

/* INTERSECT, EXCEPT: different rows of the first that are, or are not, in the
 * second; of UNION, which has no second, all that are different. */
static enum err_code keep_different(struct table *t, const struct table *second,
                                    bool wanted, struct arena *a,
                                    struct err *err)
{
    const struct table all = *t;
    struct sorted own, other = { 0 };
    TRY(sort(&own, all.cells, all.width, all.n, a, err));
    if (second)
        TRY(sort(&other, second->cells, second->width, second->n, a, err));
    TRY(room(t, all.n, all.width, a, err));
    for (size_t i = 0; i < all.n; i++) {
        const struct value *row = row_of(&all, i);
        const bool first = own.by[place_of(&own, row)] == i;
        if (first &&
            (!second || is_at(&other, place_of(&other, row), row) == wanted))
            add_row(t, &all, i);
    }
    return ERR_OK;
}

static enum err_code build(struct table *out, struct mixer *m,
                           const struct plan_mix_node *node, struct err *err);

static enum err_code unite(struct table *out, struct mixer *m,
                           const struct plan_mix_node *node, struct err *err)
{
    const struct rel_column *columns = &m->p->mix->columns[node->column];
    const size_t first = node->set == SET_UNION || node->set == SET_UNION_ALL
                             ? node->n_parts
                             : 1;
    struct table *parts = ARENA_NEW_N(m->a, node->n_parts, struct table);
    size_t n = 0;
    if (!parts)
        return draft_memory(err);
    for (size_t i = 0; i < node->n_parts; i++) {
        TRY(build(&parts[i], m, node->parts[i], err));
        n += i < first ? parts[i].n : 0;
        for (size_t c = 0; c < parts[i].n * node->n_columns; c++)
            parts[i].cells[c] =
                as_type(parts[i].cells[c], columns[c % node->n_columns].type);
    }
    TRY(room(out, n, node->n_columns, m->a, err));
    for (size_t i = 0; i < first; i++)
        for (size_t r = 0; r < parts[i].n; r++)
            add_row(out, &parts[i], r);
    switch (node->set) {
    case SET_UNION_ALL:
        return ERR_OK;
    case SET_UNION:
        return keep_different(out, NULL, true, m->a, err);
    case SET_INTERSECT:
    case SET_EXCEPT:
        break;
    }
    return keep_different(out, &parts[1], node->set == SET_INTERSECT, m->a,
                          err);
}

/* ---- joins ---- */

struct joining {
    struct mixer *m;
    const struct plan_mix_node *node;
    struct table left, right, *out;
    size_t *pairs; /* 2 * n: rows of left and right; NO_ROW for none */
    size_t n, cap;
};
#define NO_ROW SIZE_MAX

static enum err_code add_pair(struct joining *j, size_t left, size_t right,
                              struct err *err)
{
    if (j->n == MIX_PAIRS_MAX)
        return refuse(err, REFUSAL_JOIN_ROWS, REFUSAL_NOWHERE, NULL, NULL);
    if (j->n == j->cap) {
        const size_t cap = 2 * j->cap + 64;
        size_t *more = ARENA_NEW_N(j->m->a, 2 * cap, size_t);
        if (!more)
            return draft_memory(err);
        if (j->n > 0)
            memcpy(more, j->pairs, 2 * j->n * sizeof *more);
        j->pairs = more;
        j->cap = cap;
    }
    j->pairs[2 * j->n] = left;
    j->pairs[2 * j->n++ + 1] = right;
    return ERR_OK;
}

/* Both rows side by side, as ON and the SELECT around read them. */
static void put_row(struct value *cells, const struct joining *j, size_t left,
                    size_t right)
{
    for (size_t c = 0; c < j->left.width; c++)
        cells[c] = left == NO_ROW ? value_null() : row_of(&j->left, left)[c];
    for (size_t c = 0; c < j->right.width; c++)
        cells[j->left.width + c] =
            right == NO_ROW ? value_null() : row_of(&j->right, right)[c];
}

static enum err_code fits(bool *out, const struct joining *j,
                          struct value *cells, size_t left, size_t right,
                          struct err *err)
{
    const struct rel_column *columns = &j->m->p->mix->columns[j->node->column];
    const struct eval_env env = { .columns = columns, .cells = cells };
    *out = true;
    if (j->node->n_on > 0)
        put_row(cells, j, left, right);
    for (size_t i = 0; *out && i < j->node->n_on; i++) {
        struct value v;
        TRY(eval(&v, j->node->on[i], &env, j->m->a, err));
        *out = v.type == VALUE_BOOL && v.b;
    }
    return ERR_OK;
}

/* What one side's rows are matched by. */
static enum err_code keys_of(struct value **out, const struct joining *j,
                             const struct table *t, bool is_left,
                             struct err *err)
{
    const struct plan_mix_node *node = j->node;
    const struct eval_env side = {
        .columns = &j->m->p->mix->columns[node->parts[!is_left]->column]
    };
    *out = ARENA_NEW_N(j->m->a, t->n * node->n_pairs + 1, struct value);
    if (!*out)
        return draft_memory(err);
    for (size_t r = 0; r < t->n; r++)
        for (size_t i = 0; i < node->n_pairs; i++) {
            struct eval_env env = side;
            env.cells = row_of(t, r);
            TRY(eval(&(*out)[r * node->n_pairs + i],
                     is_left ? node->pairs[i].left : node->pairs[i].right, &env,
                     j->m->a, err));
        }
    return ERR_OK;
}

/* NULL equals nothing, mostly. */
static bool may_match(const struct plan_mix_node *node,
                      const struct value *keys)
{
    bool may = true;
    for (size_t i = 0; i < node->n_pairs; i++)
        may &= keys[i].type != VALUE_NULL || node->pairs[i].nulls;
    return may;
}

/* Every pair that matches, and the rows without one that the join keeps. */
static enum err_code match(struct joining *j, struct err *err)
{
    const struct plan_mix_node *node = j->node;
    const size_t n = node->n_pairs;
    struct value *left, *right;
    struct sorted s;
    struct value *cells =
        ARENA_NEW_N(j->m->a, node->n_columns + 1, struct value);
    bool *met = ARENA_NEW_N(j->m->a, j->right.n + 1, bool);
    if (!cells || !met)
        return draft_memory(err);
    TRY(keys_of(&left, j, &j->left, true, err));
    TRY(keys_of(&right, j, &j->right, false, err));
    TRY(sort(&s, right, n, j->right.n, j->m->a, err));
    for (size_t l = 0; l < j->left.n; l++) {
        const struct value *key = &left[l * n];
        bool any = false;
        for (size_t at = may_match(node, key) ? place_of(&s, key) : s.n;
             is_at(&s, at, key); at++) {
            bool fit;
            TRY(fits(&fit, j, cells, l, s.by[at], err));
            if (fit)
                TRY(add_pair(j, l, s.by[at], err));
            any |= fit;
            met[s.by[at]] |= fit;
        }
        if (!any && (node->join == JOIN_LEFT || node->join == JOIN_FULL))
            TRY(add_pair(j, l, NO_ROW, err));
    }
    for (size_t r = 0; r < j->right.n; r++)
        if (!met[r] && (node->join == JOIN_RIGHT || node->join == JOIN_FULL))
            TRY(add_pair(j, NO_ROW, r, err));
    return ERR_OK;
}

static enum err_code join(struct table *out, struct mixer *m,
                          const struct plan_mix_node *node, struct err *err)
{
    struct joining j = { .m = m, .node = node };
    TRY(build(&j.left, m, node->parts[0], err));
    TRY(build(&j.right, m, node->parts[1], err));
    TRY(match(&j, err));
    TRY(room(out, j.n, node->n_columns, m->a, err));
    for (; out->n < j.n; out->n++) {
        const size_t l = j.pairs[2 * out->n], r = j.pairs[2 * out->n + 1];
        const size_t at = out->n * out->width;
        struct reply_interval *intervals = &out->intervals[at];
        put_row(&out->cells[at], &j, l, r);
        for (size_t c = 0; c < j.left.width; c++)
            intervals[c] =
                l == NO_ROW ? NONE : j.left.intervals[l * j.left.width + c];
        for (size_t c = 0; c < j.right.width; c++)
            intervals[j.left.width + c] =
                r == NO_ROW ? NONE : j.right.intervals[r * j.right.width + c];
    }
    return ERR_OK;
}

static enum err_code build(struct table *out, struct mixer *m,
                           const struct plan_mix_node *node, struct err *err)
{
    switch (node->kind) {
    case MIX_ARM: {
        const struct reply_table *t = &m->answers[node->arm];
        struct table from = { .cells = t->cells,
                              .intervals = t->intervals,
                              .n = t->n_rows,
                              .width = t->n_columns };
        TRY(room(out, from.n, from.width, m->a, err));
        for (size_t i = 0; i < from.n; i++)
            add_row(out, &from, i);
        return ERR_OK;
    }
    case MIX_SET:
        return unite(out, m, node, err);
    case MIX_JOIN:
        break;
    }
    return join(out, m, node, err);
}

/* ---- the whole ---- */

/* What the plan says to its reader, then what each arm found out. */
static enum err_code gather_notices(struct reply_table *out,
                                    const struct mixer *m, struct err *err)
{
    const struct plan *p = m->p;
    size_t n = p->n_notices;
    for (size_t i = 0; i < p->mix->n_arms; i++)
        n += m->answers[i].n_notices;
    out->notices = ARENA_NEW_N(m->a, n + 1, const char *);
    if (!out->notices)
        return draft_memory(err);
    for (; out->n_notices < p->n_notices; out->n_notices++)
        out->notices[out->n_notices] = p->notices[out->n_notices];
    for (size_t i = 0; i < p->mix->n_arms; i++)
        for (size_t k = 0; k < m->answers[i].n_notices; k++) {
            const char *text = m->answers[i].notices[k];
            size_t s = 0;
            while (s < out->n_notices && strcmp(out->notices[s], text) != 0)
                s++;
            if (s == out->n_notices)
                out->notices[out->n_notices++] = text;
        }
    return ERR_OK;
}

enum err_code plan_mix_apply(struct reply_table *out, const struct plan *p,
                             const struct plan_noisy *noisy, struct arena *a,
                             struct err *err)
{
    struct mixer m = { .p = p, .a = a };
    struct table t;
    TRY(finish_arms(&m, noisy, err));
    TRY(build(&t, &m, p->mix->root, err));
    *out = (struct reply_table){ .n_columns = t.width,
                                 .cells = t.cells,
                                 .intervals = t.intervals,
                                 .n_rows = t.n,
                                 .level = p->level,
                                 .release_slot_ns = -1 };
    out->columns = ARENA_NEW_N(a, t.width + 1, struct reply_column);
    if (!out->columns)
        return draft_memory(err);
    for (size_t i = 0; i < t.width; i++)
        out->columns[i] =
            (struct reply_column){ .name = p->mix->columns[i].name,
                                   .type = p->mix->columns[i].type,
                                   .numeric = p->mix->columns[i].numeric };
    return gather_notices(out, &m, err);
}
