#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/scram.h"
#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/writer.h"

/*
 * Who may ask what.  Principals come from one YAML file (docs/principals.md):
 * name, role, datasets, purposes and the SHA-256 of a bearer token: 32 random
 * bytes written as 64 hex digits, hashed as that text.  Immutable once loaded.
 * Who uses the PostgreSQL port has a SCRAM verifier, too (scram.h).
 *
 * Everything is denied unless a row says otherwise: a role's row in the table
 * of actions, a principal's lists of datasets and purposes.
 */
enum auth_role {
    ROLE_STEWARD,
    ROLE_ANALYST,
    ROLE_AUDITOR,
    ROLE_SUBJECT_SERVICE,
    ROLE_SENDER,
    ROLE_OPERATOR,
    ROLE_COUNT
};

/* What a role may do at all; datasets and purposes narrow it further. */
enum auth_action {
    AUTH_QUERY,       /* spend budget, read answers */
    AUTH_ESTIMATE,    /* prices; free */
    AUTH_LIST,        /* names of datasets */
    AUTH_DESCRIBE,    /* published schema */
    AUTH_BUDGET,      /* what is spent and left, once */
    AUTH_WATCH,       /* the same, as a stream */
    AUTH_CHARGES_OWN, /* the caller's charges */
    AUTH_CHARGES_ALL, /* everyone's */
    AUTH_HEALTH,      /* is the server well */
    AUTH_METRICS,     /* its counters */
    AUTH_ADMIN,       /* lift the stop that misses are */
    AUTH_AUDIT,       /* read the audit log, opened */
    AUTH_CONSENT,     /* record and read what people decided */
    AUTH_CONTACT,     /* ask whether one person may be contacted */
    AUTH_ERASURES,    /* see how far erasures are, without names */
    AUTH_ERASE,       /* have them done in the data */
    AUTH_ACTION_COUNT
};

struct auth_principal {
    const char *name;
    enum auth_role role;
    const char *team;      /* or NULL */
    const char **datasets; /* names; "*" = all */
    size_t n_datasets;
    const char **purposes; /* ids; "*" = all */
    size_t n_purposes;
    const char **dashboards; /* names that it asks for */
    size_t n_dashboards;     /* 0 = it is none's */
    uint8_t token_hash[32];
    struct scram_verifier *scram; /* of a password, for the PostgreSQL port; or
                                     NULL: it has none, and cannot log in */
    unsigned line;                /* in the file */
};

struct auth_registry {
    struct auth_principal *principals; /* sorted by token_hash, no two equal */
    size_t n;
};

struct policy_report;

/* As policy_load: ERR_INVALID with every mistake in *report. */
enum err_code auth_load(struct auth_registry **out, const char *path,
                        struct policy_report *report, struct arena *a,
                        struct err *err) MUST_CHECK;

/* The same from memory; `path` names it in messages. */
enum err_code auth_load_bytes(struct auth_registry **out, const void *bytes,
                              size_t len, const char *path,
                              struct policy_report *report, struct arena *a,
                              struct err *err) MUST_CHECK;

/*
 * The principal whose token this is; "Bearer " prefix, case-insensitive.
 * ERR_UNAUTHENTICATED with the same message for absent (NULL), malformed and
 * unknown.  Work does not depend on how much of a token is right.
 */
enum err_code auth_by_header(const struct auth_principal **out,
                             const struct auth_registry *r, const char *header,
                             size_t len, struct err *err) MUST_CHECK;

/* The principal of that name, or NULL. */
const struct auth_principal *auth_by_name(const struct auth_registry *r,
                                          const char *name);

/*
 * Whose verifier one of nobody called `name` takes after: some principal's, the
 * same for one name as long as he is there, so that among all of them there are
 * as many of each kind.  NULL: nobody has one.
 */
const struct scram_verifier *auth_scram_like(const struct auth_registry *r,
                                             const uint8_t secret[32],
                                             const char *name);

/* A number of the principal's, spread evenly, for tables; the same after a
 * reload as long as the token is. */
static inline unsigned auth_number(const struct auth_principal *p)
{
    return (unsigned)p->token_hash[0] << 8 | p->token_hash[1];
}

bool auth_may(enum auth_role role, enum auth_action action);
bool auth_sees_dataset(const struct auth_principal *p, const char *dataset);
bool auth_may_purpose(const struct auth_principal *p, const char *purpose);
bool auth_may_dashboard(const struct auth_principal *p, const char *dashboard);

/* The dashboard that all of its questions are for, or NULL: it asks for none,
 * or has to say for which. */
const char *auth_own_dashboard(const struct auth_principal *p);

const char *auth_role_name(enum auth_role role);
const char *auth_action_name(enum auth_action action);
/* ROLE_COUNT when there is no such name. */
enum auth_role auth_role_of_name(const char *name);

/* Every key of the file, as policy_keys_print; and the roles by action. */
void auth_keys_print(struct writer *w);
void auth_roles_print(struct writer *w);

/* A new secret, to be shown once; its hash is what the file keeps. */
struct auth_token {
    char hex[65];
    uint8_t hash[32];
};

/* ERR_INTERNAL when the system has no randomness. */
enum err_code auth_token_new(struct auth_token *out,
                             struct err *err) MUST_CHECK;

/*
 * Print the entry of `p` as it stands under `principals:`, hash and verifier
 * included and token not.  ERR_INVALID when its name, a dataset or a purpose
 * could not be loaded again.
 */
enum err_code auth_entry_print(struct writer *w, const struct auth_principal *p,
                               struct err *err) MUST_CHECK;

#endif
