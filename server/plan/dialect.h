#ifndef PLAN_DIALECT_H
#define PLAN_DIALECT_H

#include "server/plan/rel.h"

/*
 * Whose SQL is written.  A writer without a dialect writes DuckDB's; one with
 * this writes PostgreSQL's, and notes the first thing that cannot be said in
 * it: the question is refused then (draft_speaks), before it costs anything.
 * What differs stands beside what is the same, at each place a branch on
 * dialect_is_pg; what PostgreSQL needs in place of a function is in
 * dialect_pg.h.
 */
struct dialect {
    const char *lacks; /* for people; NULL: all could be said */
    struct place at;
    /* Leaves that the stage below has as columns z.h0, z.h1, ..: sub_print.c */
    const struct typed *const *named;
    size_t n_named;
};

static inline bool dialect_is_pg(const struct writer *w)
{
    return w->dialect != NULL;
}

/* There is no SQL for it: what follows is written as well as can be. */
static inline void dialect_lacks(struct writer *w, const char *what,
                                 struct place at)
{
    if (!w->dialect || w->dialect->lacks)
        return;
    w->dialect->lacks = what;
    w->dialect->at = at;
}

/* Which of `named` the leaf is, or n_named: there is none. */
static inline size_t dialect_named(const struct writer *w,
                                   const struct typed *e)
{
    size_t i = 0;
    while (i < w->dialect->n_named &&
           !(w->dialect->named[i] == e ||
             (e->kind == TYPED_COLUMN &&
              w->dialect->named[i]->kind == TYPED_COLUMN &&
              w->dialect->named[i]->column == e->column)))
        i++;
    return i;
}

/* A sub-query of FROM without a name: PostgreSQL wants one. */
static inline void dialect_alias(struct writer *w)
{
    writer_str(w, dialect_is_pg(w) ? " AS y" : "");
}

/* Whole numbers that more than 64 bits hold. */
static inline const char *dialect_huge(const struct writer *w)
{
    return dialect_is_pg(w) ? "NUMERIC" : "HUGEINT";
}

/* Before CAST, of what lies between bounds anyway. */
static inline const char *dialect_try(const struct writer *w)
{
    return dialect_is_pg(w) ? "" : "TRY_";
}

/* x // y, both at least 0: open x between y close. */
static inline const char *dialect_quotient_open(const struct writer *w)
{
    return dialect_is_pg(w) ? "div(" : "";
}
static inline const char *dialect_quotient(const struct writer *w)
{
    return dialect_is_pg(w) ? ", " : " // ";
}
static inline const char *dialect_quotient_close(const struct writer *w)
{
    return dialect_is_pg(w) ? ")" : "";
}

/* A truth as 0 or 1: open x close. */
static inline const char *dialect_truth_open(const struct writer *w)
{
    return dialect_is_pg(w) ? "CAST(CAST(" : "CAST(";
}
static inline const char *dialect_truth_close(const struct writer *w)
{
    return dialect_is_pg(w) ? " AS INTEGER) AS BIGINT)" : " AS BIGINT)";
}

/*
 * Checked row expressions as DuckDB SQL, or PostgreSQL's.  Printed from the
 * tree alone; total: no cast, quotient, overflow or pattern can fail whatever
 * the data hold.
 *
 *   arithmetic          in DOUBLE; NaN becomes NULL (nullif: NaN = NaN there)
 *   x / 0               NULL
 *   times               NULL outside the years 1 to 9999
 *   casts               TRY_CAST, halves to even; PostgreSQL: dialect_pg.h
 *   LIKE                constant pattern, checked, linear: dialect_like.c
 *
 * Columns know their alias.  Inside a sub-query that groups, keys and
 * aggregates are the columns g0.. and a0.. of the stage before.
 */
void dialect_expr(struct writer *w, const struct typed *e);

/* The same, stored as its type: whole numbers as BIGINT, NULL where too large.
 */
void dialect_typed(struct writer *w, const struct typed *e);

/* dialect_like.c: LIKE and ILIKE. */
void dialect_like(struct writer *w, const struct typed *e);
/* A pattern that only a regular expression says; at most LIKE_REGEX_MAX bytes
 * long. */
bool like_needs_regex(const char *pattern);
enum { LIKE_REGEX_MAX = 256 };

/* One entry of an ORDER BY. */
void dialect_order(struct writer *w, const struct typed *e, bool descending,
                   bool nulls_first);

/*
 * A term of the WHERE's AND.  A comparison of a bare column with constants
 * stays bare, so that the engine can skip blocks by it; the test that the value
 * is one at all stands beside it.
 */
void dialect_term(struct writer *w, const struct typed *e);

/* " FROM ..." */
void dialect_from(struct writer *w, const struct rel_scope *scope);

/* " WHERE ..." or nothing: the rows have a key, and pass every term. */
struct draft_terms;
void dialect_where(struct writer *w, const struct rel_scope *scope,
                   const struct draft_terms *terms);

void dialect_name(struct writer *w, const char *name);
void dialect_value(struct writer *w, enum value_type type,
                   const struct value *v);
const char *dialect_type(const struct writer *w, enum value_type type);

#endif
