#include "clients/cli/answer.h"

#include <math.h>
#include <string.h>

#include "clients/cli/answer_json.h"
#include "clients/cli/cell.h"
#include "clients/cli/number.h"
#include "clients/cli/text.h"

typedef Halftone__V1__QueryReply reply;

enum { DECIMALS_MAX = 9 };

/* ---- digits worth showing ---- */

unsigned answer_decimals(double half_width)
{
    if (!(half_width > 0) || half_width >= 10)
        return 0;
    const double need = 1 - floor(log10(half_width));
    return need > DECIMALS_MAX ? DECIMALS_MAX : (unsigned)need;
}

/* A double as a number, or NULL when the cell is none. */
static const double *number_in(const Halftone__V1__Value *v, double *room)
{
    if (v->kind_case == HALFTONE__V1__VALUE__KIND_INT_VALUE)
        *room = (double)v->int_value;
    else if (v->kind_case == HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE)
        *room = v->double_value;
    else
        return NULL;
    return room;
}

/* Enough decimals for the narrowest interval of a column of doubles. */
static unsigned column_decimals(const reply *m, size_t col)
{
    unsigned decimals = 0;
    if (m->columns[col]->type != HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE)
        return 0;
    for (size_t r = 0; r < m->n_rows; r++) {
        const Halftone__V1__Interval *i = answer_interval_at(m, r, col);
        const unsigned need =
            answer_is_bounded(i) ? answer_decimals((i->hi - i->lo) / 2) : 0;
        decimals = need > decimals ? need : decimals;
    }
    return decimals;
}

const char *answer_interval(double value, const Halftone__V1__Interval *i,
                            unsigned decimals, struct arena *a)
{
    if (answer_is_unbounded(i))
        return "unbounded";
    if (!answer_is_bounded(i))
        return "";
    const double below = value - i->lo, above = i->hi - value;
    const double unit = pow(10, -(double)decimals);
    /* A rounded value stands up to a unit beside the middle: of two halves of
     * two digits or more the longer one holds.  The half unit more is for what
     * doubles lose. */
    const double apart = fmax(below, above) >= 10 * unit ? 1.5 : 0.5;
    if (fabs(below - above) < apart * unit) {
        const struct number_text half =
            number_fixed(fmax(below, above), decimals);
        return arena_printf(a, "\xc2\xb1%s", number_grouped(half.s).s);
    }
    const struct number_text lo = number_fixed(i->lo, decimals);
    const struct number_text hi = number_fixed(i->hi, decimals);
    return arena_printf(a, "[%s \xe2\x80\xa6 %s]", number_grouped(lo.s).s,
                        number_grouped(hi.s).s);
}

/* ---- table and csv: one grid, with columns for the intervals ---- */

static bool has_intervals(const reply *m, size_t col)
{
    if (m->columns[col]->is_key)
        return false;
    const enum value_type type = cell_type(m->columns[col]->type);
    return type == VALUE_INT || type == VALUE_DOUBLE || type == VALUE_NULL;
}

static enum grid_type grid_type_of(const Halftone__V1__Column *c)
{
    const enum value_type type = cell_type(c->type);
    if (type != VALUE_INT && type != VALUE_DOUBLE)
        return GRID_TEXT;
    return c->is_key ? GRID_NUMBER : GRID_AMOUNT;
}

static bool add_columns(struct grid *g, const reply *m, bool for_people,
                        struct arena *a)
{
    const char *level =
        arena_printf(a, "%s %%", number_shortest(m->level * 100).s);
    bool ok = level != NULL;
    for (size_t c = 0; ok && c < m->n_columns; c++) {
        const char *name = m->columns[c]->name;
        struct grid_column *next = g->columns + g->n_columns;
        *next++ = (struct grid_column){ name, grid_type_of(m->columns[c]) };
        if (has_intervals(m, c) && for_people) {
            *next++ = (struct grid_column){ level, GRID_NUMBER };
        } else if (has_intervals(m, c)) {
            const char *low = arena_printf(a, "%s_low", name);
            const char *high = arena_printf(a, "%s_high", name);
            ok = low && high;
            *next++ = (struct grid_column){ low, GRID_NUMBER };
            *next++ = (struct grid_column){ high, GRID_NUMBER };
        }
        g->n_columns = (size_t)(next - g->columns);
    }
    return ok;
}

/* Digits after the point that leave six significant ones, as nothing says how
 * many are certain. */
static unsigned decimals_unknown(double d)
{
    enum { SIGNIFICANT = 6 };
    unsigned decimals = SIGNIFICANT - 1;
    for (double least = 10; decimals > 0 && fabs(d) >= least; least *= 10)
        decimals--;
    return decimals;
}

