#include "tests/lib_ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <unistd.h>

static int64_t fake_wall_us(struct clock *clock)
{
    return atomic_load(&((struct fake_clock *)clock)->wall_us);
}

static uint64_t fake_mono_ns(struct clock *clock)
{
    (void)clock;
    return clock_mono_ns(clock_system());
}

void fake_clock_init(struct fake_clock *c, int64_t wall_us)
{
    c->clock = (struct clock){ fake_wall_us, fake_mono_ns };
    atomic_store(&c->wall_us, wall_us);
}

void ledger_dir_init(struct ledger_dir *d)
{
    (void)snprintf(d->dir, sizeof d->dir, "%s/halftone-ledger-XXXXXX",
                   getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    const char *made = mkdtemp(d->dir);
    assert(made);
    (void)snprintf(d->path, sizeof d->path, "%s/ledger.db", d->dir);
}

void ledger_dir_fini(struct ledger_dir *d)
{
    DIR *dir = opendir(d->dir);
    assert(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[sizeof d->dir + sizeof e->d_name + 1];
        (void)snprintf(path, sizeof path, "%s/%s", d->dir, e->d_name);
        if (e->d_name[0] != '.')
            (void)unlink(path);
    }
    (void)closedir(dir);
    (void)rmdir(d->dir);
}

void charge_init(struct charge *out, const char *who, const char *key,
                 const char *release, uint64_t rho_pico, uint64_t limit)
{
    *out = (struct charge){
        .args = { .principal = who,
                  .dataset = "shop",
                  .purpose = "reporting",
                  .idempotency_key = key,
                  .request_hash = out->request_hash,
                  .release_hash = out->release_hash,
                  .price = { .rho_pico = rho_pico },
                  .accounts = out->accounts,
                  .n_accounts = 1,
                  .policy_version = 1,
                  .keep_s = 1000,
                  .max_misses = 8,
                  .max_misses_day = 3 },
        .accounts = { { .name = "dataset/shop",
                        .limit = { .rho_pico = limit } } },
    };
    const size_t len = strlen(release);
    assert(len < LEDGER_HASH_LEN);
    memcpy(out->release_hash, release, len);
    memcpy(out->request_hash, release, len);
    out->request_hash[LEDGER_HASH_LEN - 1] = 1;
}

void charge_add_quota(struct charge *c, uint64_t limit, uint64_t window_s)
{
    char *name = window_s ? c->window : c->quota;
    (void)snprintf(name, sizeof c->quota, "dataset/shop/%s/%s",
                   window_s ? "purpose" : "principal",
                   window_s ? c->args.purpose : c->args.principal);
    assert(c->args.n_accounts < CHARGE_ACCOUNTS);
    c->accounts[c->args.n_accounts++] = (struct ledger_account_spec){
        .name = name, .limit = { .rho_pico = limit }, .window_s = window_s
    };
}

static void print_line(void *ctx, const char *line)
{
    (void)ctx;
    if (strncmp(line, "ok", 2) != 0)
        fprintf(stderr, "%s\n", line);
}

bool ledger_verifies(const char *path)
{
    struct err err;
    return ledger_verify(path, print_line, NULL, &err) == ERR_OK;
}
