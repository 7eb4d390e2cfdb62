/*
 * Bounding in one pass: aggregates of the engine's own (keep.h) keep L0 groups
 * of each person, add up what the person has in them, and keep the different
 * values or the rows that count.
 *
 *   kept     lists of a person: e, the kept groups by code, with sums; of
 *            DISTINCT values d, by code, as hashes
 *   pairs    c, the code, each aggregate a bounded integer a
 *   counted  different values of a code
 *   names    the keys that a code stands for
 *
 * and of a histogram
 *
 *   kept     e, the rows that count: the code of their group and the value
 *   buckets  n rows of a code in bucket b
 *
 * The same integers as the stages of dialect_statement.c give, unless two of
 * the groups share a code, a keyed hash of 64 bits that nobody can aim at (for
 * 60,000 groups one chance in 10^10): those would be counted as one.  So would
 * two different values of one hash, which is DuckDB's own and moves nothing but
 * an answer about values that somebody made for it.
 */
#include "server/plan/dialect_stage.h"
#include "server/plan/keep.h"

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

/* An aggregate whose state grows, up to what it has for itself. */
static void open_bound(const struct sql *s, const char *kind, uint32_t most)
{
    char name[KEEP_NAME_MAX];
    keep_bound_name(name, kind, stage_person_is_text(s));
    writer_printf(s->w, "%s(p, %u, %u, ", name, s->d->plan->l0, most);
    stage_code(s);
}

static void kept_sums(const struct sql *s)
{
    char name[KEEP_NAME_MAX];
    if (s->grows) {
        (void)snprintf(name, sizeof name, "halftone_many%zu", s->n_slots);
        open_bound(s, name, 0);
    } else {
        keep_name(name, stage_person_is_text(s), s->d->plan->l0,
                  (unsigned)s->n_slots);
        writer_printf(s->w, "%s(p, ", name);
        stage_code(s);
    }
    for (size_t i = 0; i < s->n_slots; i++)
        slot_input(s, &s->slots[i]);
    writer_str(s->w, ")");
}

/* Hashes of the different values that count. */
static void kept_values(const struct sql *s, size_t i)
{
    open_bound(s, "halftone_values", s->d->plan->linf);
    writer_str(s->w, ", ");
    if (s->flag[i] != STAGE_NONE)
        writer_printf(s->w, "CASE WHEN f%zu THEN ", s->flag[i]);
    stage_value_code(s, i);
    writer_str(s->w, s->flag[i] != STAGE_NONE ? " END)" : ")");
}

static void kept_rows(const struct sql *s)
{
    open_bound(s, "halftone_evenly", s->d->plan->linf);
    writer_str(s->w, s->flag[0] != STAGE_NONE ? ", CASE WHEN f0 THEN v0 END"
                                              : ", v0");
    writer_str(s->w, ", hash(p))");
}

static size_t next_distinct(const struct sql *s, size_t i)
{
    while (i < s->n && s->pm[i].kind != MEASURE_DISTINCT)
        i++;
    return i;
}

/* Sums of nothing need no list of their own: groups are told by the values. */
static bool is_of_values(const struct sql *s)
{
    return s->n_u > 0 && s->n_slots == 0;
}

/* ... and of one list, that is all that there is to read. */
static bool is_one_list(const struct sql *s)
{
    return is_of_values(s) && s->n_u == 1;
}

/* Several lists, each read once. */
static void kept_lists(const struct sql *s)
{
    const char *between = "";
    writer_str(s->w, ",\nlists AS MATERIALIZED (SELECT ");
    if (!is_of_values(s)) {
        kept_sums(s);
        writer_str(s->w, " AS e");
        between = ", ";
    }
    for (size_t i = 0; (i = next_distinct(s, i)) < s->n; i++) {
        writer_str(s->w, between);
        kept_values(s, i);
        writer_printf(s->w, " AS d%zu", i);
        between = ", ";
    }
    writer_str(s->w, " FROM placed GROUP BY p),\nkept AS (SELECT unnest(");
    if (is_of_values(s))
        writer_printf(s->w, "d%zu) AS e FROM lists)", next_distinct(s, 0));
    else
        writer_str(s->w, "e) AS e FROM lists)");
}

