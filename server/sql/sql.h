#ifndef SQL_SQL_H
#define SQL_SQL_H

#include "server/query/tree.h"

/*
 * SQL text to the relational tree, by PostgreSQL's own parser (libpg_query,
 * which is linked into this folder only).  Everything not on the allow-list is
 * refused by name, with line and column.
 *
 * Runs on the caller's thread, which needs SQL_STACK_MIN bytes of stack:
 * libpg_query recurses over its tree.  Text is at most 64 KiB and nesting at
 * most SQL_DEPTH_MAX, checked on tokens before the tree is built.
 */
enum { SQL_STACK_MIN = 64 * 1024 * 1024, SQL_DEPTH_MAX = 200 };

/* Once per process, before any thread parses. */
void sql_init(void);

/*
 * ERR_OK       *out is one SELECT (or EXPLAIN (PRIVACY) SELECT), in `a`
 * ERR_SYNTAX   PostgreSQL's parser refused it; line and column filled in
 * ERR_REFUSED  it parses, but holds what is not on the allow-list
 * ERR_LIMIT    too long, too deep, or the arena is full
 * ERR_INVALID  not UTF-8, a NUL, no statement, several statements
 */
enum err_code sql_parse(struct select **out, const char *text, size_t len,
                        struct arena *a, struct err *err) MUST_CHECK;

#endif
