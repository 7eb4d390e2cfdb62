#ifndef MAIN_CONFIG_H
#define MAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/audit/note.h"
#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/writer.h"
#include "server/consent/pseudonym.h"
#include "server/ledger/seal.h"
#include "server/policy/report.h"

/*
 * The server's own file (halftoned --config FILE): where it listens, which
 * files it serves, how much it may use.  Paths are resolved against the file's
 * folder.  docs/config.md lists every key.
 */
struct config_listen {
    const char *host; /* numeric address */
    uint16_t port;    /* 0 = any */
};

struct config {
    const char *path; /* of the file */

    struct config_listen grpc;    /* default 127.0.0.1:7443 */
    struct config_listen pg;      /* PostgreSQL's protocol; usually port 7432 */
    bool has_pg;                  /* false: it is off, which is the default */
    struct config_listen metrics; /* default 127.0.0.1:7490; loopback only */
    bool has_metrics;             /* false: `metrics: off` */
    const char *tls_cert, *tls_key; /* PEM; NULL with plaintext */
    const char *tls_client_ca;      /* NULL = none asked */
    bool tls12;                     /* also TLS 1.2 */
    bool plaintext; /* no TLS; refused unless grpc.host is a loopback address */

    const char **policies; /* paths, sorted; a folder means its *.yaml */
    size_t n_policies;
    const char *principals; /* path */
    const char *ledger;     /* path */
    const char *audit_name; /* of the audit log, for those who verify it */
    struct seal_keys answer_keys;     /* from `answer_keys`, made likewise */
    const char *witness;              /* path on another disk, or NULL */
    const char *witness_url;          /* of one over HTTP instead, or NULL */
    const char *witness_ca;           /* path, or NULL: the system's */
    struct note_verifier witness_key; /* of it */
    uint64_t audit_interval_ns;       /* between leaves of all that people do */
    struct note_signer audit_key; /* from `audit.key`, made as the secret is */
    uint8_t secret[32]; /* from `secret`: a file of 32 random bytes, made
                           (mode 0600) when absent, refused when others can
                           read it; keys the hash that bounds */

    const char *consent;  /* where the register is; NULL = none */
    const char *erasures; /* path of its file of erasures */
    struct pseudonym_keys pseudonym_keys; /* from `consent.keys`, likewise */

    unsigned loops;    /* 0 = one per core */
    unsigned workers;  /* threads that run queries, default 8 */
    unsigned queue;    /* queries that may wait, default 256 */
    uint64_t lease_ns; /* one run may hold a charge, default 10 min */

    uint64_t engine_memory;  /* bytes, 0 = half of the machine's, shared */
    unsigned engine_threads; /* 0 = one per core */
    const char *engine_temp; /* folder, or NULL */

    unsigned max_conns;                   /* default 4096 */
    unsigned handshakes, handshake_rate;  /* of one address: 128, 100 a s */
    uint32_t max_streams;                 /* per connection, default 100 */
    uint32_t max_message_len;             /* bytes, default 256 KiB */
    uint64_t idle_ns, stall_ns, drain_ns; /* defaults 5 min, 30 s, 10 s */
    uint64_t pg_idle_ns;                  /* default 8 h: pools keep them */
    size_t replay_len;     /* bytes of replies in memory, default 64 MiB */
    const char *log_level; /* "debug", "info" (default), "warn", "error" */
};

/*
 * Codes as policy_load.  Also lists folders of policies, and makes the secret
 * when everything else is right.
 */
enum err_code config_load(struct config **out, const char *path,
                          struct policy_report *report, struct arena *a,
                          struct err *err) MUST_CHECK;

/*
 * The same from memory and for its text alone: no other file is looked at,
 * policies stay as written and the secret is zero.
 */
enum err_code config_check_bytes(struct config **out, const void *bytes,
                                 size_t len, const char *path,
                                 struct policy_report *report, struct arena *a,
                                 struct err *err) MUST_CHECK;

/* Every key of the file, as policy_keys_print. */
void config_keys_print(struct writer *w);

#endif
