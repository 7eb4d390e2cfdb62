#include "server/ledger/recover.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/reader.h"
#include "server/base/writer.h"
#include "server/ledger/burn.h"
#include "server/ledger/migrate.h"

enum { LINE_LEN = 320, ACCOUNTS_MAX = 4096 };

/* A recovery under way: a book without a committer. */
struct recovery {
    struct book book;
    struct witness witness;
    uint64_t held; /* leaves of the log that is recovered */
    struct arena arena;
    ledger_say_fn *say;
    void *ctx;
};

struct retired {
    char text[NOTE_NAME_MAX + sizeof "retired/"];
};
static struct retired retired_of(const struct note_verifier *key)
{
    struct retired name;
    (void)snprintf(name.text, sizeof name.text, "retired/%s", key->name);
    return name;
}

static void say_burnt(const struct recovery *r, const char *account,
                      struct dp_price price)
{
    char line[LINE_LEN];
    (void)snprintf(line, sizeof line,
                   "%s: counted as spent: rho %.9g, epsilon %.9g, delta %.9g",
                   account, (double)price.rho_pico * 1e-12,
                   (double)price.eps_nano * 1e-9,
                   (double)price.delta_atto * 1e-18);
    r->say(r->ctx, line);
}

/* One block, or (NULL) the whole limit of an account. */
static enum err_code burn_account(struct recovery *r, const char *account,
                                  const struct witness_block *block,
                                  struct err *err)
{
    struct dp_price upto = { 0 }, burnt;
    if (block)
        upto = (struct dp_price){ block->rho_pico, block->eps_nano,
                                  block->delta_atto };
    TRY(book_burn(&r->book, &burnt, account, block ? &upto : NULL, &r->arena,
                  err));
    if (burnt.rho_pico + burnt.eps_nano + burnt.delta_atto > 0)
        say_burnt(r, account, burnt);
    return ERR_OK;
}

/* Names first: burning changes what is read. */
static enum err_code burn_all(struct recovery *r, struct err *err)
{
    const char **names = ARENA_NEW_N(&r->arena, ACCOUNTS_MAX, const char *);
    struct store *s = r->book.store;
    size_t n = 0;
    bool more_rows = store_find(s, SQL_COUNTER_FILTERS, "");
    while (names && more_rows && n < ACCOUNTS_MAX) {
        const char *name = store_text(s, SQL_COUNTER_FILTERS, 0);
        if (burn_is_filter(name))
            names[n++] = arena_strdup(&r->arena, name);
        more_rows = store_next(s, SQL_COUNTER_FILTERS);
    }
    store_end(s, SQL_COUNTER_FILTERS);
    if (!names || more_rows)
        return err_set(err, ERR_LIMIT, "the ledger has too many datasets");
    for (size_t i = 0; i < n; i++) {
        if (!names[i])
            return err_set(err, ERR_LIMIT, "out of memory");
        TRY(burn_account(r, names[i], NULL, err));
    }
    book_burn_rest(&r->book);
    return ERR_OK;
}

static enum err_code say_old(struct err *err, const char *why)
{
    (void)err_set(err, ERR_CONFLICT,
                  "this is not the newest witness of the ledger: %s", why);
    return err_hint(err, "find the newest; without it, --burn-all counts "
                         "everything as spent");
}

/* What was taken was leased before.  Of a database others leased, too, each
 * from a witness of its own. */
static enum err_code check_blocks(struct recovery *r, struct err *err)
{
    struct book *b = &r->book;
    for (size_t i = 0; i < r->witness.n && b->store->alive_us == 0; i++) {
        const struct witness_block *block = &r->witness.block[i];
        const struct ledger_account_spec spec = { .name = block->account };
        const struct counter *counter =
            counter_of(&b->counters, b->store, &spec, 0, b->now_us);
        if (!counter)
            return err_set(err, ERR_INTERNAL, "the ledger cannot be read");
        const struct dp_price leased = { block->rho_pico, block->eps_nano,
                                         block->delta_atto };
        if (!dp_price_fits(counter_taken(counter), leased))
            return say_old(err, "more is spent than it leased");
    }
    return ERR_OK;
}

/* Leaves of the log of this name: all, or as many as there were when a recovery
 * by another server's witness ended it. */
