#ifndef NEIGHBOUR_PGSHOP_H
#define NEIGHBOUR_PGSHOP_H

#include <libpq-fe.h>
#include <stddef.h>

/*
 * Where the sides of a shop in a PostgreSQL are (tests/lib_postgres.h): a
 * database for each folder, under the folder's name, so that what two servers
 * ask is the same to the last byte.  Tables are in schema shop; the roles are
 * those of docs/sources.md, reader and writer.
 *
 * All abort with a message on failure.
 */

/* The PostgreSQL and its roles; before the test forks. */
void pgshop_start(void);

/* The database of a folder, made at need, with a schema shop that is empty. */
PGconn *pgshop_begin(const char *dir);
void pgshop_run(PGconn *conn, const char *sql);
/* The roles may read what was made; closes. */
void pgshop_end(PGconn *conn);

void pgshop_uri(char *out, size_t cap, const char *dir, const char *role);
void pgshop_remove(const char *dir); /* nothing where there is none */

#endif
