#ifndef SQL_REWRITE_CTX_H
#define SQL_REWRITE_CTX_H

#include "server/sql/rewrite.h"
#include "server/sql/sql_ctx.h"

/*
 * One statement being written again: PostgreSQL's tree is changed in place
 * before it is printed.  New nodes live in the request's arena.
 */
enum {
    REWRITE_PARAMS_MAX = 64,
    REWRITE_CTES_MAX = 64,
    REWRITE_TABLES_MAX = 64,
    REWRITE_GROWN_MAX = 1 << 17 /* nodes, once macros are put in */
};

struct rewrite_ctx {
    struct sql_ctx *sql;
    const struct rewrite_names *names;
    enum err_code code; /* sticky: the first error */
    const char *ctes[REWRITE_CTES_MAX];
    size_t n_ctes;
    const PgQuery__FuncCall *tables[REWRITE_TABLES_MAX]; /* calls in FROM */
    size_t n_tables;
    unsigned times; /* macros around put the node in so often */
    unsigned grown; /* nodes so far, each so often */
    uint32_t params[REWRITE_PARAMS_MAX];
    size_t n_params;
};

/* Constructors; NULL, and the error is set, when memory is short. */
PgQuery__Node *rewrite_string(struct rewrite_ctx *r, const char *text);
PgQuery__Node *rewrite_text(struct rewrite_ctx *r, const char *text);
PgQuery__Node *rewrite_int(struct rewrite_ctx *r, int value);
PgQuery__Node *rewrite_call(struct rewrite_ctx *r, const char *name, size_t n,
                            PgQuery__Node *const *args);
PgQuery__Node *rewrite_cast(struct rewrite_ctx *r, PgQuery__Node *arg,
                            const char *type);
PgQuery__Node *rewrite_op(struct rewrite_ctx *r, const char *op,
                          PgQuery__Node *left, PgQuery__Node *right);
PgQuery__Node *rewrite_texts(struct rewrite_ctx *r, const char *const *texts,
                             size_t n);

/* The search path as a list of texts; pg_catalog first where `implicit`. */
PgQuery__Node *rewrite_schemas(struct rewrite_ctx *r, bool implicit);

/* The last String of a list of names, "" when there is none. */
const char *rewrite_last(PgQuery__Node *const *names, size_t n);

/* The name PostgreSQL gives an output column; never NULL. */
const char *rewrite_label(const PgQuery__Node *value);

/* Names and types of a statement's output columns, from the tree as parsed. */
enum err_code rewrite_types(struct rewrite_ctx *r, struct rewrite *out,
                            const PgQuery__SelectStmt *s) MUST_CHECK;

/* Does the text end so? */
bool rewrite_ends_with(const char *s, const char *end);
/* A column that is an int2vector or oidvector. */
bool rewrite_is_vector(const PgQuery__Node *n);

/* Refuse, unless something was before; make a node another (NULL: none). */
void rewrite_fail(struct rewrite_ctx *r, enum refusal id, int at,
                  const char *one);
void rewrite_become(PgQuery__Node *n, const PgQuery__Node *other);

/* Casts, in rewrite_cast.c. */
void rewrite_type_cast(struct rewrite_ctx *r, PgQuery__Node *n);
/* The type a cast is to, without its schema: "regclass"; and what is shown of
 * it instead of an OID. */
const char *rewrite_type_name(const PgQuery__TypeName *t);
const char *rewrite_type_schema(const PgQuery__TypeName *t); /* "": none */
void rewrite_shown(struct rewrite_ctx *r, PgQuery__Node **n);

/* {a,b} written as a text becomes an array; other nodes stay. */
void rewrite_array(struct rewrite_ctx *r, PgQuery__Node *n);

/* Operators; calls that ask about the session (false: it is another); values
 * of it that are keywords. */
void rewrite_operator(struct rewrite_ctx *r, PgQuery__Node *n);
bool rewrite_session(struct rewrite_ctx *r, PgQuery__Node *n, const char *name);
void rewrite_value(struct rewrite_ctx *r, PgQuery__Node *n);

/* Every node of a message, children first. */
void rewrite_walk(struct rewrite_ctx *r, ProtobufCMessage *m);

#endif
