#ifndef MAIN_CATALOGS_H
#define MAIN_CATALOGS_H

#include "server/auth/auth.h"
#include "server/catalog/catalog.h"

/*
 * The catalogs that principals see, each made when it is first asked for and
 * kept as long as the world, up to CATALOGS_MAX of them; past that the one
 * asked longest ago goes.  Any thread may call, and none waits for a catalog
 * that another one makes.
 */
enum { CATALOGS_MAX = 64 };
struct catalogs;
struct world;

/* `pool` answers; borrowed.  NULL: no memory. */
struct catalogs *catalogs_new(struct scratch_pool *pool);
void catalogs_free(struct catalogs *c);

/* What `who` sees of the world, as a database of this name; to be given back
 * with catalogs_put.  Codes as catalog_open. */
enum err_code catalogs_get(struct catalog **out, const struct world *w,
                           const struct auth_principal *who,
                           const char *database, struct err *err) MUST_CHECK;
void catalogs_put(const struct world *w, struct catalog *catalog);

#endif
