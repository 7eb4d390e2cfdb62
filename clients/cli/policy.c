#include "server/policy/policy.h"
#include "clients/cli/cli.h"

/* One file: its mistakes, or a line that it is fine. */
static enum err_code check(struct cli *cli, const char *path, struct err *err)
{
    enum { POLICY_ARENA = 64 << 20 };
    struct arena a;
    struct policy *p = NULL;
    struct policy_report report = { 0 };
    arena_init(&a, POLICY_ARENA);
    const enum err_code code = policy_load(&p, path, &report, &a, err);
    if (code == ERR_OK)
        (void)fprintf(cli->term.out,
                      "%s: no mistakes; dataset %s, version %llu\n", path,
                      p->name, (unsigned long long)p->version);
    policy_report_print(cli->term.out, &report, path);
    const bool told = report.n > 0;
    arena_fini(&a);
    if (code != ERR_OK && !told)
        (void)cli_fail(cli, err, NULL);
    return code;
}

int run_policy_check(struct cli *cli)
{
    struct err err;
    int worst = 0;
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "there is no file to check");
        (void)err_hint(&err, "usage: halftone policy check FILE...");
        return cli_misused(cli, &err);
    }
    for (size_t i = 0; i < cli->n_words; i++) {
        const enum err_code code = check(cli, cli->words[i], &err);
        const int exit_code = err_info_of(code)->exit_code;
        worst = exit_code > worst ? exit_code : worst;
    }
    return worst;
}
