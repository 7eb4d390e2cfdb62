#include "clients/cli/cli.h"
#include "server/engine/engine.h"
#include "server/policy/policy.h"

/* The files that could be loaded, and the worst exit code so far. */
struct check {
    struct cli *cli;
    const struct policy **policies;
    size_t n;
    int exit_code;
};

static void failed(struct check *c, enum err_code code)
{
    const int exit_code = err_info_of(code)->exit_code;
    c->exit_code = exit_code > c->exit_code ? exit_code : c->exit_code;
}

/* A mistake that is in no report, as policy_report_print prints one. */
static void print_mistake(struct check *c, const char *path,
                          const struct err *err)
{
    FILE *out = c->cli->term.out;
    if (err->line > 0)
        (void)fprintf(out, "%s:%u:%u: %s\n", path, err->line, err->col,
                      err->msg);
    else
        (void)fprintf(out, "%s: %s\n", path, err->msg);
    if (err->hint[0])
        (void)fprintf(out, "  fix: %s\n", err->hint);
}

static void load(struct check *c, const char *path)
{
    struct err err = { 0 };
    struct policy *p = NULL;
    struct policy_report report = { 0 };
    const enum err_code code =
        policy_load(&p, path, &report, c->cli->arena, &err);
    policy_report_print(c->cli->term.out, &report, path);
    if (code == ERR_OK) {
        c->policies[c->n++] = p;
        return;
    }
    if (report.n == 0)
        (void)cli_fail(c->cli, &err, NULL);
    failed(c, code);
}

/* Whether columns and types are those of the source, where it is here. */
static enum err_code compare(struct check *c, const struct policy *p)
{
    const struct engine_options options = { .threads = 1 };
    struct engine *e = NULL;
    struct err err = { 0 };
    const enum err_code code = engine_open(&e, p, &options, &err);
    engine_close(e);
    if (code == ERR_OK)
        return ERR_OK;
    if (code == ERR_NOT_FOUND) {
        cli_note(c->cli, err.msg);
        cli_note(c->cli, "columns and types were not compared with the data");
        return ERR_OK;
    }
    print_mistake(c, p->path, &err);
    return code;
}

static void print_tables(FILE *out, const struct policy *p)
{
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        (void)fprintf(out, "  %s.%s: %s%s, from %s%s%s\n", p->name, t->name,
                      t->owned ? "rows of persons by " : "public",
                      t->owned ? t->columns[t->key].name : "",
                      p->source == SOURCE_FAKE ? "nowhere" : t->source,
                      p->database ? " of " : "",
                      p->database ? p->database : "");
    }
}

/* The datasets stand together, as one server would serve them. */
static void check_overlap(struct check *c)
{
    struct err err = { 0 };
    struct policy_report report = { 0 };
    const enum err_code code =
        policy_check_overlap(c->policies, c->n, &report, c->cli->arena, &err);
    policy_report_print(c->cli->term.out, &report, "the policies");
    if (code != ERR_OK && report.n == 0)
        (void)cli_fail(c->cli, &err, NULL);
    if (code != ERR_OK)
        failed(c, code);
}

int run_policy_check(struct cli *cli)
{
    struct err err;
    struct check c = { .cli = cli };
    c.policies = ARENA_NEW_N(cli->arena, cli->n_words, const struct policy *);
    if (cli->n_words == 0 || !c.policies) {
        (void)err_set(&err, ERR_INVALID, "there is no file to check");
        (void)err_hint(&err, "usage: halftone policy check FILE...");
        return cli_misused(cli, &err);
    }
    for (size_t i = 0; i < cli->n_words; i++)
        load(&c, cli->words[i]);
    for (size_t i = 0; i < c.n; i++) {
        const struct policy *p = c.policies[i];
        const enum err_code code = compare(&c, p);
        failed(&c, code);
        if (code != ERR_OK)
            continue;
        (void)fprintf(cli->term.out,
                      "%s: no mistakes; dataset %s, version %llu\n", p->path,
                      p->name, (unsigned long long)p->version);
        print_tables(cli->term.out, p);
    }
    check_overlap(&c);
    return c.exit_code;
}
