#include "tests/crash/promise.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/recover.h"

enum { ROWS = 256 };

struct rows {
    char charge[ROWS][33], state[ROWS][12];
    size_t n;
};

static enum err_code add_row(void *ctx, const struct ledger_export_row *row,
                             struct err *err)
{
    struct rows *r = ctx;
    (void)err;
    if (r->n == ROWS)
        abort();
    (void)snprintf(r->charge[r->n], sizeof r->charge[0], "%s", row->id);
    (void)snprintf(r->state[r->n++], sizeof r->state[0], "%s", row->state);
    return ERR_OK;
}

static void say_finding(void *ctx, const char *line)
{
    const bool *tells = ctx;
    if (*tells && strncmp(line, "FAILED", 6) == 0)
        printf("    verify: %s\n", line);
}

static const char *check_ledger(const struct life *l,
                                const struct life_replies *again, bool names,
                                bool tells)
{
    char path[LIFE_PATH];
    struct err err;
    struct rows rows = { .n = 0 };
    life_path(path, l, "state/a/ledger.db");
    const char *where = l->ledger ? l->ledger : path;
    if (ledger_verify(where, say_finding, &tells, &err) != ERR_OK)
        return "an invariant is broken";
    if (ledger_export(where, add_row, &rows, &err) != ERR_OK)
        return "the ledger cannot be exported";
    size_t answered = 0;
    for (size_t i = 0; i < rows.n; i++)
        answered += strcmp(rows.state[i], "answered") == 0;
    if (answered != LIFE_CHARGES || rows.n != LIFE_CHARGES)
        return "not one charge a key";
    for (size_t q = 0; names && q < LIFE_ASKED; q++) {
        size_t i = 0;
        if (life_is_decision(q))
            continue;
        while (i < rows.n && strcmp(rows.charge[i], again->of[q].charge) != 0)
            i++;
        if (i == rows.n)
            return "an answer has no charge";
    }
    return NULL;
}

/* What `sql` counts in the register of consent; -1: it cannot be read. */
static int count_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    int n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        n = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return n;
}

static const char *check_register(const struct life *l)
{
    char path[LIFE_PATH];
    sqlite3 *db = NULL;
    life_path(path, l, "state/d/consent.db");
    const int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    const char *broken =
        rc != SQLITE_OK || count_of(db, "SELECT integrity_check = 'ok' FROM "
                                        "pragma_integrity_check") != 1
            ? "the register of consent is damaged"
        : count_of(db, "SELECT count(*) FROM events") != LIFE_DECISIONS
            ? "not one record a decision"
            : NULL;
    (void)sqlite3_close(db);
    return broken;
}

int promise_merged(const struct life *l)
{
    char path[LIFE_PATH];
    sqlite3 *db = NULL;
    life_path(path, l, "state/a/ledger.db");
    const int n = sqlite3_open(path, &db) == SQLITE_OK
                      ? count_of(db, "SELECT count(*) FROM lookup_runs WHERE "
                                     "level > 0")
                      : -1;
    (void)sqlite3_close(db);
    return n;
}

bool promise_repeats(const struct life_reply *a, const struct life_reply *b,
                     bool names)
{
    if (b->record)
        return a->was_there && (!names || a->record == b->record);
    return a->len == b->len && memcmp(a->msg, b->msg, a->len) == 0;
}

const char *promise_check(struct life *l, const struct sent *sent, bool names,
                          bool tells)
{
    static const struct life_how calm = { .traced = false };
    struct life_replies *again = life_replies_new();
    const char *broken = NULL;
    if (!life_start(l, &calm)) {
        (void)life_stop(l, SIGKILL);
        life_replies_free(again);
        if (tells)
            life_show_log(l);
        return "the server does not start";
    }
    life_ask(l, again, 0, LIFE_ASKED, 4);
    for (size_t i = 0; i < LIFE_ASKED && !broken; i++) {
        const struct life_reply *a = &again->of[i], *b = &sent->replies->of[i];
        if (l->asks_no_people && life_is_decision(i))
            continue;
        if (!a->is_there || a->status != 0)
            broken = "a retry gets no answer";
        else if (sent->was[i] && !promise_repeats(a, b, names))
            broken = b->record ? "a decision that was recorded is lost"
                               : "a retry gets other bytes";
        if (broken && tells)
            printf("    question %zu: status %d %s\n", i, a->status, a->what);
    }
    (void)life_stop(l, SIGKILL);
    if (!broken)
        broken = check_ledger(l, again, names, tells);
    if (!broken && !l->asks_no_people)
        broken = check_register(l);
    life_replies_free(again);
    return broken;
}
