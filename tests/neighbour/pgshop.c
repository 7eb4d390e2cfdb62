#include "tests/neighbour/pgshop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_postgres.h"

enum { URI_MAX = 300, SQL_MAX = 200 };

static const char *name_of(const char *dir)
{
    const char *slash = strrchr(dir, '/');
    return slash ? slash + 1 : dir;
}

void pgshop_uri(char *out, size_t cap, const char *dir, const char *role)
{
    postgres_uri_of(out, cap, name_of(dir), role);
}

static PGconn *connected(const char *uri)
{
    PGconn *conn = PQconnectdb(uri);
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s\n", PQerrorMessage(conn));
        abort();
    }
    return conn;
}

void pgshop_run(PGconn *conn, const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        (void)fprintf(stderr, "%s\n%s\n", PQerrorMessage(conn), sql);
        abort();
    }
    PQclear(r);
}

void pgshop_start(void)
{
    postgres_run("CREATE ROLE reader LOGIN");
    postgres_run("CREATE ROLE writer LOGIN");
}

static void make_at_need(const char *dir)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM pg_database WHERE datname = '%s'",
                   name_of(dir));
    if (postgres_count(sql) > 0)
        return;
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE \"%s\"", name_of(dir));
    postgres_run(sql);
}

PGconn *pgshop_begin(const char *dir)
{
    char uri[URI_MAX];
    make_at_need(dir);
    pgshop_uri(uri, sizeof uri, dir, "postgres");
    PGconn *conn = connected(uri);
    pgshop_run(conn,
               "SET client_min_messages = error; SET synchronous_commit = off;"
               "DROP SCHEMA IF EXISTS shop, halftone_shop CASCADE;"
               "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO reader, "
               "writer; CREATE SCHEMA halftone_shop AUTHORIZATION writer");
    return conn;
}

void pgshop_end(PGconn *conn)
{
    pgshop_run(conn, "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader, "
                     "writer");
    PQfinish(conn);
}

void pgshop_remove(const char *dir)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql,
                   "DROP DATABASE IF EXISTS \"%s\" WITH (FORCE)", name_of(dir));
    postgres_run(sql);
}
