#include "server/engine/pgsql_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/plan/dialect_pg.h"

/* ---- columns ---- */

/* What each declaration takes; NUMERIC with a declared precision, too. */
static const char *const TAKES[POLICY_TYPE_COUNT] = {
    [POLICY_BOOL] = " bool ",
    [POLICY_INT] = " int2 int4 int8 ",
    [POLICY_DOUBLE] = " float4 float8 int2 int4 int8 numeric ",
    [POLICY_TEXT] = " text varchar bpchar name uuid enum ",
    [POLICY_UUID] = " uuid text varchar ",
    [POLICY_DATE] = " date timestamp timestamptz ",
    [POLICY_TIMESTAMP] = " timestamp timestamptz ",
};

/* Within what a double holds: NUMERIC(p, s) is kept as (p << 16 | s) + 4. */
static bool is_narrow(const char *typmod)
{
    enum { DIGITS = 300 };
    const long mod = strtol(typmod, NULL, 10);
    const long precision = (mod - 4) >> 16 & 0xffff, scale = (mod - 4) & 0x7ff;
    return mod >= 4 && precision <= DIGITS && scale <= DIGITS;
}

static bool takes(enum policy_type declared, const char *type,
                  const char *typmod)
{
    char word[80];
    (void)snprintf(word, sizeof word, " %s ", type);
    return strstr(TAKES[declared], word) &&
           (strcmp(type, "numeric") != 0 || is_narrow(typmod));
}

bool pgsql_tables_best(enum policy_type *out, const char *type,
                       const char *modifier)
{
    static const enum policy_type order[] = { POLICY_BOOL,      POLICY_INT,
                                              POLICY_DOUBLE,    POLICY_DATE,
                                              POLICY_TIMESTAMP, POLICY_UUID,
                                              POLICY_TEXT };
    const bool is_text =
                   strcmp(type, "text") == 0 || strcmp(type, "varchar") == 0,
               is_time = strncmp(type, "timestamp", 9) == 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const bool worse = (is_text && order[i] == POLICY_UUID) ||
                           (is_time && order[i] == POLICY_DATE);
        if (worse || !takes(order[i], type, modifier))
            continue;
        *out = order[i];
        return true;
    }
    return false;
}

static enum err_code bad_type(const struct policy_table *t,
                              const struct policy_column *c, const char *type,
                              struct err *err)
{
    (void)err_set(err, ERR_INVALID,
                  "table %s, column %s: declared %s, stored as %s", t->name,
                  c->name, policy_type_name(c->type), type);
    (void)err_at(err, c->line, 1);
    if (strcmp(type, "numeric") == 0)
        return err_hint(err,
                        "declare it as double, and give the column of the "
                        "database a precision, or a view of it: CAST(CASE "
                        "WHEN abs(%s) < 1e20 THEN %s END AS NUMERIC(30, 6))",
                        policy_stored_name(c), policy_stored_name(c));
    for (int other = 0; other < POLICY_TYPE_COUNT; other++)
        if (takes((enum policy_type)other, type, ""))
            return err_hint(err, "declare it as %s",
                            policy_type_name((enum policy_type)other));
    return err_hint(err, "leave the column out, or cast it in a view");
}

/* Of a relation: names, base types ("enum" for any), modifiers.  A type of the
 * operator's goes by its schema's name, too: int8 is not everywhere a number.
 */
PGresult *pgsql_tables_columns(PGconn *conn, const char *source)
{
    static const char sql[] =
        "SELECT a.attname, CASE WHEN b.typtype = 'e' THEN 'enum' WHEN "
        "b.typtype = 'b' AND b.typnamespace = 'pg_catalog'::regnamespace THEN "
        "b.typname ELSE format_type(b.oid, NULL) END, CASE t.typtype WHEN 'd' "
        "THEN t.typtypmod ELSE a.atttypmod END "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN "
        "pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = "
        "a.atttypid JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN "
        "t.typbasetype ELSE t.oid END WHERE n.nspname = $1 AND c.relname = $2 "
        "AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT "
        "a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT') "
        "ORDER BY a.attnum";
    char schema[2 * POLICY_NAME_MAX] = "public";
    const char *dot = strchr(source, '.');
    if (dot)
        (void)snprintf(schema, sizeof schema, "%.*s", (int)(dot - source),
                       source);
    const char *const values[] = { schema, dot ? dot + 1 : source };
    return PQexecParams(conn, sql, 2, NULL, values, NULL, NULL, 0);
}

static enum err_code missing(const PGresult *r, const struct policy_table *t,
                             const struct policy_column *c, struct err *err)
{
    char text[sizeof err->hint - 16] = "";
    struct writer w = writer_of(text, sizeof text - sizeof ", ...");
    for (int i = 0; i < PQntuples(r) && !w.overflow; i++) {
        const size_t before = w.len;
        writer_printf(&w, "%s%s", i ? ", " : "", PQgetvalue(r, i, 0));
        if (w.overflow)
            memcpy(text + before, ", ...", sizeof ", ...");
    }
    (void)err_set(err, ERR_INVALID,
                  "table %s: the source shows its role no column %s", t->name,
                  policy_stored_name(c));
    (void)err_at(err, c->line, 1);
    return err_hint(err, "it shows %s", text);
}

static enum err_code check_column(const PGresult *r,
                                  const struct policy_table *t,
                                  const struct policy_column *c,
                                  struct err *err)
{
    for (int i = 0; i < PQntuples(r); i++) {
        if (strcmp(PQgetvalue(r, i, 0), policy_stored_name(c)) != 0)
            continue;
        const char *type = PQgetvalue(r, i, 1);
        return takes(c->type, type, PQgetvalue(r, i, 2))
                   ? ERR_OK
                   : bad_type(t, c, type, err);
    }
    return missing(r, t, c, err);
}

