#include "clients/cli/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static size_t columns_of(int fd)
{
    enum { USUAL = 80 };
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                : USUAL;
}

struct terminal terminal_of(FILE *out, FILE *err, bool no_color)
{
    const char *term = getenv("TERM");
    const bool able = term && strcmp(term, "dumb") != 0;
    const bool plain = no_color || is_set("NO_COLOR");
    const bool out_tty = isatty(fileno(out)) && able;
    const bool err_tty = isatty(fileno(err)) && able;
    return (struct terminal){
        .out = out,
        .err = err,
        .out_color = out_tty && !plain,
        .err_color = err_tty && !plain,
        .out_live = out_tty,
        .out_columns = columns_of(fileno(out)),
        .spins = err_tty && !plain,
    };
}

const char *terminal_style(bool color, enum style style)
{
    static const char *const CODES[] = {
        [STYLE_PLAIN] = "\x1b[0m",  [STYLE_BOLD] = "\x1b[1m",
        [STYLE_DIM] = "\x1b[2m",    [STYLE_RED] = "\x1b[31m",
        [STYLE_GREEN] = "\x1b[32m",
    };
    return color ? CODES[style] : "";
}

/* Ends as without a handler, but for the spinner. */
static void on_end(int signo)
{
    static const char ERASE[] = "\r\x1b[K";
    const ssize_t written = write(STDERR_FILENO, ERASE, sizeof ERASE - 1);
    (void)written;
    (void)signal(signo, SIG_DFL);
    (void)raise(signo);
}

/* Someone who interrupts finds the line empty.  What is ignored (by nohup, say)
 * stays so. */
static void on_ends(void (*handler)(int signo))
{
    static const int ENDS[] = { SIGINT, SIGTERM, SIGHUP };
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++)
        if (signal(ENDS[i], handler) == SIG_IGN)
            (void)signal(ENDS[i], SIG_IGN);
}

void terminal_spin(struct terminal *t, const char *what)
{
    /* Dots of a halftone that grow and shrink. */
    static const char *const FRAMES[] = { "\xc2\xb7", "\xe2\x80\xa2",
                                          "\xe2\x97\x8f", "\xe2\x80\xa2" };
    if (!t->spins)
        return;
    if (t->frame == 0)
        on_ends(on_end);
    (void)fprintf(t->err, "\r\x1b[K%s %s", FRAMES[t->frame % 4], what);
    (void)fflush(t->err);
    t->frame++;
}

void terminal_rest(struct terminal *t)
{
    if (t->frame == 0)
        return;
    (void)fputs("\r\x1b[K", t->err);
    (void)fflush(t->err);
    t->frame = 0;
    on_ends(SIG_DFL);
}
