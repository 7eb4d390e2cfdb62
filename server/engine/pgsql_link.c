#include "server/engine/pgsql_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/libpq/pq_uri.h"

enum {
    LOOK_MS = 20,        /* how often a wait looks at `stop` */
    CANCEL_MS = 5000,    /* what a cancelled statement gets to end */
    BACKSTOP_MS = 10000, /* past the deadline the database ends it by itself */
};

static void ignore_notice(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

bool pgsql_do(PGconn *conn, const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    PQclear(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

bool pgsql_text(char *out, size_t cap, PGconn *conn, const char *sql)
{
    PGresult *r = PQexec(conn, sql);
    const bool ok = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 &&
                    !PQgetisnull(r, 0, 0) && (size_t)PQgetlength(r, 0, 0) < cap;
    if (ok)
        (void)snprintf(out, cap, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return ok;
}

/* ---- a connection ---- */

static const char SESSION[] =
    "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET extra_float_digits "
    "= 1; SET standard_conforming_strings = on; SET client_min_messages = "
    "error; SET jit = off; SET row_security = on; "
    "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = "
    "'60s'; SET search_path = pg_catalog";

static bool set_up(PGconn *conn, const struct policy *policy,
                   enum pgsql_role role)
{
    char sql[256];
    if (!pgsql_do(conn, SESSION))
        return false;
    if (role == PGSQL_WRITER)
        return true;
    /* Plans read all there is: a nested loop is never the way, but looks like
     * one where tables have no statistics, and then takes their product. */
    const unsigned long long most =
        policy->deadline_ms ? policy->deadline_ms + BACKSTOP_MS : 0;
    (void)snprintf(sql, sizeof sql,
                   "SET enable_nestloop = off; SET "
                   "default_transaction_read_only = on; SET "
                   "default_transaction_isolation = 'repeatable read'; SET "
                   "statement_timeout = %llu",
                   most);
    return pgsql_do(conn, sql);
}

/* The policy was checked likewise; whoever connects does not rely on that. */
static enum err_code check_uri(const struct policy *policy, const char *key,
                               const char *uri, struct err *err)
{
    char what[16];
    (void)snprintf(what, sizeof what, "'%s'", key);
    const enum err_code code = pq_uri_check(what, uri, err);
    return code == ERR_OK ? code : err_at(err, policy->line, 1);
}

static enum err_code check(PGconn *conn, const struct policy *policy,
                           enum pgsql_role role, const char *key,
                           struct err *err)
{
    char encoding[32];
    if (PQstatus(conn) != CONNECTION_OK) {
        char why[200];
        (void)snprintf(why, sizeof why, "%s", PQerrorMessage(conn));
        why[strcspn(why, "\n")] = '\0';
        (void)err_set(err, ERR_NOT_FOUND,
                      "the PostgreSQL of '%s' cannot be reached: %s", key, why);
        (void)err_at(err, policy->line, 1);
        return err_hint(err, "is it running, and are role, host and passfile "
                             "right?");
    }
    (void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
    if (!set_up(conn, policy, role) ||
        !pgsql_text(encoding, sizeof encoding, conn, "SHOW server_encoding"))
        return err_set(err, ERR_NOT_FOUND,
                       "the PostgreSQL of '%s' does not take its settings",
                       key);
    if (strcmp(encoding, "UTF8") == 0)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "the database of '%s' is in %s, not UTF8",
                  key, encoding);
    return err_hint(err, "copy what is asked into a database in UTF8");
}

enum err_code pgsql_link(PGconn **out, const struct policy *policy,
                         enum pgsql_role role, struct err *err)
{
    /* What stands in the URI comes later, and counts. */
    static const char *const keys[] = { "connect_timeout",
                                        "keepalives_idle",
                                        "tcp_user_timeout",
                                        "application_name",
                                        "client_encoding",
                                        "dbname",
                                        NULL };
    const char *uri = role == PGSQL_WRITER ? policy->writer : policy->database;
    const char *key = role == PGSQL_WRITER ? "writer" : "database";
    const char *const values[] = { "10",   "5", "15000", "halftoned",
                                   "UTF8", uri, NULL };
    TRY(check_uri(policy, key, uri, err));
    PGconn *conn = PQconnectdbParams(keys, values, 1);
    const enum err_code code = check(conn, policy, role, key, err);
    if (code == ERR_OK)
        *out = conn;
    else
        PQfinish(conn);
    return code;
}

/* ---- waiting ---- */

static void cancel(PGconn *conn)
{
    char ignored[256];
    PGcancel *c = PQgetCancel(conn);
    if (c)
        (void)PQcancel(c, ignored, sizeof ignored);
    PQfreeCancel(c);
}

PGresult *pgsql_next(PGconn *conn, const atomic_int *stop)
{
    bool cancelled = false;
    for (int waited_ms = 0; PQisBusy(conn);) {
        struct pollfd fd = { .fd = PQsocket(conn), .events = POLLIN };
        if (!cancelled && atomic_load_explicit(stop, memory_order_relaxed)) {
            cancel(conn);
            cancelled = true;
        }
        if (cancelled && (waited_ms += LOOK_MS) > CANCEL_MS)
            return NULL;
        const int n = fd.fd < 0 ? -1 : poll(&fd, 1, LOOK_MS);
        if (n < 0 && fd.fd >= 0 && errno == EINTR)
            continue;
        if (n < 0 || !PQconsumeInput(conn))
            break; /* what libpq says of it is the result */
    }
    return PQgetResult(conn);
}

const char *pgsql_class(const PGconn *conn, const PGresult *failed)
{
    static const struct {
        const char *start, *name;
    } classes[] = {
        { "57014", "interrupt" },     { "57", "shutdown" },
        { "53200", "out_of_memory" }, { "53100", "io" },
        { "53", "resources" },        { "58", "io" },
        { "08", "connect" },          { "42501", "permission" },
        { "42", "prepare" },          { "22", "conversion" },
        { "40", "conflict" },         { "55", "lock" },
        { "XX", "internal" },
    };
    const char *state =
        failed ? PQresultErrorField(failed, PG_DIAG_SQLSTATE) : NULL;
    if (!state)
        return PQstatus(conn) == CONNECTION_OK ? "other" : "connect";
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strncmp(state, classes[i].start, strlen(classes[i].start)) == 0)
            return classes[i].name;
    return "other";
}
