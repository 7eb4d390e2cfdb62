/* Which kind of shelf: shelf.h. */
#include "server/consent/shelf_pg.h"
#include "server/consent/shelf_sqlite.h"
#include "server/libpq/pq_uri.h"

enum err_code shelf_open(struct shelf *s, const char *where, struct err *err)
{
    return pq_uri_is(where) ? shelf_pg_open(s, where, err)
                            : shelf_sqlite_open(s, where, err);
}
