#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/book.h"

enum { BARE_LEN = 8192, CHARGE_PRINCIPAL = 21 };

/* A boot of this server's own; also when another server took the one before for
 * dead, which it was: what was open is spent. */
static void start_life(struct book *b)
{
    struct store *s = b->store;
    if (!store_find(s, SQL_BOOT_NEW, "ii", b->now_us,
                    s->alive_us ? b->now_us + s->alive_us : INT64_C(0)))
        return;
    b->boot = s->boot = store_int(s, SQL_BOOT_NEW, 0);
    while (store_next(s, SQL_BOOT_NEW))
        continue;
}

void book_note(struct book *b, const struct audit_entry *e)
{
    (void)journal_append(&b->journal, b->store, e);
}

int64_t book_note_charge(struct book *b, const struct charge *c,
                         const struct book_note *more)
{
    const struct ledger_hex id = ledger_id_hex(c->id);
    return journal_append(
        &b->journal, b->store,
        &(struct audit_entry){ .kind = more->kind,
                               .time_us = more->time_us,
                               .principal = more->principal,
                               .dataset = c->dataset,
                               .purpose = c->purpose,
                               .charge = id.text,
                               .has_price = true,
                               .rho_pico = c->price.rho_pico,
                               .eps_nano = c->price.eps_nano,
                               .delta_atto = c->price.delta_atto,
                               .policy_version = c->policy_version,
                               .detail = more->detail,
                               .bond = more->bond });
}

/* A charge of a file that had no log yet gets its leaves. */
static void note_bare_charge(struct book *b, const struct charge *c,
                             const char *principal)
{
    const struct book_note charged = { .kind = AUDIT_CHARGE,
                                       .time_us = c->charged_us,
                                       .principal = principal };
    const struct book_note voided = { .kind = AUDIT_VOID,
                                      .time_us = c->resolved_us };
    store_run(b->store, SQL_CHARGE_LEAF, "ii", book_note_charge(b, c, &charged),
              c->seq);
    if (c->state == LEDGER_VOIDED)
        (void)book_note_charge(b, c, &voided);
}

/* ... as its limits do. */
static void note_bare(struct book *b)
{
    struct arena a;
    struct charge c;
    struct err err;
    arena_init(&a, BARE_LEN);
    if (b->journal.now.size == 0)
        counters_note_limits(&b->counters, b->store);
    while (store_find(b->store, SQL_CHARGE_BARE, "")) {
        const char *principal = arena_strdup(
            &a, store_text(b->store, SQL_CHARGE_BARE, CHARGE_PRINCIPAL));
        if (!principal ||
            charge_read(b, SQL_CHARGE_BARE, &c, &a, &err) != ERR_OK)
            store_fail(b->store, STORE_FAILED, "a charge is damaged");
        else
            note_bare_charge(b, &c, principal);
        arena_reset(&a);
    }
    arena_fini(&a);
}

/* What a start finds, for who asks later why budget is gone. */
static void note_start(struct book *b, uint64_t found)
{
    char detail[64];
    (void)snprintf(detail, sizeof detail, "%" PRIu64 " charges were left open",
                   found);
    book_note(b, &(struct audit_entry){ .kind = AUDIT_START,
                                        .time_us = b->now_us,
                                        .detail = detail });
}

/* What servers that are gone left open is spent. */
static void settle_lives(struct book *b)
{
    if (!store_find(b->store, SQL_BOOT_OVER, "i", b->now_us))
        return;
    store_end(b->store, SQL_BOOT_OVER);
    counters_flush(&b->counters, b->store);
    store_run(b->store, SQL_BOOT_SETTLE, "i", b->now_us);
    store_run(b->store, SQL_BOOT_SETTLED, "i", b->now_us);
    counters_forget(&b->counters);
    b->moved = b->resolved = true; /* what they held is free */
}

