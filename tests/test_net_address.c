/* What one address may begin, by example: no clock but the rows'. */
#include "server/net/net_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/table.h"

#define MS UINT64_C(1000000)

/*
 * A letter a handshake that is asked for: 'a' of one address, 'b' of another,
 * upper-case when it is refused.  '-' ends the oldest under way of 'a', '.'
 * lets 100 ms pass.
 */
static const struct row {
    const char *name, *history;
    unsigned at_once, per_s;
} rows[] = {
    { "so many at once and no more", "aaaAA", 3, 1000 },
    { "one that ended makes room for one", "aaaA-aA", 3, 1000 },
    { "one that was refused takes no room", "aaAA--aaA", 2, 1000 },
    { "another address is not touched", "aaAbbB", 2, 1000 },
    { "a burst of two seconds, then refused", "aaaaA", 1000, 2 },
    { "time lets more in, by the rate", "aaaaA.....aA.....aA", 1000, 2 },
    { "a long rest gives a burst and no more", "........................aaaaA",
      1000, 2 },
    { "a refusal does not count as one begun", "aaaaAAAAAA.....aA", 1000, 2 },
    { "one that is refused for those under way leaves the rate",
      "aAAAAAA-a-a-aA", 1, 2 },
};

static unsigned bucket_of(const struct net_addresses *a, const char *text)
{
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        return net_addresses_bucket(a, (const struct sockaddr *)&v6);
    assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
    return net_addresses_bucket(a, (const struct sockaddr *)&v4);
}

/* Two addresses that do not share a bucket, whatever the key. */
static void two_buckets(unsigned out[2], const struct net_addresses *a)
{
    out[0] = bucket_of(a, "192.0.2.1");
    out[1] = bucket_of(a, "192.0.2.2");
    if (out[0] == out[1])
        out[1] = bucket_of(a, "192.0.2.3");
    assert_true(out[0] != out[1]);
}

static void check_row(void **state)
{
    static struct net_addresses a;
    const struct row *row = *state;
    unsigned bucket[2];
    uint64_t now_ns = 12345 * MS;
    assert_true(net_addresses_init(&a, row->at_once, row->per_s));
    two_buckets(bucket, &a);
    for (const char *c = row->history; *c; c++) {
        const bool refused = *c == 'A' || *c == 'B';
        if (*c == '.')
            now_ns += 100 * MS;
        else if (*c == '-')
            net_addresses_done(&a, bucket[0]);
        else if (net_addresses_admit(&a, bucket[*c == 'b' || *c == 'B'],
                                     now_ns) == refused)
            fail_msg("at '%s' of '%s'", c, row->history);
    }
}

static void what_an_address_is(void **state)
{
    static struct net_addresses a;
    (void)state;
    assert_true(net_addresses_init(&a, 1, 1));
    assert_int_equal(bucket_of(&a, "2001:db8:1:2::1"),
                     bucket_of(&a, "2001:db8:1:2:ffff::7"));
    /* By chance two of sixteen share a bucket once in 34; all, never. */
    unsigned different = 0;
    for (unsigned i = 0; i < 16; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "2001:db8:1:%x::1", i + 16);
        different += bucket_of(&a, text) != bucket_of(&a, "2001:db8:1:2::1");
    }
    assert_true(different >= 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_an_address_is) };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
