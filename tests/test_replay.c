#include "server/ledger/replay.h"

#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

enum { ARENA_CAP = 1 << 18, EXPIRES_US = 100 };
static uint8_t hash_a[LEDGER_HASH_LEN] = { 'a' };
static uint8_t hash_b[LEDGER_HASH_LEN] = { 'b' };

/* Kept: ann's key "k" of request a, until EXPIRES_US. */
static const struct row {
    const char *name, *principal, *key;
    uint8_t *hash;
    int64_t now_us;
    size_t len; /* of the kept answer */
    bool found;
} rows[] = {
    { "the same key and request", "ann", "k", hash_a, 0, 5, true },
    { "an empty answer", "ann", "k", hash_a, 0, 0, true },
    { "the largest answer", "ann", "k", hash_a, 0, REPLAY_BODY_MAX, true },
    { "one too large is not kept", "ann", "k", hash_a, 0, REPLAY_BODY_MAX + 1,
      false },
    { "the same key, another request", "ann", "k", hash_b, 0, 5, false },
    { "the same key of another principal", "bob", "k", hash_a, 0, 5, false },
    { "another key", "ann", "l", hash_a, 0, 5, false },
    { "no key", "ann", "", hash_a, 0, 5, false },
    { "just before it expires", "ann", "k", hash_a, EXPIRES_US - 1, 5, true },
    { "when it expires", "ann", "k", hash_a, EXPIRES_US, 5, false },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct replay *r = malloc(sizeof *r);
    uint8_t *body = calloc(1, REPLAY_BODY_MAX + 1);
    struct arena a;
    struct ledger_run out = { 0 };
    assert_true(r && body);
    arena_init(&a, ARENA_CAP);
    replay_init(r);
    const struct ledger_run run = { .verdict = LEDGER_ANSWERED,
                                    .dataset = "shop",
                                    .purpose = "reporting",
                                    .fence = 2,
                                    .answer = body,
                                    .answer_len = row->len,
                                    .expires_us = EXPIRES_US };
    replay_keep(r, &run, "ann", "k", hash_a);
    memset(body, 0xff, row->len); /* it keeps a copy */

    assert_int_equal(replay_find(r, &out, row->principal, row->key, row->hash,
                                 row->now_us, &a),
                     row->found);
    if (row->found) {
        assert_int_equal(out.fence, 2);
        assert_int_equal(out.answer_len, row->len);
        assert_true(row->len == 0 || out.answer[row->len - 1] == 0);
        assert_string_equal(out.dataset, "shop");
        assert_string_equal(out.purpose, "reporting");
    }
    replay_fini(r);
    arena_fini(&a);
    free(body);
    free(r);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
