#include <stdlib.h>

#include "clients/cli/cli.h"
#include "server/catalog/catalog.h"

static enum err_code print_ddl(struct cli *cli,
                               const struct policy *const *policies, size_t n,
                               struct err *err)
{
    struct writer w = writer_of(NULL, 0);
    catalog_ddl(&w, policies, n); /* counts */
    char *text = malloc(w.need + 1);
    if (!text)
        return err_set(err, ERR_LIMIT, "out of memory");
    w = writer_of(text, w.need + 1);
    catalog_ddl(&w, policies, n);
    if (writer_cstr(&w))
        (void)fputs(text, cli->term.out);
    free(text);
    return ERR_OK;
}

int run_policy_ddl(struct cli *cli)
{
    struct err err = { 0 };
    const struct policy **policies =
        ARENA_NEW_N(cli->arena, cli->n_words, const struct policy *);
    if (cli->n_words == 0 || !policies) {
        (void)err_set(&err, ERR_INVALID, "there is no file to print");
        (void)err_hint(&err, "usage: halftone policy ddl FILE...");
        return cli_misused(cli, &err);
    }
    for (size_t i = 0; i < cli->n_words; i++) {
        struct policy *p = NULL;
        struct policy_report report = { 0 };
        if (policy_load(&p, cli->words[i], &report, cli->arena, &err) !=
            ERR_OK) {
            (void)err_hint(&err,
                           "halftone policy check explains every mistake");
            return cli_fail(cli, &err, NULL);
        }
        policies[i] = p;
    }
    return print_ddl(cli, policies, cli->n_words, &err) == ERR_OK
               ? 0
               : cli_fail(cli, &err, NULL);
}
