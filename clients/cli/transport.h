#ifndef CLI_TRANSPORT_H
#define CLI_TRANSPORT_H

#include "clients/cli/call.h"
#include "clients/cli/target.h"

/*
 * Carries one call over one connection: resolve, connect, TLS 1.3 with ALPN
 * "h2", then bytes both ways until the call is done or the time is up.
 *
 * The server's certificate must chain to an authority of `ca` (or of the
 * system) and name the host or address that was asked for.  There is no way to
 * turn that off; plaintext is for the loopback interface alone.
 */
struct transport {
    struct target target;
    const char *ca; /* PEM file, or NULL for the system's */
    bool plaintext;
    uint64_t deadline_ns; /* monotonic; 0 = none */
    /* Called about ten times a second while waiting; or NULL. */
    void (*tick)(void *ctx);
    void *tick_ctx;
    bool connected; /* out: the server was reached */
};

/*
 * ERR_OK           the call is done; its own result may be an error
 * ERR_UNAVAILABLE  no connection, or TLS could not be agreed
 * ERR_DEADLINE     the time was up first
 * ERR_INVALID      plaintext to another machine; a CA file that does not load
 */
enum err_code transport_run(struct transport *t, struct call *c,
                            struct err *err) MUST_CHECK;

#endif
