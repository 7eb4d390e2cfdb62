/* A witness that logs ask: C2SP tlog-witness over HTTP/1.1. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/audit.h"
#include "server/audit/cosigner.h"
#include "server/base/cleanup.h"
#include "server/base/durable.h"

enum { HEAD_MAX = 8192, BODY_MAX = COSIGNER_REQUEST_LEN, PATIENCE_S = 5 };
static const char ENDPOINT[] = "/add-checkpoint";

/* One log's witness, and the request it is at. */
struct listener {
    struct cli *cli;
    const char *file; /* what is remembered; FILE-key is its key */
    struct cosigner_state state;
    char bytes[HEAD_MAX + BODY_MAX];
    size_t len;
};

/* ---- what it remembers ---- */

static enum err_code read_file(char *out, size_t *len, bool *is_there,
                               const char *path, struct err *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    *is_there = fd >= 0;
    if (fd < 0 && errno == ENOENT)
        return ERR_OK;
    const ssize_t n = fd < 0 ? -1 : read(fd, out, *len);
    if (n < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot read %s: %s", path,
                       strerror(errno));
    *len = (size_t)n;
    return ERR_OK;
}

static enum err_code cannot_write(struct err *err, const char *path)
{
    return err_set(err, ERR_INTERNAL, "cannot write %s: %s", path,
                   strerror(errno));
}

/* Its key, made at the first start. */
static enum err_code open_key(struct listener *l, struct err *err)
{
    char path[4096], text[NOTE_KEY_TEXT_LEN + 1];
    size_t len = sizeof text - 1;
    bool is_there;
    const char *name = l->cli->opt.witness_name;
    (void)snprintf(path, sizeof path, "%s-key", l->file);
    TRY(read_file(text, &len, &is_there, path, err));
    if (is_there) {
        text[len] = '\0';
        TRY(note_signer_parse(&l->state.key, text, err));
        return l->state.key.verifier.alg == NOTE_COSIGNATURE
                   ? ERR_OK
                   : err_set(err, ERR_INVALID, "%s is no witness's key", path);
    }
    struct writer w = writer_of(text, sizeof text);
    TRY(note_signer_new(&l->state.key, name ? name : "halftone.local/witness",
                        NOTE_COSIGNATURE, err));
    note_signer_print(&w, &l->state.key);
    writer_u8(&w, '\n');
    return durable_write(path, text, w.len, 0600) ? ERR_OK
                                                  : cannot_write(err, path);
}

static enum err_code open_state(struct listener *l, struct err *err)
{
    char note[NOTE_LEN_MAX];
    size_t len = sizeof note;
    bool is_there;
    TRY(read_file(note, &len, &is_there, l->file, err));
    if (!is_there)
        return ERR_OK;
    return checkpoint_open(&l->state.seen, note, len, &l->state.log, err);
}

/* ---- requests ---- */

static void reply(int fd, int status, const char *body, size_t len)
{
    char head[256];
    const char *type =
        status == 409 && len > 0 && body[0] >= '0' && body[0] <= '9'
            ? "text/x.tlog.size"
            : "text/plain; charset=utf-8";
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 %d .\r\nContent-Type: %s\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                           status, type, len);
    if (send(fd, head, (size_t)n, MSG_NOSIGNAL | MSG_MORE) != n ||
        send(fd, body, len, MSG_NOSIGNAL) != (ssize_t)len)
        return; /* it went; it will ask again */
}

/* The value of a header of the request's head, or NULL. */
static const char *header(const char *head, const char *name)
{
    const size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line;
         line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return line + 2 + len + 1;
    return NULL;
}

static void say_continue(int fd, const char *head)
{
    static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n", word[] = "100-";
    const char *wants = header(head, "expect");
    if (wants && strncmp(wants + strspn(wants, " "), word, 4) == 0 &&
        send(fd, go, sizeof go - 1, MSG_NOSIGNAL) < 0)
        return; /* it went */
}

/* The whole request; *body its body.  0, or the status that refuses it. */
static int take_request(struct listener *l, int fd, const char **body,
                        size_t *body_len)
{
    l->len = 0;
    for (;;) {
        const ssize_t n =
            recv(fd, l->bytes + l->len, sizeof l->bytes - 1 - l->len, 0);
        if (n <= 0)
            return 408;
        l->len += (size_t)n;
        l->bytes[l->len] = '\0';
        const char *end = strstr(l->bytes, "\r\n\r\n");
        if (!end && l->len > HEAD_MAX)
            return 431;
        if (!end)
            continue;
        const char *length = header(l->bytes, "content-length");
        *body = end + 4;
        *body_len = length ? strtoul(length, NULL, 10) : 0;
        if (*body_len > BODY_MAX)
            return 413;
        const size_t have = l->len - (size_t)(*body - l->bytes);
        if (have >= *body_len)
            return 0;
        if (have == 0)
            say_continue(fd, l->bytes);
    }
}

