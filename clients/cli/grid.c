#include "clients/cli/grid.h"

#include <string.h>

#include "clients/cli/json.h"
#include "clients/cli/number.h"
#include "clients/cli/text.h"
#include "server/base/utf8.h"

static const char GAP[] = "  ";
static const char RULE[] = "\xe2\x94\x80"; /* U+2500 */

/* A table ready to print: safe cells and the width of each column. */
struct layout {
    const char **heads, **cells;
    size_t *widths; /* columns of the terminal */
};

static const char *shown(const struct grid *g, size_t i, struct arena *a)
{
    const struct grid_column *c = &g->columns[i % g->n_columns];
    const char *cell = g->cells[i];
    if (!cell)
        return g->is_answer ? "NULL" : "-";
    if (c->type == GRID_AMOUNT)
        return arena_strdup(a, number_grouped(cell).s);
    return text_line(a, cell);
}

static void widen(size_t *width, const char *text)
{
    const size_t need = utf8_width(text, strlen(text));
    if (need > *width)
        *width = need;
}

static enum err_code lay_out(struct layout *l, const struct grid *g,
                             struct arena *a, struct err *err)
{
    const size_t n = g->n_rows * g->n_columns;
    l->heads = ARENA_NEW_N(a, g->n_columns, const char *);
    l->cells = ARENA_NEW_N(a, n, const char *);
    l->widths = ARENA_NEW_N(a, g->n_columns, size_t);
    bool full = !l->heads || !l->cells || !l->widths;
    for (size_t c = 0; !full && c < g->n_columns; c++) {
        l->heads[c] = text_line(a, g->columns[c].name);
        full = !l->heads[c];
        if (!full)
            widen(&l->widths[c], l->heads[c]);
    }
    for (size_t i = 0; !full && i < n; i++) {
        l->cells[i] = shown(g, i, a);
        full = !l->cells[i];
        if (!full)
            widen(&l->widths[i % g->n_columns], l->cells[i]);
    }
    return full ? err_set(err, ERR_LIMIT, "the table is too large to print")
                : ERR_OK;
}

static void pad(FILE *out, size_t n)
{
    while (n-- > 0)
        (void)fputc(' ', out);
}

/* One line of cells; blanks are not left at its end. */
static void print_line(const struct layout *l, const struct grid *g,
                       const char *const *texts, FILE *out)
{
    size_t due = 0; /* blanks before the next text */
    for (size_t c = 0; c < g->n_columns; c++) {
        const size_t fill =
            l->widths[c] - utf8_width(texts[c], strlen(texts[c]));
        const bool right = g->columns[c].type == GRID_NUMBER ||
                           g->columns[c].type == GRID_AMOUNT;
        due += (c > 0 ? sizeof GAP - 1 : 0) + (right ? fill : 0);
        if (*texts[c]) {
            pad(out, due);
            (void)fputs(texts[c], out);
            due = 0;
        }
        due += right ? 0 : fill;
    }
    (void)fputc('\n', out);
}

/*
 * The line under the heads.  Of a last column of text, which may be longer than
 * any screen, no further than the screen goes.
 */
static void print_rule(const struct layout *l, const struct grid *g,
                       size_t screen, FILE *out)
{
    size_t at = 0; /* columns of the terminal so far */
    for (size_t c = 0; c < g->n_columns; c++) {
        const bool last = c + 1 == g->n_columns;
        size_t width = l->widths[c];
        if (last && g->columns[c].type == GRID_TEXT && at + width > screen) {
            const size_t head = utf8_width(l->heads[c], strlen(l->heads[c]));
            const size_t left = screen > at ? screen - at : 0;
            width = left > head ? left : head;
        }
        (void)fputs(c > 0 ? GAP : "", out);
        for (size_t i = 0; i < width; i++)
            (void)fputs(RULE, out);
        at += width + sizeof GAP - 1;
    }
}

enum err_code grid_print_table(const struct grid *g, const struct terminal *t,
                               struct arena *a, struct err *err)
{
    struct layout l = { 0 };
    TRY(lay_out(&l, g, a, err));

