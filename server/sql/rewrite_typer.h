#ifndef SQL_REWRITE_TYPER_H
#define SQL_REWRITE_TYPER_H

#include "server/sql/rewrite_ctx.h"

/*
 * Types of output columns and of parameters, from what is known of the
 * catalog's columns and functions.  0 is an honest "unknown": DuckDB's own type
 * serves then.
 */
enum {
    T_BOOL = 16,
    T_CHAR = 18,
    T_NAME = 19,
    T_INT8 = 20,
    T_INT2 = 21,
    T_INT2VECTOR = 22,
    T_INT4 = 23,
    T_TEXT = 25,
    T_OID = 26,
    T_OIDVECTOR = 30,
    T_FLOAT4 = 700,
    T_FLOAT8 = 701,
    T_DATE = 1082,
    T_TIMESTAMPTZ = 1184,
    T_NUMERIC = 1700,
    T_ARRAY_TEXT = 1009,
    T_ARRAY_NAME = 1003,
    T_ARRAY_INT2 = 1005,
    T_ARRAY_INT4 = 1007,
    T_ARRAY_OID = 1028,
    T_ARRAY_CHAR = 1002,
    T_ARRAY_BOOL = 1000,
    T_ARRAY_INT8 = 1016
};

struct named {
    const char *table, *name;
    uint32_t type;
};

/* The columns in sight, and those of the query around. */
struct scope {
    struct named *columns;
    size_t n, cap;
    const struct scope *outer;
};

/* Queries of WITH that were typed already. */
struct cte {
    const char *name;
    struct rewrite_field *fields;
    size_t n_fields;
    const struct cte *next;
};

struct typer {
    struct rewrite_ctx *r;
    const struct cte *ctes;
    unsigned depth;
};

/* Output columns of a query, in the arena. */
void typer_query(struct typer *t, const PgQuery__SelectStmt *s,
                 const struct scope *outer, struct rewrite_field **out,
                 size_t *n);

/* The type of an expression; notes those of parameters in it. */
uint32_t typer_expr(struct typer *t, const PgQuery__Node *n,
                    const struct scope *s);
/* column = $1: the parameter has the column's type. */
void typer_params(struct typer *t, const PgQuery__Node *n,
                  const struct scope *s);

#endif
