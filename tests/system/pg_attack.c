/*
 * Hostile clients of the PostgreSQL port, for pg_floods.sh.
 *
 * Usage: pg_attack PORT USER PASSWORD ATTACK, over loopback without TLS.  Sends
 * what the attack says, as fast or as slowly, reads what comes, and prints how
 * it ends: "closed", "ready" (the connection goes on) or "late" (neither, after
 * 20 s), and in front of it the last SQLSTATE, as in "54000 closed".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 96 << 20, LATE_MS = 20000, MANY = 3000 };

/* ---- what is sent ---- */

static uint8_t *out;
static size_t len, message_at;

static void bytes(const void *data, size_t n)
{
    if (len + n > MOST)
        abort();
    memcpy(out + len, data, n);
    len += n;
}

static void u8(unsigned v)
{
    const uint8_t b = (uint8_t)v;
    bytes(&b, 1);
}

static void u16(unsigned v)
{
    u8(v >> 8);
    u8(v & 255);
}

static void u32(uint32_t v)
{
    u16(v >> 16);
    u16(v & 65535);
}

static void text(const char *s)
{
    bytes(s, strlen(s) + 1);
}

static void begin(char type)
{
    u8((unsigned char)type);
    message_at = len;
    u32(0);
}

static void end(void)
{
    const size_t n = len - message_at;
    for (size_t i = 0; i < 4; i++)
        out[message_at + i] = (uint8_t)(n >> 8 * (3 - i));
}

static void parse(const char *name, const char *sql)
{
    begin('P');
    text(name);
    text(sql);
    u16(0);
    end();
}

static void bind_to(const char *portal, const char *name)
{
    begin('B');
    text(portal);
    text(name);
    u16(0);
    u16(0);
    u16(0);
    end();
}

static void execute(const char *portal)
{
    begin('E');
    text(portal);
    u32(0);
    end();
}

static void sync_now(void)
{
    begin('S');
    end();
}

static void query(const char *sql)
{
    begin('Q');
    text(sql);
    end();
}

static void put(const char *s, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        bytes(s, strlen(s));
}

/* `times` texts in a row, in a Query. */
static void query_of(const char *head, const char *each, unsigned times,
                     const char *tail)
{
    begin('Q');
    put(head, 1);
    put(each, times);
    text(tail);
    end();
}

/* ---- before anybody is logged in ---- */

static void nothing(void)
{
}

static void ssl_request(void)
{
    u32(8);
    u32(80877103);
}

static void ssl_twice(void)
{
    ssl_request();
    ssl_request();
    ssl_request();
}

static void half_startup(void)
{
    u32(200);
    u32(3 << 16);
    text("user");
}

static void giant_startup(void)
{
    u32(0x7fffffff);
    u32(3 << 16);
}

static void old_version(void)
{
    u32(8);
    u32(2 << 16);
}

static void http(void)
{
    bytes("GET / HTTP/1.1\r\n\r\n", 18);
}

static void giant_password(void)
{
    const size_t at = len;
    u32(0);
    u32(3 << 16);
    text("user");
    text("analyst");
    u8(0);
    out[at + 3] = (uint8_t)(len - at);
    u8('p');
    u32(0x7ffffff0);
    for (unsigned i = 0; i < 100000; i++)
        u32(0);
}

static void wrong_cancel(void)
{
    u32(16);
    u32(80877102);
    u32(1);
    u32(12345);
}

/* ---- behind the password ---- */

static void giant_message(void)
{
    u8('Q');
    u32(0x7ffffff0);
    for (unsigned i = 0; i < 1000000; i++)
        u32(0x41414141);
}

static void unknown_message(void)
{
    begin('!');
    end();
}

static void statements(void)
{
    char name[32];
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "s%u", i);
        parse(name, "SELECT 1");
        sync_now();
    }
}

static void portals(void)
{
    char name[32];
    parse("s", "SELECT 1");
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "p%u", i);
        bind_to(name, "s");
    }
    sync_now();
}

