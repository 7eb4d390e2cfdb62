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

/* Behind ROWS or RANGE, the whole partition is the whole partition. */
static bool frame_equal(const struct frame *a, const struct frame *b)
{
    if (frame_is_all(a))
        return frame_is_all(b);
    return a->rows == b->rows && a->from == b->from && a->to == b->to &&
           a->from_offset == b->from_offset && a->to_offset == b->to_offset;
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

static void print_edge(struct writer *w, enum frame_edge edge, uint32_t offset)
{
    static const char *const words[] = {
        [EDGE_FIRST] = "UNBOUNDED PRECEDING", [EDGE_BEFORE] = " PRECEDING",
        [EDGE_HERE] = "CURRENT ROW",          [EDGE_AFTER] = " FOLLOWING",
        [EDGE_LAST] = "UNBOUNDED FOLLOWING",
    };
    if (edge == EDGE_BEFORE || edge == EDGE_AFTER)
        writer_printf(w, "%u", offset);
    writer_str(w, words[edge]);
}

void frame_print(struct writer *w, const struct frame *f)
{
    if (frame_is_default(f))
        return;
    writer_str(w, f->rows || frame_is_all(f) ? "ROWS " : "RANGE ");
    if (f->from == EDGE_FIRST && f->to == EDGE_HERE) {
        print_edge(w, f->from, 0);
        return;
    }
    writer_str(w, "BETWEEN ");
    print_edge(w, f->from, f->from_offset);
    writer_str(w, " AND ");
    print_edge(w, f->to, f->to_offset);
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
