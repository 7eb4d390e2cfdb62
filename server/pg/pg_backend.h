#ifndef PG_PG_BACKEND_H
#define PG_PG_BACKEND_H

#include "server/base/clock.h"
#include "server/pg/pg_memo.h"
#include "server/pg/pg_rows.h"
#include "server/pg/pg_var.h"
#include "server/pg/pg_wire.h"

/*
 * What a connection is once somebody is logged in: PostgreSQL's backend.  It
 * takes messages and writes messages; it has no socket, no thread and no
 * credentials.
 *
 *   statement   a text that was parsed: its command, the types of its
 *               parameters and columns.  "" is the unnamed one.
 *   portal      a statement with values: what was charged at its first Execute
 *               (or at DECLARE: a cursor is a portal), and its rows, kept for
 *               later pages, which are free.
 *   transaction changes nothing, but is told of as PostgreSQL does:
 *
 *               I --BEGIN--> T --an error--> E --ROLLBACK, COMMIT--> I
 *               ^--COMMIT, ROLLBACK--'
 *
 * Whoever has the backend calls it: the loop for what needs no thinking, and a
 * worker, which has a struct pg_service, for what parses, plans or asks.  One
 * of them at a time.
 *
 * Memory: a statement and a portal have an arena each, and there are only so
 * many of them; what a message needs while it is handled lies in `scratch`.
 */
enum {
    PG_STATEMENTS_MAX = 512,
    PG_PORTALS_MAX = 64,
    PG_SAVEPOINTS_MAX = 64,
    PG_STATEMENT_ARENA = 4 * 1024 * 1024,
    PG_PORTAL_ARENA = 32 * 1024 * 1024,
    PG_SCRATCH_ARENA = 32 * 1024 * 1024,
    PG_OUT_MAX = 128 * 1024 * 1024,
};

/* Types and columns of a question that was not asked yet. */
struct pg_shape {
    const enum value_type *params;
    size_t n_params;
    const struct reply_column *columns;
    size_t n_columns;
};

struct pg_backend;
struct pg_catalog_ask;

/* What a backend asks of the rest of the server; on a worker's thread. */
struct pg_service {
    void *ctx;
    struct arena *arena; /* of replies; until the message is handled */

    /* Answer; `text` is what the analyst wrote, for records. */
    enum err_code (*answer)(void *ctx, struct request *req, struct reply *out,
                            struct err *err);

    /* Describe, free. */
    enum err_code (*shape)(void *ctx, const struct request *req,
                           const struct select *tree, struct pg_shape *out,
                           struct err *err);

    /*
     * A statement that names no dataset and is no list of constants: what
     * reads pg_catalog and information_schema.  Rows, or with `describes` just
     * columns and the types of parameters (an OID each, room for
     * PG_CATALOG_PARAMS), live in `arena`.  NULL: there is no catalog.
     */
    enum err_code (*catalog)(void *ctx, const struct pg_catalog_ask *ask,
                             struct pg_rows *out, struct err *err);

    /* How long after it was asked for the last answer may leave;
     * PG_SLOT_STRICT: it must not be given without a worker. */
    uint64_t (*slot_ns)(void *ctx);

    /* A statement is turned down before it was asked of answer(), which tells
     * its own: record that; *err may become another, that nothing can be. */
    void (*refused)(void *ctx, struct err *err);

    uint64_t (*now_ns)(void *ctx); /* monotonic */
    int64_t (*now_us)(void *ctx);  /* wall clock */
};
#define PG_SLOT_STRICT UINT64_MAX

enum { PG_CATALOG_PARAMS = 64 };
struct pg_catalog_ask {
    const struct pg_backend *backend; /* user, database, settings */
    const char *text;                 /* one statement, NUL-terminated */
    size_t len;
    const struct value *params;
    size_t n_params;
    bool describes;
    uint32_t *types; /* describes: OIDs the client gave, or 0; filled in */
    size_t *n_types; /* describes */
};

struct pg_statement {
    struct pg_statement *next;
    struct arena arena;
    unsigned refs; /* the list's, and each portal's */
    const char *name, *text;
    struct sql_command command;
    bool is_empty;
    uint32_t *params; /* OIDs */
    enum value_type *wants;
    size_t n_params;
    struct pg_column *columns; /* NULL: it gives no rows */
    size_t n_columns;
};