static enum err_code check_table(PGconn *conn, const struct policy_table *t,
                                 struct err *err)
{
    PGresult *r = pgsql_tables_columns(conn, t->source);
    enum err_code code = ERR_OK;
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        code = err_set(err, ERR_NOT_FOUND, "the catalog cannot be read");
    } else if (PQntuples(r) == 0) {
        (void)err_set(err, ERR_INVALID,
                      "table %s: the role of 'database' sees no table %s",
                      t->name, t->source);
        (void)err_at(err, t->line, 1);
        code = err_hint(err, "write 'from: SCHEMA.TABLE', and GRANT USAGE ON "
                             "SCHEMA and SELECT ON the table to the role");
    }
    for (size_t i = 0; code == ERR_OK && i < t->n_columns; i++)
        code = check_column(r, t, &t->columns[i], err);
    PQclear(r);
    return code;
}

/* What plans name besides tables. */
static enum err_code check_cases(PGconn *conn, struct err *err)
{
    char there[8];
    if (pgsql_text(there, sizeof there, conn,
                   "SELECT EXISTS (SELECT FROM pg_collation WHERE collname = "
                   "'" PG_CASES "' AND collnamespace = "
                   "'pg_catalog'::regnamespace)") &&
        there[0] == 't')
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
                  "the database has no collation \"" PG_CASES "\"");
    return err_hint(err, "use a PostgreSQL that was built with ICU, as "
                         "packages are");
}

enum err_code pgsql_tables_check(PGconn *conn, const struct policy *policy,
                                 struct err *err)
{
    TRY(check_cases(conn, err));
    for (size_t i = 0; i < policy->n_tables; i++)
        TRY(check_table(conn, &policy->tables[i], err));
    return ERR_OK;
}

/* ---- what the role may ---- */

/* The first thing that it could do besides reading, itself or as a role that it
 * may become; "": none. */
static const char POWERS[] =
    "WITH me AS (SELECT *, CASE WHEN rolname = current_user THEN '' ELSE 'is a "
    "member of ' || rolname || ', which ' END AS who FROM pg_roles WHERE "
    "pg_has_role(current_user, oid, 'MEMBER'))"
    "SELECT coalesce((SELECT who || CASE WHEN rolsuper THEN 'is a superuser' "
    "WHEN rolbypassrls THEN 'passes over row security' WHEN rolcreaterole THEN "
    "'creates roles' WHEN rolcreatedb THEN 'creates databases' ELSE "
    "'replicates' END FROM me WHERE rolsuper OR rolbypassrls OR rolcreaterole "
    "OR rolcreatedb OR rolreplication ORDER BY who LIMIT 1),"
    "(SELECT 'is a member of ' || min(rolname) FROM me WHERE rolname IN "
    "('pg_write_all_data', 'pg_write_server_files', "
    "'pg_execute_server_program')),"
    "(SELECT who || 'can write ' || c.oid::regclass::text FROM me, pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', "
    "'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname "
    "!~ '^pg_' AND (c.relowner = me.oid OR has_table_privilege(me.oid, c.oid, "
    "'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(me.oid, "
    "c.oid, 'INSERT, UPDATE')) ORDER BY 1 LIMIT 1),"
    "(SELECT who || 'can create in schema ' || nspname FROM me, pg_namespace n "
    "WHERE nspname !~ '^pg_' AND has_schema_privilege(me.oid, n.oid, 'CREATE') "
    "ORDER BY 1 LIMIT 1),"
    "(SELECT who || 'can create schemas' FROM me WHERE "
    "has_database_privilege(me.oid, current_database(), 'CREATE') ORDER BY 1 "
    "LIMIT 1), '')";

enum err_code pgsql_tables_read_only(PGconn *conn, const struct policy *policy,
                                     struct err *err)
{
    char power[512];
    if (!pgsql_text(power, sizeof power, conn, POWERS))
        return err_set(err, ERR_NOT_FOUND, "the catalog cannot be read");
    if (!power[0])
        return ERR_OK;
    (void)err_set(err, ERR_REFUSED,
                  "the role of 'database', %s, %s: analysts' questions are "
                  "asked by a role that can only read",
                  PQuser(conn), power);
    (void)err_at(err, policy->line, 1);
    return err_hint(err, "CREATE ROLE halftone_reader LOGIN, GRANT SELECT ON "
                         "the tables to it, and nothing else; docs/sources.md "
                         "has all of it");
}

static void print_keys(struct writer *w, const struct policy_table *t)
{
    const struct policy_column *key = &t->columns[t->key];
    writer_str(w, "SELECT ");
    pg_key(w, key);
    writer_str(w, " AS k FROM ");
    pg_table_name(w, t->source);
    writer_str(w, " WHERE ");
    dialect_name(w, policy_stored_name(key));
    writer_str(w, " IS NOT NULL");
    if (key->type == POLICY_INT)
        return;
    writer_str(w, " AND octet_length(");
    pg_key(w, key);
    writer_printf(w, ") <= %d", PGSQL_KEY_MAX);
}

void pgsql_tables_keys(struct writer *w, const struct policy *policy)
{
    const char *between = "";
    for (size_t i = 0; i < policy->n_tables; i++) {
        const struct policy_table *t = &policy->tables[i];
        if (!t->owned)
            continue;
        writer_str(w, between);
        print_keys(w, t);
        between = " UNION ";
    }
}
