#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * Who may ask what.  Principals come from one YAML file (docs/principals.md):
 * name, role, datasets, purposes and the SHA-256 of a bearer token of 32 random
 * bytes written as 64 hex digits.  Immutable once loaded.
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

/* What a call does, whichever front end it came through.  Deny by default. */
enum auth_action {
    AUTH_QUERY,
    AUTH_ESTIMATE,
    AUTH_LIST,
    AUTH_DESCRIBE,
    AUTH_BUDGET,
    AUTH_WATCH,
    AUTH_CHARGES_OWN, /* one's own charges */
    AUTH_CHARGES_ALL, /* everyone's */
    AUTH_ACTION_COUNT
};

struct auth_principal {
    const char *name;
    enum auth_role role;
    const char **datasets; /* names; "*" = all */
    size_t n_datasets;
    const char **purposes; /* ids; "*" = all */
    size_t n_purposes;
    uint8_t token_hash[32];
};

struct auth_registry {
    struct auth_principal *principals; /* sorted by token_hash */
    size_t n;
};

struct policy_report;

/* As policy_load: ERR_INVALID with every mistake in *report. */
enum err_code auth_load(struct auth_registry **out, const char *path,
                        struct policy_report *report, struct arena *a,
                        struct err *err) MUST_CHECK;

/*
 * The principal whose token this is; "Bearer " prefix, case-insensitive.
 * ERR_UNAUTHENTICATED with the same message for absent, malformed and unknown.
 * Work does not depend on how much of a token is right.
 */
enum err_code auth_by_header(const struct auth_principal **out,
                             const struct auth_registry *r, const char *header,
                             size_t len, struct err *err) MUST_CHECK;

bool auth_sees_dataset(const struct auth_principal *p, const char *dataset);
bool auth_may_purpose(const struct auth_principal *p, const char *purpose);
/* The table of DESIGN 8: what a role is for, and nothing else. */
bool auth_may(enum auth_role role, enum auth_action action);
const char *auth_role_name(enum auth_role role);

#endif
