#ifndef TESTS_AUDITOR_PIPE_H
#define TESTS_AUDITOR_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Very many gRPC calls of one method over one plaintext connection to this
 * machine, so many of them on their way at any time.  For tests: whatever goes
 * wrong with the connection says so and ends the program.
 */
enum { PIPE_CALLS_MAX = 64 };

struct pipe_reply {
    size_t call;        /* which one: its number */
    int status;         /* gRPC's; 0 is fine */
    const char *what;   /* its words, "" without any */
    const uint8_t *msg; /* borrowed until the callback returns */
    size_t len;         /* bytes */
    uint64_t took_ns;   /* from when it was submitted to its last byte */
};

struct pipe {
    uint16_t port;
    const char *token, *path; /* "/package.Service/Method" */
    unsigned at_once;         /* 1 to PIPE_CALLS_MAX */

    /* The call's message: *msg is borrowed until the next question. */
    void (*ask)(void *ctx, size_t call, const uint8_t **msg, size_t *len);
    void (*reply)(void *ctx, const struct pipe_reply *reply);
    void *ctx;
};

/* Make calls 0 to n - 1; replies come in any order. */
void pipe_run(const struct pipe *pipe, size_t n);

#endif
