/*
 * How each person is bounded: in one pass, by an aggregate whose state has one
 * size or grows, or by a window; from the question's shape and the policy's
 * public sizes.
 */
#include <math.h>

#include "server/plan/dialect_stage.h"
#include "server/plan/keep.h"

static size_t slot_of(struct sql *s, size_t flag, size_t sum)
{
    size_t i = 0;
    while (i < s->n_slots &&
           !(s->slots[i].flag == flag && s->slots[i].sum == sum))
        i++;
    if (i == STAGE_SLOTS)
        return i;
    if (i == s->n_slots)
        s->slots[s->n_slots++] = (struct stage_slot){ flag, sum };
    return i;
}

/* Is this one 64-bit integer a row? */
static bool adds_up(const struct sql *s, size_t i)
{
    return s->pm[i].kind == MEASURE_SUM || stage_squares_fit(s, i);
}

static bool number_slots(struct sql *s)
{
    bool fits = true;
    for (size_t i = 0; i < s->n && fits; i++) {
        const enum measure_kind kind = s->pm[i].kind;
        const bool sums = kind == MEASURE_SUM || kind == MEASURE_SQUARES;
        /* Everyone, and sums clamped as they are, need no number of rows. */
        const bool alone =
            (kind == MEASURE_PEOPLE && s->flag[i] == STAGE_NONE) ||
            (kind == MEASURE_SUM && s->dm[i].clamps_person);
        if (!alone)
            fits = slot_of(s, s->flag[i], STAGE_NONE) < STAGE_SLOTS;
        if (sums && fits)
            fits = adds_up(s, i) && slot_of(s, s->flag[i], i) < STAGE_SLOTS;
    }
    return fits && s->n_slots <= KEEP_MANY_MAX;
}

/* A person's groups by number, of a window: row, hash, place and rank. */
enum { PAIR_BYTES = 64, KEEP_ALWAYS = 256, L0_FEW = 8 };

static bool is_small(const struct sql *s, double each, size_t bytes)
{
    const struct plan *p = s->d->plan;
    const double groups =
        p->selects ? each : fmin(each, (double)p->groups_public);
    return (double)bytes <= fmax(KEEP_ALWAYS, 2 * PAIR_BYTES * groups);
}

static const char in_what_they_have[] =
    "in one pass over the rows, with memory for the groups that people have";

/* A state of one size holds so many bytes for each person, whatever groups they
 * have; one that grows holds each group they have, a little more slowly. */
static const char *choose_by_size(struct sql *s)
{
    const struct draft *d = s->d;
    const size_t bytes = keep_bytes(d->plan->l0, (unsigned)s->n_slots);
    const double each = draft_rows_each(d, d->scope->rows);
    s->keeps = true;
    s->grows = s->n_slots > KEEP_SUMS_MAX || d->plan->l0 > KEEP_L0_MAX;
    if (s->grows)
        return arena_printf(d->a, "%s, since there is much to keep",
                            in_what_they_have);
    if (!d->scope->sized) {
        s->grows = d->plan->l0 > L0_FEW;
        return s->grows
                   ? arena_printf(d->a,
                                  "%s, since they may be many and no "
                                  "expected_rows says that people have as many "
                                  "rows",
                                  in_what_they_have)
                   : arena_printf(d->a,
                                  "in one pass over the rows, since they are "
                                  "few: %zu bytes for each person",
                                  bytes);
    }
    s->grows = !is_small(s, each, bytes);
    return arena_printf(d->a,
                        "%s, since %zu bytes for each person are %s beside the "
                        "%.3g rows that the policy expects of one",
                        s->grows ? in_what_they_have
                                 : "in one pass over the rows",
                        bytes, s->grows ? "much" : "little", each);
}

/* Is there more to bound of a person than the number of groups? */
static bool bounds_rows(const struct sql *s)
{
    return (s->n_u > 0 || s->hist) && !s->d->scope->one_row;
}

const char *stage_keeps(struct sql *s)
{
    const struct plan *p = s->d->plan;
    s->n_slots = 0;
    s->keeps = s->grows = false;
    if (!s->ranks && !bounds_rows(s))
        return "nobody can have more groups than that";
    if (p->n_reports > 0) /* of groups that are not kept, too */
        return "by a window over each person's groups, since it is told what "
               "was cut";
    if (s->d->req->portable || s->spare || s->d->dialect)
        return "by a window over each person's groups, as asked";
    if (!s->hist && !number_slots(s))
        return "by a window over each person's groups, since there is much to "
               "add up";
    s->names = p->n_keys ? stage_names_of(s) : NAMES_LIST;
    if (s->names == NAMES_NONE)
        return "by a window over each person's groups, since to name them "
               "would be to make the rows again";
    if (s->hist) {
        s->keeps = true;
        return "in one pass over the rows, with memory for the values that "
               "people have";
    }
    const char *how = choose_by_size(s);
    return s->n_u == 0 ? how
                       : "in one pass over the rows, with memory for the "
                         "different values that people have";
}
