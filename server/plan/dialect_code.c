/* Numbers that stand for groups, people and values: keep.h. */
#include <stdio.h>

#include "server/plan/dialect_stage.h"
#include "server/plan/keep.h"

void stage_code_of(const struct sql *s, enum value_type type, const char *x)
{
    char name[KEEP_NAME_MAX];
    keep_code_name(name, type == VALUE_TEXT);
    writer_printf(s->w, "%s(", name);
    if (type == VALUE_TEXT)
        writer_printf(s->w, "%s)", x);
    else if (type == VALUE_DATE)
        writer_printf(s->w, "%s - DATE '1970-01-01')", x);
    else if (type == VALUE_TIMESTAMP)
        writer_printf(s->w, "epoch_us(%s))", x);
    else
        writer_printf(s->w, "CAST(%s AS BIGINT))", x);
}

static void key_code(const struct sql *s, size_t k)
{
    char name[24];
    (void)snprintf(name, sizeof name, "k%zu", k);
    stage_code_of(s, s->d->plan->keys[k].type, name);
}

/* halftone_both(halftone_both(code of k0, code of k1), code of k2) */
void stage_code(const struct sql *s)
{
    const size_t n = s->d->plan->n_keys;
    if (n == 0) /* everybody's */
        writer_str(s->w, "CAST(0 AS UBIGINT)");
    for (size_t k = 1; k < n; k++)
        writer_str(s->w, KEEP_BOTH "(");
    for (size_t k = 0; k < n; k++) {
        writer_str(s->w, k ? ", " : "");
        key_code(s, k);
        writer_str(s->w, k ? ")" : "");
    }
}

void stage_person_code(const struct sql *s)
{
    if (s->d->req->portable)
        stage_code_of(s, stage_person_is_text(s) ? VALUE_TEXT : VALUE_INT, "p");
    else
        writer_str(s->w, "hash(p)");
}

void stage_place_open(const struct sql *s)
{
    char name[KEEP_NAME_MAX];
    keep_place_name(name, stage_person_is_text(s));
    writer_printf(s->w, "%s(p, ", name);
}

void stage_place(const struct sql *s)
{
    stage_place_open(s);
    stage_code(s);
    writer_str(s->w, ")");
}
