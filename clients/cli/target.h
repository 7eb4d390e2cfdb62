#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include "server/base/err.h"

/*
 * Where the server is: HOST, HOST:PORT, [IPV6] or [IPV6]:PORT.
 */
struct target {
    char host[256];      /* without brackets */
    char port[6];        /* decimal, 1 .. 65535 */
    char authority[270]; /* as the server sees it: host:port */
};

/* The port of gRPC when none is given. */
#define TARGET_PORT    "7443"
#define TARGET_DEFAULT "localhost:" TARGET_PORT

/* ERR_INVALID says what is wrong with the text. */
enum err_code target_parse(struct target *out, const char *text,
                           struct err *err) MUST_CHECK;

#endif
