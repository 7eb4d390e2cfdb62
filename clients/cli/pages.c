#include "clients/cli/pages.h"

#include <string.h>

#include "clients/cli/cli.h"
#include "server/base/man.h"

/* ---- Markdown ---- */

/* "|" ends a cell of a table, and "<" begins a tag. */
static void md_cell(struct writer *w, const char *s)
{
    for (; *s; s++) {
        if (strchr("|<*_", *s))
            writer_u8(w, '\\');
        writer_u8(w, (uint8_t)*s);
    }
}

static void md_command(struct writer *w, const struct command *c)
{
    writer_printf(w, "### halftone %s", c->name);
    if (*c->words)
        writer_printf(w, " %s", c->words);
    writer_printf(w, "\n\n%s", c->help);
    if (*c->more)
        writer_printf(w, "\n\n```text\n%s```", c->more);
    writer_str(w, "\n\nFlags:");
    const char *gap = " ";
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const struct flag *f = flag_of((enum flag_id)i);
        if ((f->groups & c->groups) == 0)
            continue;
        writer_printf(w, "%s`--%s`", gap, f->name);
        gap = ", ";
    }
    writer_str(w, *gap == ' ' ? " those of every command.\n\n" : ".\n\n");
}

static void md_flag(struct writer *w, const struct flag *f)
{
    writer_str(w, "| ");
    if (f->letter)
        writer_printf(w, "`-%c`, ", f->letter);
    writer_printf(w, "`--%s%s%s` | ", f->name, f->arg ? " " : "",
                  f->arg ? f->arg : "");
    if (f->env)
        writer_printf(w, "`%s`", f->env);
    writer_printf(w, " | %s | ", f->in_file ? "yes" : "");
    md_cell(w, f->help);
    writer_str(w, " |\n");
}

void pages_markdown(struct writer *w)
{
    for (const struct command *c = COMMANDS; c->name; c++)
        md_command(w, c);
    writer_str(w, "### Every flag\n\n"
                  "| flag | environment | in the file | meaning |\n"
                  "|---|---|---|---|\n");
    for (unsigned i = 0; i < FLAG_COUNT_; i++)
        md_flag(w, flag_of((enum flag_id)i));
}

/* ---- man(7) ---- */

static void man_command(struct writer *w, const struct command *c)
{
    writer_str(w, ".SS ");
    man_text(w, c->name);
    if (*c->words) {
        writer_u8(w, ' ');
        man_text(w, c->words);
    }
    writer_str(w, "\n");
    man_text(w, c->help);
    writer_str(w, "\n");
    if (*c->more) {
        writer_str(w, ".PP\n.nf\n");
        man_text(w, c->more);
        writer_str(w, ".fi\n");
    }
}

static void man_flag_of(struct writer *w, const struct flag *f)
{
    const struct man_option o = { f->name, f->letter, f->arg, f->help };
    man_option(w, &o);
    if (!f->env)
        return;
    writer_str(w, "Environment: ");
    man_text(w, f->env);
    writer_str(w, ".\n");
}

void pages_man(struct writer *w)
{
    man_head(w, "HALFTONE", 1,
             "halftone \\- ask a Halftone server: aggregate questions, private "
             "answers");
    writer_str(w, ".SH SYNOPSIS\n.B halftone\n.I COMMAND\n"
                  "[\\fIFLAGS\\fR] [\\fIWORDS\\fR]\n"
                  ".SH DESCRIPTION\n"
                  "Asks a server over gRPC and prints what it answers, what it "
                  "cost and what is\nleft of the budget.  Flags may stand "
                  "anywhere; \\-\\- ends them.\n"
                  ".SH COMMANDS\n");
    for (const struct command *c = COMMANDS; c->name; c++)
        man_command(w, c);
    writer_str(w, ".SH FLAGS\n");
    for (unsigned i = 0; i < FLAG_COUNT_; i++)
        man_flag_of(w, flag_of((enum flag_id)i));
    writer_str(w, ".SH FILES\n"
                  ".TP\n.I ~/.config/halftone.yaml\n"
                  "Defaults: 'name: value' lines, whose names are those of "
                  "flags.\n"
                  ".SH EXIT STATUS\n"
                  "0 ok, 1 internal, 2 usage, 3 refused, 4 over budget, 5 "
                  "unauthorised, 6 unreachable.\n"
                  ".SH SEE ALSO\n.BR halftoned (8)\n");
}
