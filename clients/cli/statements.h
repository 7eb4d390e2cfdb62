#ifndef CLI_STATEMENTS_H
#define CLI_STATEMENTS_H

#include <stddef.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * A file of SQL as its statements: what stands between semicolons that are in
 * no text ('..', E'..', $$..$$), quoted name or comment, as PostgreSQL reads
 * them.  Statements of blanks and comments alone are none.
 */
struct statement {
    const char *text;   /* borrowed, from its first character that counts */
    size_t len;         /* bytes, without the semicolon */
    unsigned line, col; /* of it in the file, from 1; col in characters */
};

/*
 * ERR_INVALID  a text, name or comment does not end; line and column say where
 *              it begins
 * ERR_LIMIT    the arena is full
 */
enum err_code statements_split(struct statement **out, size_t *n,
                               const char *sql, struct arena *a,
                               struct err *err) MUST_CHECK;

#endif
