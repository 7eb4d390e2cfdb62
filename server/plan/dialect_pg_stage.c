/*
 * The order of a person's groups (keep.h) where the engine has no functions of
 * ours: the same codes and places, by sha256, BIGINT and NUMERIC.  A digest is
 * dear there, so that each person has one and each value has one, in tables
 * that are joined; only the place of a pair is computed for each pair.
 *
 *   persons  q, and a = s1 2^31 + s0, b = s2 of the person's line
 *   code0..  q, a value of key 0..; of one key alone, its code modulo the prime
 *            as hi 2^31 + lo; of more, its code y
 *   codes    pairs with the codes of their keys: y0, c1, c2, ..
 *   groups   ... that there are, and hi, lo of the code of all together
 *   lines    pairs with three parts of their place: t, m 2^31 and l
 *
 * Modulo 2^61 - 1, 2^62 is 2 and m 2^31 is m / 2^30 + (m mod 2^30) 2^31: no
 * part, nor what they add up to, needs more than 63 bits.
 *
 * OFFSET keeps the engine's planner from putting a stage's expressions in the
 * place of each of their names.  The secret's block is $1.  x XOR (x >> 33) of
 * 64 bits touches the lower 33 alone, which BIGINT holds.
 */
#include <string.h>

#include "server/plan/dialect_pg.h"
#include "server/plan/dialect_stage.h"

#define PRIME "2305843009213693951" /* KEEP_PRIME */
#define TWO33 "8589934592"
#define TWO61 "2305843009213693952"
#define TWO64 "18446744073709551616"
#define LOW31 "2147483647"
#define LOW30 "1073741823"

/* Text that ends by itself; NULL of NULL. */
static void spelled(struct writer *w, enum value_type type, const char *name)
{
    if (type == VALUE_TEXT)
        writer_printf(w, "octet_length(%s) || ':' || %s", name, name);
    else if (type == VALUE_DATE)
        writer_printf(w, "(%s - DATE '1970-01-01') || ','", name);
    else if (type == VALUE_TIMESTAMP)
        writer_printf(
            w, "CAST(EXTRACT(EPOCH FROM %s) * 1000000 AS BIGINT) || ','", name);
    else if (type == VALUE_BOOL)
        writer_printf(w, "CAST(%s AS INTEGER) || ','", name);
    else
        writer_printf(w, "%s || ','", name);
}

/* Hexadecimal digits of the keyed hash of a value. */
static void digest(struct writer *w, char kind, enum value_type type,
                   const char *name)
{
    writer_str(w, "encode(sha256($1 || ");
    if (type == VALUE_DOUBLE) { /* no text of ours; -0 is 0 */
        writer_printf(w,
                      "'%c'::bytea || coalesce(float8send(%s + FLOAT8 '0'), "
                      "'')), 'hex')",
                      kind, name);
        return;
    }
    writer_printf(w, "convert_to('%c' || coalesce(", kind);
    spelled(w, type, name);
    writer_str(w, ", 'n'), 'UTF8')), 'hex')");
}

/* At most 15 of them, as a number. */
static void number(struct writer *w, const char *hex, unsigned from, unsigned n)
{
    writer_printf(w,
                  "CAST(CAST('x' || substr(%s, %u, %u) AS BIT(%u)) AS "
                  "BIGINT)",
                  hex, from, n, 4 * n);
}

/* The first 16. */
static void code(struct writer *w, const char *hex)
{
    writer_str(w, "(CAST(");
    number(w, hex, 1, 8);
    writer_str(w, " AS NUMERIC) * 4294967296 + ");
    number(w, hex, 9, 8);
    writer_str(w, ")");
}

static void shifted(struct writer *w, const char *x)
{
    writer_printf(w,
                  "(div(%s, " TWO33 ") * " TWO33 " + (CAST(mod(%s, " TWO33
                  ") AS BIGINT) # CAST(div(%s, " TWO33 ") AS BIGINT)))",
                  x, x, x);
}

static enum value_type person_type(const struct sql *s)
{
    return draft_key(s->d)->key_type == POLICY_INT ? VALUE_INT : VALUE_TEXT;
}

/* ",\nNAME AS (SELECT *, " ... " AS column FROM from)" */
static void open_stage(const struct sql *s, const char *name)
{
    writer_printf(s->w, ",\n%s AS (SELECT *, ", name);
}