    (void)fputs(terminal_style(t->out_color, STYLE_BOLD), t->out);
    print_line(&l, g, l.heads, t->out);
    (void)fputs(terminal_style(t->out_color, STYLE_PLAIN), t->out);
    (void)fputs(terminal_style(t->out_color, STYLE_DIM), t->out);
    print_rule(&l, g, t->out_columns, t->out);
    (void)fprintf(t->out, "%s\n", terminal_style(t->out_color, STYLE_PLAIN));
    for (size_t r = 0; r < g->n_rows; r++)
        print_line(&l, g, l.cells + r * g->n_columns, t->out);
    if (g->n_rows == 0)
        (void)fputs("(no rows)\n", t->out);
    return ERR_OK;
}

static enum err_code print_blocks(const struct grid *g,
                                  const struct terminal *t, struct arena *a,
                                  struct err *err)
{
    enum { WIDTH = 79 };
    struct layout l = { 0 };
    size_t names = 0;
    TRY(lay_out(&l, g, a, err));
    for (size_t c = 0; c < g->n_columns; c++)
        widen(&names, l.heads[c]);
    const size_t indent = names + sizeof GAP - 1;
    for (size_t i = 0; i < g->n_rows * g->n_columns; i++) {
        const size_t c = i % g->n_columns;
        (void)fprintf(t->out, "%s%s%-*s%s", c == 0 && i > 0 ? "\n" : "",
                      terminal_style(t->out_color, STYLE_BOLD), (int)indent,
                      l.heads[c], terminal_style(t->out_color, STYLE_PLAIN));
        text_wrap(t->out, l.cells[i], WIDTH - indent, (int)indent);
    }
    return ERR_OK;
}

/* RFC 4180, 2.6 and 2.7; empty text is quoted to differ from NULL. */
static void print_csv_cell(const char *cell, FILE *out)
{
    if (!cell)
        return;
    if (*cell && !strpbrk(cell, ",\"\r\n")) {
        (void)fputs(cell, out);
        return;
    }
    (void)fputc('"', out);
    for (; *cell; cell++) {
        if (*cell == '"')
            (void)fputc('"', out);
        (void)fputc(*cell, out);
    }
    (void)fputc('"', out);
}

void grid_print_csv(const struct grid *g, FILE *out)
{
    for (size_t c = 0; c < g->n_columns; c++) {
        (void)fputs(c > 0 ? "," : "", out);
        print_csv_cell(g->columns[c].name, out);
    }
    (void)fputs("\r\n", out);
    grid_print_csv_rows(g, out);
}

void grid_print_csv_rows(const struct grid *g, FILE *out)
{
    for (size_t i = 0; i < g->n_rows * g->n_columns; i++) {
        const bool last = i % g->n_columns + 1 == g->n_columns;
        print_csv_cell(g->cells[i], out);
        (void)fputs(last ? "\r\n" : ",", out);
    }
}

void grid_print_json(const struct grid *g, FILE *out, struct arena *a)
{
    struct json j = json_of(out, a);
    json_open(&j, '[');
    for (size_t r = 0; r < g->n_rows; r++) {
        json_open(&j, '{');
        for (size_t c = 0; c < g->n_columns; c++) {
            const char *cell = g->cells[r * g->n_columns + c];
            json_key(&j, g->columns[c].name);
            if (!cell)
                json_null(&j);
            else if (g->columns[c].type == GRID_TEXT)
                json_text(&j, cell);
            else
                json_number(&j, cell);
        }
        json_close(&j, '}');
    }
    json_close(&j, ']');
    (void)fputc('\n', out);
}

enum err_code grid_print(const struct grid *g, enum output_format format,
                         const struct terminal *t, struct arena *a,
                         struct err *err)
{
    switch (format) {
    case FORMAT_TABLE:
        return grid_print_table(g, t, a, err);
    case FORMAT_CSV:
        grid_print_csv(g, t->out);
        return ERR_OK;
    case FORMAT_JSON:
        grid_print_json(g, t->out, a);
        return ERR_OK;
    }
    return ERR_OK;
}

enum err_code grid_print_long(const struct grid *g, enum output_format format,
                              const struct terminal *t, struct arena *a,
                              struct err *err)
{
    return format == FORMAT_TABLE ? print_blocks(g, t, a, err)
                                  : grid_print(g, format, t, a, err);
}