/* Remembered before it is signed for. */
static int decide(struct listener *l, const char *body, size_t len,
                  struct writer *out)
{
    char kept[NOTE_LEN_MAX];
    struct writer k = writer_of(kept, sizeof kept);
    struct checkpoint fresh = { .size = 0 };
    struct err err;
    const char *note = NULL;
    size_t note_len = 0;
    const int status =
        cosigner_decide(&l->state, body, len, (uint64_t)time(NULL), &note,
                        &note_len, &fresh, out);
    if (status != 200)
        return status;
    writer_bytes(&k, note, note_len);
    writer_bytes(&k, out->data, out->len);
    if (k.overflow || !durable_write(l->file, kept, k.len, 0644)) {
        (void)cannot_write(&err, l->file);
        cli_note(l->cli, err.msg);
        return 500;
    }
    l->state.seen = fresh;
    (void)fprintf(l->cli->term.out, "%s: %" PRIu64 " leaves\n", fresh.origin,
                  fresh.size);
    (void)fflush(l->cli->term.out);
    return 200;
}

static void serve(struct listener *l, int fd)
{
    const size_t n = sizeof ENDPOINT - 1;
    char lines[COSIGNER_LINES_LEN];
    struct writer out = writer_of(lines, sizeof lines);
    const char *body;
    size_t len;
    int status = take_request(l, fd, &body, &len);
    if (status == 0) {
        const char *end = strstr(l->bytes, " HTTP/1.");
        const size_t path = end ? (size_t)(end - l->bytes) : 0;
        const bool is_ours =
            path > n && memcmp(l->bytes + path - n, ENDPOINT, n) == 0;
        status = !is_ours ? 404
                 : strncmp(l->bytes, "POST ", 5) != 0
                     ? 405
                     : decide(l, body, len, &out);
    }
    reply(fd, status, lines, status == 500 ? 0 : out.len);
}

/* ---- the socket ---- */

static enum err_code listen_at(int *out, const char *address, struct err *err)
{
    char host[256];
    struct addrinfo *found = NULL,
                    want = { .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST };
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host)
        return err_set(err, ERR_INVALID, "--listen is ADDRESS:PORT");
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    if (getaddrinfo(host, colon + 1, &want, &found) != 0)
        return err_set(err, ERR_INVALID, "'%s' is no address", address);
    AUTO_CLOSE int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    const bool ok =
        fd >= 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 16) == 0;
    freeaddrinfo(found);
    if (!ok)
        return err_set(err, ERR_UNAVAILABLE, "cannot listen at %s: %s", address,
                       strerror(errno));
    *out = take_fd(&fd);
    return ERR_OK;
}

/* One at a time: a log asks every ten seconds. */
static void serve_all(struct listener *l, int fd)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    for (;;) {
        AUTO_CLOSE int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (conn < 0)
            continue;
        (void)setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &patience,
                         sizeof patience);
        (void)setsockopt(conn, SOL_SOCKET, SO_SNDTIMEO, &patience,
                         sizeof patience);
        serve(l, conn);
    }
}

enum err_code audit_listen(struct cli *cli, struct err *err)
{
    char text[NOTE_KEY_TEXT_LEN];
    struct writer w = writer_of(text, sizeof text);
    struct listener *l = ARENA_NEW(cli->arena, struct listener);
    AUTO_CLOSE int fd = -1;
    if (!l)
        return err_set(err, ERR_LIMIT, "out of memory");
    *l = (struct listener){ .cli = cli, .file = cli->words[0] };
    if (!cli->opt.log_key) {
        (void)err_set(err, ERR_INVALID, "a witness needs the log's key");
        return err_hint(err, "--log-key and the line of /audit/key of the "
                             "server");
    }
    TRY(note_verifier_parse(&l->state.log, cli->opt.log_key, err));
    TRY(open_key(l, err));
    TRY(open_state(l, err));
    TRY(listen_at(&fd, cli->opt.listen, err));
    note_verifier_print(&w, &l->state.key.verifier);
    (void)fprintf(cli->term.out, "%.*s\n", (int)w.len, text);
    (void)fflush(cli->term.out);
    serve_all(l, fd);
    return ERR_OK;
}
