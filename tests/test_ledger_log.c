/* The audit log in a ledger's file, and what is served of it. */
#include "server/ledger/log.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 22, PRICE = 3, LIMIT = 1000000, CHARGES = 600 };
#define LEASE_NS (UINT64_C(10) * 1000000000)
#define START_US (INT64_C(1760000400) * 1000000)

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena arena;
    struct ledger *ledger;
    struct ledger_log *log;
    struct ledger_id first;
};

static void open_ledger(struct world *w)
{
    uint64_t found;
    struct err err;
    const struct ledger_options o = { .path = w->dir.path,
                                      .own_clock = true,
                                      .clock = &w->clock.clock,
                                      .lease_ns = LEASE_NS };
    assert_int_equal(ledger_open(&w->ledger, &o, &found, &err), ERR_OK);
}

/* All ask the same. */
static struct ledger_run charge(struct world *w, int i)
{
    char key[16];
    struct charge c;
    struct ledger_run run;
    struct err err;
    (void)snprintf(key, sizeof key, "k%d", i);
    charge_init(&c, "ann", key, "release", PRICE, LIMIT);
    assert_int_equal(ledger_charge(w->ledger, &run, &c.args, &w->arena, &err),
                     ERR_OK);
    return run;
}

static void world_init(struct world *w, int charges)
{
    struct err err;
    *w = (struct world){ 0 };
    ledger_dir_init(&w->dir);
    fake_clock_init(&w->clock, START_US);
    arena_init(&w->arena, ARENA_CAP);
    open_ledger(w);
    for (int i = 0; i < charges; i++) {
        const struct ledger_run run = charge(w, i);
        if (i == 0)
            w->first = run.id;
    }
    assert_int_equal(ledger_log_open(&w->log, w->dir.path, &err), ERR_OK);
}

