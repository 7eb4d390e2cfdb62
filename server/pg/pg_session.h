#ifndef PG_PG_SESSION_H
#define PG_PG_SESSION_H

#include "server/pg/pg_backend.h"

/*
 * PostgreSQL's protocol 3.0 on one connection: bytes in, bytes out, no sockets.
 *
 *   STARTUP --packet--> SASL --proved--> READY <--> AWAY (a worker has the
 *      |                 |                 |         backend)
 *      '-- cancel, error-'-- refused ------'-- goodbye, drain --> ENDED
 *
 * All functions are for the loop's thread.  Input that comes while the backend
 * is away waits, and past some of it pg_session_full() asks for no more.
 *
 * Nobody is told anything about datasets, and nothing is parsed but one packet,
 * before the password is proved.
 */
struct pg_session;

/* What the owner does for a session; never called after pg_session_free(). */
struct pg_hooks {
    /*
     * A SASL message of `user`'s; `mechanism` comes with the first.  *done: the
     * password is proved, and *reply is the last word.  ERR_UNAUTHENTICATED,
     * ERR_INVALID: it is not.
     */
    enum err_code (*sasl)(void *ctx, const char *user, const char *mechanism,
                          const char *data, size_t len, struct writer *reply,
                          bool *done, struct err *err);

    /* The dataset that a database of this name means, "" for none; and by what
     * the connection can be cancelled.  ERR_NOT_FOUND: there is none. */
    enum err_code (*open)(void *ctx, const char *database, const char **dataset,
                          uint32_t *pid, uint32_t *secret, struct err *err);

    /* Somebody asks to cancel what a connection is doing. */
    void (*cancel)(void *ctx, uint32_t pid, uint32_t secret);

    /*
     * The backend needs a worker for a message, both of which are the owner's
     * from now on: message in malloc()ed memory, to be freed after
     * pg_session_resume().  False: nobody can take it, nothing was done.
     */
    bool (*work)(void *ctx, struct pg_backend *backend, struct pg_frame message,
                 uint8_t *bytes, struct err *err);

    /* What the backend said leaves so much later: as work(), but without a
     * worker; `type` is of the message. */
    bool (*wait)(void *ctx, struct pg_backend *backend, char type,
                 uint64_t wait_ns);
};

struct pg_session_options {
    const struct pg_hooks *hooks; /* borrowed */
    void *ctx;
    bool is_tls, needs_tls;
    const uint8_t *endpoint; /* for SCRAM-SHA-256-PLUS; copied by nobody */
    size_t endpoint_len;     /* 0: it is not offered */
    size_t max_message_len;
    struct clock *clock; /* borrowed; NULL: no answer is remembered */
};

/* NULL: out of memory. */
struct pg_session *pg_session_new(const struct pg_session_options *options);
void pg_session_free(struct pg_session *s);

/* As those of struct net_protocol. */
bool pg_session_recv(struct pg_session *s, const uint8_t *data, size_t len);
size_t pg_session_pull(struct pg_session *s, uint8_t *buf, size_t cap);
bool pg_session_finished(const struct pg_session *s);
bool pg_session_full(const struct pg_session *s);
bool pg_session_busy(struct pg_session *s);
void pg_session_drain(struct pg_session *s);

/* The backend is back; `ends`: its last words are in its output. */
void pg_session_resume(struct pg_session *s, struct pg_backend *backend,
                       bool ends);

/* End with FATAL: the caller is nobody any more. */
void pg_session_expel(struct pg_session *s, const struct err *err);

/* Policies or principals changed: what was remembered is asked anew. */
void pg_session_forget(struct pg_session *s);

/* Who is logged in; NULL before. */
const char *pg_session_user(const struct pg_session *s);

#endif
