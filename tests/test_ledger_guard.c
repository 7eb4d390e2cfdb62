/* Blocks from a witness, ledgers that were put back, recoveries and backups. */
#include "server/ledger/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/ledger/recover.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, PRICE = 1000, LIMIT = 1000000 };
#define LEASE_NS (UINT64_C(10) * 1000000000)
#define START_US (INT64_C(1760000400) * 1000000)

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    struct ledger *ledger;
    struct note_signer key;
    char witness[96];
    int asked;
};

static enum err_code start(struct world *w, struct err *err)
{
    uint64_t found;
    const struct ledger_options o = { .path = w->dir.path,
                                      .own_clock = true,
                                      .clock = &w->clock.clock,
                                      .lease_ns = LEASE_NS,
                                      .witness = w->witness,
                                      .key = &w->key };
    w->ledger = NULL;
    *err = (struct err){ 0 };
    return ledger_open(&w->ledger, &o, &found, err);
}

static void must_start(struct world *w)
{
    struct err err;
    assert_int_equal(start(w, &err), ERR_OK);
}

static void stop(struct world *w)
{
    ledger_close(w->ledger);
    w->ledger = NULL;
}

static enum err_code charge(struct world *w, struct err *err)
{
    char key[16];
    struct charge c;
    struct ledger_run run;
    (void)snprintf(key, sizeof key, "k%d", w->asked++);
    charge_init(&c, "ann", key, key, PRICE, LIMIT);
    return ledger_charge(w->ledger, &run, &c.args, &w->arena, err);
}

static void charges(struct world *w, int n)
{
    struct err err;
    for (int i = 0; i < n; i++)
        assert_int_equal(charge(w, &err), ERR_OK);
}

static struct ledger_balance balance(struct world *w)
{
    struct ledger_balance b;
    struct err err;
    const struct ledger_account_spec spec = { .name = "dataset/shop",
                                              .limit = { .rho_pico = LIMIT } };
    assert_int_equal(ledger_balance(w->ledger, &b, &spec, &err), ERR_OK);
    return b;
}

static struct witness witness_now(struct world *w)
{
    struct witness out;
    struct err err;
    bool is_there;
    assert_int_equal(
        witness_read(&out, &is_there, w->witness, &w->key.verifier, &err),
        ERR_OK);
    assert_true(is_there);
    return out;
}

static void copy(const char *from, const char *to)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cp -p '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

/* The ledger as it is, aside; back later, without its log. */
static void save(struct world *w)
{
    char to[96], wal[96], to_wal[100];
    (void)snprintf(to, sizeof to, "%s.old", w->dir.path);
    (void)snprintf(wal, sizeof wal, "%s-wal", w->dir.path);
    (void)snprintf(to_wal, sizeof to_wal, "%s.old-wal", w->dir.path);
    copy(w->dir.path, to);
    if (access(wal, F_OK) == 0)
        copy(wal, to_wal);
}

static void forget_log(struct world *w)
{
    char wal[96], shm[96];
    (void)snprintf(wal, sizeof wal, "%s-wal", w->dir.path);
    (void)snprintf(shm, sizeof shm, "%s-shm", w->dir.path);
    (void)unlink(wal);
    (void)unlink(shm);
}

static void put_back(struct world *w)
{
    char from[96], wal[96], from_wal[100];
    (void)snprintf(from, sizeof from, "%s.old", w->dir.path);
    (void)snprintf(wal, sizeof wal, "%s-wal", w->dir.path);
    (void)snprintf(from_wal, sizeof from_wal, "%s.old-wal", w->dir.path);
    copy(from, w->dir.path);
    forget_log(w);
    if (access(from_wal, F_OK) == 0)
        copy(from_wal, wal);
}

static void world_init(struct world *w)
{
    struct err err;
    *w = (struct world){ 0 };
    ledger_dir_init(&w->dir);
    fake_clock_init(&w->clock, START_US);
    arena_init(&w->arena, ARENA_CAP);
    (void)snprintf(w->witness, sizeof w->witness, "%s/witness", w->dir.dir);
    assert_int_equal(
        note_signer_new(&w->key, "example/log", NOTE_ED25519, &err), ERR_OK);
    must_start(w);
}

static void world_fini(struct world *w)
{
    if (w->ledger)
        stop(w);
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static void refused(struct world *w, enum err_code code, const char *says)
{
    struct err err;
    assert_int_equal(start(w, &err), code);
    if (!strstr(err.msg, says))
        fail_msg("'%s' does not say '%s'", err.msg, says);
    assert_true(err.hint[0]);
}

/* At every moment the witness has leased what is taken, and not much more. */
static void test_blocks(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    for (int i = 1; i <= 40; i++) {
        charges(&w, 1);
        const struct witness seen = witness_now(&w);
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.block[0].account, "dataset/shop");
        const uint64_t block = seen.block[0].rho_pico;
        assert_true(block >= (uint64_t)i * PRICE);
        assert_true(block <= (uint64_t)i * PRICE + LIMIT / GUARD_SHARE);
    }
    stop(&w);
    must_start(&w);
    charges(&w, 1);
    world_fini(&w);
}

