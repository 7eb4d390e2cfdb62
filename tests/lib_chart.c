#include "tests/lib_chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 720,
    LEFT = 176,  /* where bars begin */
    RIGHT = 560, /* where they end; what stands behind is text */
    TOP = 44,    /* of the drawing; the title is above */
    BAR = 16,    /* height of a bar */
    GAP = 10,    /* between rows */
    AXIS = 34,   /* height of the scale below */
    PLOT = 220,  /* height of a line chart */
    CELL_W = 42,
    CELL_H = 24,
    TEXT = 160,
    DRAWN = 4, /* columns of one picture */
    ROWS = 256,
};

/* Told apart by lightness, too. */
static const char *const COLORS[DRAWN] = { "#2b6cb0", "#90cdf4", "#276749",
                                           "#c6f6d5" };

static const char STYLE[] =
    "<style>text{font:13px system-ui,sans-serif;fill:#1a202c}"
    ".h{font-weight:600;font-size:15px}.s{fill:#4a5568;font-size:12px}"
    ".r{text-anchor:end}.m{text-anchor:middle}"
    ".w{stroke:#1a202c;stroke-width:1.5;fill:none}"
    ".g{stroke:#e2e8f0}</style>\n";

/* ---- text ---- */

static void escaped(struct writer *w, const char *s)
{
    for (; *s; s++) {
        if (*s == '<')
            writer_str(w, "&lt;");
        else if (*s == '&')
            writer_str(w, "&amp;");
        else
            writer_u8(w, (uint8_t)*s);
    }
}

/* Three digits after the point below 10, one below 1,000, then none, with
 * commas. */
static const char *shown(char out[TEXT], double v)
{
    char plain[64];
    const double size = fabs(v);
    const int digits = size < 10 && v != floor(v)     ? 3
                       : size < 1000 && v != floor(v) ? 1
                                                      : 0;
    (void)snprintf(plain, sizeof plain, "%.*f", digits, size);
    size_t whole = strcspn(plain, "."), n = 0;
    if (v < 0)
        n += (size_t)snprintf(out, TEXT, "\u2212");
    for (size_t i = 0; plain[i]; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = plain[i];
    }
    out[n] = '\0';
    return out;
}

static const struct value *cell(const struct reply_table *t, size_t row,
                                size_t column)
{
    return &t->cells[row * t->n_columns + column];
}

static bool number(double *out, const struct reply_table *t, size_t row,
                   size_t column)
{
    const struct value *v = cell(t, row, column);
    *out = v->type == VALUE_INT      ? (double)v->i
           : v->type == VALUE_DOUBLE ? v->d
                                     : 0;
    return v->type == VALUE_INT || v->type == VALUE_DOUBLE;
}

static const struct reply_interval *interval(const struct reply_table *t,
                                             size_t row, size_t column)
{
    return &t->intervals[row * t->n_columns + column];
}

/* Entry i of "a,b,c"; false past the last. */
static bool entry(char out[TEXT], const char *list, size_t i)
{
    while (*list) {
        const size_t len = strcspn(list, ",");
        if (i-- == 0) {
            (void)snprintf(out, TEXT, "%.*s", (int)len, list);
            return true;
        }
        list += len + (list[len] == ',');
    }
    return false;
}

static void key_text(char out[TEXT], const struct value *v)
{
    struct writer w = writer_of(out, TEXT);
    if (v->type == VALUE_NULL)
        writer_str(&w, "NULL");
    else
        value_print(&w, v);
    (void)writer_cstr(&w);
}

static bool is_flag(const struct reply_table *t, size_t column)
{
    bool flags = t->columns[column].is_key && t->n_rows > 0;
    for (size_t r = 0; r < t->n_rows; r++) {
        const struct value *v = cell(t, r, column);
        flags &= v->type == VALUE_INT && (v->i == 0 || v->i == 1);
    }
    return flags;
}

