#ifndef TESTS_CRASH_LIFE_H
#define TESTS_CRASH_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A real server and who asks it: its folder, its starts and ends, a few
 * questions under keys, and what came back.
 *
 *   RUN/config.yaml, people.csv, ...   what the server reads
 *   RUN/state/a, b, c, d               ledger, witness, keys, register of
 *                                      consent: a disk each
 *   RUN/trace                          what shim.c saw
 *
 * What is asked: most are Query under a key of its own, the last one is Batch,
 * and every fourth is somebody's decision (Consent.Grant, Withdraw).  What
 * goes wrong in a test's own machinery ends the program.
 */
enum { LIFE_ASKED = 13, LIFE_DECISIONS = 3, LIFE_REPLY_MAX = 8192 };
enum { LIFE_CHARGES = LIFE_ASKED - LIFE_DECISIONS };
bool life_is_decision(size_t question);
enum { LIFE_PATH = 200, LIFE_WORDS = 256 };

struct life_reply {
    bool is_there;
    int status; /* gRPC's */
    char what[LIFE_WORDS];
    char charge[33]; /* of an answer: the query_id of its receipt */
    uint64_t record; /* of a decision: its number, and */
    bool was_there;  /* whether it had been recorded before */
    char mark[40];   /* bytes that are in no other reply */
    size_t mark_len; /* 0 = it says nothing */
    size_t len;
    uint8_t msg[LIFE_REPLY_MAX];
};
/* In memory that the asking process shares. */
struct life_replies {
    struct life_reply of[LIFE_ASKED];
};

struct life {
    const char *shim, *server; /* files; without a shim it is not watched */
    const char *ledger;        /* where it is; borrowed */
    const char *keys;          /* folder of secret and keys; borrowed */
    bool asks_no_people; /* no decisions: a register is one server's, and a
                            ledger elsewhere is of several */
    char run[LIFE_PATH];
    pid_t pid; /* 0 = none */
    uint16_t port;
};

/* A fresh folder, everything but the state in it; life_fini removes it.  With a
 * `ledger` of NULL it is a file there, with `keys` NULL they are there. */
void life_init(struct life *l, const char *shim, const char *server);
void life_init_at(struct life *l, const char *server, const char *ledger,
                  const char *keys);
void life_fini(struct life *l);

/* Remove ledger, keys, witness and trace. */
void life_wipe(struct life *l);
void life_path(char out[LIFE_PATH], const struct life *l, const char *name);

/* How it is watched, and what fails (shim.c). */
struct life_how {
    bool traced;
    const char *server; /* instead of life's, or NULL */
    const char *plant;  /* what that one does wrong (plant.c), or NULL */
    const char *fault;  /* or NULL */
    uint64_t at;
};
/* Start it and wait; false when it ended before it served. */
bool life_start(struct life *l, const struct life_how *how);

/* Ask questions first .. first + n, so many at once.  A connection that breaks
 * leaves the rest unanswered. */
void life_ask(struct life *l, struct life_replies *r, size_t first, size_t n,
              unsigned at_once);
/* What the server said, on standard output. */
void life_show_log(const struct life *l);

/* A moment in which nobody asks. */
void life_rest(void);
struct life_replies *life_replies_new(void);
void life_replies_free(struct life_replies *r);

/* End it; `sig` 0 when it is to have ended by itself.  NULL, or what was wrong
 * with its end: it crashed, or did not stop. */
const char *life_stop(struct life *l, int sig);

#endif
