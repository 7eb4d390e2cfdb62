/*
 * A hostile HTTP/2 client for floods.sh: raw frames over plaintext loopback.
 *
 * Usage: attack PORT NAME.  Attacks until the server ends the connection or ten
 * seconds have passed, then prints how that went, on one line:
 *
 *   goaway CODE | closed | reset N | refused | open     SENT bytes
 *
 * goaway: the connection ended with a GOAWAY of this code; closed: without one;
 * reset: it lives, and N streams were reset; refused: it lives, and a call was
 * turned away after others had been answered; open: it lives, nothing happened.
 * The token is in HALFTONE_TOKEN.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/base/reader.h"
#include "server/base/writer.h"

enum {
    ATTACK_MS = 10000,
    OUT_LEN = 32 * 1024,
    IN_LEN = 64 * 1024,
    HEAD_LEN = 9,
    BOMB_LEN = 3900,
    STREAMS = 60,

    DATA = 0,
    HEADERS = 1,
    PRIORITY = 2,
    RST_STREAM = 3,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7,
    WINDOW_UPDATE = 8,
    CONTINUATION = 9,
    UNKNOWN = 0xbe,

    END_STREAM = 1,
    ACK = 1,
    END_HEADERS = 4,
};

struct attacker {
    int fd;
    uint32_t stream;                   /* the newest */
    unsigned resets;                   /* received */
    unsigned calls, answered, refused; /* of keep_asking, one at a time */
    bool has_data;                     /* of the call under way */
    bool got_goaway;
    uint32_t code;
    size_t sent;
    struct writer out;
    uint8_t out_bytes[OUT_LEN];
    size_t in_len;
    uint8_t in[IN_LEN];
};

/* --- frames --- */

static void frame(struct attacker *a, unsigned type, unsigned flags,
                  uint32_t stream, const void *payload, size_t len)
{
    writer_u8(&a->out, (uint8_t)(len >> 16));
    writer_be16(&a->out, (uint16_t)len);
    writer_u8(&a->out, (uint8_t)type);
    writer_u8(&a->out, (uint8_t)flags);
    writer_be32(&a->out, stream);
    writer_bytes(&a->out, payload, len);
}

/* Literal, not indexed, not Huffman coded (RFC 7541, 6.2.2). */
static void header(struct writer *w, const char *name, const char *value)
{
    writer_u8(w, 0);
    writer_u8(w, (uint8_t)strlen(name));
    writer_str(w, name);
    writer_u8(w, (uint8_t)strlen(value));
    writer_str(w, value);
}

static void headers(struct attacker *a, unsigned flags, const char *path)
{
    uint8_t block[1024];
    char bearer[128];
    const char *token = getenv("HALFTONE_TOKEN");
    struct writer w = writer_of(block, sizeof block);
    (void)snprintf(bearer, sizeof bearer, "Bearer %s", token ? token : "");
    header(&w, ":method", "POST");
    header(&w, ":scheme", "http");
    header(&w, ":path", path);
    header(&w, ":authority", "localhost");
    header(&w, "content-type", "application/grpc");
    header(&w, "te", "trailers");
    header(&w, "authorization", bearer);
    a->stream = a->stream ? a->stream + 2 : 1;
    frame(a, HEADERS, flags, a->stream, block, w.len);
}

static void call(struct attacker *a)
{
    headers(a, END_HEADERS, "/halftone.v1.Halftone/ListDatasets");
    frame(a, DATA, END_STREAM, a->stream, "\0\0\0\0", 5);
}

/* --- attacks: what is sent once, and what again and again --- */