static void cursors(void)
{
    char sql[80];
    query("BEGIN");
    for (unsigned i = 0; i < MANY / 10; i++) {
        (void)snprintf(sql, sizeof sql, "DECLARE c%u CURSOR FOR SELECT 1", i);
        query(sql);
    }
}

static void without_sync(void)
{
    for (unsigned i = 0; i < 200000; i++) {
        parse("", "SELECT 1");
        bind_to("", "");
        execute("");
    }
}

static void flushes(void)
{
    for (unsigned i = 0; i < 1000000; i++) {
        begin('H');
        end();
    }
    sync_now();
}

static void many_types(void)
{
    begin('P');
    text("");
    text("SELECT 1");
    u16(65535);
    for (unsigned i = 0; i < 65535; i++)
        u32(23);
    end();
    sync_now();
}

static void many_values(void)
{
    parse("", "SELECT 1");
    begin('B');
    text("");
    text("");
    u16(0);
    u16(65535);
    for (unsigned i = 0; i < 65535; i++)
        u32(UINT32_MAX);
    u16(0);
    end();
    sync_now();
}

static void counts_that_lie(void)
{
    parse("", "SELECT 1");
    begin('B');
    text("");
    text("");
    u16(65535);
    end();
    sync_now();
}

static void pluses(void)
{
    query_of("SELECT ", "1+", 6000, "1");
}

static void nots(void)
{
    query_of("SELECT ", "NOT ", 8000, "true");
}

static void unions(void)
{
    query_of("SELECT 1", " UNION SELECT 1", 32000, "");
}

static void brackets(void)
{
    query_of("SELECT ", "(", 30000, "");
}

static void memory_of_the_catalog(void)
{
    begin('Q');
    put("SELECT max(length(concat(", 1);
    put("s, ", 400);
    put("s))) FROM (SELECT concat(", 1);
    put("attname, ", 500);
    text("attname) AS s FROM pg_attribute) t");
    end();
}

static const struct attack {
    const char *name;
    void (*fill)(void);
    bool logs_in;
    bool slowly; /* a byte each half second */
    bool never_reads;
    unsigned times; /* connections, one after the other; 0 = 1 */
} ATTACKS[] = {
    { .name = "silence", .fill = nothing },
    { .name = "half-startup", .fill = half_startup },
    { .name = "slow-startup", .fill = half_startup, .slowly = true },
    { .name = "ssl-twice", .fill = ssl_twice },
    { .name = "giant-startup", .fill = giant_startup },
    { .name = "old-version", .fill = old_version },
    { .name = "http", .fill = http },
    { .name = "giant-password", .fill = giant_password },
    { .name = "wrong-cancel", .fill = wrong_cancel, .times = MANY },
    { .name = "giant-message", .fill = giant_message, .logs_in = true },
    { .name = "unknown-message", .fill = unknown_message, .logs_in = true },
    { .name = "statements", .fill = statements, .logs_in = true },
    { .name = "portals", .fill = portals, .logs_in = true },
    { .name = "cursors", .fill = cursors, .logs_in = true },
    { .name = "without-sync",
      .fill = without_sync,
      .logs_in = true,
      .never_reads = true },
    { .name = "flushes", .fill = flushes, .logs_in = true },
    { .name = "many-types", .fill = many_types, .logs_in = true },
    { .name = "many-values", .fill = many_values, .logs_in = true },
    { .name = "counts-that-lie", .fill = counts_that_lie, .logs_in = true },
    { .name = "pluses", .fill = pluses, .logs_in = true },
    { .name = "nots", .fill = nots, .logs_in = true },
    { .name = "unions", .fill = unions, .logs_in = true },
    { .name = "brackets", .fill = brackets, .logs_in = true },
    { .name = "catalog-memory",
      .fill = memory_of_the_catalog,
      .logs_in = true },
};

/* ---- what comes ---- */

static uint8_t in[1 << 16];
static size_t in_len;
static uint64_t skip; /* of a message that does not fit */
static char state[6];
static bool ready;

