/*
 * Bounding in one pass: the engine's own aggregate (keep.h) keeps L0 groups of
 * each person and adds up what the person has in them.
 *
 *   kept    e, a kept group of a person: its code and sums
 *   pairs   c, the code, each aggregate a bounded integer a
 *   names   the keys that a code stands for
 *
 * The same integers as pairs and ranked give, unless two of the groups share a
 * code, a keyed hash of 64 bits that nobody can aim at (for 60,000 groups one
 * chance in 10^10): those would be counted as one.
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
    return fits && s->n_slots <= KEEP_SUMS_MAX;
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

/* One pass holds so many bytes for each person, whatever groups they have; a
 * window holds each group they have. */
static const char *choose_by_size(struct sql *s)
{
    const struct draft *d = s->d;
    const size_t bytes = keep_bytes(d->plan->l0, (unsigned)s->n_slots);
    const double each = draft_rows_each(d, d->scope->rows);
    if (!d->scope->sized) {
        s->keeps = d->plan->l0 <= L0_FEW;
        return s->keeps
                   ? arena_printf(d->a,
                                  "in one pass over the rows, since they are "
                                  "few: %zu bytes for each person",
                                  bytes)
                   : "by a window over each person's groups, since they may be "
                     "many and no expected_rows says that people have as many "
                     "rows";
    }
    s->keeps = is_small(s, each, bytes);
    return arena_printf(d->a,
                        "%s, since %zu bytes for each person are %s beside the "
                        "%.3g rows that the policy expects of one",
                        s->keeps ? "in one pass over the rows"
                                 : "by a window over each person's groups",
                        bytes, s->keeps ? "little" : "much", each);
}

const char *stage_keeps(struct sql *s)
{
    const struct plan *p = s->d->plan;
    s->n_slots = 0;
    if (!s->ranks)
        return "nobody can have more groups than that";
    if (s->hist || s->n_u > 0 || p->n_reports > 0) /* rows that count apart */
        return "by a window over each person's groups, since rows are kept too";
    if (s->d->req->portable)
        return "by a window over each person's groups, as asked";
    if (p->l0 > KEEP_L0_MAX)
        return "by a window over each person's groups, since they may be many";
    if (!number_slots(s))
        return "by a window over each person's groups, since there is much to "
               "add up";
    s->names = stage_names_of(s);
    if (s->names == NAMES_NONE)
        return "by a window over each person's groups, since to name them "
               "would be to join again";
    return choose_by_size(s);
}

void stage_slot(const struct sql *s, size_t flag, size_t sum)
{
    size_t i = 0;
    if (s->rollup) {
        stage_rollup_slot(s, flag, sum);
        return;
    }
    while (s->slots[i].flag != flag || s->slots[i].sum != sum)
        i++;
    writer_printf(s->w, "e.a%zu", i);
}

static bool is_one_text(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    return p->n_keys == 1 && p->keys[0].type == VALUE_TEXT;
}

/* The group as text: k0 itself, or every key spelled. */
static void group_text(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    if (is_one_text(s)) {
        writer_str(s->w, "k0");
        return;
    }
    writer_str(s->w, "''");
    for (size_t k = 0; k < p->n_keys; k++)
        stage_encoded(s, 'k', k, p->keys[k].type == VALUE_TEXT);
}

void stage_code(const struct sql *s)
{
    char name[KEEP_NAME_MAX];
    keep_code_name(name, is_one_text(s));
    writer_printf(s->w, "%s(", name);
    group_text(s);
    writer_str(s->w, ")");
}

void stage_place(const struct sql *s)
{
    char name[KEEP_NAME_MAX];
    keep_place_name(name, draft_key(s->d)->key_type != POLICY_INT);
    writer_printf(s->w, "%s(p, ", name);
    stage_code(s);
    writer_str(s->w, ")");
}

static void slot_input(const struct sql *s, const struct stage_slot *slot)
{
    writer_str(s->w, ", ");
    if (slot->flag != STAGE_NONE)
        writer_printf(s->w, "CASE WHEN f%zu THEN ", slot->flag);
    if (slot->sum == STAGE_NONE)
        writer_str(s->w, "CAST(1 AS BIGINT)");
    else
        stage_addend(s, slot->sum);
    writer_str(s->w, slot->flag != STAGE_NONE ? " END" : "");
}

void stage_kept(const struct sql *s)
{
    const struct plan *p = s->d->plan;
    char name[KEEP_NAME_MAX];
    keep_name(name, draft_key(s->d)->key_type != POLICY_INT, p->l0,
              (unsigned)s->n_slots);
    writer_printf(s->w, ",\nkept AS (SELECT unnest(%s(p, ", name);
    stage_code(s);
    for (size_t i = 0; i < s->n_slots; i++)
        slot_input(s, &s->slots[i]);
    writer_str(s->w, ")) AS e FROM placed GROUP BY p)");
}

void stage_named(const struct sql *s)
{
    const size_t n_keys = s->d->plan->n_keys;
    stage_names(s);
    writer_str(s->w, "\nSELECT ");
    for (size_t k = 0; k < n_keys; k++)
        writer_printf(s->w, "k%zu, ", k);
    for (size_t i = 0; i < s->n; i++)
        writer_printf(s->w, "%sm%zu", i ? ", " : "", i);
    writer_str(s->w, " FROM (SELECT c");
    for (size_t i = 0; i < s->n; i++)
        writer_printf(s->w, ", CAST(coalesce(sum(a%zu), 0) AS HUGEINT) AS m%zu",
                      i, i);
    writer_str(s->w, " FROM pairs GROUP BY c) JOIN names USING (c)");
}
