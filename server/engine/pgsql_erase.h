#ifndef ENGINE_PGSQL_ERASE_H
#define ENGINE_PGSQL_ERASE_H

#include "server/engine/engine.h"
#include "server/engine/pgsql_link.h"

/*
 * People who were erased, in the PostgreSQL of a policy: found by the keys of
 * its tables, and their rows deleted from all of them in one transaction.
 * Where the database keeps old versions until VACUUM, and in its log and its
 * copies, is its owner's affair.
 */
struct pgsql_erase {
    PGconn *writer;
    const struct policy *policy;
    const struct gate *gate;
    const char *keys; /* pgsql_tables_keys */
};

/* Codes as engine.h's operations. */
enum err_code pgsql_erase_find(const struct pgsql_erase *e,
                               struct engine_erased *out, struct arena *a,
                               struct err *err) MUST_CHECK;
enum err_code pgsql_erase_run(const struct pgsql_erase *e,
                              const struct engine_erased *whom,
                              struct err *err) MUST_CHECK;

/* May the role delete from every table of people? */
bool pgsql_erase_can(const struct pgsql_erase *e);

#endif