static void take(char type, const uint8_t *body, size_t n)
{
    if (type == 'Z')
        ready = true;
    if (type != 'E')
        return;
    for (size_t i = 0; i + 6 < n && body[i];
         i += strnlen((const char *)body + i, n - i) + 1)
        if (body[i] == 'C')
            (void)snprintf(state, sizeof state, "%.5s",
                           (const char *)body + i + 1);
}

static void take_all(void)
{
    size_t at = 0;
    while (in_len - at >= 5) {
        const uint8_t *p = in + at;
        const uint32_t n = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 |
                           (uint32_t)p[3] << 8 | p[4];
        if (n > sizeof in - 5) {
            skip = n;
            at = in_len;
            break;
        }
        if (in_len - at < n + 1)
            break;
        take((char)p[0], p + 5, n - 4);
        at += n + 1;
    }
    memmove(in, in + at, in_len - at);
    in_len -= at;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* False: closed. */
static bool read_some(int fd)
{
    const ssize_t n = recv(fd, in + in_len, sizeof in - in_len, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    in_len += (size_t)n;
    if (skip > 0)
        in_len = 0;
    else
        take_all();
    return true;
}

static bool write_some(int fd, size_t *sent, bool slowly)
{
    const size_t most = slowly ? 1 : len - *sent;
    const ssize_t n = send(fd, out + *sent, most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        *sent += (size_t)n;
    return n > 0 || errno == EAGAIN || errno == EINTR;
}

/* "closed", "ready" or "late". */
static const char *attack(int fd, const struct attack *a)
{
    const uint64_t late = now_ms() + LATE_MS;
    size_t sent = 0;
    while (now_ms() < late) {
        const bool writes = sent < len;
        struct pollfd p = { .fd = fd,
                            .events = (short)((a->never_reads ? 0 : POLLIN) |
                                              (writes ? POLLOUT : 0)) };
        if (poll(&p, 1, 200) < 0 && errno != EINTR)
            return "closed";
        if (a->slowly)
            (void)usleep(500000);
        if ((p.revents & POLLOUT) && !write_some(fd, &sent, a->slowly)) {
            while (read_some(fd))
                continue; /* what it said last */
            return "closed";
        }
        if ((p.revents & (POLLIN | POLLHUP | POLLERR)) && !read_some(fd))
            return "closed";
        if (ready && sent == len && in_len == 0 && a->logs_in) {
            p = (struct pollfd){ .fd = fd, .events = POLLIN };
            if (poll(&p, 1, 500) == 0)
                return "ready";
        }
    }
    return "late";
}

static int connect_to(const char *port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        perror("connect");
        exit(2);
    }
    return fd;
}

static int log_in(const char *port, const char *user, const char *password)
{
    const char *const keys[] = { "host",   "port",    "user", "password",
                                 "dbname", "sslmode", NULL };
    const char *const values[] = { "127.0.0.1", port,      user, password,
                                   "shop",      "disable", NULL };
    PGconn *c = PQconnectdbParams(keys, values, 0);
    if (PQstatus(c) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(c));
        exit(2);
    }
    return PQsocket(c); /* what goes on on it is ours from here on */
}

int main(int argc, char **argv)
{
    const char *how = "none";
    out = malloc(MOST);
    if (argc != 5 || !out)
        return 2;
    for (size_t i = 0; i < sizeof ATTACKS / sizeof ATTACKS[0]; i++) {
        const struct attack *a = &ATTACKS[i];
        if (strcmp(a->name, argv[4]) != 0)
            continue;
        a->fill();
        for (unsigned k = 0; k < (a->times ? a->times : 1); k++) {
            const int fd = a->logs_in ? log_in(argv[1], argv[2], argv[3])
                                      : connect_to(argv[1]);
            how = attack(fd, a);
            (void)close(fd);
        }
    }
    (void)printf("%s%s%s\n", state, state[0] ? " " : "", how);
    return strcmp(how, "none") == 0 ? 2 : 0;
}
