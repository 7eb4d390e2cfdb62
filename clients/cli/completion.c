#include <string.h>

#include "clients/cli/cli.h"

/*
 * Completions made from the tables of commands and flags; `make install` puts
 * them where the shells look.
 */

static const char LOWER[] = "abcdefghijklmnopqrstuvwxyz";

static bool is_first_of_its_kind(const struct command *c)
{
    const size_t len = strcspn(c->name, " ");
    for (const struct command *b = COMMANDS; b != c; b++)
        if (strcspn(b->name, " ") == len && memcmp(b->name, c->name, len) == 0)
            return false;
    return true;
}

static void print_first_words(FILE *out)
{
    const char *gap = "";
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (!is_first_of_its_kind(c))
            continue;
        (void)fprintf(out, "%s%.*s", gap, (int)strcspn(c->name, " "), c->name);
        gap = " ";
    }
}

/* The second words that may follow the first one of `c`. */
static void print_second_words(FILE *out, const struct command *c)
{
    const size_t len = strcspn(c->name, " ");
    const char *gap = "";
    for (const struct command *b = c; b->name; b++) {
        if (strncmp(b->name, c->name, len + 1) != 0)
            continue;
        (void)fprintf(out, "%s%s", gap, b->name + len + 1);
        gap = " ";
    }
}

/* The words that may follow, where only some may: "bash zsh fish " from
 * "bash | zsh | fish", the commands after help; else nothing. */
static void print_choices(FILE *out, const struct command *c)
{
    if (c->run == run_help) {
        print_first_words(out);
        (void)fputc(' ', out);
    }
    for (const char *at = c->words; at[strspn(at, LOWER)] == ' ' && *at != ' ';
         at += strcspn(at, "|"), at += strspn(at, "| "))
        (void)fprintf(out, "%.*s ", (int)strspn(at, LOWER), at);
    const char *last = strrchr(c->words, ' ');
    if (last && last[1] >= 'a' && last[1] <= 'z')
        (void)fprintf(out, "%s ", last + 1);
}

static bool has_choices(const struct command *c)
{
    return c->run == run_help || (c->words[0] >= 'a' && c->words[0] <= 'z');
}

static void print_flags(FILE *out, const struct command *c)
{
    const char *gap = "";
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const struct flag *f = flag_of((enum flag_id)i);
        if ((f->groups & (c->groups | FOR_ALL)) == 0)
            continue;
        (void)fprintf(out, "%s--%s", gap, f->name);
        gap = " ";
    }
}

static bool takes_file(const struct flag *f)
{
    return f->arg && strcmp(f->arg, "FILE") == 0;
}

static void print_file_flags(FILE *out, const char *between)
{
    const char *gap = "";
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const struct flag *f = flag_of((enum flag_id)i);
        if (!takes_file(f))
            continue;
        (void)fprintf(out, "%s--%s", gap, f->name);
        gap = between;
    }
}

static void print_bash(FILE *out)
{
    (void)fputs(
        "# bash completion for halftone; made by: halftone completion bash\n"
        "_halftone()\n"
        "{\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} "
        "prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
        "    case $prev in\n"
        "    --format | -o)\n"
        "        COMPREPLY=($(compgen -W 'table csv json' -- \"$cur\"))\n"
        "        return ;;\n"
        "    ",
        out);
    print_file_flags(out, " | ");
    (void)fputs(" | -f)\n"
                "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                "        return ;;\n"
                "    esac\n"
                "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                "        COMPREPLY=($(compgen -W '",
                out);
    print_first_words(out);
    (void)fputs(" --help --version' -- \"$cur\"))\n"
                "        return\n"
                "    fi\n"
                "    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n",
                out);
    for (const struct command *c = COMMANDS; c->name; c++) {
        (void)fprintf(out, "    '%s'*) COMPREPLY=($(compgen -W '", c->name);
        print_choices(out, c);
        print_flags(out, c);
        (void)fputs("' -- \"$cur\")) ;;\n", out);
    }
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (!strchr(c->name, ' ') || !is_first_of_its_kind(c))
            continue;
        (void)fprintf(out, "    '%.*s '*) COMPREPLY=($(compgen -W '",
                      (int)strcspn(c->name, " "), c->name);
        print_second_words(out, c);
        (void)fputs("' -- \"$cur\")) ;;\n", out);
    }
    (void)fputs("    esac\n"
                "    [ \"${#COMPREPLY[@]}\" -gt 0 ] ||\n"
                "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                "}\n"
                "complete -o filenames -F _halftone halftone\n",
                out);
}

/* Text within single quotes of a shell; [ ] : end a word of zsh's. */
static void print_quoted(FILE *out, const char *text, bool zsh)
{
    for (; *text; text++) {
        if (*text == '\'')
            (void)fputs("'\\''", out);
        else if (zsh && strchr("[]:", *text))
            (void)fprintf(out, "\\%c", *text);
        else
            (void)fputc(*text, out);
    }
}

