#include "server/ledger/pq_turn.h"

#include <stdio.h>

#include "server/ledger/pq_link.h"

/* %s: the lock's number, which is less than 2^32. */
static const char END_HUNG[] =
    "SELECT count(pg_terminate_backend(a.pid)) FROM pg_locks l"
    " JOIN pg_database d ON d.oid = l.database"
    " JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0"
    " AND l.objid = %s AND l.objsubid = 1 AND d.datname = current_database()"
    " AND a.usename = current_user AND a.wait_event_type = 'Client'"
    " AND current_setting('lock_timeout') <> '0'"
    " AND a.query_start < clock_timestamp()"
    " - 0.8 * CAST(current_setting('lock_timeout') AS interval)";

void pq_turn_end_hung(PGconn *conn, const char *number)
{
    char sql[sizeof END_HUNG + 32], why[8];
    (void)snprintf(sql, sizeof sql, END_HUNG, number);
    (void)pq_do(conn, sql, why, sizeof why); /* else its owner may not */
}

bool pq_turn_take(PGconn *conn, const char *number, char *why, size_t len)
{
    enum { TIMES = 2 };
    char lock[64], ignored[8];
    (void)snprintf(lock, sizeof lock, PQ_TURN("%s"), number);
    for (int i = 0; i < TIMES; i++) {
        pq_turn_end_hung(conn, number);
        if (pq_do(conn, "BEGIN", why, len) && pq_do(conn, lock, why, len))
            return true;
        (void)pq_do(conn, "ROLLBACK", ignored, sizeof ignored);
    }
    return false;
}
