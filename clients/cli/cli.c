#include "clients/cli/cli.h"

#include <string.h>

#include "clients/cli/text.h"
#include "server/base/utf8.h"

/* A line longer than this is shown around the place only. */
enum { SHOWN_BEFORE = 50, SHOWN_AFTER = 50 };

static const char *line_start(const char *sql, unsigned line)
{
    while (line > 1 && *sql) {
        sql += strcspn(sql, "\n");
        if (*sql == '\n')
            sql++;
        line--;
    }
    return sql;
}

/* Move `n` characters forward, not past the end of the line. */
static const char *forward(const char *at, const char *end, size_t n)
{
    while (n-- > 0 && at < end) {
        const size_t step = text_char(at, (size_t)(end - at));
        at += step ? step : 1;
    }
    return at;
}

/* The line of the SQL with a caret under the column (in characters). */
static void print_place(struct cli *cli, const struct err *err, const char *sql)
{
    const char *start = line_start(sql, err->line);
    const char *end = start + strcspn(start, "\r\n");
    const size_t col = err->col > 0 ? err->col - 1 : 0;
    const size_t skipped = col > SHOWN_BEFORE ? col - SHOWN_BEFORE : 0;
    const char *from = forward(start, end, skipped);
    const char *place = forward(from, end, col - skipped);
    const char *to = forward(place, end, SHOWN_AFTER);
    const char *before =
        arena_strndup(cli->arena, from, (size_t)(place - from));
    const char *after = arena_strndup(cli->arena, place, (size_t)(to - place));
    before = before ? text_line(cli->arena, before) : NULL;
    after = after ? text_line(cli->arena, after) : NULL;
    if (!before || !after)
        return;
    const bool color = cli->term.err_color;
    const int margin = fprintf(cli->term.err, "%4u | ", err->line);
    (void)fprintf(cli->term.err, "%s%s\n%*s%s^%s\n", before, after,
                  margin + (int)utf8_width(before, strlen(before)), "",
                  terminal_style(color, STYLE_RED),
                  terminal_style(color, STYLE_PLAIN));
}

static void print_error(struct cli *cli, const struct err *err, const char *sql)
{
    FILE *out = cli->term.err;
    const bool color = cli->term.err_color;
    const char *msg = text_line(cli->arena, err->msg);
    const char *hint = text_line(cli->arena, err->hint);
    (void)fflush(cli->term.out);
    (void)fprintf(out, "%shalftone:%s %s\n", terminal_style(color, STYLE_RED),
                  terminal_style(color, STYLE_PLAIN), msg ? msg : err->msg);
    if (sql && err->line > 0)
        print_place(cli, err, sql);
    if (hint && *hint)
        (void)fprintf(out, "%shint:%s %s\n", terminal_style(color, STYLE_BOLD),
                      terminal_style(color, STYLE_PLAIN), hint);
}

int cli_fail(struct cli *cli, const struct err *err, const char *sql)
{
    print_error(cli, err, sql);
    return err_info_of(err->code)->exit_code;
}

int cli_misused(struct cli *cli, const struct err *err)
{
    print_error(cli, err, NULL);
    return EXIT_USAGE;
}

void cli_note(struct cli *cli, const char *text)
{
    const char *safe = text_line(cli->arena, text);
    (void)fprintf(cli->term.err, "%snote:%s %s\n",
                  terminal_style(cli->term.err_color, STYLE_BOLD),
                  terminal_style(cli->term.err_color, STYLE_PLAIN),
                  safe ? safe : "");
}
