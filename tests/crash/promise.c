#include "tests/crash/promise.h"

#include <signal.h>
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
    if (ledger_verify(path, say_finding, &tells, &err) != ERR_OK)
        return "an invariant is broken";
    if (ledger_export(path, add_row, &rows, &err) != ERR_OK)
        return "the ledger cannot be exported";
    size_t answered = 0;
    for (size_t i = 0; i < rows.n; i++)
        answered += strcmp(rows.state[i], "answered") == 0;
    if (answered != LIFE_ASKED || rows.n != LIFE_ASKED)
        return "not one charge a key";
    for (size_t q = 0; names && q < LIFE_ASKED; q++) {
        size_t i = 0;
        while (i < rows.n && strcmp(rows.charge[i], again->of[q].charge) != 0)
            i++;
        if (i == rows.n)
            return "an answer has no charge";
    }
    return NULL;
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
        if (!a->is_there || a->status != 0)
            broken = "a retry gets no answer";
        else if (sent->was[i] &&
                 (a->len != b->len || memcmp(a->msg, b->msg, a->len) != 0))
            broken = "a retry gets other bytes";
        if (broken && tells)
            printf("    question %zu: status %d %s\n", i, a->status, a->what);
    }
    (void)life_stop(l, SIGKILL);
    if (!broken)
        broken = check_ledger(l, again, names, tells);
    life_replies_free(again);
    return broken;
}