static void world_fini(struct world *w)
{
    ledger_log_close(w->log);
    ledger_close(w->ledger);
    arena_fini(&w->arena);
    ledger_dir_fini(&w->dir);
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* A start, the grant of the account, then the charges. */
static void test_entries(void **state)
{
    struct world w;
    struct ledger_log_entry *e;
    struct merkle_frontier head;
    struct err err;
    size_t n;
    (void)state;
    world_init(&w, 2);
    assert_int_equal(ledger_log_entries(w.log, &e, &n, 0, 100, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 4);
    assert_true(has(e[0].entry, "\"kind\":\"start\""));
    assert_true(has(e[1].entry, "\"kind\":\"grant\""));
    assert_true(has(e[1].entry, "\"rho_pico\":1000000,"));
    assert_true(has(e[1].entry, "\"detail\":\"dataset/shop\""));
    const struct ledger_hex id = ledger_id_hex(w.first);
    assert_true(has(e[2].entry, "\"kind\":\"charge\""));
    assert_true(has(e[2].entry, id.text));
    assert_true(has(e[2].entry, "\"principal\":\"ann\",\"dataset\":\"shop\","
                                "\"purpose\":\"reporting\""));
    assert_true(has(e[2].entry, "\"rho_pico\":3,"));
    assert_true(memcmp(&e[2].salt, &e[3].salt, sizeof e[2].salt) != 0);
    /* what binds the rest shows not even that both asked the same */
    const char *one = strstr(e[2].entry, ",\"bond\":\"");
    const char *two = strstr(e[3].entry, ",\"bond\":\"");
    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(strlen(one), strlen(",\"bond\":\"\"}") + 32);
    assert_string_not_equal(one, two);
    assert_int_equal(ledger_log_head(w.log, &head, &err), ERR_OK);
    assert_int_equal(head.size, 4);
    assert_int_equal(ledger_log_entries(w.log, &e, &n, 4, 100, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 0);
    world_fini(&w);
}

/* An auditor's whole check of one charge: entry and salt open the public
 * commitment, and its leaf is in the tree. */
static void test_proof(void **state)
{
    struct world w;
    struct ledger_log_entry *e;
    struct merkle_frontier head;
    struct merkle_proof proof;
    struct tile t;
    struct err err;
    uint8_t bundle[256 * 34];
    struct writer out = writer_of(bundle, sizeof bundle);
    uint64_t index;
    size_t n;
    (void)state;
    world_init(&w, CHARGES);
    const struct ledger_hex id = ledger_id_hex(w.first);
    assert_int_equal(ledger_log_of_charge(w.log, &index, id.text, &err),
                     ERR_OK);
    assert_int_equal(
        ledger_log_entries(w.log, &e, &n, index, 1, &w.arena, &err), ERR_OK);
    const struct merkle_hash c =
        audit_commitment(&e->salt, e->entry, strlen(e->entry));
    assert_true(tile_parse(&t, "tile/entries/000", 16));
    assert_int_equal(ledger_log_tile(w.log, &out, &t, &err), ERR_OK);
    assert_int_equal(out.len, sizeof bundle);
    assert_memory_equal(bundle + index * 34 + 2, &c, sizeof c);

    const struct merkle_reader reader = ledger_log_reader(w.log);
    const struct merkle_hash leaf = audit_leaf(&c);
    assert_int_equal(ledger_log_head(w.log, &head, &err), ERR_OK);
    const struct merkle_hash root = merkle_root(&head);
    assert_int_equal(merkle_prove(&proof, &reader, index, head.size, &err),
                     ERR_OK);
    assert_int_equal(merkle_check(&proof, index, head.size, &leaf, &root, &err),
                     ERR_OK);
    assert_int_equal(ledger_log_of_charge(w.log, &index, "00", &err),
                     ERR_NOT_FOUND);
    world_fini(&w);
}

/* A root rebuilt from tiles alone is the head's. */
static void test_tiles(void **state)
{
    static const char *const tiles[] = { "tile/0/000", "tile/0/001",
                                         "tile/0/002.p/90" };
    struct world w;
    struct merkle_frontier head, f = { 0 };
    struct merkle_stored out[MERKLE_LEVELS];
    struct err err;
    struct tile t;
    (void)state;
    world_init(&w, CHARGES);
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        struct merkle_hash hash[MERKLE_TILE];
        struct writer to = writer_of(hash, sizeof hash);
        assert_true(tile_parse(&t, tiles[i], strlen(tiles[i])));
        assert_int_equal(ledger_log_tile(w.log, &to, &t, &err), ERR_OK);
        for (unsigned k = 0; k < t.width; k++)
            (void)merkle_append(&f, out, &hash[k]);
    }
    assert_int_equal(ledger_log_head(w.log, &head, &err), ERR_OK);
    assert_int_equal(head.size, CHARGES + 2);
    assert_int_equal(f.size, CHARGES + 2);
    const struct merkle_hash a = merkle_root(&head), b = merkle_root(&f);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(tile_parse(&t, "tile/0/002", 10));
    struct writer none = writer_of(NULL, 0);
    assert_int_equal(ledger_log_tile(w.log, &none, &t, &err), ERR_NOT_FOUND);
    assert_true(ledger_verifies(w.dir.path));
    world_fini(&w);
}

/* A new start goes on where the file ends, and what a rollback undid is not
 * in the log. */
static void test_restart(void **state)
{
    struct world w;
    struct merkle_frontier before, after;
    struct merkle_proof proof;
    struct err err;
    (void)state;
    world_init(&w, 300);
    assert_int_equal(ledger_log_head(w.log, &before, &err), ERR_OK);
    ledger_close(w.ledger);
    open_ledger(&w);
    (void)charge(&w, 1000);
    assert_int_equal(ledger_log_head(w.log, &after, &err), ERR_OK);
    assert_int_equal(after.size, before.size + 2);
    const struct merkle_hash a = merkle_root(&before), b = merkle_root(&after);
    const struct merkle_reader reader = ledger_log_reader(w.log);
    assert_int_equal(
        merkle_prove_prefix(&proof, &reader, before.size, after.size, &err),
        ERR_OK);
    assert_int_equal(
        merkle_check_prefix(&proof, before.size, after.size, &a, &b, &err),
        ERR_OK);
    assert_true(ledger_verifies(w.dir.path));
    world_fini(&w);
}

/* A file from before the log: each limit and each charge gets its leaf at the
 * next start, and one that went back both. */
static void test_upgrade(void **state)
{
    struct world w;
    struct ledger_log_entry *e;
    struct err err;
    size_t n;
    (void)state;
    world_init(&w, 3);
    struct ledger_run run = charge(&w, 3);
    assert_int_equal(ledger_void(w.ledger, run.id, run.fence, &err), ERR_OK);
    ledger_log_close(w.log);
    ledger_close(w.ledger);
    ledger_make_old(w.dir.path, 1);
    assert_int_equal(ledger_log_open(&w.log, w.dir.path, &err), ERR_INVALID);
    assert_true(err.hint[0]);
    open_ledger(&w);
    assert_int_equal(ledger_log_open(&w.log, w.dir.path, &err), ERR_OK);
    assert_int_equal(ledger_log_entries(w.log, &e, &n, 0, 100, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 7);
    assert_true(has(e[0].entry, "\"kind\":\"grant\""));
    assert_true(has(e[1].entry, ledger_id_hex(w.first).text));
    assert_true(has(e[4].entry, "\"kind\":\"charge\""));
    assert_true(has(e[4].entry, ledger_id_hex(run.id).text));
    assert_true(has(e[5].entry, "\"kind\":\"void\""));
    assert_true(has(e[5].entry, ledger_id_hex(run.id).text));
    assert_true(has(e[6].entry, "\"3 charges were left open\""));
    /* only a new leaf binds more than it says */
    (void)charge(&w, 4);
    assert_int_equal(ledger_log_entries(w.log, &e, &n, 0, 100, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(n, 8);
    assert_false(has(e[1].entry, "\"bond\""));
    assert_true(has(e[7].entry, "\"bond\""));
    assert_true(ledger_verifies(w.dir.path));
    world_fini(&w);
}

static void test_text(void **state)
{
    char text[AUDIT_ENTRY_LEN], long_name[1000];
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    memset(long_name, 0xc3, sizeof long_name);
    for (size_t i = 1; i < sizeof long_name; i += 2)
        long_name[i] = (char)0xa9;
    long_name[sizeof long_name - 1] = '\0';
    audit_entry_print(&w, &(struct audit_entry){ .kind = AUDIT_ADMIN,
                                                 .time_us = -1,
                                                 .principal = "a\"b\\c\n",
                                                 .dataset = long_name,
                                                 .purpose = long_name,
                                                 .detail = long_name });
    assert_true(writer_cstr(&w));
    assert_true(has(text, "{\"kind\":\"admin\",\"time_us\":-1,"
                          "\"principal\":\"a\\\"b\\\\c\\u000a\","));
    assert_true(w.len < AUDIT_ENTRY_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),    cmocka_unit_test(test_entries),
        cmocka_unit_test(test_proof),   cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_restart), cmocka_unit_test(test_upgrade),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
