/* Windows: what stands before OVER and behind it; tree.h says what they mean.
 */
#include <assert.h>

#include "server/query/tree.h"

const struct window_info *window_info_of(enum window_kind kind)
{
    static const struct window_info infos[WINDOW_KIND_COUNT] = {
        [WINDOW_AGG] = { 0 },
        [WINDOW_ROW_NUMBER] = { "row_number", 0, 0, "no argument" },
        [WINDOW_RANK] = { "rank", 0, 0, "no argument" },
        [WINDOW_DENSE_RANK] = { "dense_rank", 0, 0, "no argument" },
        [WINDOW_LAG] = { "lag", 1, 3, "1 to 3 arguments", true, true },
        [WINDOW_LEAD] = { "lead", 1, 3, "1 to 3 arguments", true, true },
        [WINDOW_FIRST_VALUE] = { "first_value", 1, 1, "1 argument", true },
        [WINDOW_LAST_VALUE] = { "last_value", 1, 1, "1 argument", true },
        [WINDOW_NTH_VALUE] = { "nth_value", 2, 2, "2 arguments", true, true },
        [WINDOW_NTILE] = { "ntile", 1, 1, "1 argument", false, true },
        [WINDOW_PERCENT_RANK] = { "percent_rank", 0, 0, "no argument" },
        [WINDOW_CUME_DIST] = { "cume_dist", 0, 0, "no argument" },
    };
    assert(kind < WINDOW_KIND_COUNT);
    return &infos[kind];
}

const char *window_kind_name(enum window_kind kind)
{
    return window_info_of(kind)->name;
}

struct expr *window_part(const struct window *win, size_t i)
{
    struct expr *const first[] = { win->arg, win->number, win->otherwise };
    for (size_t k = 0; k < sizeof first / sizeof first[0]; k++)
        if (first[k] && i-- == 0)
            return first[k];
    if (i < win->n_partition)
        return win->partition[i];
    i -= win->n_partition;
    return i < win->n_orders ? win->orders[i].expr : NULL;
}

static bool by_equal(const struct frame_by *a, const struct frame_by *b)
{
    return a->is_interval == b->is_interval && a->months == b->months &&
           a->us == b->us && !(a->number < b->number) &&
           !(a->number > b->number);
}

/* Behind ROWS or RANGE, the whole partition is the whole partition. */
static bool frame_equal(const struct frame *a, const struct frame *b)
{
    if (frame_is_all(a))
        return frame_is_all(b);
    return a->rows == b->rows && a->groups == b->groups &&
           a->by_value == b->by_value && a->exclude == b->exclude &&
           a->from == b->from && a->to == b->to &&
           a->from_offset == b->from_offset && a->to_offset == b->to_offset &&
           by_equal(&a->from_by, &b->from_by) && by_equal(&a->to_by, &b->to_by);
}

bool window_equal(const struct window *a, const struct window *b)
{
    bool same = a->kind == b->kind && frame_equal(&a->frame, &b->frame) &&
                a->n_partition == b->n_partition &&
                a->n_orders == b->n_orders && expr_equal(a->arg, b->arg) &&
                expr_equal(a->number, b->number) &&
                expr_equal(a->otherwise, b->otherwise);
    for (size_t i = 0; same && i < a->n_partition; i++)
        same = expr_equal(a->partition[i], b->partition[i]);
    for (size_t i = 0; same && i < a->n_orders; i++)
        same = order_equal(&a->orders[i], &b->orders[i]);
    return same;
}

static void print_by(struct writer *w, const struct frame_by *by)
{
    const struct value number = value_double(by->number);
    if (by->is_interval)
        writer_printf(w, "INTERVAL '%lld months %lld microseconds'",
                      (long long)by->months, (long long)by->us);
    else
        value_print(w, &number);
}

static void print_edge(struct writer *w, const struct frame *f, bool is_from)
{
    static const char *const words[] = {
        [EDGE_FIRST] = "UNBOUNDED PRECEDING", [EDGE_BEFORE] = " PRECEDING",
        [EDGE_HERE] = "CURRENT ROW",          [EDGE_AFTER] = " FOLLOWING",
        [EDGE_LAST] = "UNBOUNDED FOLLOWING",
    };
    const enum frame_edge edge = is_from ? f->from : f->to;
    const bool offset = edge == EDGE_BEFORE || edge == EDGE_AFTER;
    if (offset && f->by_value)
        print_by(w, is_from ? &f->from_by : &f->to_by);
    else if (offset)
        writer_printf(w, "%u", is_from ? f->from_offset : f->to_offset);
    writer_str(w, words[edge]);
}

void frame_print(struct writer *w, const struct frame *f)
{
    static const char *const excluded[] = {
        [EXCLUDE_NOTHING] = "",
        [EXCLUDE_ROW] = " EXCLUDE CURRENT ROW",
        [EXCLUDE_GROUP] = " EXCLUDE GROUP",
        [EXCLUDE_TIES] = " EXCLUDE TIES",
    };
    if (frame_is_default(f))
        return;
    writer_str(w, f->rows || frame_is_all(f) ? "ROWS "
                  : f->groups                ? "GROUPS "
                                             : "RANGE ");
    if (f->from == EDGE_FIRST && f->to == EDGE_HERE) {
        print_edge(w, f, true);
    } else {
        writer_str(w, "BETWEEN ");
        print_edge(w, f, true);
        writer_str(w, " AND ");
        print_edge(w, f, false);
    }
    writer_str(w, excluded[f->exclude]);
}

static void print_arguments(struct writer *w, const struct window *win)
{
    const struct expr *const args[] = { win->arg, win->number, win->otherwise };
    bool any = false;
    for (size_t i = 0; i < sizeof args / sizeof args[0]; i++) {
        if (!args[i])
            continue;
        writer_str(w, any ? ", " : "");
        expr_print(w, args[i]);
        any = true;
    }
}

void window_print(struct writer *w, const struct window *win)
{
    if (win->kind == WINDOW_AGG) {
        expr_print(w, win->arg);
    } else {
        writer_printf(w, "%s(", window_kind_name(win->kind));
        print_arguments(w, win);
        writer_str(w, ")");
    }
    writer_str(w, " OVER (");
    for (size_t i = 0; i < win->n_partition; i++) {
        writer_str(w, i > 0 ? ", " : "PARTITION BY ");
        expr_print(w, win->partition[i]);
    }
    writer_str(w, win->n_partition > 0 && win->n_orders > 0 ? " " : "");
    for (size_t i = 0; i < win->n_orders; i++) {
        writer_str(w, i > 0 ? ", " : "ORDER BY ");
        expr_print(w, win->orders[i].expr);
        order_print(w, &win->orders[i]);
    }
    if (!frame_is_default(&win->frame) && win->n_partition + win->n_orders > 0)
        writer_str(w, " ");
    frame_print(w, &win->frame);
    writer_str(w, ")");
}
