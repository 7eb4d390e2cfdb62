#include "server/main/retry.h"

#include <string.h>

#include "tests/table.h"

static const uint8_t ALICE[RETRY_TOKEN_LEN] = { 1 },
                     BOB[RETRY_TOKEN_LEN] = { 2 };
enum { ROOM = 1 << 20, LONG = 4096 };

static struct retry_request request_of(const uint8_t *who, const char *msg)
{
    return (struct retry_request){ .token_hash = who,
                                   .message = (const uint8_t *)msg,
                                   .message_len = strlen(msg) };
}

static void add(struct retry *r, const uint8_t *who, const char *msg,
                const char *reply, size_t len, int64_t expires_us)
{
    static uint8_t bytes[RETRY_ENTRY_MAX];
    const struct retry_request request = request_of(who, msg);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, reply, strlen(reply));
    retry_add(r, &request,
              &(struct retry_reply){ .dataset = "shop",
                                     .purpose = "measure",
                                     .data = bytes,
                                     .len = len,
                                     .slot_ns = 50,
                                     .expires_us = expires_us });
}

/* The reply's first byte, or 0 when there is none. */
static char find(struct retry *r, const uint8_t *who, const char *msg)
{
    const struct retry_request request = request_of(who, msg);
    struct retry_entry *e = retry_find(r, &request, 1000);
    const char first = e ? (char)e->reply.data[0] : '\0';
    if (e) {
        assert_string_equal(e->reply.dataset, "shop");
        assert_string_equal(e->reply.purpose, "measure");
        assert_int_equal(e->reply.slot_ns, 50);
        retry_release(e);
    }
    return first;
}

static void check_names(void **state)
{
    struct retry *r = retry_new(ROOM);
    (void)state;
    add(r, ALICE, "q", "A", 1, 2000);
    assert_int_equal(find(r, ALICE, "q"), 'A');
    assert_int_equal(find(r, BOB, "q"), 0);    /* another principal */
    assert_int_equal(find(r, ALICE, "p"), 0);  /* another request */
    assert_int_equal(find(r, ALICE, "qq"), 0); /* a longer one */
    assert_int_equal(find(r, ALICE, ""), 0);
    add(r, ALICE, "q", "Z", 1, 2000); /* one answer, for ever */
    assert_int_equal(find(r, ALICE, "q"), 'A');
    add(r, BOB, "q", "B", 1, 2000); /* the same bytes of two principals */
    assert_int_equal(find(r, BOB, "q"), 'B');
    assert_int_equal(find(r, ALICE, "q"), 'A');
    add(r, BOB, "old", "B", 1, 1000); /* expires now */
    assert_int_equal(find(r, BOB, "old"), 0);
    retry_clear(r);
    assert_int_equal(find(r, ALICE, "q"), 0);
    retry_free(r);
}

/* An entry costs more than its reply: three of LONG pass 3 * LONG. */
static void check_cap(void **state)
{
    struct retry *r = retry_new(3 * LONG);
    (void)state;
    add(r, ALICE, "1", "1", LONG, 2000);
    add(r, ALICE, "2", "2", LONG, 2000);
    add(r, ALICE, "3", "3", LONG, 2000);
    assert_int_equal(find(r, ALICE, "1"), 0); /* the oldest went */
    assert_int_equal(find(r, ALICE, "2"), '2');
    assert_int_equal(find(r, ALICE, "3"), '3');
    add(r, ALICE, "4", "4", RETRY_ENTRY_MAX, 2000); /* too long to keep */
    assert_int_equal(find(r, ALICE, "4"), 0);
    assert_int_equal(find(r, ALICE, "3"), '3');
    retry_free(r);
}

/* Long questions with short replies fill the cache, too. */
static void check_cap_of_requests(void **state)
{
    static char msg[LONG];
    struct retry *r = retry_new(3 * LONG);
    (void)state;
    memset(msg, 'q', sizeof msg - 1);
    for (char i = '1'; i <= '3'; i++) {
        msg[0] = i;
        add(r, ALICE, msg, "A", 1, 2000);
    }
    msg[0] = '1';
    assert_int_equal(find(r, ALICE, msg), 0);
    msg[0] = '3';
    assert_int_equal(find(r, ALICE, msg), 'A');
    retry_free(r);
}

/* A reply being sent outlives the cache's interest in it. */
static void check_borrowed(void **state)
{
    struct retry *r = retry_new(ROOM);
    const struct retry_request request = request_of(ALICE, "q");
    (void)state;
    add(r, ALICE, "q", "A", 40, 2000);
    struct retry_entry *e = retry_find(r, &request, 0);
    retry_free(r);
    assert_int_equal(e->reply.data[0], 'A');
    retry_release(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_names),
        cmocka_unit_test(check_cap),
        cmocka_unit_test(check_cap_of_requests),
        cmocka_unit_test(check_borrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