enum err_code book_boot(struct book *b, uint64_t *found, struct err *err)
{
    struct store *s = b->store;
    *found = 0;
    store_begin(s);
    b->now_us = book_now_us(b);
    if (store_find(s, SQL_BOOT_OPEN, "i", b->now_us)) {
        *found = store_amount(s, SQL_BOOT_OPEN, 0);
        store_end(s, SQL_BOOT_OPEN);
    }
    settle_lives(b);
    start_life(b);
    b->newest = -1;
    b->counters.journal = &b->journal;
    journal_load(&b->journal, s);
    TRY(guard_check(&b->guard, s, &b->journal, err));
    bond_load(&b->bonds, s);
    note_bare(b);
    note_start(b, *found);
    store_commit(s);
    if (s->rc != STORE_OK)
        return ERR_OK; /* the caller looks */
    journal_keep(&b->journal);
    return guard_begin(&b->guard, s, &b->journal, err);
}

int64_t book_now_us(const struct book *b)
{
    return b->store->now_us && !b->own_clock ? b->store->now_us
                                             : clock_wall_us(b->clock);
}

/* What read_anew will look for. */
static void ask_news(struct book *b)
{
    journal_ask(&b->journal, b->store);
    counters_ask(&b->counters, b->store);
    store_ask(b->store, SQL_NEWEST, "");
}

/* Another server changed what was read. */
static void read_anew(struct book *b)
{
    if (b->store->is_new) {
        counters_forget(&b->counters);
        journal_reload(&b->journal, b->store);
    } else {
        counters_doubt(&b->counters);
        journal_follow(&b->journal, b->store);
    }
    book_forget_misses(b);
    b->newest = -1;
    b->moved = b->resolved = true;
}

void book_begin(struct book *b)
{
    if (b->store->expects_news)
        ask_news(b);
    store_begin(b->store);
    b->now_us = book_now_us(b);
    if (b->store->has_news)
        read_anew(b);
    if (b->store->is_over)
        start_life(b);
}

void book_end(struct book *b)
{
    store_run(b->store, SQL_BOOT_ALIVE, "ii", b->now_us, b->boot);
    settle_lives(b);
}

void book_beat(struct book *b)
{
    if (b->store->alive_us == 0)
        return;
    store_run(b->store, SQL_BOOT_ALIVE, "ii", b->now_us + b->store->alive_us,
              b->boot);
    settle_lives(b);
}

enum err_code book_balance(struct book *b, struct ledger_balance *out,
                           const struct ledger_account_spec *account,
                           struct err *err)
{
    struct store *s = b->store;
    /* Version 0 puts no limit in force: reading changes nothing. */
    const struct counter *counter =
        counter_of(&b->counters, s, account, 0, b->now_us);
    if (!counter)
        return err_set(err, ERR_INTERNAL, "the ledger cannot be read");
    *out = (struct ledger_balance){
        .spent = counter_taken(counter),
        .left = dp_price_left(account->limit, counter_taken(counter)),
    };
    if (account->window_s == 0)
        out->lifetime = out->spent;
    counters_flush(&b->counters, s); /* the sum is over the file */
    if (store_find(s, SQL_COUNTER_LIFETIME, "t", account->name)) {
        out->lifetime =
            (struct dp_price){ store_amount(s, SQL_COUNTER_LIFETIME, 0),
                               store_amount(s, SQL_COUNTER_LIFETIME, 1),
                               store_amount(s, SQL_COUNTER_LIFETIME, 2) };
        store_end(s, SQL_COUNTER_LIFETIME);
    }
    return ERR_OK;
}

/* Where a page begins: below every charge, or below the token's. */
static enum err_code page_start(struct book *b, int64_t *below,
                                const char *dataset, const char *after,
                                struct err *err)
{
    struct ledger_id id;
    *below = INT64_MAX;
    if (!after[0])
        return ERR_OK;
    if (ledger_id_parse(&id, after) &&
        store_find(b->store, SQL_LIST_FROM, "bt", id.bytes,
                   (size_t)LEDGER_ID_LEN, dataset)) {
        *below = store_int(b->store, SQL_LIST_FROM, 0);
        store_end(b->store, SQL_LIST_FROM);
        return ERR_OK;
    }
    (void)err_set(err, ERR_INVALID, "page_token is none of this list.");
    return err_hint(err, "Send the next_page_token of the page before, or "
                         "nothing for the first page.");
}

