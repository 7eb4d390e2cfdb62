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

static void stop(void)
{
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
    (void)atexit(stop);
    return uri;
}

void postgres_run(const char *sql)
{
    PGconn *conn = PQconnectdb(postgres_uri());
    PGresult *r = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(conn));
        abort();
    }
    PQclear(r);
    PQfinish(conn);
}

void postgres_clear(void)
{
    postgres_run("SET client_min_messages = error;"
                 "DROP SCHEMA IF EXISTS halftone CASCADE");
}

void postgres_kill(void)
{
    call("kill", NULL, 0);
}

void postgres_again(void)
{
    call("again", NULL, 0);
}
