#include <assert.h>
#include <fnmatch.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "server/policy/fields.h"
#include "server/policy/policy.h"

/*
 * Which data two policies share.  Paths are compared as text, as patterns, and
 * by the files they name where those exist: a symbolic or hard link is no new
 * population.
 */

enum { FILES_MAX = 300 }; /* of one pattern; more are compared by name only */

static bool is_same_file(const char *x, const char *y)
{
    struct stat a, b;
    return stat(x, &a) == 0 && stat(y, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* How many files of a pattern are worth comparing one by one. */
static size_t count(const glob_t *g)
{
    return g->gl_pathc <= FILES_MAX ? g->gl_pathc : 0;
}

static bool shares_match(const char *x, const char *y)
{
    glob_t a = { 0 }, b = { 0 };
    bool shared = false;
    if (glob(x, GLOB_NOSORT, NULL, &a) == 0 &&
        glob(y, GLOB_NOSORT, NULL, &b) == 0)
        for (size_t i = 0; i < count(&a) && !shared; i++)
            for (size_t j = 0; j < count(&b) && !shared; j++)
                shared = is_same_file(a.gl_pathv[i], b.gl_pathv[j]);
    globfree(&a);
    globfree(&b);
    return shared;
}

static bool shares_file(const char *x, const char *y)
{
    if (strcmp(x, y) == 0 || fnmatch(x, y, 0) == 0 || fnmatch(y, x, 0) == 0 ||
        is_same_file(x, y))
        return true;
    return (strpbrk(x, "*?[") || strpbrk(y, "*?[")) && shares_match(x, y);
}

static const char *key_of(const struct policy_table *t)
{
    return policy_stored_name(&t->columns[t->key]);
}

static bool shares_table(const struct policy *p, const struct policy_table *t,
                         const struct policy *q, const struct policy_table *u)
{
    if (!t->owned || !u->owned || p->source != q->source)
        return false;
    if (p->source == SOURCE_FILES)
        return shares_file(t->source, u->source);
    if (p->source == SOURCE_FAKE)
        return false;
    const bool same = p->source == SOURCE_POSTGRESQL
                          ? strcmp(p->database, q->database) == 0
                          : shares_file(p->database, q->database);
    return same && (strcmp(t->source, u->source) == 0 ||
                    strcmp(key_of(t), key_of(u)) == 0);
}

static void say(struct loader *l, const struct policy *q, unsigned line,
                const char *msg, const char *fix)
{
    const struct policy_mistake m = {
        .line = line, .col = 1, .msg = msg, .fix = fix, .path = q->path
    };
    if (!report_add(l->report, l->a, m))
        l->full = true;
}

static void compare_names(struct loader *l, const struct policy *p,
                          const struct policy *q)
{
    const char *what = strcmp(p->name, q->name) == 0 ? "dataset"
                       : strcmp(p->id, q->id) == 0   ? "id"
                       : strcmp(p->population, q->population) == 0
                           ? "population"
                           : NULL;
    if (what)
        say(l, q, q->line,
            arena_printf(l->a, "the %s of '%s' is also that of '%s' in %s",
                         what, q->name, p->name, p->path),
            "one population is one dataset: put the tables into one policy, or "
            "rename");
}

static void compare_tables(struct loader *l, const struct policy *p,
                           const struct policy *q)
{
    for (size_t i = 0; i < p->n_tables; i++)
        for (size_t j = 0; j < q->n_tables; j++) {
            const struct policy_table *t = &p->tables[i], *u = &q->tables[j];
            if (shares_table(p, t, q, u))
                say(l, q, u->line,
                    arena_printf(l->a,
                                 "the people of '%s.%s' are those of "
                                 "'%s.%s' in %s",
                                 q->name, u->name, p->name, t->name, p->path),
                    "put both tables into one policy: one budget counts for "
                    "each person");
        }
}

enum err_code policy_check_overlap(const struct policy *const *policies,
                                   size_t n, struct policy_report *report,
                                   struct arena *a, struct err *err)
{
    struct loader l = { .a = a, .report = report, .path = "the policies" };
    for (size_t j = 1; j < n; j++)
        for (size_t i = 0; i < j; i++) {
            compare_names(&l, policies[i], policies[j]);
            compare_tables(&l, policies[i], policies[j]);
        }
    return loader_close(&l, err);
}