/* c of c and key k: halftone_both. */
static void both(const struct sql *s, size_t k, const char *from, char to[32])
{
    static const char *const factors[] = { "18397679294719823053",
                                           "14181476777654086739" };
    char name[32], x[32];
    (void)snprintf(name, sizeof name, "both%zu", k);
    open_stage(s, name);
    writer_str(s->w, "mod((1 + ");
    number(s->w, "encode(sha256($1 || 'x'::bytea), 'hex')", 1, 15);
    writer_printf(s->w,
                  ") * y%zu + mod(c%zu, " TWO61 "), " PRIME
                  ") AS b%zu_0 FROM %s OFFSET 0)",
                  k - 1, k, k, from);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(x, sizeof x, "b%zu_%zu", k, i);
        writer_printf(s->w, ",\nmix%zu_%zu AS (SELECT *, mod(", k, i);
        shifted(s->w, x);
        writer_printf(s->w, " * %s, " TWO64 ") AS b%zu_%zu FROM ", factors[i],
                      k, i + 1);
        if (i)
            writer_printf(s->w, "mix%zu_0 OFFSET 0)", k);
        else
            writer_printf(s->w, "%s OFFSET 0)", name);
    }
    (void)snprintf(x, sizeof x, "b%zu_2", k);
    (void)snprintf(to, 32, "mixed%zu", k);
    open_stage(s, to);
    shifted(s->w, x);
    writer_printf(s->w, " AS y%zu FROM mix%zu_1 OFFSET 0)", k, k);
}

/* Whence different values are read: the rows again, where that is one table,
 * else what was made of them, which is there already. */
bool stage_pg_reads_again(const struct sql *s)
{
    const struct rel_scope *scope = s->d->scope;
    return dialect_is_pg(s->w) && (s->ranks || s->n_u > 0 || s->hist) &&
           scope->n_leaves == 1 && scope->leaves[0].rel->table != NULL;
}

static const char *source(const struct sql *s, const char *made)
{
    return stage_pg_reads_again(s) ? "placed" : made;
}

/* ",\nNAME AS (SELECT q, " ... of z, the digest of each value q of a column. */
static void open_digests(const struct sql *s, const char *name)
{
    writer_printf(s->w, ",\n%s AS (SELECT q, ", name);
}

static void close_digests(const struct sql *s, char kind, enum value_type type,
                          const char *column, const char *from)
{
    writer_str(s->w, " FROM (SELECT q, ");
    digest(s->w, kind, type, "q");
    writer_printf(s->w,
                  " AS z FROM (SELECT DISTINCT %s AS q FROM %s) AS y OFFSET 0) "
                  "AS y OFFSET 0)",
                  column, from);
}

/* Twice: persons0 has the numbers, persons their parts. */
void stage_pg_persons(const struct sql *s)
{
    open_digests(s, "persons0");
    writer_str(s->w, "1 + ");
    number(s->w, "z", 1, 15);
    writer_str(s->w, " AS a, ");
    number(s->w, "z", 16, 15);
    writer_str(s->w, " AS b");
    close_digests(s, 'p', person_type(s), "p", source(s, "pairs"));
    writer_str(s->w, ",\npersons AS (SELECT q, a >> 31 AS s1, a & " LOW31
                     " AS s0, b AS s2 FROM persons0 OFFSET 0)");
}

/* hi and lo of y below the prime. */
static void halves(const struct sql *s, const char *name, const char *from)
{
    writer_printf(s->w,
                  ",\n%s AS (SELECT *, y >> 31 AS hi, y & " LOW31
                  " AS lo FROM %s OFFSET 0)",
                  name, from);
}

/* `name` of the codes of a column's values, in halves. */
static void code_table(const struct sql *s, const char *name,
                       enum value_type type, const char *column,
                       const char *from)
{
    char all[40];
    (void)snprintf(all, sizeof all, "%s_all", name);
    open_digests(s, all);
    writer_str(s->w, "CAST(mod(");
    code(s->w, "z");
    writer_str(s->w, ", " PRIME ") AS BIGINT) AS y");
    close_digests(s, 'c', type, column, from);
    halves(s, name, all);
}

/* Of a value that may be NULL, which no equality finds. */
static void found(const struct sql *s, const char *table, const char *column)
{
    writer_printf(s->w, "coalesce(%s.%s, (SELECT %s FROM %s WHERE q IS NULL))",
                  table, column, column, table);
}

/* Rows of `from` as f, with the halves of their code, hi and lo, and of their
 * person's line; then `lines`. */
static void open_halved(const struct sql *s, const char *suffix)
{
    writer_printf(s->w, ",\nhalved%s AS (SELECT f.*, s1, s0, s2, ", suffix);
}

