#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * One error type for the whole server.
 *
 * A fallible function takes `struct err *` last, returns the code, and has
 * filled in the message by the time it returns non-zero.  Message and hint are
 * for the remote caller: they may quote the request and the policy, never the
 * data, and which code is returned never depends on data once it was read.
 *
 * server/base/err.def is the one table that maps a code to its name, its gRPC
 * status, its SQLSTATE and the exit code of the command line client.
 */
enum err_code {
#define ERR(code, name, grpc, sqlstate, exit_code, help) ERR_##code,
#include "server/base/err.def"
#undef ERR
    ERR_COUNT
};

struct err {
    enum err_code code;
    unsigned line, col; /* place in the caller's text, from 1; 0 = none */
    char msg[320];      /* one sentence: what is wrong, and where */
    char hint[320];     /* a way out, or "" */
    const char *reason; /* stable name within the code ("select_star"), or NULL;
                           static */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Facts about a code, for front ends.  Borrowed, static. */
struct err_info {
    const char *name;     /* stable, lower case: "over_budget" */
    const char *sqlstate; /* five characters */
    const char *help;     /* one sentence */
    int grpc;             /* google.rpc.Code */
    int exit_code;        /* of build/halftone */
};
const struct err_info *err_info_of(enum err_code code);

/* The code named `name`, or ERR_INTERNAL when no such name exists. */
enum err_code err_code_of_name(const char *name);

/*
 * Record code and message (truncated to fit, at a UTF-8 boundary) and clear
 * place, hint and reason; returns `code`.
 */
enum err_code err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put words before the message of an error already set; returns its code. */
enum err_code err_before(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Add a way out to an error already set; returns its code. */
enum err_code err_hint(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Add the place (line and column from 1) to an error already set. */
enum err_code err_at(struct err *err, unsigned line, unsigned col);

/* The only macro in this project that hides a return. */
#define TRY(call)                                                              \
    do {                                                                       \
        const enum err_code try_code_ = (call);                                \
        if (try_code_ != ERR_OK)                                               \
            return try_code_;                                                  \
    } while (0)

#endif
