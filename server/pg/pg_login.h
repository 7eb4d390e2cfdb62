#ifndef PG_PG_LOGIN_H
#define PG_PG_LOGIN_H

#include "server/pg/pg_session.h"

/*
 * How a session begins: the startup packet, then the password, by SASL.
 * Private to pg_session.c.
 *
 *   pg_login_start --packet--> pg_login_message, until DONE
 *
 * What is to be said goes to `out`, a refusal too.
 */
enum { PG_LOGIN_MESSAGE_MAX = 4096 }; /* body of one, in bytes */

struct pg_login {
    const struct pg_session_options *options; /* borrowed */
    struct pg_out *out;                       /* borrowed */
    char *user;                               /* owned; once it is proved */
    bool sasl_began;
    uint8_t *packet; /* owned: the startup packet, until DONE */
    struct pg_startup startup;
};

enum pg_login_next {
    PG_LOGIN_WAITS,   /* for more bytes; none was taken */
    PG_LOGIN_GOES_ON, /* with the next message */
    PG_LOGIN_DONE,    /* the password is proved */
    PG_LOGIN_FAILED,  /* the session ends, or was never to be one */
};

/* The startup packet, from the `len` bytes there are; *taken: its length. */
enum pg_login_next pg_login_start(struct pg_login *l, const uint8_t *data,
                                  size_t len, size_t *taken);

/* A message after it.  DONE: *out is the caller's, and has said that it is
 * ready. */
enum pg_login_next pg_login_message(struct pg_login *l,
                                    const struct pg_frame *f,
                                    struct pg_backend **out);

void pg_login_fini(struct pg_login *l);

#endif