struct pg_portal {
    struct pg_portal *next;
    struct arena arena;
    const char *name;
    struct pg_statement *statement; /* a reference; NULL: a cursor */
    struct value *params;
    size_t n_params;
    struct pg_formats formats; /* of columns */
    bool hold;                 /* it outlives the transaction */
    bool ran;                  /* charged; rows are kept */
    struct pg_rows rows;
    size_t at; /* cursors: 0 = before the first row, n_rows + 1 = behind the
                  last; portals of Bind: rows sent */
    const char *tag;
};

/* The last text of a Query, so that a repetition is not parsed again. */
struct pg_script {
    struct arena arena;
    const char *text; /* NULL: none */
    struct sql_commands list;
};
enum { PG_SCRIPT_MAX = 4096, PG_SCRIPT_ARENA = 2 * 1024 * 1024 };

struct pg_backend {
    char *user, *dataset; /* owned; dataset "" = the database names none */
    char *database;       /* owned; as the client called it */
    uint32_t pid;
    struct pg_vars vars;
    struct pg_statement *statements;
    struct pg_portal *portals;
    char transaction;                    /* 'I', 'T' or 'E' */
    char *savepoints[PG_SAVEPOINTS_MAX]; /* owned */
    size_t n_savepoints;
    bool skips; /* after an error, until Sync */
    struct pg_script script;
    struct pg_memo memo;
    struct clock *clock; /* borrowed; NULL: nothing is remembered */
    uint64_t now_ns;     /* when the message came */
    uint64_t wait_ns;    /* its answer leaves so long after it */
    struct pg_out out;
    struct arena scratch;
};

/* NULL: out of memory. */
struct pg_backend *pg_backend_new(const char *user, const char *database,
                                  const char *dataset);
void pg_backend_free(struct pg_backend *b); /* NULL is allowed */

enum pg_handled {
    PG_HANDLED,
    PG_NEEDS_WORKER, /* nothing was done: call again with a service */
    PG_ENDS,         /* the client says goodbye, or has to go */
};

/* One message; answers go to b->out.  `service` NULL: on a loop's thread. */
enum pg_handled pg_backend_handle(struct pg_backend *b,
                                  const struct pg_frame *f,
                                  const struct pg_service *service) MUST_CHECK;

/* ReadyForQuery, with what settings changed in front. */
void pg_backend_ready(struct pg_backend *b);

/* The message was cancelled: whatever it would have said, it says that. */
void pg_backend_cancelled(struct pg_backend *b, char type);

/* The message being handled failed, whoever found out. */
void pg_backend_fail(struct pg_backend *b, const struct err *err,
                     const char *text, bool is_query);

/* The same of a statement, which is recorded. */
void pg_backend_refuse(struct pg_backend *b, const struct pg_service *service,
                       struct err *err, const char *text, bool is_query);

/* ---- for the files of this room ---- */

/* pg_statement.c */
struct pg_statement *pg_statement_find(const struct pg_backend *b,
                                       const char *name);
void pg_statement_drop(struct pg_backend *b, const char *name);
void pg_statements_drop(struct pg_backend *b);
void pg_statement_release(struct pg_statement *s);
enum err_code pg_statement_parse(struct pg_backend *b, const struct pg_parse *p,
                                 const struct pg_service *service,
                                 struct err *err) MUST_CHECK;
/* Columns and parameters of a command; columns NULL: it gives no rows. */
enum err_code pg_command_shape(struct pg_backend *b, struct pg_statement *s,
                               const struct pg_service *service,
                               struct err *err) MUST_CHECK;

/* pg_portal.c */
struct pg_portal *pg_portal_find(const struct pg_backend *b, const char *name);
void pg_portal_drop(struct pg_backend *b, const char *name);
/* All, or those that end with a transaction. */
void pg_portals_drop(struct pg_backend *b, bool all);
enum err_code pg_portal_new(struct pg_portal **out, struct pg_backend *b,
                            const char *name, struct err *err) MUST_CHECK;
enum err_code pg_portal_bind(struct pg_backend *b, const struct pg_bind *m,
                             struct err *err) MUST_CHECK;
