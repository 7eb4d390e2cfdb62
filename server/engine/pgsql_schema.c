#include "server/engine/pgsql_schema.h"

#include <string.h>

#include "server/engine/pgsql_tables.h"

/* By the names that a policy writes; no name of a schema may hold a dot. */
static const char TABLES[] =
    "SELECT CASE WHEN n.nspname = 'public' AND strpos(c.relname, '.') = 0 THEN "
    "c.relname ELSE n.nspname || '.' || c.relname END FROM pg_class c JOIN "
    "pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', "
    "'v', 'm', 'f') AND NOT c.relispartition AND n.nspname <> "
    "'information_schema' AND n.nspname !~ '^(pg_|halftone_)' AND "
    "strpos(n.nspname, '.') = 0 AND has_schema_privilege(n.oid, 'USAGE') AND "
    "has_any_column_privilege(c.oid, 'SELECT') ORDER BY n.nspname <> 'public', "
    "1 LIMIT 1000";

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the schema does not fit into memory");
}

static enum err_code unreadable(struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "the catalog cannot be read");
}

/* What a draft knows the declared type by. */
static const char *physical_of(enum policy_type type)
{
    static const char *const names[POLICY_TYPE_COUNT] = {
        [POLICY_BOOL] = "BOOLEAN",  [POLICY_INT] = "BIGINT",
        [POLICY_DOUBLE] = "DOUBLE", [POLICY_TEXT] = "VARCHAR",
        [POLICY_DATE] = "DATE",     [POLICY_TIMESTAMP] = "TIMESTAMP",
        [POLICY_UUID] = "UUID",
    };
    return names[type];
}

static bool column_of(struct engine_schema_column *c, const PGresult *r, int i,
                      struct arena *a)
{
    const char *type = PQgetvalue(r, i, 1);
    *c = (struct engine_schema_column){ .name = arena_strdup(
                                            a, PQgetvalue(r, i, 0)) };
    c->usable = pgsql_tables_best(&c->type, type, PQgetvalue(r, i, 2));
    c->physical = c->usable ? physical_of(c->type) : arena_strdup(a, type);
    if (!c->usable)
        c->why = strcmp(type, "numeric") == 0
                     ? "has no precision; a view gives it one: docs/sources.md"
                     : "no such type in a policy";
    return c->name && c->physical;
}

static enum err_code table_of(struct engine_schema_table *t, PGconn *conn,
                              const char *name, struct arena *a,
                              struct err *err)
{
    PGresult *r = pgsql_tables_columns(conn, name);
    const int n = PQntuples(r);
    enum err_code code =
        PQresultStatus(r) == PGRES_TUPLES_OK ? ERR_OK : unreadable(err);
    *t = (struct engine_schema_table){
        .name = arena_strdup(a, name),
        .columns = ARENA_NEW_N(a, (size_t)n + 1, struct engine_schema_column),
    };
    if (code == ERR_OK && (!t->name || !t->columns))
        code = full(err);
    for (int i = 0; code == ERR_OK && i < n; i++)
        code = column_of(&t->columns[t->n_columns++], r, i, a) ? ERR_OK
                                                               : full(err);
    PQclear(r);
    return code;
}

static enum err_code no_table(PGconn *conn, struct err *err)
{
    (void)err_set(err, ERR_INVALID, "role %s sees no table in database %s",
                  PQuser(conn), PQdb(conn));
    return err_hint(err, "GRANT USAGE ON SCHEMA ... and GRANT SELECT ON ... to "
                         "it; docs/sources.md has all of it");
}

static enum err_code read_all(struct engine_schema *out, PGconn *conn,
                              struct arena *a, struct err *err)
{
    PGresult *r = PQexec(conn, TABLES);
    const int n = PQntuples(r);
    enum err_code code = PQresultStatus(r) != PGRES_TUPLES_OK ? unreadable(err)
                         : n == 0 ? no_table(conn, err)
                                  : ERR_OK;
    *out = (struct engine_schema){
        .kind = SCHEMA_POSTGRESQL,
        .database = arena_strdup(a, PQdb(conn)),
        .tables = ARENA_NEW_N(a, (size_t)n + 1, struct engine_schema_table),
    };
    if (code == ERR_OK && (!out->database || !out->tables))
        code = full(err);
    for (int i = 0; code == ERR_OK && i < n; i++)
        code = table_of(&out->tables[out->n_tables++], conn,
                        PQgetvalue(r, i, 0), a, err);
    PQclear(r);
    return code;
}

enum err_code pgsql_schema_of(struct engine_schema *out, const char *uri,
                              struct arena *a, struct err *err)
{
    const struct policy here = { .database = uri };
    PGconn *conn = NULL;
    TRY(pgsql_link(&conn, &here, PGSQL_READER, err));
    const enum err_code code = read_all(out, conn, a, err);
    PQfinish(conn);
    return code;
}
