/* halftone policy records FILE...: what GDPR Art. 30 asks to be written down.
 */
#include <inttypes.h>
#include <string.h>

#include "clients/cli/cli.h"
#include "clients/cli/grid.h"
#include "clients/cli/number.h"
#include "server/policy/policy.h"

enum { COLUMNS = 12, ROWS_MAX = 4096 };

static struct grid_column HEADS[COLUMNS] = {
    { "dataset", GRID_TEXT },     { "controller", GRID_TEXT },
    { "purpose", GRID_TEXT },     { "description", GRID_TEXT },
    { "legal_basis", GRID_TEXT }, { "people", GRID_TEXT },
    { "data", GRID_TEXT },        { "recipients", GRID_TEXT },
    { "retention", GRID_TEXT },   { "erased_within", GRID_TEXT },
    { "reread_for", GRID_TEXT },  { "safeguards", GRID_TEXT },
};

static const char *basis_of(enum policy_basis b)
{
    static const char *const names[] = {
        [BASIS_CONSENT] = "consent (Art. 6(1)(a))",
        [BASIS_LEGITIMATE_INTEREST] = "legitimate interest (Art. 6(1)(f)), "
                                      "with a right to object",
        [BASIS_PUBLIC_TASK] = "public task (Art. 6(1)(e)), with a right to "
                              "object",
    };
    return names[b];
}

static const char *span(uint64_t s, struct arena *a)
{
    if (s == 0)
        return NULL;
    return s % 86400 == 0 ? arena_printf(a, "%" PRIu64 " day%s", s / 86400,
                                         s == 86400 ? "" : "s")
                          : arena_printf(a, "%" PRIu64 " s", s);
}

/* Every column of people, table by table. */
static const char *data_of(const struct policy *p, struct arena *a)
{
    const char *out = "";
    for (size_t t = 0; t < p->n_tables && out; t++) {
        const struct policy_table *table = &p->tables[t];
        if (!table->owned)
            continue;
        out = arena_printf(a, "%s%s%s:", out, *out ? "; " : "", table->name);
        for (size_t c = 0; c < table->n_columns && out; c++)
            out = arena_printf(a, "%s%s %s", out, c ? "," : "",
                               table->columns[c].name);
    }
    return out;
}

/* Whose data: the categories of people are what the key names. */
static const char *people_of(const struct policy *p, struct arena *a)
{
    const char *out = "", *key = "";
    for (size_t t = 0; t < p->n_tables && out; t++) {
        const struct policy_table *table = &p->tables[t];
        if (!table->owned)
            continue;
        const char *name = table->columns[table->key].name;
        out = strcmp(name, key) == 0
                  ? arena_printf(a, "%s, %s", out, table->name)
                  : arena_printf(a, "%s%sby %s in %s", out, *out ? "; " : "",
                                 name, table->name);
        key = name;
    }
    return out ? arena_printf(
                     a, "those named %s; at most %s", out,
                     number_grouped(number_scaled(p->max_people, 0).s).s)
               : NULL;
}

static const char *safeguards_of(const struct policy *p, struct arena *a)
{
    const struct policy_shown cap = policy_shown_of(p, p->cap);
    return arena_printf(a,
                        "aggregates under differential privacy, epsilon %.3g "
                        "at delta %s for life over all recipients; pseudonyms; "
                        "%s",
                        cap.epsilon, number_people(cap.delta, 2).s,
                        p->has_consent ? "a register of consent says who counts"
                                       : "no register of consent");
}

static bool add(struct grid *g, const struct policy *p,
                const struct policy_purpose *purpose, struct arena *a)
{
    const char **cell = g->cells + g->n_rows++ * COLUMNS;
    cell[0] = p->name;
    cell[1] = p->controller && *p->controller ? p->controller : NULL;
    cell[2] = purpose->id;
    cell[3] = purpose->help;
    cell[4] = basis_of(purpose->basis);
    cell[5] = people_of(p, a);
    cell[6] = data_of(p, a);
    cell[7] = purpose->contact
                  ? "analysts and dashboards of the principals file, who get "
                    "aggregates alone; its senders, who are told of one "
                    "person at a time whether to write to her"
                  : "analysts and dashboards of the principals file, who get "
                    "aggregates alone";
    cell[8] = span(purpose->retention_s, a);
    cell[9] = p->has_consent ? span(p->erasure.deadline_s, a) : NULL;
    cell[10] = span(p->reuse_for_s, a);
    cell[11] = safeguards_of(p, a);
    return cell[5] && cell[6] && cell[11];
}

static enum err_code add_file(struct grid *g, const char *path, struct arena *a,
                              struct err *err)
{
    struct policy *p;
    struct policy_report report = { 0 };
    TRY(policy_load(&p, path, &report, a, err));
    for (size_t i = 0; i < p->n_purposes; i++)
        if (g->n_rows == ROWS_MAX || !add(g, p, &p->purposes[i], a))
            return err_set(err, ERR_LIMIT, "there are too many purposes");
    return ERR_OK;
}

int run_policy_records(struct cli *cli)
{
    struct err err;
    struct grid g = { .columns = HEADS,
                      .n_columns = COLUMNS,
                      .cells = ARENA_NEW_N(cli->arena, ROWS_MAX * COLUMNS,
                                           const char *) };
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "no policy is named");
        (void)err_hint(&err, "halftone policy records FILE...");
        return cli_misused(cli, &err);
    }
    if (!g.cells) {
        (void)err_set(&err, ERR_LIMIT, "out of memory");
        return cli_fail(cli, &err, NULL);
    }
    for (size_t i = 0; i < cli->n_words; i++)
        if (add_file(&g, cli->words[i], cli->arena, &err) != ERR_OK)
            return cli_fail(cli, &err, NULL);
    if (grid_print_long(&g, cli->opt.format, &cli->term, cli->arena, &err) !=
        ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