/* The keys of a row: values, or the names of those that are 1. */
static void label(char out[TEXT], const struct chart *c,
                  const struct reply_table *t, size_t row)
{
    struct writer w = writer_of(out, TEXT);
    bool any = false, flags = true;
    size_t n_keys = 0;
    for (size_t i = 0; i < t->n_columns; i++) {
        flags &= !t->columns[i].is_key || is_flag(t, i);
        n_keys += t->columns[i].is_key;
    }
    if (c->labels[0] && entry(out, c->labels, row))
        return;
    for (size_t i = 0; i < t->n_columns; i++) {
        char text[TEXT];
        if (!t->columns[i].is_key ||
            (flags && n_keys > 1 && !cell(t, row, i)->i))
            continue;
        key_text(text, cell(t, row, i));
        writer_str(&w, !any ? "" : flags && n_keys > 1 ? " + " : " \u00b7 ");
        writer_str(&w, flags && n_keys > 1 ? t->columns[i].name : text);
        any = true;
    }
    if (!any)
        writer_str(&w, "none of them");
    (void)writer_cstr(&w);
}

/* ---- what is drawn ---- */

struct drawn {
    size_t column[DRAWN];
    size_t n;
};

static bool is_drawn(const struct chart *c, const struct reply_column *column)
{
    char name[TEXT];
    bool found = !c->columns[0] && !column->is_key;
    for (size_t i = 0; entry(name, c->columns, i); i++)
        found |= strcmp(name, column->name) == 0;
    return found;
}

static struct drawn drawn_of(const struct chart *c, const struct reply_table *t)
{
    struct drawn d = { .n = 0 };
    for (size_t i = 0; i < t->n_columns && d.n < DRAWN; i++)
        if (is_drawn(c, &t->columns[i]))
            d.column[d.n++] = i;
    return d;
}

/* The ends of a scale: of values, and of intervals that have ends. */
struct scale {
    double lo, hi, step;
};

static void reach(struct scale *s, double v)
{
    s->lo = fmin(s->lo, v);
    s->hi = fmax(s->hi, v);
}

static struct scale scale_of(const struct reply_table *t, const struct drawn *d)
{
    struct scale s = { 0, 0, 1 };
    for (size_t r = 0; r < t->n_rows; r++)
        for (size_t k = 0; k < d->n; k++) {
            const struct reply_interval *i = interval(t, r, d->column[k]);
            double v;
            if (!number(&v, t, r, d->column[k]) ||
                i->kind == INTERVAL_UNBOUNDED)
                continue;
            reach(&s, v);
            if (i->kind == INTERVAL_BOUNDED) {
                reach(&s, i->lo);
                reach(&s, i->hi);
            }
        }
    /* Four to ten steps of 1, 2 or 5 times a power of ten. */
    const double wide = s.hi > s.lo ? s.hi - s.lo : 1;
    s.step = pow(10, floor(log10(wide)));
    if (wide / s.step < 2)
        s.step /= 5;
    else if (wide / s.step < 4)
        s.step /= 2;
    else if (wide / s.step > 6)
        s.step *= 2;
    s.lo = s.step * floor(s.lo / s.step);
    s.hi = s.step * ceil(fmax(s.hi, s.lo + s.step) / s.step);
    return s;
}

static double at(const struct scale *s, double v, double from, double to)
{
    return from + (v - s->lo) / (s->hi - s->lo) * (to - from);
}

/* ---- parts ---- */

static void open_svg(struct writer *w, const struct chart *c, int height)
{
    writer_printf(w,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
                  "aria-labelledby=\"t d\" viewBox=\"0 0 %d %d\" "
                  "width=\"%d\" height=\"%d\">\n<title id=\"t\">",
                  WIDTH, height, WIDTH, height);
    escaped(w, c->title);
    writer_str(w, "</title>\n<desc id=\"d\">");
    escaped(w, c->text);
    writer_str(w, "</desc>\n");
    writer_str(w, STYLE);
    writer_printf(w, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
                  WIDTH, height);
    writer_str(w, "<text class=\"h\" x=\"12\" y=\"22\">");
    escaped(w, c->title);
    writer_str(w, "</text>\n");
}

