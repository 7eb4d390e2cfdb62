#include "server/ledger/recover.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/book.h"
#include "server/ledger/migrate.h"

enum { LINE_LEN = 320, ACCOUNTS_MAX = 4096 };

/* A recovery under way: a book without a committer. */
struct recovery {
    struct book book;
    struct witness witness;
    struct arena arena;
    ledger_say_fn *say;
    void *ctx;
};

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t more(uint64_t block, uint64_t taken)
{
    return block > taken ? block - taken : 0;
}

/* dataset/ID, or under a notion of its own dataset/ID/gdp: the filters. */
static bool dataset_of(char out[WITNESS_NAME_MAX], const char *account)
{
    static const char prefix[] = "dataset/";
    const size_t skip = sizeof prefix - 1;
    if (strncmp(account, prefix, skip) != 0)
        return false;
    const size_t len = strcspn(account + skip, "/");
    const char *rest = account + skip + len;
    if (len == 0 || len >= WITNESS_NAME_MAX ||
        (*rest && strcmp(rest, "/gdp") != 0))
        return false;
    memcpy(out, account + skip, len);
    out[len] = '\0';
    return true;
}

/* A charge like any other, answered and its answer gone.  `limit` covers it and
 * is in force until the policy is read again. */
static enum err_code burn(struct recovery *r, const char *account,
                          struct dp_price limit, uint64_t policy_version,
                          struct dp_price price, struct err *err)
{
    static const uint8_t none[LEDGER_HASH_LEN];
    char dataset[WITNESS_NAME_MAX], line[LINE_LEN];
    struct ledger_run run;
    const uint8_t *answer = none;
    size_t len = 0;
    if (!dataset_of(dataset, account))
        return ERR_OK;
    const struct ledger_account_spec spec = { .name = account, .limit = limit };
    const struct ledger_charge_args args = {
        .principal = "recover",
        .dataset = dataset,
        .purpose = "recover",
        .idempotency_key = "",
        .request_hash = none,
        .release_hash = none,
        .price = price,
        .accounts = &spec,
        .n_accounts = 1,
        .policy_version = policy_version,
        .max_misses = UINT32_MAX,
        .max_misses_day = UINT32_MAX,
    };
    TRY(book_charge(&r->book, &run, &args, &r->arena, err));
    TRY(book_answer(&r->book, run.id, run.fence, 0, &answer, &len, &r->arena,
                    err));
    (void)snprintf(line, sizeof line,
                   "%s: counted as spent: rho %.9g, epsilon %.9g, delta %.9g",
                   account, (double)price.rho_pico * 1e-12,
                   (double)price.eps_nano * 1e-9,
                   (double)price.delta_atto * 1e-18);
    r->say(r->ctx, line);
    return ERR_OK;
}

/* One block, or (NULL) the whole limit of an account. */
static enum err_code burn_account(struct recovery *r, const char *account,
                                  const struct witness_block *block,
                                  struct err *err)
{
    struct dp_price limit = { 0 };
    if (block)
        limit = (struct dp_price){ block->rho_pico, block->eps_nano,
                                   block->delta_atto };
    /* Version 0 changes no limit that is in force. */
    const struct ledger_account_spec spec = { .name = account, .limit = limit };
    const struct counter *counter =
        counter_of(&r->book.counters, r->book.store, &spec, 0, r->book.now_us);
    if (!counter)
        return err_set(err, ERR_INTERNAL, "the ledger cannot be read");
    const struct dp_price taken = counter_taken(counter);
    const struct dp_price upto = block ? limit : counter->limit;
    limit.rho_pico = max_u64(upto.rho_pico, counter->limit.rho_pico);
    limit.eps_nano = max_u64(upto.eps_nano, counter->limit.eps_nano);
    limit.delta_atto = max_u64(upto.delta_atto, counter->limit.delta_atto);
    const struct dp_price price = { more(upto.rho_pico, taken.rho_pico),
                                    more(upto.eps_nano, taken.eps_nano),
                                    more(upto.delta_atto, taken.delta_atto) };
    if (price.rho_pico + price.eps_nano + price.delta_atto == 0)
        return ERR_OK;
    return burn(r, account, limit, counter->policy_version, price, err);
}

/* Names first: burning changes what is read. */
static enum err_code burn_all(struct recovery *r, struct err *err)
{
    const char **names = ARENA_NEW_N(&r->arena, ACCOUNTS_MAX, const char *);
    struct store *s = r->book.store;
    size_t n = 0;
    bool more_rows = store_find(s, SQL_COUNTER_FILTERS, "");
    while (names && more_rows && n < ACCOUNTS_MAX) {
        names[n++] =
            arena_strdup(&r->arena, store_text(s, SQL_COUNTER_FILTERS, 0));
        more_rows = store_next(s, SQL_COUNTER_FILTERS);
    }
    store_end(s, SQL_COUNTER_FILTERS);
    for (size_t i = 0; i < n; i++) {
        if (!names[i])
            return err_set(err, ERR_LIMIT, "out of memory");
        TRY(burn_account(r, names[i], NULL, err));
    }
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
    char meta[NOTE_NAME_MAX + sizeof "retired/"];
    struct book *b = &r->book;
    (void)snprintf(meta, sizeof meta, "retired/%s", key->name);
    store_run(b->store, SQL_META_SET, "tb", meta, "", (size_t)0);
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
