#include "server/policy/report.h"

#include <assert.h>

bool report_add(struct policy_report *r, struct arena *a,
                struct policy_mistake mistake)
{
    if (!mistake.msg || !mistake.fix)
        return false;
    if (!r->mistakes) {
        r->mistakes = ARENA_NEW_N(a, REPORT_MAX, struct policy_mistake);
        if (!r->mistakes)
            return false;
        r->cap = REPORT_MAX;
    }
    if (r->n < r->cap)
        r->mistakes[r->n++] = mistake;
    return true;
}

static bool is_after(const struct policy_mistake *x,
                     const struct policy_mistake *y)
{
    return x->line != y->line ? x->line > y->line : x->col > y->col;
}

/* Insertion: at most REPORT_MAX rows, mostly in order, and it is stable. */
void report_sort(struct policy_report *r)
{
    for (size_t i = 1; i < r->n; i++) {
        const struct policy_mistake m = r->mistakes[i];
        size_t at = i;
        for (; at > 0 && is_after(&r->mistakes[at - 1], &m); at--)
            r->mistakes[at] = r->mistakes[at - 1];
        r->mistakes[at] = m;
    }
}

enum err_code report_err(const struct policy_report *r, const char *path,
                         struct err *err)
{
    assert(r->n > 0);

    const struct policy_mistake *m = &r->mistakes[0];
    const char *where = m->path ? m->path : path;
    if (r->n == 1)
        (void)err_set(err, ERR_INVALID, "%s:%u:%u: %s", where, m->line, m->col,
                      m->msg);
    else
        (void)err_set(err, ERR_INVALID, "%s:%u:%u: %s (and %zu more)", where,
                      m->line, m->col, m->msg, r->n - 1);
    (void)err_at(err, m->line, m->col);
    return err_hint(err, "%s", m->fix);
}

void policy_report_print(FILE *out, const struct policy_report *r,
                         const char *path)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct policy_mistake *m = &r->mistakes[i];
        fprintf(out, "%s:%u:%u: %s\n  fix: %s\n", m->path ? m->path : path,
                m->line, m->col, m->msg, m->fix);
    }
}
