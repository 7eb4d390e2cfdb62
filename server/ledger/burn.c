#include "server/ledger/burn.h"

#include <string.h>

#include "server/ledger/committer.h"

enum { NAME_MAX = 128, ARENA_CAP = 1 << 16 };
static const char MARK[] = "burn";

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool dataset_of(char out[NAME_MAX], const char *account)
{
    static const char prefix[] = "dataset/";
    const size_t skip = sizeof prefix - 1;
    if (strncmp(account, prefix, skip) != 0)
        return false;
    const size_t len = strcspn(account + skip, "/");
    const char *rest = account + skip + len;
    if (len == 0 || len >= NAME_MAX || (*rest && strcmp(rest, "/gdp") != 0))
        return false;
    memcpy(out, account + skip, len);
    out[len] = '\0';
    return true;
}

bool burn_is_filter(const char *account)
{
    char dataset[NAME_MAX];
    return dataset_of(dataset, account);
}

/* `spec` covers it, and is in force until the policy is read again. */
static enum err_code burn(struct book *b,
                          const struct ledger_account_spec *spec,
                          const char *dataset, uint64_t policy_version,
                          struct dp_price price, struct arena *a,
                          struct err *err)
{
    static const uint8_t none[LEDGER_HASH_LEN];
    struct ledger_run run;
    const uint8_t *answer = none;
    size_t len = 0;
    const struct ledger_charge_args args = {
        .principal = "recover",
        .dataset = dataset,
        .purpose = "recover",
        .idempotency_key = "",
        .request_hash = none,
        .release_hash = none,
        .price = price,
        .accounts = spec,
        .n_accounts = 1,
        .policy_version = policy_version,
        .max_misses = UINT32_MAX,
        .max_misses_day = UINT32_MAX,
    };
    TRY(book_charge(b, &run, &args, a, err));
    return book_answer(b, run.id, run.fence, 0, &answer, &len, a, err);
}

enum err_code book_burn(struct book *b, struct dp_price *burnt,
                        const char *account, const struct dp_price *upto,
                        struct arena *a, struct err *err)
{
    char dataset[NAME_MAX];
    struct ledger_account_spec spec = { .name = account };
    *burnt = (struct dp_price){ 0 };
    if (!dataset_of(dataset, account))
        return ERR_OK;
    if (upto)
        spec.limit = *upto;
    /* Version 0 changes no limit that is in force. */
    const struct counter *counter =
        counter_of(&b->counters, b->store, &spec, 0, b->now_us);
    if (!counter)
        return err_set(err, ERR_INTERNAL, "the ledger cannot be read");
    const struct dp_price taken = counter_taken(counter);
    const struct dp_price limit = counter->limit, to = upto ? *upto : limit;
    const struct dp_price price = dp_price_left(to, taken);
    spec.limit = (struct dp_price){ max_u64(to.rho_pico, limit.rho_pico),
                                    max_u64(to.eps_nano, limit.eps_nano),
                                    max_u64(to.delta_atto, limit.delta_atto) };
    if (price.rho_pico + price.eps_nano + price.delta_atto == 0)
        return ERR_OK;
    TRY(burn(b, &spec, dataset, counter->policy_version, price, a, err));
    *burnt = price;
    return ERR_OK;
}

void book_burn_rest(struct book *b)
{
    store_run(b->store, SQL_META_SET, "tb", MARK, "", (size_t)0);
}

struct burn_work {
    struct work work;
    const struct ledger_account_spec *filters;
    size_t n;
    struct arena *a;
};

static enum err_code exec_burn(struct book *b, struct work *w)
{
    const struct burn_work *k = (struct burn_work *)w;
    struct dp_price burnt;
    if (!store_find(b->store, SQL_META_FIND, "t", MARK))
        return ERR_OK;
    store_end(b->store, SQL_META_FIND);
    for (size_t i = 0; i < k->n; i++) {
        arena_reset(k->a);
        TRY(book_burn(b, &burnt, k->filters[i].name, &k->filters[i].limit, k->a,
                      w->err));
    }
    store_run(b->store, SQL_META_DELETE, "t", MARK);
    return ERR_OK;
}

enum err_code ledger_burn(struct ledger *l,
                          const struct ledger_account_spec *filters, size_t n,
                          struct err *err)
{
    struct arena a;
    struct burn_work k = { .work = { .exec = exec_burn, .err = err },
                           .filters = filters,
                           .n = n,
                           .a = &a };
    arena_init(&a, ARENA_CAP);
    const enum err_code code = committer_run(&l->committer, &k.work);
    arena_fini(&a);
    return code;
}