static void print_zsh_flags(FILE *out, const struct command *c)
{
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const struct flag *f = flag_of((enum flag_id)i);
        if ((f->groups & (c->groups | FOR_ALL)) == 0)
            continue;
        (void)fprintf(out, " \\\n            '%s--%s%s[",
                      f->kind == FLAG_KIND_LIST ? "*" : "", f->name,
                      f->arg ? "=" : "");
        print_quoted(out, f->help, true);
        (void)fputc(']', out);
        if (f->arg) {
            (void)fputc(':', out);
            print_quoted(out, f->arg, true);
            (void)fputs(takes_file(f)                 ? ":_files"
                        : f->kind == FLAG_KIND_FORMAT ? ":(table csv json)"
                                                      : ":",
                        out);
        }
        (void)fputc('\'', out);
    }
}

static void print_zsh(FILE *out)
{
    (void)fputs("#compdef halftone\n"
                "# zsh completion for halftone; made by: halftone completion "
                "zsh\n"
                "_halftone()\n"
                "{\n"
                "    if (( CURRENT == 2 )); then\n"
                "        compadd -- ",
                out);
    print_first_words(out);
    (void)fputs(" --help --version\n"
                "        return\n"
                "    fi\n"
                "    case \"$words[2] $words[3]\" in\n",
                out);
    for (const struct command *c = COMMANDS; c->name; c++) {
        (void)fprintf(out, "    '%s'*) _arguments", c->name);
        print_zsh_flags(out, c);
        (void)fputs(" \\\n            '*:word:", out);
        (void)fputs(has_choices(c) ? "(" : "_files", out);
        print_choices(out, c);
        (void)fputs(has_choices(c) ? ")' ;;\n" : "' ;;\n", out);
    }
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (!strchr(c->name, ' ') || !is_first_of_its_kind(c))
            continue;
        (void)fprintf(out, "    '%.*s '*) compadd -- ",
                      (int)strcspn(c->name, " "), c->name);
        print_second_words(out, c);
        (void)fputs(" ;;\n", out);
    }
    (void)fputs("    esac\n"
                "}\n"
                "_halftone \"$@\"\n",
                out);
}

static void print_fish_flags(FILE *out, const struct command *c)
{
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const struct flag *f = flag_of((enum flag_id)i);
        if ((f->groups & c->groups) == 0)
            continue;
        (void)fprintf(out,
                      "complete -c halftone -n "
                      "'__fish_seen_subcommand_from %.*s' -l %s",
                      (int)strcspn(c->name, " "), c->name, f->name);
        if (f->letter)
            (void)fprintf(out, " -s %c", f->letter);
        if (f->kind == FLAG_KIND_FORMAT)
            (void)fputs(" -x -a 'table csv json'", out);
        else if (f->arg)
            (void)fputs(takes_file(f) ? " -r -F" : " -x", out);
        (void)fputs(" -d '", out);
        print_quoted(out, f->help, false);
        (void)fputs("'\n", out);
    }
}

static void print_fish(FILE *out)
{
    (void)fputs("# fish completion for halftone; made by: halftone completion "
                "fish\n"
                "complete -c halftone -n __fish_use_subcommand -f -a '",
                out);
    print_first_words(out);
    (void)fputs("'\n", out);
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (!strchr(c->name, ' ') || !is_first_of_its_kind(c))
            continue;
        (void)fprintf(out,
                      "complete -c halftone -n "
                      "'__fish_seen_subcommand_from %.*s' -a '",
                      (int)strcspn(c->name, " "), c->name);
        print_second_words(out, c);
        (void)fputs("'\n", out);
    }
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (has_choices(c)) {
            (void)fprintf(out,
                          "complete -c halftone -n "
                          "'__fish_seen_subcommand_from %s' -f -a '",
                          c->name);
            print_choices(out, c);
            (void)fputs("'\n", out);
        }
        print_fish_flags(out, c);
    }
}

int run_completion(struct cli *cli)
{
    static const struct shell {
        const char *name;
        void (*print)(FILE *out);
    } SHELLS[] = { { "bash", print_bash },
                   { "zsh", print_zsh },
                   { "fish", print_fish } };
    struct err err;
    const char *name = cli->n_words > 0 ? cli->words[0] : "";
    for (size_t i = 0; i < sizeof SHELLS / sizeof *SHELLS; i++) {
        if (strcmp(name, SHELLS[i].name) != 0)
            continue;
        SHELLS[i].print(cli->term.out);
        return 0;
    }
    (void)err_set(&err, ERR_INVALID, "no completion for the shell '%.40s'",
                  name);
    (void)err_hint(&err, "usage: halftone completion bash | zsh | fish");
    return cli_misused(cli, &err);
}