static uint64_t leaves_of(struct recovery *r, const struct note_verifier *key)
{
    struct store *s = r->book.store;
    const struct retired name = retired_of(key);
    size_t len = 0;
    if (!store_find(s, SQL_META_FIND, "t", name.text))
        return r->book.journal.now.size;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    struct reader in = reader_of(value, len);
    const uint64_t n = reader_be64(&in);
    store_end(s, SQL_META_FIND);
    return in.short_read ? 0 : n;
}

static enum err_code check_witness(struct recovery *r, struct err *err)
{
    struct book *b = &r->book;
    if (guard_knew_before(&r->witness, b->store))
        return say_old(err, "the ledger has started since");
    if (!guard_is_past(&r->witness.head, b->store, r->held))
        return say_old(err, "what it saw is not the ledger's past");
    TRY(check_blocks(r, err));
    if (r->witness.head.size < r->held)
        r->say(r->ctx, "note: the witness has not seen all that the ledger "
                       "holds; if there is a newer one, recover by that");
    return ERR_OK;
}

static enum err_code burn_blocks(struct recovery *r, struct err *err)
{
    for (size_t i = 0; i < r->witness.n; i++)
        TRY(burn_account(r, r->witness.block[i].account, &r->witness.block[i],
                         err));
    return ERR_OK;
}

/* The log of this name has an end that somebody saw and this file lacks. */
static void retire(struct recovery *r, const struct note_verifier *key,
                   bool by_blocks)
{
    struct book *b = &r->book;
    const struct retired name = retired_of(key);
    uint8_t value[8];
    struct writer out = writer_of(value, sizeof value);
    writer_be64(&out, r->held);
    store_run(b->store, SQL_META_SET, "tb", name.text, value, out.len);
    store_run(b->store, SQL_META_RESET, "");
    book_note(b,
              &(struct audit_entry){
                  .kind = AUDIT_ADMIN,
                  .time_us = b->now_us,
                  .detail = by_blocks
                                ? "recovered: witnessed blocks count as spent"
                                : "recovered without a witness: all budget "
                                  "counts as spent" });
}

static enum err_code recover_in(struct recovery *r, const char *witness,
                                const struct note_verifier *key,
                                struct err *err)
{
    struct book *b = &r->book;
    uint64_t found;
    bool is_there = false;
    if (witness) {
        TRY(witness_read(&r->witness, &is_there, witness, key, err));
        if (!is_there) {
            (void)err_set(err, ERR_NOT_FOUND, "there is no witness %s",
                          witness);
            return err_hint(err, "without one, --burn-all counts everything as "
                                 "spent");
        }
    }
    store_begin(b->store);
    TRY(migrate_check_alone(b->store, err));
    /* Before anything is added to the log. */
    b->now_us = book_now_us(b);
    journal_load(&b->journal, b->store);
    r->held = leaves_of(r, key);
    if (witness)
        TRY(check_witness(r, err));
    store_commit(b->store);
    b->guard.recovers = true;
    TRY(book_boot(b, &found, err));
    book_begin(b);
    TRY(witness ? burn_blocks(r, err) : burn_all(r, err));
    retire(r, key, witness != NULL);
    if (b->store->alive_us > 0)
        book_end(b);
    counters_flush(&b->counters, b->store);
    store_commit(b->store);
    return b->store->rc == STORE_OK
               ? ERR_OK
               : err_set(err, ERR_INTERNAL, "the ledger cannot be written: %s",
                         b->store->why);
}

enum err_code ledger_recover(const char *path, const char *witness,
                             const struct note_verifier *key,
                             struct clock *clock, ledger_say_fn *say, void *ctx,
                             struct err *err)
{
    struct recovery *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, ERR_LIMIT, "out of memory");
    *r = (struct recovery){
        .book = { .clock = clock, .lease_us = 1, .free_keys = 1 },
        .say = say,
        .ctx = ctx
    };
    arena_init(&r->arena, (size_t)16 << 20);
    enum err_code code = store_open(&r->book.store, path, err);
    if (code == ERR_OK)
        code = recover_in(r, witness, key, err);
    counters_forget(&r->book.counters);
    store_close(r->book.store);
    arena_fini(&r->arena);
    free(r);
    return code;
}
