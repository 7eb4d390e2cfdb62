#ifndef ENGINE_PGSQL_TABLES_H
#define ENGINE_PGSQL_TABLES_H

#include "server/engine/pgsql_link.h"

/*
 * A policy's tables in PostgreSQL: each is there, its columns have types every
 * value of which becomes one of the declared type, and the role that reads them
 * can do nothing else, as far as the catalog tells.
 */

/* What the role sees of a relation, "SCHEMA.TABLE" or one of public: rows of
 * name, type ("enum" for any) and modifier. */
PGresult *pgsql_tables_columns(PGconn *conn, const char *source);

/* What such a column is declared as best; false: no declaration takes it. */
bool pgsql_tables_best(enum policy_type *out, const char *type,
                       const char *modifier);

/*
 * No value is read.
 * ERR_INVALID    a table or column is missing, or has another type; says which,
 *                where
 * ERR_NOT_FOUND  the catalog cannot be read
 */
enum err_code pgsql_tables_check(PGconn *conn, const struct policy *policy,
                                 struct err *err) MUST_CHECK;

/*
 * ERR_REFUSED  the role could write somewhere, or is more than a role that
 *              reads; the hint says how to make one
 */
enum err_code pgsql_tables_read_only(PGconn *conn, const struct policy *policy,
                                     struct err *err) MUST_CHECK;

/*
 * The keys of every table of people, as k; none is NULL or there twice.  Texts
 * are told apart by their bytes, whatever their columns' collations.  Longer
 * ones are nobody's: they name no subject of consent, and no index takes them.
 */
enum { PGSQL_KEY_MAX = 1024 }; /* bytes */
void pgsql_tables_keys(struct writer *w, const struct policy *policy);

#endif