static void test_all_of_it(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    world_init(&w);
    charges(&w, LIMIT / PRICE);
    assert_int_equal(charge(&w, &err), ERR_BUDGET);
    assert_int_equal(witness_now(&w).block[0].rho_pico, LIMIT);
    world_fini(&w);
}

static void test_older_start(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    charges(&w, 3);
    stop(&w);
    save(&w);
    must_start(&w); /* another start: the copy is of an earlier epoch */
    stop(&w);
    put_back(&w);
    refused(&w, ERR_CONFLICT, "before the last start");
    world_fini(&w);
}

/* A start that wrote its epoch and died before the witness heard of it. */
static void test_cut_short(void **state)
{
    struct world w;
    char kept[112];
    (void)state;
    world_init(&w);
    charges(&w, 3);
    stop(&w);
    (void)snprintf(kept, sizeof kept, "%s.kept", w.witness);
    copy(w.witness, kept);
    must_start(&w);
    stop(&w);
    copy(kept, w.witness);
    must_start(&w);
    stop(&w);
    must_start(&w);
    stop(&w);
    copy(kept, w.witness); /* two starts back: not the one that was cut */
    refused(&w, ERR_CONFLICT, "before the last start");
    world_fini(&w);
}

static void test_same_start(void **state)
{
    struct world w;
    struct err err;
    (void)state;
    world_init(&w);
    charges(&w, 3);
    save(&w);
    charges(&w, 3);
    assert_int_equal(ledger_witness(w.ledger, &err), ERR_OK);
    stop(&w);
    put_back(&w);
    refused(&w, ERR_CONFLICT, "more than it holds");
    world_fini(&w);
}

/* Put back, and then longer than it was: another past all the same. */
static void test_other_past(void **state)
{
    struct world w;
    struct err err;
    char kept[112];
    (void)state;
    world_init(&w);
    charges(&w, 3);
    save(&w);
    charges(&w, 3);
    assert_int_equal(ledger_witness(w.ledger, &err), ERR_OK);
    stop(&w);
    (void)snprintf(kept, sizeof kept, "%s.kept", w.witness);
    copy(w.witness, kept);
    put_back(&w);
    const char *path = w.witness;
    w.witness[0] = '\0';
    struct ledger *l = NULL;
    uint64_t found;
    const struct ledger_options without = { .path = w.dir.path,
                                            .own_clock = true,
                                            .clock = &w.clock.clock,
                                            .lease_ns = LEASE_NS,
                                            .key = &w.key };
    assert_int_equal(ledger_open(&l, &without, &found, &err), ERR_OK);
    w.ledger = l;
    charges(&w, 20);
    stop(&w);
    (void)snprintf(w.witness, sizeof w.witness, "%s/witness", w.dir.dir);
    copy(kept, path);
    refused(&w, ERR_CONFLICT, "seen a newer one");
    world_fini(&w);
}

/* However often a start is cut short before the witness hears of it, the next
 * one needs nobody's help. */
static void test_cut_often(void **state)
{
    struct world w;
    struct err err;
    char aside[112];
    (void)state;
    world_init(&w);
    charges(&w, 3);
    stop(&w);
    (void)snprintf(aside, sizeof aside, "%s.new", w.witness);
    assert_int_equal(mkdir(aside, 0700), 0); /* it cannot be written */
    for (int i = 0; i < 3; i++)
        assert_int_equal(start(&w, &err), ERR_UNAVAILABLE);
    assert_int_equal(rmdir(aside), 0);
    must_start(&w);
    charges(&w, 1);
    world_fini(&w);
}

/* ... nor the very first one; but once it was told, it must be there. */
static void test_first_cut(void **state)
{
    struct world w;
    struct err err;
    char aside[112];
    (void)state;
    world_init(&w);
    stop(&w);
    assert_int_equal(unlink(w.witness), 0);
    refused(&w, ERR_NOT_FOUND, "is not there");
    forget_log(&w);
    assert_int_equal(unlink(w.dir.path), 0);
    (void)snprintf(aside, sizeof aside, "%s.new", w.witness);
    assert_int_equal(mkdir(aside, 0700), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(start(&w, &err), ERR_UNAVAILABLE);
    assert_int_equal(rmdir(aside), 0);
    must_start(&w);
    stop(&w);
    assert_int_equal(unlink(w.witness), 0);
    refused(&w, ERR_NOT_FOUND, "is not there");
    world_fini(&w);
}

static void test_missing(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    charges(&w, 1);
    stop(&w);
    assert_int_equal(unlink(w.witness), 0);
    refused(&w, ERR_NOT_FOUND, "this ledger had one");
    world_fini(&w);
}

static void test_forged(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    charges(&w, 1);
    stop(&w);
    FILE *f = fopen(w.witness, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 13, SEEK_SET), 0); /* the size */
    assert_int_equal(fputc('1', f), '1');
    assert_int_equal(fclose(f), 0);
    refused(&w, ERR_INVALID, "signature is wrong");
    world_fini(&w);
}

