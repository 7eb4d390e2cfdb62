/* Recoveries by a witness that is not the newest, and what a recovery without
 * one leaves to be burnt by the first start: what the copy did not know. */
#include "server/ledger/recover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, PRICE = 1000, LIMIT = 1000000 };
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

static void start(struct world *w)
{
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = w->dir.path,
                                      .own_clock = true,
                                      .clock = &w->clock.clock,
                                      .lease_ns = UINT64_C(10000000000),
                                      .witness =
                                          w->witness[0] ? w->witness : NULL,
                                      .key = &w->key };
    if (ledger_open(&w->ledger, &o, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void stop(struct world *w)
{
    ledger_close(w->ledger);
    w->ledger = NULL;
}

static enum err_code charge_of(struct world *w, const char *account,
                               uint64_t limit, uint64_t version)
{
    char key[16];
    struct charge c;
    struct ledger_run run;
    struct err err;
    (void)snprintf(key, sizeof key, "k%d", w->asked++);
    charge_init(&c, "ann", key, key, PRICE, limit);
    c.accounts[0].name = account;
    c.args.dataset = account + strlen("dataset/");
    c.args.policy_version = version;
    return ledger_charge(w->ledger, &run, &c.args, &w->arena, &err);
}

static void charges(struct world *w, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(charge_of(w, "dataset/shop", LIMIT, 1), ERR_OK);
}

static void copy(const char *from, const char *to)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cp -p '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
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
    start(w);
}

static void world_fini(struct world *w)
{
    if (w->ledger)
        stop(w);
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static void ignore_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static enum err_code recover(struct world *w, const char *path,
                             const char *witness, struct err *err)
{
    return ledger_recover(path, witness, &w->key.verifier, &w->clock.clock,
                          ignore_line, NULL, err);
}

/* ---- by which witness ---- */

/* The copy that is left, and what happened since the witness at hand. */
enum since { IT_LEASED_MORE, IT_STARTED, IT_WENT_ANOTHER_WAY, NOTHING };

static const struct witness_row {
    const char *name;
    enum since since;
    enum err_code code;
    const char *says;
} WITNESSES[] = {
    { "the newest witness is believed", NOTHING, ERR_OK, "" },
    { "one that leased less than the copy has spent is not", IT_LEASED_MORE,
      ERR_CONFLICT, "more is spent than it leased" },
    { "one from before the copy's last start is not", IT_STARTED, ERR_CONFLICT,
      "has started since" },
    { "one of a past that is not the copy's is not", IT_WENT_ANOTHER_WAY,
      ERR_CONFLICT, "is not the ledger's past" },
};

static void check_witness(void **state)
{
    const struct witness_row *row = *state;
    struct world w;
    struct err err = { 0 };
    char left[100], old[100];
    world_init(&w);
    (void)snprintf(left, sizeof left, "%s/left.db", w.dir.dir);
    (void)snprintf(old, sizeof old, "%s.old", w.witness);
    charges(&w, 3);
    if (row->since == IT_WENT_ANOTHER_WAY) {
        stop(&w);
        copy(w.dir.path, left);
        start(&w);
    }
    charges(&w, 2);
    copy(w.witness, old);
    if (row->since == IT_LEASED_MORE)
        charges(&w, 30);
    if (row->since == IT_STARTED) {
        stop(&w);
        start(&w);
    }
    if (row->since == IT_WENT_ANOTHER_WAY) {
        stop(&w);
        (void)snprintf(w.dir.path, sizeof w.dir.path, "%.60s/left.db",
                       w.dir.dir);
        w.witness[0] = '\0';
        start(&w); /* on the copy, without a witness */
        charges(&w, 30);
    } else {
        assert_int_equal(ledger_backup(w.dir.path, left, &err), ERR_OK);
    }
    stop(&w);
    assert_int_equal(recover(&w, left, old, &err), row->code);
    if (row->code != ERR_OK && !strstr(err.msg, row->says))
        fail_msg("'%s' does not say '%s'", err.msg, row->says);
    assert_true(ledger_verifies(left));
    world_fini(&w);
}

/* The lost ledger was ahead by as many leaves as a recovery adds, and less:
 * those that it adds are not taken for the witness's, at a second recovery
 * either (of a database each server's witness has one). */
static void check_ahead(void **state)
{
    const int ahead = *(const int *)*state;
    struct world w;
    struct err err = { 0 };
    char left[100];
    world_init(&w);
    (void)snprintf(left, sizeof left, "%s/left.db", w.dir.dir);
    charges(&w, 3);
    assert_int_equal(ledger_backup(w.dir.path, left, &err), ERR_OK);
    charges(&w, ahead);
    assert_int_equal(ledger_witness(w.ledger, &err), ERR_OK);
    stop(&w);
    for (int i = 0; i < 3; i++)
        if (recover(&w, left, w.witness, &err) != ERR_OK)
            fail_msg("recovery %d: %s", i, err.msg);
    assert_true(ledger_verifies(left));
    world_fini(&w);
}

static const struct ahead_row {
    int ahead;
    const char *name;
} AHEAD[] = {
    { 1, "one leaf ahead" },
    { 2, "two leaves ahead" },
    { 5, "five leaves ahead" },
};

/* ---- without one ---- */

/* A larger limit and another dataset than the copy knows. */
static void test_burn_rest(void **state)
{
    const struct ledger_account_spec now[] = {
        { "dataset/shop", { .rho_pico = 2 * LIMIT }, 0 },
        { "dataset/news", { .rho_pico = LIMIT }, 0 },
        { "dataset/later", { .rho_pico = LIMIT }, 0 },
    };
    struct world w;
    struct err err = { 0 };
    char left[100];
    (void)state;
    world_init(&w);
    charges(&w, 3);
    assert_int_equal(ledger_burn(w.ledger, now, 2, &err), ERR_OK);
    charges(&w, 1); /* of a ledger that was not recovered it burns nothing */
    (void)snprintf(left, sizeof left, "%s/left.db", w.dir.dir);
    assert_int_equal(ledger_backup(w.dir.path, left, &err), ERR_OK);
    stop(&w);
    assert_int_equal(recover(&w, left, NULL, &err), ERR_OK);
    (void)snprintf(w.dir.path, sizeof w.dir.path, "%.60s/left.db", w.dir.dir);
    assert_int_equal(unlink(w.witness), 0);
    assert_int_equal(
        note_signer_new(&w.key, "example/log2", NOTE_ED25519, &err), ERR_OK);
    start(&w);
    assert_int_equal(ledger_burn(w.ledger, now, 2, &err), ERR_OK);
    assert_int_equal(charge_of(&w, "dataset/shop", 2 * LIMIT, 2), ERR_BUDGET);
    assert_int_equal(charge_of(&w, "dataset/news", LIMIT, 1), ERR_BUDGET);
    /* Once: what is registered afterwards is new. */
    assert_int_equal(ledger_burn(w.ledger, now, 3, &err), ERR_OK);
    assert_int_equal(charge_of(&w, "dataset/later", LIMIT, 1), ERR_OK);
    stop(&w);
    assert_true(ledger_verifies(left));
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_burn_rest) };
    return RUN_ROWS(WITNESSES, check_witness) + RUN_ROWS(AHEAD, check_ahead) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
