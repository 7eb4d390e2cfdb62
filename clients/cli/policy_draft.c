#include "clients/cli/cli.h"
#include "server/engine/schema.h"
#include "server/policy/draft.h"
#include "server/policy/policy.h"

enum { PRINTED_MAX = 4 << 20 };

static enum err_code draft_of(struct policy_draft *out,
                              const struct engine_schema *schema,
                              const char *path, struct arena *a,
                              struct err *err)
{
    struct policy_draft_table *tables =
        ARENA_NEW_N(a, schema->n_tables, struct policy_draft_table);
    for (size_t t = 0; tables && t < schema->n_tables; t++) {
        const struct engine_schema_table *from = &schema->tables[t];
        struct policy_draft_column *columns =
            ARENA_NEW_N(a, from->n_columns, struct policy_draft_column);
        if (!columns)
            return err_set(err, ERR_LIMIT, "the schema is too large");
        for (size_t c = 0; c < from->n_columns; c++)
            columns[c] =
                (struct policy_draft_column){ from->columns[c].name,
                                              from->columns[c].physical,
                                              from->columns[c].why };
        tables[t] =
            (struct policy_draft_table){ from->name, columns, from->n_columns };
    }
    const bool is_postgres = schema->kind == SCHEMA_POSTGRESQL;
    *out = (struct policy_draft){ .source = path,
                                  .name = schema->database,
                                  .is_database = is_postgres ||
                                                 schema->kind == SCHEMA_DUCKDB,
                                  .is_postgres = is_postgres,
                                  .is_untyped = schema->kind == SCHEMA_CSV,
                                  .tables = tables,
                                  .n_tables = schema->n_tables };
    return tables ? ERR_OK : err_set(err, ERR_LIMIT, "the schema is too large");
}

/* Print through a writer, whole or not at all. */
static enum err_code print_page(struct cli *cli,
                                void (*print)(struct writer *w,
                                              const struct policy_draft *d),
                                const struct policy_draft *d, struct err *err)
{
    char *text = arena_alloc(cli->arena, PRINTED_MAX, 1);
    if (!text)
        return err_set(err, ERR_LIMIT, "out of memory");
    struct writer w = writer_of(text, PRINTED_MAX);
    print(&w, d);
    if (!writer_cstr(&w))
        return err_set(err, ERR_LIMIT, "the policy would be too large");
    (void)fputs(text, cli->term.out);
    return ERR_OK;
}

int run_policy_draft(struct cli *cli)
{
    struct err err = { 0 };
    struct engine_schema schema;
    struct policy_draft draft;
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID,
                      "there is no source to draft a policy for");
        (void)err_hint(&err, "usage: halftone policy draft FILE > POLICY, or "
                             "postgresql://... in place of the file");
        return cli_misused(cli, &err);
    }
    const char *path = cli->words[0];
    if (engine_schema_of(&schema, path, cli->arena, &err) != ERR_OK ||
        draft_of(&draft, &schema, path, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    return print_page(cli, policy_draft_print, &draft, &err) == ERR_OK
               ? 0
               : cli_fail(cli, &err, NULL);
}

static void print_keys(struct writer *w, const struct policy_draft *unused)
{
    (void)unused;
    policy_keys_print(w);
}

int run_policy_keys(struct cli *cli)
{
    struct err err;
    return print_page(cli, print_keys, NULL, &err) == ERR_OK
               ? 0
               : cli_fail(cli, &err, NULL);
}
