/* What somebody who believes nothing finds out about a log. */
#include "server/audit/remote.h"

#include <string.h>

#include "tests/table.h"

enum { LEAVES = 1200 };

/* A log that serves its own tiles, perhaps with a lie in them. */
static struct log {
    struct merkle_hash stored[2][LEAVES];
    uint64_t size;
    int fetched;
    int lie; /* flips a bit of this leaf's hash as served; -1 = none */
} log_served;

static struct merkle_frontier grow(struct log *log, uint64_t to, int salt)
{
    struct merkle_frontier f = { 0 };
    struct merkle_stored out[MERKLE_LEVELS];
    for (uint64_t i = 0; i < to; i++) {
        const uint64_t text[2] = { i, i >= 900 ? (uint64_t)salt : 0 };
        const struct merkle_hash leaf = merkle_leaf(text, sizeof text);
        const size_t n = merkle_append(&f, out, &leaf);
        for (size_t k = 0; k < n; k++)
            log->stored[out[k].level][out[k].index] = out[k].hash;
    }
    log->size = to;
    log->lie = -1;
    log->fetched = 0;
    return f;
}

static enum err_code fetch(void *ctx, const char *path, uint8_t *out,
                           size_t len, struct err *err)
{
    struct log *log = ctx;
    struct tile t;
    if (!tile_parse(&t, path, strlen(path)) || t.kind != TILE_HASHES ||
        !tile_exists(&t, log->size))
        return err_set(err, ERR_NOT_FOUND, "no such page");
    assert_int_equal(len, t.width * sizeof(struct merkle_hash));
    memcpy(out, &log->stored[t.level][t.index * MERKLE_TILE], len);
    log->fetched++;
    if (log->lie >= 0 && t.level == 0 &&
        (uint64_t)log->lie / MERKLE_TILE == t.index)
        out[(size_t)log->lie % MERKLE_TILE * MERKLE_HASH_LEN] ^= 1;
    return ERR_OK;
}

static struct checkpoint head_of(const struct merkle_frontier *f)
{
    return (struct checkpoint){ .size = f->size, .root = merkle_root(f) };
}

static const struct row {
    const char *name;
    uint64_t old, now;
    bool is_fork;      /* the log's past from leaf 900 on was rewritten */
    int lie;           /* -1 = none */
    bool grown, whole; /* are they content? */
} rows[] = {
    { "an honest log", 700, 1200, false, -1, true, true },
    { "nothing new", 700, 700, false, -1, true, true },
    { "a first look", 0, 1200, false, -1, true, true },
    { "a log of one leaf", 0, 1, false, -1, true, true },
    { "an empty log", 0, 0, false, -1, true, true },
    { "full tiles alone", 256, 512, false, -1, true, true },
    { "rewritten after what was seen", 900, 1200, true, -1, true, true },
    { "rewritten before it", 901, 1200, true, -1, false, false },
    { "rewritten at the same size", 1200, 1200, true, -1, false, false },
    { "rolled back", 1200, 1000, false, -1, false, false },
    { "a tile that lies", 700, 1200, false, 1199, false, false },
    { "a tile that lies about the past", 700, 1200, false, 3, true, false },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct log *log = &log_served;
    struct err err = { 0 };
    struct remote r = remote_of(fetch, log);
    struct merkle_frontier f = grow(log, row->old, 0);
    const struct checkpoint old = head_of(&f);
    f = grow(log, row->now, row->is_fork);
    const struct checkpoint now = head_of(&f);
    log->lie = row->lie;
    assert_int_equal(remote_check_grown(&r, &old, &now, &err),
                     row->grown ? ERR_OK : ERR_INVALID);
    assert_true(log->fetched <= 6);
    assert_true(row->grown || err.hint[0]);
    assert_int_equal(remote_check_whole(&r, &now, &old, &err),
                     row->whole ? ERR_OK : ERR_INVALID);
    assert_int_equal(
        remote_check_whole(&r, &now, row->whole ? NULL : &old, &err),
        row->whole ? ERR_OK : ERR_INVALID);
}

static void test_missing_tile(void **state)
{
    struct log *log = &log_served;
    struct err err;
    struct remote r = remote_of(fetch, log);
    struct merkle_frontier f = grow(log, 1000, 0);
    const struct checkpoint now = head_of(&f);
    (void)state;
    log->size = 600; /* it signed more than it serves */
    assert_int_equal(remote_check_whole(&r, &now, NULL, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_missing_tile) };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL) |
           RUN_ROWS(rows, check);
}