/* A disk that went away: nothing is charged beyond what was leased. */
static void test_unwritable(void **state)
{
    struct world w;
    struct err err;
    char folder[112];
    (void)state;
    world_init(&w);
    charges(&w, 1); /* a block of ten more */
    (void)snprintf(folder, sizeof folder, "%s.new", w.witness);
    assert_int_equal(mkdir(folder, 0700), 0);
    charges(&w, 10);
    assert_int_equal(ledger_witness(w.ledger, &err), ERR_UNAVAILABLE);
    assert_int_equal(ledger_witness(w.ledger, &err), ERR_UNAVAILABLE);
    assert_int_equal(charge(&w, &err), ERR_UNAVAILABLE);
    assert_true(err.hint[0]);
    assert_int_equal(balance(&w).spent.rho_pico, 11 * PRICE);
    assert_int_equal(rmdir(folder), 0);
    charges(&w, 1);
    world_fini(&w);
}

/* A link to another disk stays one: else the witness would move to this one,
 * unseen. */
static void test_link(void **state)
{
    struct world w;
    struct err err;
    struct stat st;
    char folder[112], other[128];
    (void)state;
    world_init(&w);
    charges(&w, 1);
    stop(&w);
    (void)snprintf(folder, sizeof folder, "%s/other", w.dir.dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)snprintf(other, sizeof other, "%s/other/witness", w.dir.dir);
    assert_int_equal(rename(w.witness, other), 0);
    assert_int_equal(symlink(other, w.witness), 0);
    must_start(&w);
    charges(&w, 30);
    assert_int_equal(lstat(w.witness, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(unlink(other), 0); /* unmounted */
    assert_int_equal(ledger_witness(w.ledger, &err), ERR_UNAVAILABLE);
    assert_int_equal(rmdir(folder), 0);
    world_fini(&w);
}

static void ignore_line(void *ctx, const char *line)
{
    ++*(int *)ctx;
    assert_non_null(strstr(line, "dataset/shop"));
}

/* A copy from before most charges stands where the ledger was; returns what
 * the witness had leased by then. */
static uint64_t world_put_back(struct world *w)
{
    struct err err;
    world_init(w);
    charges(w, 3);
    save(w);
    charges(w, 30);
    assert_int_equal(ledger_witness(w->ledger, &err), ERR_OK);
    stop(w);
    put_back(w);
    return witness_now(w).block[0].rho_pico;
}

/* One line an account, and the log is retired. */
static void recover(struct world *w, const char *witness)
{
    struct err err;
    int lines = 0;
    assert_int_equal(ledger_recover(w->dir.path, witness, &w->key.verifier,
                                    &w->clock.clock, ignore_line, &lines, &err),
                     ERR_OK);
    assert_int_equal(lines, 1);
    assert_true(ledger_verifies(w->dir.path));
    assert_int_equal(unlink(w->witness), 0);
}

static void start_anew(struct world *w)
{
    struct err err;
    assert_int_equal(
        note_signer_new(&w->key, "example/log2", NOTE_ED25519, &err), ERR_OK);
    must_start(w);
}

static void test_recover(void **state)
{
    struct world w;
    struct err err;
    int lines = 0;
    (void)state;
    const uint64_t block = world_put_back(&w);
    refused(&w, ERR_CONFLICT, "more than it holds");
    recover(&w, w.witness);
    refused(&w, ERR_CONFLICT, "ended when this ledger was recovered");
    start_anew(&w);
    assert_int_equal(balance(&w).spent.rho_pico, block);
    charges(&w, 1);
    stop(&w);
    assert_true(ledger_verifies(w.dir.path));
    /* Twice is once. */
    assert_int_equal(ledger_recover(w.dir.path, w.witness, &w.key.verifier,
                                    &w.clock.clock, ignore_line, &lines, &err),
                     ERR_OK);
    world_fini(&w);
}

static void test_recover_lowered(void **state)
{
    struct world w;
    struct err err;
    struct ledger_run run;
    struct charge c;
    (void)state;
    const uint64_t block = world_put_back(&w);
    recover(&w, w.witness);
    start_anew(&w);
    /* A smaller limit, then the old one: what was burnt stays burnt. */
    charge_init(&c, "ann", "low", "low", PRICE, 2 * PRICE);
    c.args.policy_version = 9;
    assert_int_equal(ledger_charge(w.ledger, &run, &c.args, &w.arena, &err),
                     ERR_BUDGET);
    assert_true(balance(&w).spent.rho_pico == block);
    world_fini(&w);
}

static void test_backup(void **state)
{
    struct world w;
    struct err err;
    char to[96];
    (void)state;
    world_init(&w);
    charges(&w, 3);
    (void)snprintf(to, sizeof to, "%s/copy.db", w.dir.dir);
    assert_int_equal(ledger_backup(w.dir.path, to, &err), ERR_OK);
    assert_int_equal(ledger_backup(w.dir.path, to, &err), ERR_INVALID);
    assert_true(ledger_verifies(to));
    stop(&w);
    copy(to, w.dir.path);
    forget_log(&w);
    refused(&w, ERR_CONFLICT, "it is a backup");
    recover(&w, NULL);
    start_anew(&w);
    assert_int_equal(balance(&w).left.rho_pico, 0);
    assert_int_equal(charge(&w, &err), ERR_BUDGET);
    world_fini(&w);
}

static enum err_code count_row(void *ctx, const struct ledger_export_row *row,
                               struct err *err)
{
    int *n = ctx;
    (void)err;
    assert_string_equal(row->principal, "ann");
    assert_string_equal(row->state, "open");
    assert_int_equal(row->price.rho_pico, PRICE);
    assert_int_equal(row->leaf, 2 + *n);
    ++*n;
    return ERR_OK;
}

static void test_export(void **state)
{
    struct world w;
    struct err err;
    int n = 0;
    (void)state;
    world_init(&w);
    charges(&w, 5);
    assert_int_equal(ledger_export(w.dir.path, count_row, &n, &err), ERR_OK);
    assert_int_equal(n, 5);
    assert_int_equal(ledger_export(w.witness, count_row, &n, &err),
                     ERR_INVALID);
    world_fini(&w);
}

#define HEAD       "a/log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define EPOCH_LINE "halftone-epoch 00112233445566778899aabbccddeeff\n"
static const struct row {
    const char *name, *text;
    bool ok;
} rows[] = {
    { "no blocks", HEAD EPOCH_LINE, true },
    { "a block", HEAD EPOCH_LINE "halftone-block a 1 0 3\n", true },
    { "a line of somebody else's", HEAD "more\n" EPOCH_LINE, true },
    { "no epoch", HEAD "halftone-block a 1 0 3\n", false },
    { "two epochs", HEAD EPOCH_LINE EPOCH_LINE, false },
    { "a short epoch", HEAD "halftone-epoch 0011\n", false },
    { "an epoch in capitals",
      HEAD "halftone-epoch 00112233445566778899AABBCCDDEEFF\n", false },
    { "two amounts", HEAD EPOCH_LINE "halftone-block a 1 0\n", false },
    { "four amounts", HEAD EPOCH_LINE "halftone-block a 1 0 3 4\n", false },
    { "a negative amount", HEAD EPOCH_LINE "halftone-block a 1 -2 3\n", false },
    { "an amount with a zero before",
      HEAD EPOCH_LINE "halftone-block a 01 2 3\n", false },
    { "an amount past 63 bits",
      HEAD EPOCH_LINE "halftone-block a 9223372036854775808 2 3\n", false },
    { "an account twice",
      HEAD EPOCH_LINE "halftone-block a 1 2 3\nhalftone-block a 1 2 3\n",
      false },
    { "no account", HEAD EPOCH_LINE "halftone-block  1 2 3\n", false },
};

static void check_text(void **state)
{
    const struct row *row = *state;
    struct witness w, again;
    struct err err = { 0 };
    char text[4096];
    struct writer out = writer_of(text, sizeof text);
    assert_int_equal(witness_parse(&w, row->text, strlen(row->text), &err),
                     row->ok ? ERR_OK : ERR_INVALID);
    if (!row->ok)
        return;
    witness_print(&out, &w);
    assert_int_equal(witness_parse(&again, text, out.len, &err), ERR_OK);
    assert_memory_equal(&w, &again, sizeof w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_older_start),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_cut_often),
        cmocka_unit_test(test_first_cut),
        cmocka_unit_test(test_same_start),
        cmocka_unit_test(test_other_past),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_forged),
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_recover),
        cmocka_unit_test(test_recover_lowered),
        cmocka_unit_test(test_backup),
        cmocka_unit_test(test_export),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL) |
           RUN_ROWS(rows, check_text);
}
