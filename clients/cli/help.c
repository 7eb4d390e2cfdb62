#include "clients/cli/cli.h"

#include <string.h>

#include "clients/cli/text.h"
#include "server/base/utf8.h"

enum { FLAG_WIDTH = 24, TEXT_WIDTH = 52 };

static void print_flag(FILE *out, const struct flag *f)
{
    char head[64];
    const char letter[] = { '-', f->letter, ',', ' ', '\0' };
    (void)snprintf(head, sizeof head, "  %s--%s%s%s",
                   f->letter ? letter : "    ", f->name, f->arg ? " " : "",
                   f->arg ? f->arg : "");
    const size_t width = utf8_width(head, strlen(head));
    (void)fprintf(out, "%s%*s", head,
                  width < FLAG_WIDTH ? (int)(FLAG_WIDTH - width) : 0, "");
    if (width >= FLAG_WIDTH)
        (void)fprintf(out, "\n%*s", FLAG_WIDTH, "");
    text_wrap(out, f->help, TEXT_WIDTH, FLAG_WIDTH);
    if (f->env)
        (void)fprintf(out, "%*sEnvironment: %s.\n", FLAG_WIDTH, "", f->env);
}

static void print_flags(FILE *out, unsigned groups)
{
    for (unsigned i = 0; i < FLAG_COUNT_; i++)
        if ((flag_of((enum flag_id)i)->groups & groups) != 0)
            print_flag(out, flag_of((enum flag_id)i));
}

static void print_command(FILE *out, const struct command *c)
{
    (void)fprintf(out, "  %-24s %s\n", c->name, c->help);
}

bool help_print_family(FILE *out, const char *word)
{
    const size_t len = strlen(word);
    bool found = false;
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (strncmp(c->name, word, len) != 0 || c->name[len] != ' ')
            continue;
        if (!found)
            (void)fprintf(out, "Usage: halftone %s COMMAND [FLAGS] [WORDS]\n\n",
                          word);
        found = true;
        print_command(out, c);
    }
    return found;
}

static void print_overview(FILE *out)
{
    (void)fputs("Ask a Halftone server: aggregate questions, private answers.\n"
                "\n"
                "Usage: halftone COMMAND [FLAGS] [WORDS]\n"
                "\n"
                "Commands:\n",
                out);
    for (const struct command *c = COMMANDS; c->name; c++)
        print_command(out, c);
    (void)fputs("\nFlags of every command:\n", out);
    print_flags(out, FOR_ALL);
    (void)fputs("\n"
                "halftone COMMAND --help tells more; defaults come from the\n"
                "environment and from ~/.config/halftone.yaml, whose keys are\n"
                "the names of flags.\n"
                "\n"
                "Exit codes: 0 ok, 1 internal, 2 usage, 3 refused, 4 over\n"
                "budget, 5 unauthorised, 6 unreachable.\n",
                out);
}

void help_print(FILE *out, const struct command *command)
{
    if (!command) {
        print_overview(out);
        return;
    }
    (void)fprintf(out, "%s\n\nUsage: halftone %s [FLAGS]%s%s\n", command->help,
                  command->name, *command->words ? " " : "", command->words);
    if (*command->more)
        (void)fprintf(out, "\n%s", command->more);
    (void)fputs("\nFlags:\n", out);
    print_flags(out, command->groups | FOR_ALL);
}

int help_unknown(struct cli *cli, const char *const *words, size_t n)
{
    struct err err;
    const char *near = command_suggest(words, n);
    const size_t first = strlen(words[0]);
    const bool is_family = n > 1 && command_is_family(words[0]);
    const bool is_near =
        near && strncmp(near, words[0], first) == 0 && near[first] == ' ';
    const bool two = is_family || (n > 1 && is_near);
    (void)err_set(&err, ERR_INVALID, "there is no command '%.60s%s%.60s'",
                  words[0], two ? " " : "", two ? words[1] : "");
    if (is_family && !is_near)
        (void)err_hint(&err, "halftone %.60s --help lists what there is",
                       words[0]);
    else if (near)
        (void)err_hint(&err, "did you mean halftone %s?", near);
    else
        (void)err_hint(&err, "see halftone --help");
    return cli_misused(cli, &err);
}

int run_help(struct cli *cli)
{
    size_t used;
    const struct command *c = command_find(cli->words, cli->n_words, &used);
    if (!c && cli->n_words == 1 &&
        help_print_family(cli->term.out, cli->words[0]))
        return 0;
    if (!c && cli->n_words > 0)
        return help_unknown(cli, cli->words, cli->n_words);
    help_print(cli->term.out, c);
    return 0;
}