/* FETCH and MOVE: rows of a cursor, which moves. */
enum err_code pg_portal_fetch(struct pg_rows *out, struct pg_portal *p,
                              const struct sql_fetch *f, struct arena *a,
                              struct err *err) MUST_CHECK;

/* pg_simple.c: Query, and FunctionCall's refusal. */
enum err_code pg_simple_query(struct pg_backend *b, const struct pg_frame *f,
                              const struct pg_service *service,
                              struct err *err) MUST_CHECK;
/* A message without a body. */
void pg_backend_say(struct pg_backend *b, char type);
/* Outside of a block each message is a transaction of its own. */
void pg_backend_end_implicit(struct pg_backend *b);

/* pg_run.c: obey a command. */
struct pg_result {
    bool has_rows;
    struct pg_rows rows;
    const char *tag;
    bool counts; /* the number of rows belongs to the tag */
    int64_t n;   /* that number */
};
/* It can be done on the loop's thread. */
bool pg_command_is_light(const struct pg_backend *b,
                         const struct sql_command *c,
                         const struct value *params, size_t n_params);
enum err_code pg_run(struct pg_result *out, struct pg_backend *b,
                     const struct sql_command *c, const struct value *params,
                     size_t n_params, const struct pg_service *service,
                     struct err *err) MUST_CHECK;

/* pg_prepare.c: PREPARE and EXECUTE in SQL; the statement is as one of Parse,
 * its values are as those of Bind. */
enum err_code pg_prepare(struct pg_backend *b, const struct sql_command *c,
                         const struct pg_service *service,
                         struct err *err) MUST_CHECK;
enum err_code pg_execute_sql(struct pg_result *out, struct pg_backend *b,
                             const struct sql_command *c,
                             const struct value *params, size_t n_params,
                             const struct pg_service *service,
                             struct err *err) MUST_CHECK;

/* pg_transaction.c */
enum err_code pg_transaction(struct pg_backend *b, const struct sql_command *c,
                             const char **tag, struct err *err) MUST_CHECK;
void pg_transaction_end(struct pg_backend *b, bool commits);

/* pg_question.c: what is asked of the service. */
bool pg_remembers(const struct pg_backend *b, const struct sql_command *c,
                  const struct value *params, size_t n_params);
enum err_code pg_ask(struct pg_rows *out, struct pg_backend *b,
                     const struct sql_command *c, const struct value *params,
                     size_t n_params, const struct pg_service *service,
                     struct err *err) MUST_CHECK;
enum err_code pg_request(struct request *out, struct pg_backend *b,
                         const struct pg_service *service,
                         struct err *err) MUST_CHECK;
enum err_code pg_estimate(struct pg_rows *out, struct pg_backend *b,
                          const char *text, const struct pg_service *service,
                          struct err *err) MUST_CHECK;

/* pg_own.c: halftone.budget and its like; with `describes` their columns. */
enum err_code pg_own(struct pg_rows *out, struct pg_backend *b,
                     const struct sql_own *own,
                     const struct pg_service *service,
                     struct err *err) MUST_CHECK;
/* SHOW halftone.budget, as text. */
enum err_code pg_own_show(const char **out, struct pg_backend *b,
                          const struct pg_service *service,
                          struct err *err) MUST_CHECK;

/* pg_constant.c: SELECT 1 and its like.  As the parser takes them, but for
 * those that call a function which the catalog has and this has not: SELECT
 * now() is the catalog's. */
enum err_code pg_commands_parse(struct sql_commands *out, const char *text,
                                struct arena *a, struct err *err) MUST_CHECK;
enum err_code pg_constants(struct pg_rows *out, struct pg_backend *b,
                           const struct sql_constants *list,
                           const struct value *params, size_t n_params,
                           struct err *err) MUST_CHECK;
/* The values of such a list, which reads nothing. */
enum err_code pg_constant_values(struct value *out, struct pg_backend *b,
                                 const struct sql_constants *list,
                                 const struct value *params, size_t n_params,
                                 struct err *err) MUST_CHECK;
/* Columns, and the types that the parameters want (0 = none said). */
enum err_code pg_constants_shape(struct pg_column **columns,
                                 const struct sql_constants *list,
                                 uint32_t *params, size_t *n_params,
                                 struct arena *a, struct err *err) MUST_CHECK;

#endif
