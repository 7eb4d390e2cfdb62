#include "server/main/retry.h"

#include <string.h>

#include "tests/table.h"

static const uint8_t ALICE[32] = { 1 }, BOB[32] = { 2 };

static void add(struct retry *r, const uint8_t *who, const char *msg,
                const char *reply, size_t len, int64_t expires_us)
{
    uint8_t bytes[RETRY_REPLY_MAX + 1] = { 0 };
    memcpy(bytes, reply, strlen(reply));
    retry_add(r,
              &(struct retry_entry){
                  .name = retry_name_of(who, (const uint8_t *)msg, strlen(msg)),
                  .dataset = "shop",
                  .purpose = "measure",
                  .reply = bytes,
                  .reply_len = len,
                  .slot_ns = 50,
                  .expires_us = expires_us });
}

/* The reply's first byte, or 0 when there is none. */
static char find(struct retry *r, const uint8_t *who, const char *msg)
{
    const struct retry_name name =
        retry_name_of(who, (const uint8_t *)msg, strlen(msg));
    struct retry_entry *e = retry_find(r, &name, 1000);
    const char first = e ? (char)e->reply[0] : '\0';
    if (e) {
        assert_string_equal(e->dataset, "shop");
        assert_string_equal(e->purpose, "measure");
        retry_release(e);
    }
    return first;
}

static void check_names(void **state)
{
    struct retry *r = retry_new(1 << 20);
    (void)state;
    add(r, ALICE, "q", "A", 1, 2000);
    assert_int_equal(find(r, ALICE, "q"), 'A');
    assert_int_equal(find(r, BOB, "q"), 0);   /* another principal */
    assert_int_equal(find(r, ALICE, "p"), 0); /* another request */
    add(r, ALICE, "q", "Z", 1, 2000);         /* one answer, for ever */
    assert_int_equal(find(r, ALICE, "q"), 'A');
    add(r, BOB, "old", "B", 1, 1000); /* expires now */
    assert_int_equal(find(r, BOB, "old"), 0);
    retry_clear(r);
    assert_int_equal(find(r, ALICE, "q"), 0);
    retry_free(r);
}

static void check_cap(void **state)
{
    struct retry *r = retry_new(100);
    (void)state;
    add(r, ALICE, "1", "1", 40, 2000);
    add(r, ALICE, "2", "2", 40, 2000);
    add(r, ALICE, "3", "3", 40, 2000);
    assert_int_equal(find(r, ALICE, "1"), 0); /* the oldest went */
    assert_int_equal(find(r, ALICE, "2"), '2');
    assert_int_equal(find(r, ALICE, "3"), '3');
    add(r, ALICE, "4", "4", RETRY_REPLY_MAX + 1, 2000); /* too long to keep */
    assert_int_equal(find(r, ALICE, "4"), 0);
    assert_int_equal(find(r, ALICE, "3"), '3');
    retry_free(r);
}

/* A reply being sent outlives the cache's interest in it. */
static void check_borrowed(void **state)
{
    struct retry *r = retry_new(100);
    (void)state;
    add(r, ALICE, "q", "A", 40, 2000);
    const struct retry_name name =
        retry_name_of(ALICE, (const uint8_t *)"q", 1);
    struct retry_entry *e = retry_find(r, &name, 0);
    retry_free(r);
    assert_int_equal(e->reply[0], 'A');
    retry_release(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_names),
        cmocka_unit_test(check_cap),
        cmocka_unit_test(check_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