void stage_kept(const struct sql *s)
{
    if (s->n_u > 0 && !is_one_list(s)) {
        kept_lists(s);
        return;
    }
    writer_str(s->w, ",\nkept AS (SELECT unnest(");
    if (s->hist)
        kept_rows(s);
    else if (s->n_u > 0)
        kept_values(s, next_distinct(s, 0));
    else
        kept_sums(s);
    writer_str(s->w, ") AS e FROM placed GROUP BY p)");
}

bool stage_skips_pairs(const struct sql *s)
{
    return s->keeps && (s->hist || is_one_list(s));
}

void stage_kept_pairs(const struct sql *s)
{
    writer_str(s->w,
               is_of_values(s) ? " FROM kept WHERE e.a1)" : " FROM kept)");
}

/* Of measure i, by code. */
static void counted(const struct sql *s, size_t i)
{
    writer_printf(s->w,
                  ",\ncounted%zu AS (SELECT d.code AS c, count(DISTINCT d.a0) "
                  "AS a FROM (SELECT unnest(d%zu) AS d FROM lists) GROUP BY "
                  "d.code)",
                  i, i);
}

static void keys(const struct sql *s)
{
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        writer_printf(s->w, "k%zu, ", k);
}

/* What of measure i is a sum over people. */
static void sum_of(const struct sql *s, size_t i)
{
    if (!is_one_list(s))
        writer_printf(s->w, "coalesce(sum(a%zu), 0)", i);
    else if (s->pm[i].kind == MEASURE_DISTINCT)
        writer_str(s->w, "count(DISTINCT e.a0)");
    else /* people: one row of each group is its first */
        writer_str(s->w, "count(*) FILTER (WHERE e.a1)");
}

/* By code; without keys one row, whatever there is. */
static void summed(const struct sql *s)
{
    const bool has_keys = s->d->plan->n_keys > 0;
    const char *code = is_one_list(s) ? "e.code" : "c";
    writer_printf(s->w, "(SELECT %s AS c",
                  has_keys ? code : "CAST(0 AS UBIGINT)");
    for (size_t i = 0; i < s->n; i++) {
        if (s->pm[i].kind == MEASURE_DISTINCT && !is_one_list(s))
            continue;
        writer_str(s->w, ", CAST(");
        sum_of(s, i);
        writer_printf(s->w, " AS HUGEINT) AS m%zu", i);
    }
    writer_printf(s->w, "%s FROM %s", has_keys ? "" : ", count(*) AS n",
                  is_one_list(s) ? "kept" : "pairs");
    if (has_keys)
        writer_printf(s->w, " GROUP BY %s", code);
    writer_str(s->w, ")");
}

void stage_named(const struct sql *s)
{
    const bool has_keys = s->d->plan->n_keys > 0;
    const size_t first = is_one_list(s) ? s->n : next_distinct(s, 0);
    for (size_t i = first; i < s->n; i = next_distinct(s, i + 1))
        counted(s, i);
    if (has_keys)
        stage_names(s);
    writer_str(s->w, "\nSELECT ");
    keys(s);
    for (size_t i = 0; i < s->n; i++) {
        writer_str(s->w, i ? ", " : "");
        if (s->pm[i].kind == MEASURE_DISTINCT && !is_one_list(s))
            writer_printf(s->w, "CAST(coalesce(d%zu.a, 0) AS HUGEINT) AS ", i);
        writer_printf(s->w, "m%zu", i);
    }
    writer_str(s->w, " FROM ");
    summed(s);
    writer_str(s->w, has_keys ? " JOIN names USING (c)" : " AS t");
    for (size_t i = first; i < s->n; i = next_distinct(s, i + 1))
        writer_printf(s->w, " LEFT JOIN counted%zu AS d%zu USING (c)", i, i);
}

void stage_buckets(const struct sql *s)
{
    const struct plan_hist *h = s->hist;
    const size_t n_keys = s->d->plan->n_keys;
    writer_printf(s->w,
                  ",\nbuckets AS (SELECT e.code AS c, (e.a0 - CAST('%lld' AS "
                  "BIGINT)) // CAST('%lld' AS BIGINT) AS b, count(*) AS n FROM "
                  "kept GROUP BY 1, 2)",
                  (long long)h->lo, (long long)h->width);
    if (n_keys > 0)
        stage_names(s);
    writer_str(s->w, "\nSELECT ");
    keys(s);
    writer_printf(s->w, "b AS k%zu, CAST(n AS HUGEINT) AS m0 FROM buckets%s",
                  n_keys, n_keys > 0 ? " JOIN names USING (c)" : "");
}
