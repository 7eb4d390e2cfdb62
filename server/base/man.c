#include "server/base/man.h"

#include "server/base/version.h"

void man_head(struct writer *w, const char *title, unsigned section,
              const char *name)
{
    writer_printf(w, ".TH %s %u \"\" \"Halftone %s\"\n.SH NAME\n%s\n", title,
                  section, halftone_version(), name);
}

void man_text(struct writer *w, const char *s)
{
    bool starts = w->len == 0 || w->overflow || w->data[w->len - 1] == '\n';
    for (; *s; s++) {
        /* A point or quote that begins a line would be a request. */
        if (starts && (*s == '.' || *s == '\''))
            writer_str(w, "\\&");
        starts = *s == '\n';
        if (*s == '\\')
            writer_str(w, "\\e");
        else if (*s == '-')
            writer_str(w, "\\-");
        else if (*s == '\'')
            writer_str(w, "\\(aq");
        else if (*s == '~')
            writer_str(w, "\\(ti");
        else if (*s == '^')
            writer_str(w, "\\(ha");
        else
            writer_u8(w, (uint8_t)*s);
    }
}

void man_option(struct writer *w, const struct man_option *o)
{
    writer_str(w, ".TP\n");
    if (o->letter)
        writer_printf(w, "\\fB\\-%c\\fR, ", o->letter);
    writer_str(w, "\\fB\\-\\-");
    man_text(w, o->name);
    writer_str(w, "\\fR");
    if (o->arg) {
        writer_str(w, " \\fI");
        man_text(w, o->arg);
        writer_str(w, "\\fR");
    }
    writer_str(w, "\n");
    man_text(w, o->help);
    writer_str(w, "\n");
}