static void text_at(struct writer *w, const char *kind, double x, double y,
                    const char *text)
{
    writer_printf(w, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", kind, x, y);
    escaped(w, text);
    writer_str(w, "</text>\n");
}

static void grid_below(struct writer *w, const struct scale *s, double y)
{
    const int n = (int)lround((s->hi - s->lo) / s->step);
    for (int i = 0; i <= n; i++) {
        char text[TEXT];
        const double v = s->lo + i * s->step, x = at(s, v, LEFT, RIGHT);
        writer_printf(w, "<path class=\"g\" d=\"M%.1f %d V%.1f\"/>\n", x, TOP,
                      y);
        text_at(w, "s m", x, y + 16, shown(text, v));
    }
}

/* The names of the columns behind their colours. */
static void legend(struct writer *w, const struct reply_table *t,
                   const struct drawn *d, double y)
{
    double x = LEFT;
    for (size_t k = 0; k < d->n && d->n > 1; k++) {
        const char *name = t->columns[d->column[k]].name;
        writer_printf(w,
                      "<rect x=\"%.1f\" y=\"%.1f\" width=\"11\" height=\"11\" "
                      "fill=\"%s\"/>\n",
                      x, y - 10, COLORS[k]);
        text_at(w, "s", x + 16, y, name);
        x += 40 + 7.0 * (double)strlen(name);
    }
}

static void whisker(struct writer *w, const struct scale *s,
                    const struct reply_interval *i, double y)
{
    if (i->kind == INTERVAL_NONE)
        return;
    const bool open = i->kind == INTERVAL_UNBOUNDED;
    const double from = open ? LEFT : at(s, i->lo, LEFT, RIGHT);
    const double to = open ? RIGHT : at(s, i->hi, LEFT, RIGHT);
    if (open)
        writer_printf(
            w,
            "<path class=\"w\" stroke-dasharray=\"4 3\" d=\"M%.1f "
            "%.1f H%.1f\"/>\n<path class=\"w\" d=\"M%.1f %.1f l-6 4 6 4 "
            "M%.1f %.1f l6 4 -6 4\"/>\n",
            from, y, to, from + 6, y - 4, to - 6, y - 4);
    else
        writer_printf(w,
                      "<path class=\"w\" d=\"M%.1f %.1f H%.1f M%.1f %.1f v8 "
                      "M%.1f %.1f v8\"/>\n",
                      from, y, to, from, y - 4, to, y - 4);
}

/* "26,880 ±93", "unbounded" */
static void number_text(char out[TEXT], double v,
                        const struct reply_interval *i)
{
    char a[TEXT], b[TEXT];
    if (i->kind == INTERVAL_UNBOUNDED)
        (void)snprintf(out, TEXT, "unbounded");
    else if (i->kind == INTERVAL_NONE)
        (void)snprintf(out, TEXT, "%.60s", shown(a, v));
    else if (fabs(i->hi - v - (v - i->lo)) < 0.01 * (i->hi - i->lo))
        (void)snprintf(out, TEXT, "%.60s \u00b1%.60s", shown(a, v),
                       shown(b, (i->hi - i->lo) / 2));
    else
        (void)snprintf(out, TEXT, "%.50s to %.50s", shown(a, i->lo),
                       shown(b, i->hi));
}

static void bar(struct writer *w, const struct reply_table *t,
                const struct scale *s, size_t row, size_t column,
                const char *color, double y)
{
    const struct reply_interval *i = interval(t, row, column);
    char text[TEXT];
    double v;
    if (!number(&v, t, row, column)) {
        text_at(w, "", RIGHT + 12, y + 13, "NULL");
        return;
    }
    const double zero = at(s, 0, LEFT, RIGHT), end = at(s, v, LEFT, RIGHT);
    if (i->kind != INTERVAL_UNBOUNDED)
        writer_printf(w,
                      "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                      "height=\"%d\" fill=\"%s\"/>\n",
                      fmin(zero, end), y, fabs(end - zero), BAR, color);
    whisker(w, s, i, y + BAR / 2.0);
    number_text(text, v, i);
    text_at(w, "", RIGHT + 12, y + 13, text);
}

/* ---- pictures ---- */

static void bars(struct writer *w, const struct chart *c,
                 const struct reply_table *t, const struct drawn *d)
{
    const struct scale s = scale_of(t, d);
    const double each = (double)d->n * (BAR + 2) + GAP;
    const double end = TOP + each * (double)t->n_rows;
    open_svg(w, c, (int)end + AXIS + (d->n > 1 ? 20 : 0));
    grid_below(w, &s, end);
    for (size_t r = 0; r < t->n_rows; r++) {
        char name[TEXT];
        const double y = TOP + each * (double)r + GAP / 2.0;
        label(name, c, t, r);
        text_at(w, "r", LEFT - 8, y + (double)d->n * (BAR + 2) / 2 + 4, name);
        for (size_t k = 0; k < d->n; k++)
            bar(w, t, &s, r, d->column[k], COLORS[k],
                y + (double)k * (BAR + 2));
    }
    legend(w, t, d, end + 36);
}

static void cells(struct writer *w, const struct chart *c,
                  const struct reply_table *t, const struct drawn *d)
{
    const struct scale s = scale_of(t, d);
    const double each = BAR + GAP, end = TOP + each * (double)d->n;
    open_svg(w, c, (int)end + AXIS);
    grid_below(w, &s, end);
    for (size_t k = 0; k < d->n; k++) {
        const double y = TOP + each * (double)k + GAP / 2.0;
        text_at(w, "r", LEFT - 8, y + 13, t->columns[d->column[k]].name);
        bar(w, t, &s, 0, d->column[k], COLORS[0], y);
    }
}

static void band(struct writer *w, const struct reply_table *t, size_t column,
                 const struct scale *s, double step)
{
    writer_str(w, "<path fill=\"#bee3f8\" d=\"M");
    for (size_t k = 0; k < 2 * t->n_rows; k++) {
        const size_t r = k < t->n_rows ? k : 2 * t->n_rows - 1 - k;
        const struct reply_interval *i = interval(t, r, column);
        double v;
        (void)number(&v, t, r, column);
        const double end = i->kind != INTERVAL_BOUNDED ? v
                           : k < t->n_rows             ? i->hi
                                                       : i->lo;
        writer_printf(w, "%s%.1f %.1f", k ? " " : "", 80 + step * (double)r,
                      at(s, end, TOP + PLOT, TOP));
    }
    writer_str(w, "Z\"/>\n");
}

static void line(struct writer *w, const struct chart *c,
                 const struct reply_table *t, const struct drawn *d)
{
    const struct scale s = scale_of(t, d);
    const double step =
        t->n_rows > 1 ? (WIDTH - 130.0) / (double)(t->n_rows - 1) : 0;
    open_svg(w, c, TOP + PLOT + AXIS);
    for (int i = 0; i <= (int)lround((s.hi - s.lo) / s.step); i++) {
        char text[TEXT];
        const double v = s.lo + i * s.step, y = at(&s, v, TOP + PLOT, TOP);
        writer_printf(w, "<path class=\"g\" d=\"M80 %.1f H%d\"/>\n", y,
                      WIDTH - 50);
        text_at(w, "s r", 72, y + 4, shown(text, v));
    }
    band(w, t, d->column[0], &s, step);
    writer_printf(w,
                  "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"M",
                  COLORS[0]);
    for (size_t r = 0; r < t->n_rows; r++) {
        double v;
        (void)number(&v, t, r, d->column[0]);
        writer_printf(w, "%s%.1f %.1f", r ? " " : "", 80 + step * (double)r,
                      at(&s, v, TOP + PLOT, TOP));
    }
    writer_str(w, "\"/>\n");
    for (size_t r = 0; r < t->n_rows; r += 5) {
        char name[TEXT];
        label(name, c, t, r);
        name[strcspn(name, " ")] = '\0'; /* the day of a time */
        text_at(w, "s m", 80 + step * (double)r, TOP + PLOT + 18, name);
    }
}

static int64_t key(const struct reply_table *t, size_t row, size_t column)
{
    double v = 0;
    (void)number(&v, t, row, column);
    return (int64_t)v;
}

static void shade(struct writer *w, double x, double y, double part)
{
    /* From white to the blue of bars. */
    const int r = (int)lround(255 - part * (255 - 43));
    const int g = (int)lround(255 - part * (255 - 108));
    const int b = (int)lround(255 - part * (255 - 176));
    writer_printf(w,
                  "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
                  "fill=\"#%02x%02x%02x\"/>\n",
                  x, y, CELL_W - 2, CELL_H - 2, r, g, b);
}

static void heat(struct writer *w, const struct chart *c,
                 const struct reply_table *t, const struct drawn *d)
{
    const struct scale s = scale_of(t, d);
    int64_t down = 0, across = 0;
    for (size_t r = 0; r < t->n_rows; r++) {
        down = key(t, r, 0) > down ? key(t, r, 0) : down;
        across = key(t, r, 1) > across ? key(t, r, 1) : across;
    }
    open_svg(w, c, TOP + CELL_H * (int)(down + 1) + 30);
    text_at(w, "s r", 100, TOP + 4, t->columns[0].name);
    for (int64_t x = 0; x <= across; x++) {
        char text[TEXT];
        (void)snprintf(text, sizeof text, "%+d", (int)x);
        text_at(w, "s m", 120 + (double)x * CELL_W + CELL_W / 2.0, TOP + 4,
                x ? text : "0");
    }
    for (int64_t y = 1; y <= down; y++) {
        char text[TEXT];
        (void)snprintf(text, sizeof text, "%d", (int)y);
        text_at(w, "s r", 100, TOP + (double)y * CELL_H + 4, text);
    }
    double half = 0;
    for (size_t r = 0; r < t->n_rows; r++) {
        const struct reply_interval *i = interval(t, r, d->column[0]);
        char text[TEXT];
        double v;
        const double x = 120 + (double)key(t, r, 1) * CELL_W;
        const double y = TOP + (double)key(t, r, 0) * CELL_H - 12;
        if (key(t, r, 1) < 0 || key(t, r, 0) < 1 ||
            !number(&v, t, r, d->column[0]))
            continue;
        const double part = fmax(0, v) / s.hi;
        shade(w, x, y, part);
        writer_printf(w, "<text class=\"m\" x=\"%.1f\" y=\"%.1f\"%s>",
                      x + CELL_W / 2.0 - 1, y + 16,
                      part > 0.75 ? " style=\"fill:#fff\"" : "");
        writer_str(w, shown(text, v));
        writer_str(w, "</text>\n");
        if (i->kind == INTERVAL_BOUNDED)
            half = fmax(half, (i->hi - i->lo) / 2);
    }
    char most[TEXT], text[2 * TEXT];
    (void)snprintf(text, sizeof text, "%s, each at most \u00b1%s at 95 %%",
                   t->columns[d->column[0]].name, shown(most, half));
    text_at(w, "s", 12, TOP + CELL_H * (double)(down + 1) + 20, text);
}

void chart_print(struct writer *w, const struct chart *c,
                 const struct reply_table *t)
{
    const struct drawn d = drawn_of(c, t);
    switch (c->kind) {
    case CHART_BARS:
        bars(w, c, t, &d);
        break;
    case CHART_CELLS:
        cells(w, c, t, &d);
        break;
    case CHART_LINE:
        line(w, c, t, &d);
        break;
    case CHART_HEAT:
        heat(w, c, t, &d);
        break;
    }
    writer_str(w, "</svg>\n");
}