/* A cell and its interval for people, rounded to what noise leaves certain. */
static bool add_shown(const char ***next, const reply *m, size_t row,
                      size_t col, unsigned decimals, struct arena *a)
{
    const Halftone__V1__Value *v = m->rows[row]->cells[col];
    const Halftone__V1__Interval *i = answer_interval_at(m, row, col);
    double room = 0;
    const double *d = number_in(v, &room);
    const bool rounds = v->kind_case == HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE;
    if (d && rounds && !answer_is_bounded(i))
        decimals = decimals_unknown(*d);
    *(*next)++ = d && rounds ? arena_strdup(a, number_fixed(*d, decimals).s)
                             : cell_text(v, a);
    const char *beside = answer_interval(room, i, decimals, a);
    *(*next)++ = beside;
    return beside != NULL;
}

static bool add_exact(const char ***next, const reply *m, size_t row,
                      size_t col, struct arena *a)
{
    const Halftone__V1__Interval *i = answer_interval_at(m, row, col);
    *(*next)++ = cell_text(m->rows[row]->cells[col], a);
    const char *lo = answer_is_unbounded(i) ? "-inf" : NULL;
    const char *hi = answer_is_unbounded(i) ? "inf" : NULL;
    if (answer_is_bounded(i)) {
        lo = arena_strdup(a, number_shortest(i->lo).s);
        hi = arena_strdup(a, number_shortest(i->hi).s);
    }
    *(*next)++ = lo;
    *(*next)++ = hi;
    return !answer_is_bounded(i) || (lo && hi);
}

static enum err_code grid_of(struct grid *g, const reply *m, bool for_people,
                             struct arena *a, struct err *err)
{
    enum { COLUMNS_EACH = 3 }; /* at most: value, low, high */
    *g = (struct grid){ .is_answer = true };
    g->columns =
        ARENA_NEW_N(a, m->n_columns * COLUMNS_EACH, struct grid_column);
    bool ok = g->columns && add_columns(g, m, for_people, a);
    if (ok)
        g->cells = ARENA_NEW_N(a, m->n_rows * g->n_columns, const char *);
    unsigned *decimals = ARENA_NEW_N(a, m->n_columns, unsigned);
    ok = ok && g->cells && decimals;
    for (size_t c = 0; ok && for_people && c < m->n_columns; c++)
        decimals[c] = column_decimals(m, c);
    const char **next = g->cells;
    for (size_t r = 0; ok && r < m->n_rows; r++)
        for (size_t c = 0; ok && c < m->n_columns; c++) {
            if (!has_intervals(m, c))
                *next++ = cell_text(m->rows[r]->cells[c], a);
            else
                ok = for_people ? add_shown(&next, m, r, c, decimals[c], a)
                                : add_exact(&next, m, r, c, a);
        }
    g->n_rows = m->n_rows;
    return ok ? ERR_OK : err_set(err, ERR_LIMIT, "the answer is too large");
}

static void print_notes(const reply *m, FILE *out, bool color, struct arena *a)
{
    for (size_t i = 0; i < m->n_notices; i++) {
        const char *text = text_line(a, m->notices[i]);
        (void)fprintf(out, "%snote:%s %s\n", terminal_style(color, STYLE_BOLD),
                      terminal_style(color, STYLE_PLAIN), text ? text : "");
    }
    const char *line = m->receipt ? answer_receipt(m->receipt, a) : NULL;
    const char *safe = line ? text_line(a, line) : NULL;
    if (safe)
        (void)fprintf(out, "%s%s%s\n", terminal_style(color, STYLE_DIM), safe,
                      terminal_style(color, STYLE_PLAIN));
}

/* ---- all three ---- */

enum err_code answer_check(const reply *m, struct err *err)
{
    for (size_t r = 0; r < m->n_rows; r++)
        if (m->rows[r]->n_cells != m->n_columns)
            return err_set(err, ERR_INTERNAL,
                           "the server's answer has rows of another width");
    return m->receipt ? ERR_OK
                      : err_set(err, ERR_INTERNAL,
                                "the server's answer has no receipt");
}

enum err_code answer_print(const reply *m, enum output_format format,
                           struct terminal *t, struct arena *a, struct err *err)
{
    struct grid g;
    TRY(answer_check(m, err));
    if (format == FORMAT_JSON) {
        answer_print_json(m, t->out, a);
        (void)fputc('\n', t->out);
        return ERR_OK;
    }
    TRY(grid_of(&g, m, format == FORMAT_TABLE, a, err));
    TRY(grid_print(&g, format, t, a, err));
    if (format == FORMAT_TABLE) {
        (void)fputc('\n', t->out);
        print_notes(m, t->out, t->out_color, a);
        return ERR_OK;
    }
    (void)fflush(t->out);
    print_notes(m, t->err, t->err_color, a);
    return ERR_OK;
}
