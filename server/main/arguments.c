#include "server/main/arguments.h"

#include <stddef.h>
#include <string.h>

#include "server/base/man.h"

/* An option takes a value when `arg` is set, and is a bool otherwise. */
static const struct option {
    const char *name, *arg;
    size_t field;
    const char *help;
} OPTIONS[] = {
    { "config", "FILE", offsetof(struct arguments, config),
      "What to serve and where (docs/config.md)." },
    { "check", NULL, offsetof(struct arguments, check),
      "Read every file it names, say what is wrong, and exit." },
    { "version", NULL, offsetof(struct arguments, version),
      "Print the version and exit." },
    { "help", NULL, offsetof(struct arguments, help), "Print this and exit." },
};
enum { OPTIONS_N = sizeof OPTIONS / sizeof *OPTIONS };

static const char ABOUT[] =
    "Answers aggregate questions over gRPC with calibrated noise and charges\n"
    "each to a privacy budget.\n";
static const char SIGNALS[] =
    "SIGTERM drains and stops; SIGHUP reads certificates, policies and\n"
    "principals again.\n";

static const struct option *find(const char *word)
{
    for (size_t i = 0; strncmp(word, "--", 2) == 0 && i < OPTIONS_N; i++)
        if (strcmp(word + 2, OPTIONS[i].name) == 0)
            return &OPTIONS[i];
    return NULL;
}

static enum err_code wrong(const char *what, const char *word, struct err *err)
{
    (void)err_set(err, ERR_INVALID, "%s '%.80s'", what, word);
    return err_hint(err, "see halftoned --help");
}

enum err_code arguments_read(struct arguments *out, int argc,
                             const char *const *argv, struct err *err)
{
    *out = (struct arguments){ 0 };
    for (int i = 1; i < argc; i++) {
        const struct option *o = find(argv[i]);
        if (!o)
            return wrong("there is no option", argv[i], err);
        void *field = (char *)out + o->field;
        if (!o->arg)
            *(bool *)field = true;
        else if (i + 1 == argc)
            return wrong("a value is missing after", argv[i], err);
        else
            *(const char **)field = argv[++i];
    }
    if (out->config || out->help || out->version)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "--config FILE is needed");
    return err_hint(err, "docs/config.md shows one; demo/config.yaml is one");
}

void arguments_help(FILE *out)
{
    (void)fprintf(out, "Usage: halftoned --config FILE [--check]\n\n%s\n",
                  ABOUT);
    for (size_t i = 0; i < OPTIONS_N; i++)
        (void)fprintf(out, "  --%s %-*s %s\n", OPTIONS[i].name,
                      (int)(12 - strlen(OPTIONS[i].name)),
                      OPTIONS[i].arg ? OPTIONS[i].arg : "", OPTIONS[i].help);
    (void)fprintf(out, "\n%s", SIGNALS);
}

void arguments_man(struct writer *w)
{
    man_head(w, "HALFTONED", 8, "halftoned \\- the Halftone server");
    writer_str(w, ".SH SYNOPSIS\n.B halftoned\n\\-\\-config\n.I FILE\n"
                  "[\\-\\-check]\n.SH DESCRIPTION\n");
    man_text(w, ABOUT);
    writer_str(w, ".SH OPTIONS\n");
    for (size_t i = 0; i < OPTIONS_N; i++)
        man_option(w, &(struct man_option){ .name = OPTIONS[i].name,
                                            .arg = OPTIONS[i].arg,
                                            .help = OPTIONS[i].help });
    writer_str(w, ".SH SIGNALS\n");
    man_text(w, SIGNALS);
    writer_str(w, ".SH EXIT STATUS\n0 after an orderly stop, 2 when the words "
                  "are wrong, else as told by\n.BR halftone (1).\n"
                  ".SH SEE ALSO\n.BR halftone (1)\n");
}
