#ifndef LEDGER_PQ_TURN_H
#define LEDGER_PQ_TURN_H

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * Servers that share a database take turns: a transaction that writes holds an
 * advisory lock from its beginning to its end.
 *
 *   take ---> ask, decide, write ---> commit
 *    '- others wait, each for at most a turn's length (lock_timeout)
 *
 * A server that hangs in the middle, stopped or on a machine that does, would
 * keep its turn as long as its connection lives: its session is not idle, for
 * more of its pipeline may come, and so no timeout of the database's ends it.
 * Who waited in vain ends it: the session that holds the turn, waits for its
 * client and has for most of a turn's length.  One that the database itself
 * keeps waiting (a slow disk, a standby that is away) is left alone.  The
 * server whose session was ended finds its connection broken when it goes on,
 * and what it wrote undone (store_recover).
 *
 * A turn's length is 10 s, or the setting halftone.turn of the connection.  The
 * sessions have to be of one role, or nobody may end the other's.
 *
 * Source: PostgreSQL 15 manual, 13.3.5 (advisory locks), 28.2 (wait events),
 * 9.27.2 (pg_terminate_backend).
 */
#define PQ_TURN(number) "SELECT pg_advisory_xact_lock(" number ")"

/* In a session that writes: so long a turn is waited for. */
#define PQ_TURN_LENGTH                                                         \
    "SELECT set_config('lock_timeout', coalesce(nullif(current_setting("       \
    "'halftone.turn', true), ''), '10s'), false);"

/* Before a turn is waited for again: whoever hangs in one loses it. */
void pq_turn_end_hung(PGconn *conn, const char *number);

/* Begin a transaction that has its turn: who waited in vain ends what hangs in
 * it and waits again.  False, and `why`: there is no transaction. */
bool pq_turn_take(PGconn *conn, const char *number, char *why, size_t len);

#endif
