#ifndef TESTS_LIB_GRPC_H
#define TESTS_LIB_GRPC_H

#include "tests/lib_h2.h"

/*
 * A session under small limits, a client in memory, and an owner of methods who
 * remembers what it was asked:
 *
 *   /t/Echo    sends the message back, or with `hold` nothing
 *   /t/Guarded as /t/Echo, for those who say "let me in"
 *   /t/Fail    an error with all that an error may have
 *   /t/Big     BIG bytes
 *   /t/Stream  three messages, "abc" each
 *   /t/Bidi    each message back
 */
enum {
    SECOND = 1000000000,
    MESSAGE_LIMIT = 1000,
    HEADER_LIMIT = 2000,
    QUEUED_LIMIT = 500,
    REPLIES_LIMIT = 1000000,
    BIG = 200000
};

/* One request message: "abc" with its prefix. */
#define M "\0\0\0\0\3abc"

/* What the owner saw. */
struct owner {
    int calls, cancels, ends, drains;
    int32_t last;
    size_t message_len;
    char authorization[64];
    uint64_t deadline_ns;
    bool hold;      /* do not reply */
    bool was_noted; /* the memo of the call said so */
};

struct world {
    struct owner owner;
    struct h2_clock clock;
    struct grpc_service service;
    struct grpc_session *session;
    struct h2_client client;
};

void world_init(struct world *w);
void world_fini(struct world *w);

#endif
