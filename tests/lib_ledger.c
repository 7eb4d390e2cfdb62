#include "tests/lib_ledger.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <unistd.h>

#include "server/ledger/schema.h"
#include "tests/lib_postgres.h"

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

static bool in_postgres;

void ledger_dirs_in_postgres(bool is_so)
{
    in_postgres = is_so;
}

void ledger_dir_init(struct ledger_dir *d)
{
    (void)snprintf(d->dir, sizeof d->dir, "%s/halftone-ledger-XXXXXX",
                   getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    const char *made = mkdtemp(d->dir);
    assert(made);
    (void)snprintf(d->path, sizeof d->path, "%s/ledger.db", d->dir);
    if (in_postgres) {
        postgres_clear();
        (void)snprintf(d->path, sizeof d->path, "%s", postgres_uri());
    }
    (void)snprintf(d->beside, sizeof d->beside, "%s/ledger.db-erasures", d->dir);
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

/* [v] leads from schema v + 1 back to v. */
static const char *const BACK[SCHEMA_VERSION] = {
    [1] = "DROP TRIGGER charges_leaf; DROP TRIGGER charges_once;"
          "DROP TRIGGER leaves_next; DROP TRIGGER leaves_fixed;"
          "DROP TRIGGER leaves_kept; DROP TRIGGER tiles_fixed;"
          "DROP TRIGGER tiles_kept;"
          "ALTER TABLE charges DROP COLUMN leaf;"
          "DROP TABLE log_leaves; DROP TABLE log_tiles;"
          "CREATE TRIGGER charges_once BEFORE UPDATE ON charges"
          " WHEN OLD.state <> 0"
          " BEGIN SELECT RAISE(ABORT, 'a charge is resolved once'); END;",
    [2] = "DROP TABLE piece_answers; DROP TABLE pieces; DROP TABLE stumbles;",
    [3] = "DROP TABLE lifts;",
    [4] = "DROP TABLE meta;",
    [5] = "DROP INDEX charges_open;",
    [6] = "DROP TRIGGER charges_void; DROP INDEX boots_alive;"
          "ALTER TABLE boots DROP COLUMN settled;"
          "ALTER TABLE boots DROP COLUMN alive_until_us;"
          "CREATE TRIGGER charges_void BEFORE UPDATE OF state ON charges"
          " WHEN NEW.state = 3 AND OLD.boot <> (SELECT max(id) FROM boots)"
          " BEGIN SELECT RAISE(ABORT, 'only the process that charged voids');"
          " END;",
    [7] = "DROP TABLE texts;",
    [8] = "DROP TABLE lookup_runs; DROP TABLE lookup_pages;"
          "DROP INDEX charges_open;"
          "CREATE INDEX charges_open ON charges (release_hash)"
          " WHERE state = 0;"
          "CREATE INDEX charges_by_release ON charges (release_hash);"
          "CREATE INDEX pieces_by_release ON pieces (release_hash);"
          "ALTER TABLE keys RENAME TO keys_after;"
          "CREATE TABLE keys (principal TEXT NOT NULL, key TEXT NOT NULL,"
          " request_hash BLOB NOT NULL, charge INTEGER NOT NULL REFERENCES"
          " charges, PRIMARY KEY (principal, key)) STRICT, WITHOUT ROWID;"
          "INSERT OR REPLACE INTO keys SELECT principal, key, request_hash,"
          " charge FROM keys_after ORDER BY id;"
          "DROP TABLE keys_after;"
          "CREATE TRIGGER keys_fixed BEFORE UPDATE OF principal, key,"
          " request_hash ON keys BEGIN SELECT RAISE(ABORT, ''); END;"
          "CREATE TRIGGER keys_once BEFORE UPDATE OF charge ON keys"
          " BEGIN SELECT RAISE(ABORT, ''); END;"
          "CREATE TRIGGER keys_kept BEFORE DELETE ON keys"
          " BEGIN SELECT RAISE(ABORT, ''); END;",
    [9] = "DROP TABLE segments;",
    [10] = "ALTER TABLE log_leaves DROP COLUMN previous;"
           "CREATE TRIGGER leaves_next BEFORE INSERT ON log_leaves"
           " WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM log_leaves)"
           " BEGIN SELECT RAISE(ABORT, 'the log grows at its end'); END;",
};

static void must_run(sqlite3 *db, const char *sql)
{
    const int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    assert(rc == SQLITE_OK);
}

void ledger_make_old(const char *path, int version)
{
    char stamp[64];
    sqlite3 *db;
    int rc = sqlite3_open(path, &db);
    assert(rc == SQLITE_OK);
    must_run(db, "PRAGMA foreign_keys = OFF");
    for (int v = SCHEMA_VERSION; v-- > version;)
        must_run(db, BACK[v]);
    (void)snprintf(stamp, sizeof stamp, "PRAGMA user_version = %d", version);
    must_run(db, stamp);
    rc = sqlite3_close(db);
    assert(rc == SQLITE_OK);
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

uint64_t ledger_spent(struct ledger *l, uint64_t limit)
{
    const struct ledger_account_spec shop = { "dataset/shop",
                                              { .rho_pico = limit },
                                              0 };
    struct ledger_balance b;
    struct err err;
    const enum err_code code = ledger_balance(l, &b, &shop, &err);
    assert(code == ERR_OK);
    return b.spent.rho_pico;
}
