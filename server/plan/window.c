/*
 * Window functions in sub-queries.  Over rows of people a window is of one
 * person: PARTITION BY holds the key.  Which of several rows that tie comes
 * first must not be the engine's to choose, for its choice depends on
 * everybody's rows: where a function can tell them apart, ORDER BY goes on with
 * every column that the outputs read.
 */
#include <math.h>

#include "server/plan/dialect.h"
#include "server/plan/draft.h"
#include "server/plan/range.h"
#include "server/query/refusal.h"

/* A window function, checked. */
struct call {
    const struct window *win;
    const struct draft_block *b;
    struct typed **partition, **orders;
    const struct select_order **how; /* per order */
    size_t n_partition, n_orders;
    struct draft_agg agg;          /* WINDOW_AGG */
    struct typed *arg, *otherwise; /* of lag and its like */
    int64_t number;
    struct frame frame;
};

static enum err_code type_partition(struct call *c, struct draft *d,
                                    struct place at, struct err *err)
{
    const struct rel_scope *s = c->b->scope;
    bool has_key = !s->owned;
    c->partition = ARENA_NEW_N(d->a, c->win->n_partition + 1, struct typed *);
    if (!c->partition)
        return draft_memory(err);
    for (size_t i = 0; i < c->win->n_partition; i++) {
        const struct rel_column *key = draft_bare_key(d, c->win->partition[i]);
        if (key && key->key == REL_KEY_OWN)
            has_key = true;
        else
            TRY(draft_row(&c->partition[c->n_partition++], d,
                          c->win->partition[i], USE_GROUP, err));
    }
    if (has_key)
        return ERR_OK;
    return refuse(err, REFUSAL_WINDOW_KEY, at, s->leaves[s->key].rel->key_name,
                  NULL);
}

static enum err_code type_orders(struct call *c, struct draft *d,
                                 struct err *err)
{
    const size_t n = c->win->n_orders;
    c->orders = ARENA_NEW_N(d->a, n + 1, struct typed *);
    c->how = ARENA_NEW_N(d->a, n + 1, const struct select_order *);
    if (!c->orders || !c->how)
        return draft_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct select_order *o = &c->win->orders[i];
        const struct rel_column *key = draft_bare_key(d, o->expr);
        if (key && key->key == REL_KEY_OWN)
            continue; /* one value in the whole window */
        TRY(draft_row(&c->orders[c->n_orders], d, o->expr, USE_FILTER, err));
        c->how[c->n_orders++] = o;
    }
    return ERR_OK;
}

/* Can the function tell rows apart that ORDER BY does not? */
static bool sees_ties(const struct call *c)
{
    switch (c->win->kind) {
    case WINDOW_AGG:
        return c->frame.rows && !frame_is_all(&c->frame);
    case WINDOW_RANK:
    case WINDOW_DENSE_RANK:
    case WINDOW_PERCENT_RANK:
    case WINDOW_CUME_DIST:
        return false;
    case WINDOW_ROW_NUMBER:
    case WINDOW_LAG:
    case WINDOW_LEAD:
    case WINDOW_FIRST_VALUE:
    case WINDOW_LAST_VALUE:
    case WINDOW_NTH_VALUE:
    case WINDOW_NTILE:
    case WINDOW_KIND_COUNT:
        break;
    }
    return true;
}

static void print_over(struct writer *w, const void *ctx)
{
    const struct call *c = ctx;
    const struct rel_scope *s = c->b->scope;
    const char *ties = sees_ties(c) ? c->b->ties : "";
    bool any = s->owned;
    writer_str(w, " OVER (");
    if (s->owned)
        writer_printf(w, "PARTITION BY %s", s->leaves[s->key].key_sql);
    for (size_t i = 0; i < c->n_partition; i++) {
        writer_str(w, any ? ", " : "PARTITION BY ");
        dialect_typed(w, c->partition[i]);
        any = true;
    }
    for (size_t i = 0; i < c->n_orders; i++) {
        writer_str(w, i ? ", " : " ORDER BY ");
        dialect_order(w, c->orders[i], c->how[i]->descending,
                      c->how[i]->nulls_first);
    }
    if (ties[0])
        writer_printf(w, "%s%s", c->n_orders ? ", " : " ORDER BY ", ties);
    writer_str(w, frame_is_default(&c->frame) ? "" : " ");
    frame_print(w, &c->frame);
    writer_str(w, ")");
}

/* What print_call puts together. */
struct texts {
    const struct call *c;
    const char *over;
};

static void print_call(struct writer *w, const void *ctx)
{
    const struct texts *t = ctx;
    const struct call *c = t->c;
    writer_printf(w, "%s(", window_kind_name(c->win->kind));
    if (c->arg)
        dialect_typed(w, c->arg);
    if (c->win->number)
        writer_printf(w, "%s%lld", c->arg ? ", " : "", (long long)c->number);
    if (c->otherwise) {
        writer_str(w, ", ");
        dialect_typed(w, c->otherwise);
    }
    writer_printf(w, ")%s", t->over);
}

static enum err_code print_window(struct typed *out, struct draft *d,
                                  const struct call *c, struct err *err)
{
    const struct texts t = { c, draft_print(d, print_over, c) };
    if (!t.over)
        return draft_memory(err);
    out->text = c->win->kind == WINDOW_AGG ? draft_agg_text(d, &c->agg, t.over)
                                           : draft_print(d, print_call, &t);
    return out->text ? ERR_OK : draft_memory(err);
}

