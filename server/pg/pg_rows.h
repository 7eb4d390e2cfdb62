#ifndef PG_PG_ROWS_H
#define PG_PG_ROWS_H

#include "server/pg/pg_out.h"
#include "server/pg/pg_type.h"
#include "server/query/reply.h"
#include "server/sql/command.h"

/*
 * Rows on their way out: columns with PostgreSQL's types, and the cells of a
 * reply, row by row.  Every value in them is public, noisy or post-processed,
 * as in the reply they come from.
 */
struct pg_rows {
    const struct pg_column *columns;
    size_t n_columns;
    const struct value *cells; /* n_rows * n_columns */
    size_t n_rows;
};

/* The columns of a reply, or of a question before it runs, as PostgreSQL would
 * type them.  NULL: the arena is full. */
struct pg_column *pg_columns_of(const struct reply_column *columns, size_t n,
                                struct arena *a);

/* A copy that lives in `a`.  ERR_LIMIT: it is full. */
enum err_code pg_rows_copy(struct pg_rows *to, const struct pg_rows *from,
                           struct arena *a, struct err *err) MUST_CHECK;

/* Formats as in Bind: n words, big endian (pg_format). */
struct pg_formats {
    const uint8_t *list;
    size_t n;
};

/* RowDescription. */
void pg_rows_describe(struct pg_out *o, const struct pg_column *columns,
                      size_t n, struct pg_formats f);

/* DataRow of rows [from, to). */
void pg_rows_send(struct pg_out *o, const struct pg_rows *rows, size_t from,
                  size_t to, struct pg_formats f);

/* CopyOutResponse, CopyData and CopyDone of all rows. */
void pg_rows_copy_out(struct pg_out *o, const struct pg_rows *rows,
                      const struct sql_copy *copy);

/* CommandComplete; a number behind the tag when it is not negative. */
void pg_complete(struct pg_out *o, const char *tag, int64_t n_rows);

#endif