/* When a charge is resolved depends on data: it shows when the answer leaves.
 */
static enum ledger_state shown_state(struct store *s, enum sql sql,
                                     int64_t now_us)
{
    const bool is_known = store_int(s, sql, 8) <= now_us;
    return is_known ? (enum ledger_state)store_int(s, sql, 3) : LEDGER_OPEN;
}

static bool read_row(struct store *s, enum sql sql, struct ledger_row *row,
                     const char *dataset, int64_t now_us, struct arena *a)
{
    size_t len;
    const void *id = store_blob(s, sql, 0, &len);
    *row = (struct ledger_row){
        .principal = arena_strdup(a, store_text(s, sql, 1)),
        .dataset = dataset,
        .purpose = arena_strdup(a, store_text(s, sql, 2)),
        .state = shown_state(s, sql, now_us),
        .charged_us = store_int(s, sql, 4),
        .price = { store_amount(s, sql, 5), store_amount(s, sql, 6),
                   store_amount(s, sql, 7) },
    };
    if (len == LEDGER_ID_LEN)
        memcpy(row->id.bytes, id, len);
    return row->principal && row->purpose;
}

/* Without its key a text is gone, as an answer is; its charge is shown. */
static bool read_text(struct book *b, enum sql sql, struct ledger_row *row,
                      struct arena *a)
{
    enum { TEXT_COLUMN = 9 };
    size_t len;
    struct err err;
    const void *sealed = store_blob(b->store, sql, TEXT_COLUMN, &len);
    if (len == 0)
        return true;
    const uint8_t *text = (const uint8_t *)arena_strndup(a, sealed, len);
    const struct seal_of of = { row->dataset, row->id.bytes, SEAL_TEXT };
    if (!text)
        return false;
    const enum err_code code = unseal(b->keys, &of, &text, &len, a, &err);
    if (code == ERR_OK)
        row->text = arena_strndup(a, (const char *)text, len);
    return code == ERR_OK ? row->text != NULL : code != ERR_LIMIT;
}

static enum err_code page_full(struct err *err)
{
    (void)err_set(err, ERR_LIMIT, "The page passes the request's memory.");
    return err_hint(err, "Ask for a smaller page.");
}

enum err_code book_list(struct book *b, struct book_page *out,
                        const char *dataset, const char *principal,
                        const char *after, uint32_t limit, bool with_text,
                        struct arena *a, struct err *err)
{
    struct store *s = b->store;
    const int64_t kept_us = with_text ? b->now_us : INT64_MAX;
    const enum sql sql = principal ? SQL_LIST_MINE : SQL_LIST_ALL;
    const int64_t now_us = b->now_us;
    int64_t below;
    TRY(page_start(b, &below, dataset, after, err));
    *out = (struct book_page){ .rows = ARENA_NEW_N(a, limit, struct ledger_row),
                               .next = "" };
    const char *name = arena_strdup(a, dataset);
    if (!out->rows || !name)
        return page_full(err);
    /* One more than asked tells whether there is a next page. */
    bool more = principal ? store_find(s, sql, "ititi", kept_us, dataset, below,
                                       principal, (int64_t)limit + 1)
                          : store_find(s, sql, "itii", kept_us, dataset, below,
                                       (int64_t)limit + 1);
    bool fits = true;
    while (more && fits && out->n < limit) {
        fits = read_row(s, sql, &out->rows[out->n], name, now_us, a) &&
               read_text(b, sql, &out->rows[out->n], a);
        out->n++;
        more = store_next(s, sql);
    }
    store_end(s, sql);
    if (fits && more && out->n > 0)
        out->next =
            arena_strdup(a, ledger_id_hex(out->rows[out->n - 1].id).text);
    return fits && out->next ? ERR_OK : page_full(err);
}
