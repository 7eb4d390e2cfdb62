/*
 * A witness that does not do what a witness does, for witness_bad.sh.
 *
 * Usage: bad_witness PORT MODE REAL.  Answers HTTP on loopback; what it does
 * with a request is the word in the file MODE at that moment:
 *
 *   good    passes it on to the witness at port REAL, and back
 *   late    the same after two seconds
 *   silent  takes it and never answers
 *   drip    answers a byte a second
 *   closed  closes the connection
 *   full    507, as a witness whose disk is full
 *   seen    409 with a size that nobody has
 *   denies  403
 *   forged  200 with a signature of nobody
 *   empty   200 and nothing
 *   flood   200 and a megabyte
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/base/cleanup.h"

enum { BYTES = 65536, LATE_S = 2, FOR_EVER_S = 3600, DRIPS = 60 };

static const char *mode_file;
static uint16_t real_port;

static void pause_s(time_t s)
{
    const struct timespec t = { .tv_sec = s };
    (void)nanosleep(&t, NULL);
}

static void put(int fd, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

/* The whole request, by its Content-Length; 0 when it breaks off. */
static size_t read_request(int fd, char *out)
{
    size_t len = 0, want = 0;
    while (want == 0 || len < want) {
        const ssize_t n = recv(fd, out + len, BYTES - 1 - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        out[len] = '\0';
        const char *end = strstr(out, "\r\n\r\n");
        const char *word = strcasestr(out, "content-length:");
        if (end && want == 0)
            want = (size_t)(end + 4 - out) +
                   (word ? strtoul(word + strlen("content-length:"), NULL, 10)
                         : 0);
    }
    return len;
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in a = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void pass_on(int fd, const char *request, size_t len)
{
    char reply[BYTES];
    ssize_t n;
    AUTO_CLOSE int real = connect_to(real_port);
    if (real < 0)
        return;
    put(real, request, len);
    (void)shutdown(real, SHUT_WR);
    while ((n = recv(real, reply, sizeof reply, 0)) > 0)
        put(fd, reply, (size_t)n);
}

static void say(int fd, int status, const char *text)
{
    char head[256];
    const int n = snprintf(head, sizeof head,
                           "HTTP/1.1 %d x\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n",
                           status, strlen(text));
    put(fd, head, (size_t)n);
    put(fd, text, strlen(text));
}

static void drip(int fd)
{
    say(fd, 100, "");
    for (int i = 0; i < DRIPS; i++, pause_s(1))
        put(fd, "H", 1);
}

static void flood(int fd)
{
    static const char block[1024];
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1048576"
                               "\r\n\r\n";
    put(fd, head, sizeof head - 1);
    for (int i = 0; i < 1024; i++)
        put(fd, block, sizeof block);
}

static void act(int fd, const char *mode, const char *request, size_t len)
{
    if (strcmp(mode, "late") == 0)
        pause_s(LATE_S);
    if (strcmp(mode, "good") == 0 || strcmp(mode, "late") == 0)
        pass_on(fd, request, len);
    else if (strcmp(mode, "silent") == 0)
        pause_s(FOR_EVER_S);
    else if (strcmp(mode, "drip") == 0)
        drip(fd);
    else if (strcmp(mode, "full") == 0)
        say(fd, 507, "the disk is full\n");
    else if (strcmp(mode, "seen") == 0)
        say(fd, 409, "9000000000\n");
    else if (strcmp(mode, "denies") == 0)
        say(fd, 403, "no\n");
    else if (strcmp(mode, "forged") == 0)
        say(fd, 200,
            "\342\200\224 witness.example/w1 "
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n");
    else if (strcmp(mode, "empty") == 0)
        say(fd, 200, "");
    else if (strcmp(mode, "flood") == 0)
        flood(fd);
}

static void *serve(void *arg)
{
    AUTO_CLOSE int fd = (int)(intptr_t)arg;
    char request[BYTES], mode[16] = "";
    FILE *f = fopen(mode_file, "r");
    if (f) {
        if (fscanf(f, "%15s", mode) != 1)
            mode[0] = '\0';
        (void)fclose(f);
    }
    const size_t len = read_request(fd, request);
    if (len)
        act(fd, mode, request, len);
    return NULL;
}

int main(int argc, char **argv)
{
    const int one = 1;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (argc != 4) {
        (void)fprintf(stderr, "usage: bad_witness PORT MODE REAL\n");
        return EXIT_FAILURE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    a.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    mode_file = argv[2];
    real_port = (uint16_t)strtoul(argv[3], NULL, 10);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (const struct sockaddr *)&a, sizeof a) != 0 ||
        listen(listener, 16) != 0) {
        perror("bad_witness");
        return EXIT_FAILURE;
    }
    for (;;) {
        pthread_t thread;
        const int fd = accept(listener, NULL, NULL);
        if (fd >= 0 &&
            pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            (void)pthread_detach(thread);
    }
}
