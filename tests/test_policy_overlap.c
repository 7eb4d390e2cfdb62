#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/policy/policy.h"
#include "tests/table.h"

/*
 * Two policies on one server.  {dataset, id, population, source, from, key}:
 * what may stand in both, and what may not.
 */
struct side {
    const char *dataset, *more, *from, *key;
};

#define DUCK "source: duckdb\ndatabase: "
static const struct row {
    const char *name;
    struct side a, b;
    const char *msg; /* NULL = they may stand together */
} rows[] = {
    { "different files",
      { "a", "", "a.csv", "k" },
      { "b", "", "b.csv", "k" },
      NULL },
    { "one name",
      { "a", "", "a.csv", "k" },
      { "a", "", "b.csv", "k" },
      "the dataset of 'a' is also that of 'a'" },
    { "one id",
      { "a", "id: x\n", "a.csv", "k" },
      { "b", "id: x\n", "b.csv", "k" },
      "the id of 'b' is also that of 'a'" },
    { "one population",
      { "a", "population: x\n", "a.csv", "k" },
      { "b", "population: x\n", "b.csv", "k" },
      "the population of 'b' is also that of 'a'" },
    { "one file",
      { "a", "", "a.csv", "k" },
      { "b", "", "a.csv", "j" },
      "the people of 'b.t' are those of 'a.t'" },
    { "one file by two names",
      { "a", "", "real.csv", "k" },
      { "b", "", "link.csv", "k" },
      "the people of 'b.t'" },
    { "one file through another path",
      { "a", "", "real.csv", "k" },
      { "b", "", "./real.csv", "k" },
      "the people of 'b.t'" },
    { "a pattern that matches",
      { "a", "", "a*.csv", "k" },
      { "b", "", "a1.csv", "k" },
      "the people of 'b.t'" },
    { "two patterns that meet",
      { "a", "", "re*.csv", "k" },
      { "b", "", "*al.csv", "k" },
      "the people of 'b.t'" },
    { "patterns that do not meet",
      { "a", "", "x*.csv", "k" },
      { "b", "", "y*.csv", "k" },
      NULL },
    { "one table of one database",
      { "a", DUCK "d.db\n", "orders", "k" },
      { "b", DUCK "d.db\n", "orders", "j" },
      "the people of 'b.t'" },
    { "one key of one database",
      { "a", DUCK "d.db\n", "orders", "k" },
      { "b", DUCK "d.db\n", "visits", "k" },
      "the people of 'b.t'" },
    { "other tables and keys of one database",
      { "a", DUCK "d.db\n", "orders", "k" },
      { "b", DUCK "d.db\n", "staff", "j" },
      NULL },
    { "the same table of two databases",
      { "a", DUCK "d.db\n", "orders", "k" },
      { "b", DUCK "e.db\n", "orders", "k" },
      NULL },
};

static char folder[] = "/tmp/halftone-overlap-XXXXXX";

static int make_files(void **state)
{
    char real[64], link_path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(real, sizeof real, "%s/real.csv", folder);
    (void)snprintf(link_path, sizeof link_path, "%s/link.csv", folder);
    FILE *f = fopen(real, "w");
    assert_non_null(f);
    (void)fclose(f);
    return symlink(real, link_path);
}

static int remove_files(void **state)
{
    char path[64];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/real.csv", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/link.csv", folder);
    (void)unlink(path);
    return rmdir(folder);
}

static struct policy *load(const struct side *side, const char *file,
                           struct arena *a)
{
    struct policy_report report = { 0 };
    struct policy *p = NULL;
    struct err err;
    char *path = arena_printf(a, "%s/%s", folder, file);
    char *text = arena_printf(
        a,
        "# one line more than the dataset's\ndataset: %s\nexclusive: true\n"
        "version: 1\ndata_version: a\n%scap: {rho: 1, delta: 0}\n"
        "max_people: 10\npurposes: {a: {basis: consent}}\n"
        "tables: {t: {from: \"%s\", key: %s, columns: {%s: int}}}\n",
        side->dataset, side->more, side->from, side->key, side->key);
    assert_int_equal(
        policy_load_bytes(&p, text, strlen(text), path, &report, a, &err),
        ERR_OK);
    return p;
}

static void check_pair(void **state)
{
    const struct row *row = *state;
    struct policy_report report = { 0 };
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 20);
    const struct policy *both[] = { load(&row->a, "a.yaml", &a),
                                    load(&row->b, "b.yaml", &a) };
    const enum err_code code = policy_check_overlap(both, 2, &report, &a, &err);
    policy_report_print(stdout, &report, row->name);
    assert_int_equal(code, row->msg ? ERR_INVALID : ERR_OK);
    assert_int_equal(report.n, row->msg ? 1 : 0);
    if (row->msg) {
        assert_non_null(strstr(report.mistakes[0].msg, row->msg));
        assert_non_null(strstr(report.mistakes[0].path, "/b.yaml"));
        assert_true(report.mistakes[0].line >= 2);
        assert_non_null(strstr(report.mistakes[0].fix, "into one policy"));
    }
    arena_fini(&a);
}

/* Under a group of their own, for the files. */
int main(void)
{
    assert_int_equal(make_files(NULL), 0);
    const int failed = RUN_ROWS(rows, check_pair);
    return failed + (remove_files(NULL) != 0);
}
