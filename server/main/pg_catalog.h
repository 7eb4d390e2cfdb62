#ifndef MAIN_PG_CATALOG_H
#define MAIN_PG_CATALOG_H

#include "server/main/world.h"
#include "server/pg/pg_backend.h"

/* A statement about the catalog, for struct pg_service: what `who` sees. */
enum err_code pg_catalog_answer(struct pg_rows *out,
                                const struct pg_catalog_ask *ask,
                                const struct world *w,
                                const struct auth_principal *who,
                                struct arena *a, struct err *err) MUST_CHECK;

#endif
