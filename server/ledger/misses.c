#include <stdio.h>
#include <string.h>

#include "server/ledger/book.h"

enum { US_PER_S = 1000000, DAY_S = 86400, LISTED_MAX = 100, DETAIL_CAP = 320 };
#define DAY_US ((int64_t)DAY_S * US_PER_S)

/* Reads one count; the statement ends here. */
static uint64_t counted(struct book *b, enum sql sql)
{
    const uint64_t n = store_amount(b->store, sql, 0);
    store_end(b->store, sql);
    return n;
}

/* Of the dataset, since a steward last lifted its stop. */
static uint64_t since_lift(struct book *b, const char *dataset, int64_t now_us)
{
    return store_find(b->store, SQL_MISSES_DATASET, "ti", dataset, now_us)
               ? counted(b, SQL_MISSES_DATASET)
               : 0;
}

void book_forget_misses(struct book *b)
{
    memset(b->misses, 0, sizeof b->misses);
}

/* FNV-1a: names come from policy and principals file. */
static struct miss_memo *memo_of(struct book *b, enum sql sql, const char *name)
{
    uint32_t h = UINT32_C(2166136261);
    for (const char *c = name; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT32_C(16777619);
    return &b->misses[sql == SQL_MISSES_DAY][h % MISS_MEMOS];
}

/* The counting statement has found its row: keep what it says of `name`, no
 * longer than `until_us`. */
static uint64_t learn(struct book *b, enum sql sql, struct miss_memo *memo,
                      const char *name, int64_t at_us, int64_t until_us)
{
    const int64_t next_us = store_int(b->store, sql, 1);
    const size_t len = strlen(name);
    const uint64_t n = counted(b, sql);
    if (b->store->rc != STORE_OK || len == 0 || len >= sizeof memo->name)
        return n;
    memcpy(memo->name, name, len + 1);
    memo->n = n;
    memo->from_us = at_us;
    memo->until_us = next_us < until_us ? next_us : until_us;
    return n;
}

static bool is_valid(const struct miss_memo *memo, const char *name,
                     int64_t now_us)
{
    return now_us >= memo->from_us && now_us < memo->until_us &&
           strcmp(memo->name, name) == 0;
}

static uint64_t count_at(struct book *b, enum sql sql, struct miss_memo *memo,
                         const char *name, int64_t at_us)
{
    const int64_t day_us = at_us - at_us % DAY_US;
    const bool of_day = sql == SQL_MISSES_DAY;
    const bool found =
        of_day ? store_find(b->store, sql, "tii", name, day_us, at_us)
               : store_find(b->store, sql, "ti", name, at_us);
    return found ? learn(b, sql, memo, name, at_us,
                         of_day ? day_us + DAY_US : INT64_MAX)
                 : 0;
}

/* Of a dataset, or of a principal on this day.  What was asked for is of a time
 * a little before, and good until the next miss shows. */
static uint64_t misses_of(struct book *b, enum sql sql, const char *name)
{
    const int64_t now_us = b->now_us;
    struct miss_memo *memo = memo_of(b, sql, name);
    if (is_valid(memo, name, now_us))
        return memo->n;
    if (b->asked_us > 0) {
        (void)count_at(b, sql, memo, name, b->asked_us);
        if (is_valid(memo, name, now_us))
            return memo->n;
    }
    return count_at(b, sql, memo, name, now_us);
}

void charge_ask_misses(struct book *b, const struct ledger_charge_args *args)
{
    const int64_t at_us = b->asked_us > 0 ? b->asked_us : b->now_us;
    if (!b->store->expects_news)
        return;
    b->asked_us = at_us;
    store_ask(b->store, SQL_MISSES_DATASET, "ti", args->dataset, at_us);
    store_ask(b->store, SQL_MISSES_DAY, "tii", args->principal,
              at_us - at_us % DAY_US, at_us);
}

enum err_code charge_check_misses(struct book *b,
                                  const struct ledger_charge_args *args,
                                  struct err *err)
{
    const uint64_t of_dataset = misses_of(b, SQL_MISSES_DATASET, args->dataset);
    if (of_dataset > 0 && of_dataset >= args->max_misses) {
        (void)err_set(err, ERR_MISSES,
                      "This dataset has reached its limit of %u queries that "
                      "were charged and never answered: nothing new runs.",
                      args->max_misses);
        return err_hint(err, "Stored answers stay readable.  A steward must "
                             "find out why queries fail, then go on with: "
                             "halftone misses lift DATASET --reason WHY");
    }
    const uint64_t of_day = misses_of(b, SQL_MISSES_DAY, args->principal);
    if (of_day > 0 && of_day >= args->max_misses_day) {
        (void)err_set(err, ERR_MISSES,
                      "You have reached today's limit of %u queries that "
                      "were charged and never answered: nothing new runs.",
                      args->max_misses_day);
        return err_hint(err, "Go on after 00:00 UTC, with questions that "
                             "end in time, or ask a steward, who goes on "
                             "with: halftone misses lift DATASET --reason "
                             "WHY");
    }
    return ERR_OK;
}

enum err_code book_lift(struct book *b, uint64_t *lifted, const char *dataset,
                        const char *principal, const char *reason,
                        struct err *err)
{
    const int64_t now_us = b->now_us;
    *lifted = since_lift(b, dataset, now_us);
    if (*lifted == 0) {
        (void)err_set(err, ERR_INVALID,
                      "There is nothing to lift: no miss counts now.");
        return err_hint(err, "'halftone misses show' lists what counts; a miss "
                             "that its caller has not heard of counts later.");
    }
    book_forget_misses(b);
    store_run(b->store, SQL_LIFT_NEW, "titti", dataset, now_us, principal,
              reason, (int64_t)*lifted);
    char detail[DETAIL_CAP];
    (void)snprintf(detail, sizeof detail, "lift %llu misses: %s",
                   (unsigned long long)*lifted, reason);
    book_note(b, &(struct audit_entry){ .kind = AUDIT_ADMIN,
                                        .time_us = now_us,
                                        .principal = principal,
                                        .dataset = dataset,
                                        .detail = detail });
    return ERR_OK;
}

/* Rows of a statement that has one: principal and number. */
static enum err_code read_missed(struct book *b, struct ledger_misses *out,
                                 struct arena *a, struct err *err)
{
    struct ledger_missed *rows =
        ARENA_NEW_N(a, LISTED_MAX, struct ledger_missed);
    bool more = rows != NULL;
    for (; more && out->n_today < LISTED_MAX;
         more = store_next(b->store, SQL_MISSES_TODAY)) {
        struct ledger_missed *row = &rows[out->n_today++];
        row->principal =
            arena_strdup(a, store_text(b->store, SQL_MISSES_TODAY, 0));
        row->n = store_amount(b->store, SQL_MISSES_TODAY, 1);
        if (!row->principal)
            break;
    }
    if (more)
        store_end(b->store, SQL_MISSES_TODAY);
    out->today = rows;
    return rows && (out->n_today == 0 || rows[out->n_today - 1].principal)
               ? ERR_OK
               : err_set(err, ERR_LIMIT, "The request's memory is full.");
}

static enum err_code read_lifts(struct book *b, struct ledger_misses *out,
                                struct arena *a, struct err *err)
{
    struct ledger_lift *rows = ARENA_NEW_N(a, LISTED_MAX, struct ledger_lift);
    bool more = rows != NULL, full = !rows;
    for (; more && out->n_lifts < LISTED_MAX && !full;
         more = store_next(b->store, SQL_LIFTS)) {
        struct ledger_lift *row = &rows[out->n_lifts++];
        *row = (struct ledger_lift){
            .at_us = store_int(b->store, SQL_LIFTS, 0),
            .principal = arena_strdup(a, store_text(b->store, SQL_LIFTS, 1)),
            .reason = arena_strdup(a, store_text(b->store, SQL_LIFTS, 2)),
            .lifted = store_amount(b->store, SQL_LIFTS, 3),
        };
        full = !row->principal || !row->reason;
    }
    if (more)
        store_end(b->store, SQL_LIFTS);
    out->lifts = rows;
    return full ? err_set(err, ERR_LIMIT, "The request's memory is full.")
                : ERR_OK;
}

enum err_code book_misses(struct book *b, struct ledger_misses *out,
                          const char *dataset, struct arena *a, struct err *err)
{
    const int64_t now_us = b->now_us;
    *out = (struct ledger_misses){ .counted = since_lift(b, dataset, now_us) };
    if (store_find(b->store, SQL_MISSES_LIFETIME, "ti", dataset, now_us))
        out->lifetime = counted(b, SQL_MISSES_LIFETIME);
    if (store_find(b->store, SQL_MISSES_TODAY, "tii", dataset,
                   now_us - now_us % DAY_US, now_us))
        TRY(read_missed(b, out, a, err));
    if (store_find(b->store, SQL_LIFTS, "ti", dataset, (int64_t)LISTED_MAX))
        TRY(read_lifts(b, out, a, err));
    return ERR_OK;
}
