#include "server/ledger/sqlite_waits.h"

#include <sqlite3.h>

static const enum sql ADDS[WAITING_TABLES] = {
    [WAITING_LEAVES] = SQL_LEAF_NEW,    [WAITING_CHARGES] = SQL_CHARGE_NEW,
    [WAITING_KEYS] = SQL_KEY_NEW,       [WAITING_TEXTS] = SQL_TEXT_NEW,
    [WAITING_ANSWERS] = SQL_ANSWER_NEW,
};

enum sqlite_waiting sqlite_waits_of(enum sql sql)
{
    enum sqlite_waiting t = WAITING_LEAVES;
    while (t < WAITING_TABLES && ADDS[t] != sql)
        t++;
    return t;
}

enum {
    CHARGES = 1 << WAITING_CHARGES,
    ANSWERS = 1 << WAITING_ANSWERS,
    NOTHING = 1 << WAITING_TABLES /* said, as 0 is not said */
};
static const uint8_t SEES[SQL_COUNT] = {
    [SQL_COUNTER_FIND] = NOTHING,
    [SQL_COUNTER_NEW] = NOTHING,
    [SQL_COUNTER_LIMIT] = NOTHING,
    [SQL_COUNTER_MOVE] = NOTHING,
    [SQL_COUNTER_BY_ID] = NOTHING,
    [SQL_ROUTE_FIND] = NOTHING,
    [SQL_ROUTE_NEW] = NOTHING,
    [SQL_ROUTE_MEMBER] = NOTHING,
    [SQL_ROUTE_COUNTERS] = NOTHING,
    [SQL_SEGMENT_ASKED] = NOTHING,
    [SQL_SEGMENT_ASK] = NOTHING,
    [SQL_SEGMENT_PRUNE] = NOTHING,
    [SQL_TILE_NEW] = NOTHING,
    /* A charge that waits is open; it is missed by CHARGE_RESOLVE. */
    [SQL_MISSES_DATASET] = NOTHING,
    [SQL_MISSES_DAY] = NOTHING,
    [SQL_STUMBLED] = NOTHING,
    [SQL_CHARGE_BY_SEQ] = CHARGES,
    [SQL_CHARGE_BY_ID] = CHARGES,
    [SQL_CHARGE_RUN] = CHARGES,
    [SQL_CHARGE_RESOLVE] = CHARGES,
    [SQL_CHARGE_ANSWER] = CHARGES,
    [SQL_ANSWER_FIND] = ANSWERS,
};

int sqlite_waits_show(struct sqlite_waits *w, enum sql sql)
{
    for (unsigned t = 0; t < WAITING_TABLES; t++)
        if (w->bulks[t].n > 0 && (SEES[sql] == 0 || SEES[sql] >> t & 1))
            return sqlite_waits_flush(w);
    return SQLITE_OK;
}

int sqlite_waits_show_row(struct sqlite_waits *w, enum sqlite_waiting t,
                          int64_t row)
{
    return w->bulks[t].n > 0 && row >= w->first[t] ? sqlite_waits_flush(w)
                                                   : SQLITE_OK;
}

static int read_next_key(struct sqlite_waits *w)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        w->db, "SELECT coalesce(max(id), 0) + 1 FROM keys", -1, &stmt, NULL);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        w->next_key = sqlite3_column_int64(stmt, 0);
    const int end = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? end : rc;
}

int sqlite_waits_add(struct sqlite_waits *w, enum sql sql, int64_t *row,
                     const char *types, va_list *ap)
{
    const enum sqlite_waiting t = sqlite_waits_of(sql);
    va_list first;
    va_copy(first, *ap);
    *row = t == WAITING_CHARGES ? va_arg(first, int64_t) : 0;
    va_end(first);
    int rc = SQLITE_OK;
    if (t == WAITING_KEYS && w->next_key == 0)
        rc = read_next_key(w);
    if (rc == SQLITE_OK)
        rc = sqlite_bulk_add(&w->bulks[t], types, ap);
    if (rc == SQLITE_OK && t == WAITING_KEYS)
        *row = w->next_key++;
    if (w->bulks[t].n == 1)
        w->first[t] = *row;
    return rc;
}

bool sqlite_waits_any(const struct sqlite_waits *w)
{
    for (unsigned t = 0; t < WAITING_TABLES; t++)
        if (w->bulks[t].n > 0)
            return true;
    return false;
}

int sqlite_waits_flush(struct sqlite_waits *w)
{
    int rc = SQLITE_OK;
    for (unsigned t = 0; t < WAITING_TABLES && rc == SQLITE_OK; t++) {
        if (w->bulks[t].n == 0)
            continue;
        rc = sqlite_bulk_flush(&w->bulks[t], w->db, w->texts[ADDS[t]]);
        /* SQLite gave the keys the rows that were told. */
        if (rc == SQLITE_OK && t == WAITING_KEYS &&
            sqlite3_last_insert_rowid(w->db) != w->next_key - 1)
            rc = SQLITE_CORRUPT;
    }
    return rc;
}

void sqlite_waits_forget(struct sqlite_waits *w)
{
    for (unsigned t = 0; t < WAITING_TABLES; t++)
        sqlite_bulk_forget(&w->bulks[t]);
    w->next_key = 0;
}

void sqlite_waits_fini(struct sqlite_waits *w)
{
    for (unsigned t = 0; t < WAITING_TABLES; t++)
        sqlite_bulk_fini(&w->bulks[t]);
}