static void of_persons(const struct sql *s, const char *from)
{
    writer_printf(s->w, " FROM persons JOIN %s AS f ON persons.q = f.p", from);
}

static void close_halved(const struct sql *s, const char *suffix)
{
    writer_printf(s->w,
                  " OFFSET 0),\nlines%s AS (SELECT *, 2 * s1 * hi + s2 AS t, "
                  "s1 * lo + s0 * hi AS m, s0 * lo AS l FROM halved%s OFFSET "
                  "0)",
                  suffix, suffix);
}

static void by_one_key(const struct sql *s)
{
    code_table(s, "code0", s->d->plan->keys[0].type, "k0", source(s, "pairs"));
    open_halved(s, "");
    found(s, "code0", "hi");
    writer_str(s->w, " AS hi, ");
    found(s, "code0", "lo");
    writer_str(s->w, " AS lo");
    of_persons(s, "pairs");
    writer_str(s->w, " LEFT JOIN code0 ON code0.q = f.k0");
    close_halved(s, "");
}

static void code_columns(const struct sql *s)
{
    for (size_t k = 0; k < s->d->plan->n_keys; k++)
        writer_printf(s->w, "%s%zu", k ? ", c" : "y", k);
}

static void by_keys(const struct sql *s)
{
    const size_t n = s->d->plan->n_keys;
    char name[32], column[32], from[32] = "sets";
    for (size_t k = 0; k < n; k++) {
        (void)snprintf(name, sizeof name, "code%zu", k);
        (void)snprintf(column, sizeof column, "k%zu", k);
        open_digests(s, name);
        code(s->w, "z");
        writer_str(s->w, " AS y");
        close_digests(s, 'c', s->d->plan->keys[k].type, column,
                      source(s, "pairs"));
    }
    writer_str(s->w, ",\ncodes AS (SELECT f.*");
    for (size_t k = 0; k < n; k++) {
        (void)snprintf(name, sizeof name, "code%zu", k);
        writer_str(s->w, ", ");
        found(s, name, "y");
        writer_printf(s->w, " AS %c%zu", k ? 'c' : 'y', k);
    }
    writer_str(s->w, " FROM pairs AS f");
    for (size_t k = 0; k < n; k++)
        writer_printf(s->w, " LEFT JOIN code%zu ON code%zu.q = f.k%zu", k, k,
                      k);
    writer_str(s->w, " OFFSET 0),\nsets AS (SELECT DISTINCT ");
    code_columns(s);
    writer_str(s->w, " FROM codes)");
    for (size_t k = 1; k < n; k++) {
        char to[32];
        both(s, k, from, to);
        (void)snprintf(from, sizeof from, "%s", to);
    }
    writer_str(s->w, ",\nbelow AS (SELECT ");
    code_columns(s);
    writer_printf(s->w,
                  ", CAST(mod(y%zu, " PRIME ") AS BIGINT) AS y FROM %s OFFSET "
                  "0)",
                  n - 1, from);
    halves(s, "groups", "below");
    open_halved(s, "");
    writer_str(s->w, "hi, lo");
    of_persons(s, "codes");
    writer_str(s->w, " JOIN groups USING (");
    code_columns(s);
    writer_str(s->w, ")");
    close_halved(s, "");
}

void stage_pg_codes(const struct sql *s)
{
    if (s->d->plan->n_keys > 1)
        by_keys(s);
    else
        by_one_key(s);
}

void stage_pg_place(const struct sql *s)
{
    writer_str(s->w, "(t + (m >> 30) + ((m & " LOW30 ") << 31) + (l & " PRIME
                     ") + (l >> 61)) % " PRIME);
}

void stage_pg_value_codes(const struct sql *s, size_t i)
{
    char name[32], column[32], suffix[24];
    (void)snprintf(suffix, sizeof suffix, "%zu", i);
    (void)snprintf(name, sizeof name, "vcode%zu", i);
    (void)snprintf(column, sizeof column, "u%zu", s->u[i]);
    char values[32];
    (void)snprintf(values, sizeof values, "values%zu", i);
    code_table(s, name, s->dm[i].value->type, column, source(s, values));
    open_halved(s, suffix);
    writer_str(s->w, "hi, lo");
    of_persons(s, values);
    writer_printf(s->w, " JOIN %s ON %s.q = f.%s", name, name, column);
    close_halved(s, suffix);
}

void stage_pg_starts(const struct sql *s)
{
    open_digests(s, "starts");
    code(s->w, "z");
    writer_str(s->w, " AS c");
    close_digests(s, 'c', person_type(s), "p", source(s, "ordered"));
}
