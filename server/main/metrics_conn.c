#include "server/main/metrics_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_MAX = 256, PATIENCE_S = 5 };

struct metrics_conn {
    const struct metrics_conn_options *options;
    uint64_t began_ns;
    bool answered, expired;
    size_t request_len;
    size_t out_pos, out_len;
    uint8_t request[METRICS_REQUEST_MAX];
    uint8_t out[HEAD_MAX + METRICS_BODY_MAX];
};

/* --- parsing --- */

static bool starts(const uint8_t *data, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(data, with, strlen(with)) == 0;
}

/* The first line, without its CR LF: METHOD SP target SP version. */
static enum metrics_request parse_line(const uint8_t *line, size_t len)
{
    const uint8_t *target = memchr(line, ' ', len);
    if (!target || target == line)
        return METRICS_BAD;
    const size_t method_len = (size_t)(target++ - line);
    const size_t rest = len - method_len - 1;
    const uint8_t *version = memchr(target, ' ', rest);
    if (!version ||
        !starts(version, len - (size_t)(version - line), " HTTP/1."))
        return METRICS_BAD;
    const size_t target_len = (size_t)(version - target);
    if (target_len == 0 || *target != '/')
        return METRICS_BAD;
    const bool is_get = method_len == 3 && starts(line, len, "GET");
    const bool is_head = method_len == 4 && starts(line, len, "HEAD");
    if (!is_get && !is_head)
        return METRICS_METHOD;
    static const char path[] = "/metrics";
    const size_t path_len = sizeof path - 1;
    if (!starts(target, target_len, path) ||
        (target_len > path_len && target[path_len] != '?'))
        return METRICS_UNKNOWN;
    return is_get ? METRICS_GET : METRICS_HEAD;
}

enum metrics_request metrics_request_parse(const uint8_t *data, size_t len)
{
    if (memchr(data, '\0', len))
        return METRICS_BAD;
    if (!memmem(data, len, "\r\n\r\n", 4))
        return len >= METRICS_REQUEST_MAX ? METRICS_TOO_BIG : METRICS_MORE;
    const uint8_t *end = memmem(data, len, "\r\n", 2);
    return parse_line(data, (size_t)(end - data));
}

/* --- answering --- */

static const char *status_of(enum metrics_request request)
{
    switch (request) {
    case METRICS_GET:
    case METRICS_HEAD:
        return "200 OK";
    case METRICS_UNKNOWN:
        return "404 Not Found";
    case METRICS_METHOD:
        return "405 Method Not Allowed";
    case METRICS_TOO_BIG:
        return "431 Request Header Fields Too Large";
    case METRICS_MORE:
    case METRICS_BAD:
        break;
    }
    return "400 Bad Request";
}

/* The body is printed first, behind room for a head whose length is known last.
 */
static void respond(struct metrics_conn *c, enum metrics_request request)
{
    char head[HEAD_MAX];
    char *body = (char *)c->out + HEAD_MAX;
    const char *status = status_of(request);
    size_t body_len;
    if (request == METRICS_GET || request == METRICS_HEAD)
        body_len = c->options->print(c->options->ctx, body, METRICS_BODY_MAX);
    else
        body_len = (size_t)snprintf(body, METRICS_BODY_MAX,
                                    "%s; ask for GET /metrics\n", status);
    const int head_len =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %s\r\n"
                 "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                 "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
                 status, body_len,
                 request == METRICS_METHOD ? "Allow: GET, HEAD\r\n" : "");
    c->out_pos = HEAD_MAX - (size_t)head_len;
    memcpy(c->out + c->out_pos, head, (size_t)head_len);
    c->out_len = HEAD_MAX + (request == METRICS_HEAD ? 0 : body_len);
    c->answered = true;
}

/* --- protocol --- */

static void *on_open(void *ctx, struct net_conn *conn)
{
    struct metrics_conn *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    memset(c, 0, offsetof(struct metrics_conn, request));
    c->options = ctx;
    c->began_ns = net_loop_now_ns(net_conn_loop(conn));
    return c;
}

static bool on_bytes(void *user, const uint8_t *data, size_t len)
{
    struct metrics_conn *c = user;
    const size_t room = sizeof c->request - c->request_len;
    if (c->answered)
        return true;
    const size_t n = len < room ? len : room;
    memcpy(c->request + c->request_len, data, n);
    c->request_len += n;
    const enum metrics_request request =
        metrics_request_parse(c->request, c->request_len);
    if (request != METRICS_MORE)
        respond(c, request);
    return true;
}

static size_t on_pull(void *user, uint8_t *buf, size_t cap)
{
    struct metrics_conn *c = user;
    const size_t left = c->out_len - c->out_pos;
    const size_t n = left < cap ? left : cap;
    if (n > 0)
        memcpy(buf, c->out + c->out_pos, n);
    c->out_pos += n;
    return n;
}

static bool is_finished(void *user)
{
    const struct metrics_conn *c = user;
    return c->expired || (c->answered && c->out_pos == c->out_len);
}

static bool is_busy(void *user)
{
    (void)user;
    return false;
}

static void on_tick(void *user, uint64_t now_ns)
{
    struct metrics_conn *c = user;
    if (!c->answered &&
        now_ns - c->began_ns > PATIENCE_S * UINT64_C(1000000000))
        c->expired = true;
}

static void on_drain(void *user)
{
    struct metrics_conn *c = user;
    c->expired = c->expired || !c->answered;
}

static void on_close(void *user)
{
    free(user);
}

const struct net_protocol metrics_conn_protocol = {
    .open = on_open,
    .bytes = on_bytes,
    .pull = on_pull,
    .finished = is_finished,
    .busy = is_busy,
    .tick = on_tick,
    .drain = on_drain,
    .close = on_close,
};
