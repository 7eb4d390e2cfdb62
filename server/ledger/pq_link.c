#include "server/ledger/pq_link.h"

#include <stdio.h>
#include <string.h>

#include "server/ledger/pq_turn.h"

/* Whatever libpq says of several lines becomes one. */
static void one_line(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
    for (char *c = out; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = c[1] ? ' ' : '\0';
}

bool pq_do(PGconn *conn, const char *sql, char *why, size_t len)
{
    PGresult *r = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    const bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok)
        one_line(why, len, r ? PQresultErrorMessage(r) : PQerrorMessage(conn));
    PQclear(r);
    return ok;
}

struct pq_text pq_ask(PGconn *conn, const char *sql, bool *ok)
{
    struct pq_text out = { "" };
    PGresult *r = PQexec(conn, sql);
    *ok = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 &&
          !PQgetisnull(r, 0, 0);
    if (*ok)
        (void)snprintf(out.text, sizeof out.text, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return out;
}

/* What a commit promises here: the first setting that is not as it must be. */
static const char PROMISE[] =
    "SELECT CASE WHEN current_setting('fsync') <> 'on' THEN 'fsync'"
    " WHEN current_setting('full_page_writes') <> 'on' THEN 'full_page_writes'"
    " WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
    " THEN 'synchronous_commit'"
    " WHEN current_setting('transaction_read_only') <> 'off'"
    " THEN 'transaction_read_only'"
    " WHEN current_setting('server_encoding') <> 'UTF8'"
    " THEN 'server_encoding'"
    " WHEN current_setting('session_replication_role') = 'replica'"
    " THEN 'session_replication_role' ELSE 'ok' END";

static enum err_code check(PGconn *conn, const struct pq_name *name,
                           struct err *err)
{
    bool ok;
    const struct pq_text bad = pq_ask(conn, PROMISE, &ok);
    if (ok && strcmp(bad.text, "ok") == 0)
        return ERR_OK;
    if (!ok)
        return err_set(err, ERR_UNAVAILABLE, "%s does not answer", name->text);
    (void)err_set(err, ERR_REFUSED,
                  "%s cannot hold a ledger: its %s is not what a charge needs "
                  "to be durable",
                  name->text, bad.text);
    return err_hint(err, "a ledger needs a primary in UTF8, with fsync and "
                         "full_page_writes on, synchronous_commit on or "
                         "remote_apply for its role and database, and triggers "
                         "that fire");
}

/* Commits stay as durable as they are now, whatever is set while the session
 * lives; texts are of one encoding, whatever its server's environment says. */
static const char SESSION[] =
    "SET search_path = halftone; SET statement_timeout = 0; SET jit = off;"
    "SELECT set_config('synchronous_commit',"
    " current_setting('synchronous_commit'), false);"
    "SET client_encoding = 'UTF8';"
    "SET default_transaction_isolation = 'read committed';"
    "SET client_min_messages = error;"
    "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5;"
    "SET tcp_keepalives_count = 3; SET tcp_user_timeout = 15000;";

/* Index scans whatever the statistics say, and no plan made anew: the cost of
 * a charge is the same at the first and at the ten-millionth.  A session that
 * is not heard of any more lets go of the ledger, and so does one whose turn
 * others waited for in vain. */
static const char WRITING[] =
    "SET plan_cache_mode = force_generic_plan;"
    "SET enable_seqscan = off; SET enable_hashjoin = off;"
    "SET enable_mergejoin = off;" PQ_TURN_LENGTH
    "SET idle_in_transaction_session_timeout = '30s';";

static void ignore_notice(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static enum err_code set_up(PGconn *conn, const struct pq_name *name,
                            bool reads, struct err *err)
{
    char why[200];
    if (PQstatus(conn) != CONNECTION_OK) {
        one_line(why, sizeof why, PQerrorMessage(conn));
        (void)err_set(err, ERR_UNAVAILABLE, "cannot reach %s: %s", name->text,
                      why);
        return err_hint(err, "is the database running, and are user and "
                             "passfile right?");
    }
    (void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
    if (!pq_do(conn, SESSION, why, sizeof why) ||
        (!reads && !pq_do(conn, WRITING, why, sizeof why)))
        return err_set(err, ERR_UNAVAILABLE, "%s: %s", name->text, why);
    return check(conn, name, err);
}

enum err_code pq_link(PGconn **out, const char *where, bool reads,
                      struct err *err)
{
    /* What stands in the URI comes later, and counts. */
    static const char *const KEYS[] = { "connect_timeout",  "keepalives_idle",
                                        "tcp_user_timeout", "application_name",
                                        "dbname",           NULL };
    const char *const values[] = {
        "10", "5", "15000", "halftoned", where, NULL
    };
    const struct pq_name name = pq_uri_name(where);
    TRY(pq_uri_check("the database's URI", where, err));
    PGconn *conn = PQconnectdbParams(KEYS, values, 1);
    const enum err_code code = set_up(conn, &name, reads, err);
    if (code == ERR_OK)
        *out = conn;
    else
        PQfinish(conn);
    return code;
}