/* Is the row itself always in its frame? */
static bool holds_row(const struct frame *f)
{
    return (f->from <= EDGE_HERE || f->from_offset == 0) &&
           (f->to >= EDGE_HERE || f->to_offset == 0) && f->from != EDGE_LAST &&
           f->to != EDGE_FIRST;
}

static enum err_code type_agg(struct typed *out, struct call *c,
                              struct draft *d, struct place at, struct err *err)
{
    TRY(draft_agg_of(&c->agg, d, c->win->arg, err));
    if (c->agg.distinct)
        return refuse(err, REFUSAL_AGG_DISTINCT, at, "a window", NULL);
    TRY(draft_sub_agg(out, d, &c->agg, err));
    const bool counts = c->agg.kind == AGG_COUNT;
    const bool some = holds_row(&c->frame) && !c->agg.filter;
    if (counts)
        out->range.lo = some && !c->agg.value ? 1 : 0;
    out->never_null = counts || (some && c->agg.value->never_null &&
                                 c->agg.kind != AGG_VAR_SAMP &&
                                 c->agg.kind != AGG_STDDEV_SAMP);
    return ERR_OK;
}

static struct range range_with(struct range a, struct range b)
{
    return (struct range){ fmin(a.lo, b.lo), fmax(a.hi, b.hi) };
}

/* The value of another row of the person, or what stands for none. */
static enum err_code type_value(struct typed *out, struct call *c,
                                struct draft *d, struct place at,
                                struct err *err)
{
    TRY(draft_row(&c->arg, d, c->win->arg, USE_VALUE, err));
    if (c->win->otherwise) {
        TRY(draft_row(&c->otherwise, d, c->win->otherwise, USE_VALUE, err));
        TRY(draft_one_type(&c->arg, &c->otherwise, d, at, err));
    }
    const struct typed *x = c->arg, *other = c->otherwise;
    const bool frames = c->win->kind >= WINDOW_FIRST_VALUE;
    out->type = x->type == VALUE_NULL ? VALUE_TEXT : x->type;
    out->range = x->range;
    out->grid_bits = x->grid_bits;
    out->whole = x->whole;
    out->never_null = x->never_null && frames && holds_row(&c->frame) &&
                      c->win->kind != WINDOW_NTH_VALUE;
    if (!other)
        return ERR_OK;
    if (!typed_is_null(other))
        out->range = range_with(x->range, other->range);
    if (other->grid_bits > out->grid_bits)
        out->grid_bits = other->grid_bits;
    out->whole &= other->whole || typed_is_null(other);
    out->never_null = x->never_null && other->never_null;
    return ERR_OK;
}

static enum err_code type_function(struct typed *out, struct call *c,
                                   struct draft *d, const struct expr *e,
                                   struct err *err)
{
    const enum window_kind kind = c->win->kind;
    if (kind == WINDOW_AGG)
        return type_agg(out, c, d, e->at, err);
    TRY(draft_window_number(&c->number, d, c->win, e->at, err));
    if (window_info_of(kind)->takes_value)
        return type_value(out, c, d, e->at, err);
    const bool real = kind == WINDOW_PERCENT_RANK || kind == WINDOW_CUME_DIST;
    out->type = real ? VALUE_DOUBLE : VALUE_INT;
    out->range = real ? (struct range){ 0, 1 } : (struct range){ 1, HUGE_VAL };
    if (kind == WINDOW_NTILE)
        out->range.hi = (double)c->number;
    out->grid_bits = real ? RANGE_GRID_DEFAULT : 0;
    out->never_null = true;
    out->whole = !real;
    return ERR_OK;
}

/*
 * Rows that tie stand in an order of ours, so that an edge at the row's peers
 * would be another one: the first row of a frame is known when the frame begins
 * at the first, its last and nth when it has no such edge at all.
 */
static enum err_code find_frame(struct call *c, struct place at,
                                struct err *err)
{
    const enum window_kind kind = c->win->kind;
    c->frame = c->win->frame;
    if (frame_is_wide(&c->frame))
        return refuse(err, REFUSAL_FRAME, at,
                      c->frame.groups                       ? "GROUPS"
                      : c->frame.exclude != EXCLUDE_NOTHING ? "EXCLUDE"
                                                            : "RANGE with an "
                                                              "offset",
                      NULL);
    const bool counts_rows = c->frame.rows || frame_is_all(&c->frame);
    const bool known =
        kind == WINDOW_FIRST_VALUE && c->frame.from == EDGE_FIRST;
    if (kind < WINDOW_FIRST_VALUE || kind > WINDOW_NTH_VALUE || counts_rows ||
        known)
        return ERR_OK;
    if (c->win->n_orders > 0)
        return refuse(err, REFUSAL_LAST_VALUE, at, window_kind_name(kind),
                      NULL);
    c->frame = (struct frame){ .from = EDGE_FIRST, .to = EDGE_LAST };
    return ERR_OK;
}

enum err_code draft_window(struct typed **out, struct draft *d,
                           const struct expr *e, struct err *err)
{
    struct call c = { .win = e->window, .b = d->block };
    struct typed *t = ARENA_NEW(d->a, struct typed);
    if (!t)
        return draft_memory(err);
    *t = (struct typed){ .kind = TYPED_TEXT, .is_window = true, .at = e->at };
    d->block->in_output = false; /* no window inside a window */
    TRY(type_partition(&c, d, e->at, err));
    TRY(type_orders(&c, d, err));
    TRY(find_frame(&c, e->at, err));
    TRY(type_function(t, &c, d, e, err));
    d->block->in_output = true;
    d->block->has_windows = true;
    const uint64_t behind = d->behind;
    TRY(print_window(t, d, &c, err));
    t->behind = d->behind - behind;
    *out = t;
    return ERR_OK;
}
