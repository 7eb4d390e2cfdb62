#include "tests/lib_postgres.h"

#include <assert.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char uri[200], dir[64];

static void call(const char *verb, char *out, size_t len)
{
    char command[200];
    (void)snprintf(command, sizeof command, "tests/postgres.sh %s %s %d", verb,
                   dir, (int)getpid());
    FILE *f = popen(command, "r");
    assert(f);
    if (out && !fgets(out, (int)len, f))
        out[0] = '\0';
    const int rc = pclose(f);
    assert(rc == 0);
    if (out)
        out[strcspn(out, "\n")] = '\0';
}

/* A process that was forked off, and ends, leaves it alone. */
static pid_t owner;
static void stop(void)
{
    if (getpid() == owner)
        call("stop", NULL, 0);
}

const char *postgres_uri(void)
{
    if (uri[0])
        return uri;
    (void)snprintf(dir, sizeof dir, "%s/ht-pg-%d",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
                   (int)getpid());
    call("start", uri, sizeof uri);
    owner = getpid();
    (void)atexit(stop);
    return uri;
}

void postgres_uri_of(char *out, size_t cap, const char *database,
                     const char *role)
{
    (void)postgres_uri();
    (void)snprintf(out, cap, "postgresql:///%s?host=%s&user=%s", database, dir,
                   role);
}

static PGresult *run(PGconn **out, const char *sql)
{
    PGconn *conn = PQconnectdb(postgres_uri());
    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "%s\n", PQerrorMessage(conn));
        abort();
    }
    PGresult *r = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(conn));
        abort();
    }
    *out = conn;
    return r;
}

void postgres_run(const char *sql)
{
    PGconn *conn;
    PQclear(run(&conn, sql));
    PQfinish(conn);
}

unsigned long postgres_count(const char *sql)
{
    PGconn *conn;
    PGresult *r = run(&conn, sql);
    const unsigned long n = strtoul(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    PQfinish(conn);
    return n;
}

void postgres_clear(void)
{
    postgres_run("SET client_min_messages = error;"
                 "DROP SCHEMA IF EXISTS halftone CASCADE;"
                 "DROP SCHEMA IF EXISTS halftone_consent CASCADE");
}

void postgres_kill(void)
{
    call("kill", NULL, 0);
}

void postgres_again(void)
{
    call("again", NULL, 0);
}
