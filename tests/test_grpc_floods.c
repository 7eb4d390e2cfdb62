/* Clients that send more than a call needs: each is found out, and told so. */
#include "server/grpc/grpc_session.h"

#include <string.h>

#include "server/grpc/grpc_stream.h"
#include "tests/lib_grpc.h"
#include "tests/table.h"

#define F(bytes)                                                               \
    {                                                                          \
        bytes, sizeof bytes - 1                                                \
    }
struct bytes {
    const char *data;
    size_t len;
};

/*
 * A frame sent again and again beside a call that waits (stream 1), after
 * `first`.  Each must end the connection, and say so, within FLOOD frames.
 */
static const struct flood_row {
    const char *name;
    struct bytes first, again;
    unsigned error; /* of the GOAWAY */
} flood_rows[] = {
    { "PING",
      { 0 },
      F("\0\0\10\6\0\0\0\0\0pingping"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "SETTINGS", { 0 }, F("\0\0\0\4\0\0\0\0\0"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "SETTINGS that change the header table",
      { 0 },
      F("\0\0\6\4\0\0\0\0\0\0\1\0\0\0\0"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "PRIORITY",
      { 0 },
      F("\0\0\5\2\0\0\0\0\1\0\0\0\3\1"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "WINDOW_UPDATE",
      { 0 },
      F("\0\0\4\10\0\0\0\0\0\0\0\0\1"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "RST_STREAM of a stream that is no more",
      F("\0\0\4\3\0\0\0\0\1\0\0\0\10"), F("\0\0\4\3\0\0\0\0\1\0\0\0\10"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "frames of an unknown type",
      { 0 },
      F("\0\0\3\276\0\0\0\0\0abc"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "PRIORITY_UPDATE, which nobody asked for",
      { 0 },
      F("\0\0\7\20\0\0\0\0\0\0\0\0\1u=1"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "empty DATA", { 0 }, F("\0\0\0\0\0\0\0\0\1"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "DATA of padding alone",
      { 0 },
      F("\0\0\5\0\10\0\0\0\1\4\0\0\0\0"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "DATA a byte at a time",
      { 0 },
      F("\0\0\1\0\0\0\0\0\1x"),
      NGHTTP2_ENHANCE_YOUR_CALM },
    { "CONTINUATION without end", F("\0\0\1\1\1\0\0\0\3\203"),
      F("\0\0\1\11\0\0\0\0\3\206"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "empty CONTINUATION without end", F("\0\0\1\1\1\0\0\0\3\203"),
      F("\0\0\0\11\0\0\0\0\3"), NGHTTP2_ENHANCE_YOUR_CALM },
    { "PUSH_PROMISE, which a client never sends",
      { 0 },
      F("\0\0\5\5\4\0\0\0\1\0\0\0\2\202"),
      NGHTTP2_PROTOCOL_ERROR },
    { "a frame longer than was agreed",
      { 0 },
      F("\1\0\0\276\0\0\0\0\0"),
      NGHTTP2_FRAME_SIZE_ERROR },
};

/* In pieces of `piece` bytes, as a network may cut them. */
static void feed_bytes(struct world *w, struct bytes b, size_t piece)
{
    for (size_t at = 0; at < b.len && !w->client.server_ended; at += piece) {
        const size_t n = b.len - at < piece ? b.len - at : piece;
        w->client.server_ended =
            !grpc_session_recv(w->session, (const uint8_t *)b.data + at, n);
    }
}

static void check_flood(void **state)
{
    enum { FLOOD = 60 };
    const struct flood_row *row = *state;
    for (size_t piece = 1; piece <= 64; piece *= 4) {
        struct world w;
        world_init(&w);
        w.owner.hold = true;
        w.client.hold_end = true;
        (void)h2_request(&w.client, "/t/Echo", NULL, M, 8);
        h2_pump(&w.client);
        feed_bytes(&w, row->first, piece);
        for (int i = 0; i < FLOOD && !w.client.server_ended; i++)
            feed_bytes(&w, row->again, piece);
        h2_pump(&w.client);
        assert_true(w.client.goaway);
        assert_int_equal(w.client.goaway_error, row->error);
        assert_true(grpc_session_finished(w.session));
        assert_int_equal(w.owner.calls, 0);
        world_fini(&w);
    }
}

/* A client that measures its bandwidth pings at each reply, for ever. */
static void test_replies_earn_frames(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    for (int i = 0; i < 500; i++) {
        (void)h2_request(&w.client, "/t/Echo", NULL, M, 8);
        for (int frame = 0; frame < 3; frame++)
            (void)nghttp2_submit_ping(w.client.h2, 0, NULL);
        h2_pump(&w.client);
        assert_string_equal(w.client.call.grpc_status, "0");
    }
    assert_false(w.client.goaway);
    world_fini(&w);
}

/* Time earns frames, too: a keepalive a second is no flood. */
static void test_time_earns_frames(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    for (int i = 0; i < 500; i++) {
        (void)nghttp2_submit_ping(w.client.h2, 0, NULL);
        h2_pump(&w.client);
        w.clock.now_ns += SECOND;
    }
    assert_false(w.client.goaway);
    world_fini(&w);
}

/*
 * A header block of a few kilobytes that stands for megabytes: one long value
 * put into the decoder's table, then named again and again, one byte each.
 */
static void test_a_header_bomb_is_not_decoded(void **state)
{
    enum { VALUE = 3900, REPEATS = 10000, HEAD = 9 };
    static uint8_t block[HEAD + VALUE + REPEATS + 64];
    struct world w;
    size_t n = HEAD;
    (void)state;
    memcpy(block + n, "\203\206\204", 3); /* POST, http, / */
    n += 3;
    memcpy(block + n, "\100\1a\177\275\35", 6); /* a: VALUE bytes */
    n += 6;
    memset(block + n, 'v', VALUE);
    n += VALUE;
    memset(block + n, 0xbe, REPEATS); /* the newest entry of the table */
    n += REPEATS;
    const size_t len = n - HEAD;
    const uint8_t head[HEAD] = { (uint8_t)(len >> 16),
                                 (uint8_t)(len >> 8),
                                 (uint8_t)len,
                                 NGHTTP2_HEADERS,
                                 NGHTTP2_FLAG_END_HEADERS |
                                     NGHTTP2_FLAG_END_STREAM,
                                 0,
                                 0,
                                 0,
                                 1 };
    memcpy(block, head, HEAD);
    world_init(&w);
    h2_pump(&w.client);
    w.client.server_ended = !grpc_session_recv(w.session, block, n);
    assert_true(w.client.server_ended);
    assert_true(w.session->streams->head.len < 10 * HEADER_LIMIT);
    h2_pump(&w.client);
    assert_true(w.client.goaway);
    assert_int_equal(w.client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(grpc_session_finished(w.session));
    world_fini(&w);
}

static void test_rapid_reset(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    w.owner.hold = true;
    for (int i = 0; i < 40 && !w.client.server_ended; i++) {
        const int32_t id = h2_request(&w.client, "/t/Echo", NULL, M, 8);
        h2_pump(&w.client);
        (void)nghttp2_submit_rst_stream(w.client.h2, 0, id, NGHTTP2_CANCEL);
        h2_pump(&w.client);
    }
    assert_true(w.client.goaway);
    assert_int_equal(w.client.goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_true(w.owner.cancels <= 21);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_earn_frames),
        cmocka_unit_test(test_time_earns_frames),
        cmocka_unit_test(test_a_header_bomb_is_not_decoded),
        cmocka_unit_test(test_rapid_reset),
    };
    return RUN_ROWS(flood_rows, check_flood) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
