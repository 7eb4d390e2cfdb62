/*
 * The order of a person's groups (keep.h) where the engine has no functions of
 * ours: the same codes and places, by sha256 and NUMERIC, a stage for each step
 * so that nothing is computed twice: OFFSET keeps the engine's planner from
 * putting a stage's expressions in the place of each of their names.  The
 * secret's block is $1.
 *
 *   digest   z0.. of the keys, zp of the person, in hex
 *   c0..     numbers of the first 64 bits
 *   coded    c, the code of all keys together
 *
 * x XOR (x >> 33) of 64 bits touches the lower 33 alone, which BIGINT holds.
 */
#include "server/plan/dialect_pg.h"
#include "server/plan/dialect_stage.h"

#define PRIME "2305843009213693951" /* KEEP_PRIME */
#define TWO33 "8589934592"
#define TWO61 "2305843009213693952"
#define TWO64 "18446744073709551616"

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

void stage_pg_codes(const struct sql *s)
{
    const size_t n = s->d->plan->n_keys;
    char name[32], from[32] = "codes";
    open_stage(s, "digests");
    for (size_t k = 0; k < n; k++) {
        (void)snprintf(name, sizeof name, "k%zu", k);
        digest(s->w, 'c', s->d->plan->keys[k].type, name);
        writer_printf(s->w, " AS z%zu, ", k);
    }
    digest(s->w, 'p', person_type(s), "p");
    writer_str(s->w, " AS zp FROM pairs OFFSET 0)");
    open_stage(s, from);
    for (size_t k = 0; k < n; k++) {
        writer_str(s->w, k ? ", " : "");
        (void)snprintf(name, sizeof name, "z%zu", k);
        code(s->w, name);
        writer_printf(s->w, " AS %c%zu", k ? 'c' : 'y', k);
    }
    writer_str(s->w, n ? " FROM digests OFFSET 0)" : "0 FROM digests)");
    for (size_t k = 1; k < n; k++) {
        char to[32];
        both(s, k, from, to);
        (void)snprintf(from, sizeof from, "%s", to);
    }
    open_stage(s, "coded");
    if (n)
        writer_printf(s->w, "y%zu AS c FROM %s OFFSET 0)", n - 1, from);
    else
        writer_printf(s->w, "CAST(0 AS NUMERIC) AS c FROM %s)", from);
}

void stage_pg_place(const struct sql *s)
{
    writer_str(s->w, "mod((1 + ");
    number(s->w, "zp", 1, 15);
    writer_str(s->w, ") * c + ");
    number(s->w, "zp", 16, 15);
    writer_str(s->w, ", " PRIME ")");
}

void stage_pg_value_digest(const struct sql *s, size_t i)
{
    char name[32];
    (void)snprintf(name, sizeof name, "u%zu", s->u[i]);
    digest(s->w, 'c', s->dm[i].value->type, name);
    writer_str(s->w, " AS z, ");
    digest(s->w, 'p', person_type(s), "p");
    writer_str(s->w, " AS zp");
}

void stage_pg_value_code(const struct sql *s)
{
    code(s->w, "z");
}

void stage_pg_start(const struct sql *s)
{
    char hex[256];
    struct writer w = writer_of(hex, sizeof hex);
    digest(&w, 'c', person_type(s), "p");
    (void)writer_cstr(&w);
    writer_str(s->w, "CAST(mod(");
    code(s->w, hex);
    writer_str(s->w, ", n) AS BIGINT)");
}