static void greet(struct attacker *a)
{
    writer_str(&a->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(a, SETTINGS, 0, 0, "", 0);
}

static void open_call(struct attacker *a)
{
    greet(a);
    headers(a, END_HEADERS, "/halftone.v1.Halftone/ListDatasets");
}

static void open_block(struct attacker *a)
{
    greet(a);
    headers(a, 0, "/halftone.v1.Halftone/ListDatasets");
}

static void half_message(struct attacker *a)
{
    open_call(a);
    frame(a, DATA, 0, a->stream, "\0\0\0\1\0only this much", 19);
}

static void half_frame(struct attacker *a)
{
    greet(a);
    writer_str(&a->out, "\1");
}

/* Replies to a peer that takes none: every window is 0. */
static void zero_window(struct attacker *a)
{
    writer_str(&a->out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    frame(a, SETTINGS, 0, 0, "\0\4\0\0\0\0", 6);
    for (int i = 0; i < STREAMS; i++)
        call(a);
}

static void ping(struct attacker *a)
{
    frame(a, PING, 0, 0, "pingping", 8);
}

static void settings(struct attacker *a)
{
    frame(a, SETTINGS, 0, 0, "\0\1\0\0\0\0", 6);
}

static void priority(struct attacker *a)
{
    a->stream += 2;
    frame(a, PRIORITY, 0, a->stream, "\0\0\0\1\1", 5);
}

static void window_update(struct attacker *a)
{
    frame(a, WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
}

static void unknown(struct attacker *a)
{
    frame(a, UNKNOWN, 0, 0, "what", 4);
}

static void empty_data(struct attacker *a)
{
    frame(a, DATA, 0, a->stream, "", 0);
}

static void continuation(struct attacker *a)
{
    frame(a, CONTINUATION, 0, a->stream, "\206", 1);
}

static void rapid_reset(struct attacker *a)
{
    call(a);
    frame(a, RST_STREAM, 0, a->stream, "\0\0\0\10", 4);
}

static void too_many_streams(struct attacker *a)
{
    headers(a, END_HEADERS, "/halftone.v1.Halftone/ListDatasets");
}

/* A long value into the decoder's table, then its name a thousand times. */
static void header_bomb(struct attacker *a)
{
    uint8_t block[BOMB_LEN + 4096];
    struct writer w = writer_of(block, sizeof block);
    writer_bytes(&w, "\203\206\204\100\1a\177\275\35", 9);
    for (int i = 0; i < BOMB_LEN; i++)
        writer_u8(&w, 'v');
    while (!w.overflow)
        writer_u8(&w, 0xbe);
    a->stream = a->stream ? a->stream + 2 : 1;
    frame(a, HEADERS, END_HEADERS | END_STREAM, a->stream, block, w.len);
}

/* An honest client, on one connection for as long as it is let. */
static void keep_asking(struct attacker *a)
{
    const struct timespec nap = { .tv_nsec = 20000000 };
    if (a->calls > a->answered)
        return;
    (void)nanosleep(&nap, NULL);
    a->calls++;
    a->has_data = false;
    call(a);
}

static void http1(struct attacker *a)
{
    writer_str(&a->out, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static const struct attack {
    const char *name;
    void (*first)(struct attacker *a);
    void (*again)(struct attacker *a); /* NULL: wait */
} attacks[] = {
    { "ping", greet, ping },
    { "settings", greet, settings },
    { "priority", greet, priority },
    { "window-update", greet, window_update },
    { "unknown-frames", greet, unknown },
    { "empty-data", open_call, empty_data },
    { "continuation", open_block, continuation },
    { "rapid-reset", greet, rapid_reset },
    { "too-many-streams", greet, too_many_streams },
    { "header-bomb", greet, header_bomb },
    { "keep-asking", greet, keep_asking },
    { "http1", http1, NULL },
    { "silence", NULL, NULL },
    { "greeting-alone", greet, NULL },
    { "half-frame", half_frame, NULL },
    { "half-headers", open_block, NULL },
    { "half-message", half_message, NULL },
    { "zero-window", zero_window, NULL },
};

/* --- the wire --- */

static void take_frame(struct attacker *a, unsigned type, unsigned flags,
                       struct reader payload)
{
    if (type == GOAWAY) {
        a->got_goaway = true;
        (void)reader_be32(&payload);
        a->code = reader_be32(&payload);
    }
    a->resets += type == RST_STREAM;
    a->has_data = a->has_data || type == DATA;
    /* Trailers end a call; without a message before them they refuse it. */
    if (type == HEADERS && (flags & END_STREAM)) {
        a->answered++;
        a->refused += !a->has_data;
    }
}

static void take_frames(struct attacker *a)
{
    struct reader r = reader_of(a->in, a->in_len);
    while (reader_left(&r) >= HEAD_LEN) {
        const uint8_t *head = r.pos;
        const size_t len =
            (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        if (reader_left(&r) < HEAD_LEN + len)
            break;
        (void)reader_take(&r, HEAD_LEN);
        take_frame(a, head[3], head[4], reader_of(reader_take(&r, len), len));
    }
    a->in_len = reader_left(&r);
    if (a->in_len > 0)
        memmove(a->in, r.pos, a->in_len);
}

/* False: the server is gone. */
static bool read_some(struct attacker *a)
{
    const ssize_t n = recv(a->fd, a->in + a->in_len, IN_LEN - a->in_len, 0);
    if (n < 0)
        return errno == EAGAIN;
    a->in_len += (size_t)n;
    take_frames(a);
    return n > 0;
}

static bool write_some(struct attacker *a)
{
    const ssize_t n =
        send(a->fd, a->out_bytes, a->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    a->sent += (size_t)n;
    a->out.len -= (size_t)n;
    if (a->out.len > 0)
        memmove(a->out_bytes, a->out_bytes + n, a->out.len);
    return true;
}

static int connect_to(const char *port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        return -1;
    return take_fd(&fd);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* As many frames as fit into the buffer, whole ones. */
static void refill(struct attacker *a, const struct attack *what)
{
    enum { ROOM = 16 * 1024 };
    size_t before = SIZE_MAX;
    while (what->again && a->out.len < ROOM && a->out.len != before) {
        before = a->out.len;
        what->again(a);
    }
}

/* True when the server ended the connection. */
static bool attack(struct attacker *a, const struct attack *what)
{
    const uint64_t end = now_ms() + ATTACK_MS;
    a->out = writer_of(a->out_bytes, sizeof a->out_bytes);
    if (what->first)
        what->first(a);
    while (now_ms() < end && (what->again || a->resets < STREAMS) &&
           a->refused == 0) {
        refill(a, what);
        struct pollfd p = { .fd = a->fd,
                            .events = a->out.len ? POLLIN | POLLOUT : POLLIN };
        (void)poll(&p, 1, 100);
        if ((p.revents & (POLLIN | POLLHUP | POLLERR)) && !read_some(a))
            return true;
        /* A refused write says nothing yet: the reason is still to be read. */
        if ((p.revents & POLLOUT) && !write_some(a))
            a->out.len = 0;
    }
    return false;
}

int main(int argc, char **argv)
{
    static struct attacker a;
    for (size_t i = 0; argc == 3 && i < sizeof attacks / sizeof *attacks; i++) {
        if (strcmp(attacks[i].name, argv[2]) != 0)
            continue;
        a.fd = connect_to(argv[1]);
        if (a.fd < 0)
            return 1;
        const bool ended = attack(&a, &attacks[i]);
        if (a.got_goaway)
            printf("goaway %u", a.code);
        else if (a.refused > 0 && a.answered > a.refused)
            printf("refused");
        else if (a.resets > 0 && !ended)
            printf("reset %u", a.resets);
        else
            printf("%s", ended ? "closed" : "open");
        printf("\t%zu bytes\n", a.sent);
        (void)close(a.fd);
        return 0;
    }
    return 2;
}
