#include "server/auth/auth.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#include "server/base/siphash.h"

enum { TOKEN_LEN = 64, HASH_LEN = 32 };

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr("0123456789abcdefABCDEF", text[i]) || !text[i])
            return false;
    return true;
}

/* The token of "Bearer TOKEN", or NULL. */
static const char *token_of(const char *header, size_t len)
{
    static const char scheme[] = "Bearer ";
    const size_t skip = sizeof scheme - 1;
    if (!header || len != skip + TOKEN_LEN ||
        strncasecmp(header, scheme, skip) != 0 ||
        !is_hex(header + skip, TOKEN_LEN))
        return NULL;
    return header + skip;
}

/*
 * A plain binary search is enough.  What it compares are hashes of guesses: its
 * running time tells at most how far a guess's *hash* agrees with a stored one,
 * and nobody can steer a token towards a hash, so that tells nothing about the
 * next guess.
 */
static const struct auth_principal *find(const struct auth_registry *r,
                                         const uint8_t hash[HASH_LEN])
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const int order = memcmp(hash, r->principals[mid].token_hash, HASH_LEN);
        if (order == 0)
            return &r->principals[mid];
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

enum err_code auth_by_header(const struct auth_principal **out,
                             const struct auth_registry *r, const char *header,
                             size_t len, struct err *err)
{
    const char *token = token_of(header, len);
    const struct auth_principal *found = NULL;
    if (token) {
        uint8_t hash[HASH_LEN];
        (void)SHA256((const unsigned char *)token, TOKEN_LEN, hash);
        found = find(r, hash);
        OPENSSL_cleanse(hash, sizeof hash);
    }
    if (found) {
        *out = found;
        return ERR_OK;
    }
    (void)err_set(err, ERR_UNAUTHENTICATED, "no valid credentials");
    return err_hint(err, "send 'authorization: Bearer TOKEN' with a token of "
                         "64 hex digits that the steward issued");
}

static bool is_listed(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], "*") == 0 || strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool auth_sees_dataset(const struct auth_principal *p, const char *dataset)
{
    return is_listed(p->datasets, p->n_datasets, dataset);
}

bool auth_may_purpose(const struct auth_principal *p, const char *purpose)
{
    return is_listed(p->purposes, p->n_purposes, purpose);
}

bool auth_may_dashboard(const struct auth_principal *p, const char *dashboard)
{
    for (size_t i = 0; i < p->n_dashboards; i++)
        if (strcmp(p->dashboards[i], dashboard) == 0)
            return true;
    return false;
}

const char *auth_own_dashboard(const struct auth_principal *p)
{
    return p->n_dashboards == 1 ? p->dashboards[0] : NULL;
}

static const char *const ACTIONS[AUTH_ACTION_COUNT] = {
    [AUTH_QUERY] = "query",
    [AUTH_ESTIMATE] = "estimate",
    [AUTH_LIST] = "list",
    [AUTH_DESCRIBE] = "describe",
    [AUTH_BUDGET] = "budget",
    [AUTH_WATCH] = "watch",
    [AUTH_CHARGES_OWN] = "own charges",
    [AUTH_CHARGES_ALL] = "all charges",
    [AUTH_HEALTH] = "health",
    [AUTH_METRICS] = "metrics",
    [AUTH_ADMIN] = "admin",
    [AUTH_AUDIT] = "audit log",
    [AUTH_CONSENT] = "consent",
    [AUTH_CONTACT] = "may contact",
    [AUTH_ERASURES] = "see erasures",
    [AUTH_ERASE] = "do erasures",
};

#define MAY(action) (1u << AUTH_##action)
#define MAY_READ    (MAY(LIST) | MAY(DESCRIBE) | MAY(BUDGET) | MAY(WATCH))

/* A steward decides over budgets and so never spends one. */
static const struct {
    const char *name;
    unsigned may;
} ROLES[ROLE_COUNT] = {
    [ROLE_STEWARD] = { "steward", MAY_READ | MAY(ESTIMATE) | MAY(CHARGES_OWN) |
                                      MAY(CHARGES_ALL) | MAY(HEALTH) |
                                      MAY(METRICS) | MAY(ADMIN) |
                                      MAY(ERASURES) | MAY(ERASE) },
    [ROLE_ANALYST] = { "analyst", MAY_READ | MAY(QUERY) | MAY(ESTIMATE) |
                                      MAY(CHARGES_OWN) | MAY(HEALTH) },
    [ROLE_AUDITOR] = { "auditor", MAY_READ | MAY(CHARGES_OWN) |
                                      MAY(CHARGES_ALL) | MAY(AUDIT) |
                                      MAY(HEALTH) },
    [ROLE_SUBJECT_SERVICE] = { "subject_service", MAY(HEALTH) | MAY(CONSENT) },
    [ROLE_SENDER] = { "sender", MAY(HEALTH) | MAY(CONTACT) },
    [ROLE_OPERATOR] = { "operator",
                        MAY(HEALTH) | MAY(METRICS) },
};

bool auth_may(enum auth_role role, enum auth_action action)
{
    assert(role < ROLE_COUNT && action < AUTH_ACTION_COUNT);
    return ROLES[role].may & 1u << action;
}

const char *auth_role_name(enum auth_role role)
{
    assert(role < ROLE_COUNT);
    return ROLES[role].name;
}

const char *auth_action_name(enum auth_action action)
{
    assert(action < AUTH_ACTION_COUNT);
    return ACTIONS[action];
}

enum auth_role auth_role_of_name(const char *name)
{
    unsigned role = 0;
    while (role < ROLE_COUNT && strcmp(ROLES[role].name, name) != 0)
        role++;
    return (enum auth_role)role;
}

void auth_roles_print(struct writer *w)
{
    writer_str(w, "| role | may |\n|---|---|\n");
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        const char *comma = "";
        writer_printf(w, "| `%s` | ", ROLES[role].name);
        for (unsigned action = 0; action < AUTH_ACTION_COUNT; action++)
            if (auth_may((enum auth_role)role, (enum auth_action)action)) {
                writer_printf(w, "%s%s", comma, ACTIONS[action]);
                comma = ", ";
            }
        writer_str(w, " |\n");
    }
}

const struct auth_principal *auth_by_name(const struct auth_registry *r,
                                          const char *name)
{
    const struct auth_principal *found = NULL;
    /* All of them: where one stands takes no time of its own. */
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->principals[i].name, name) == 0)
            found = &r->principals[i];
    return found;
}

const struct scram_verifier *auth_scram_like(const struct auth_registry *r,
                                             const uint8_t secret[32],
                                             const char *name)
{
    const struct scram_verifier *like = NULL;
    struct siphash_key key, of_name;
    uint64_t best = 0;
    memcpy(&key, secret, sizeof key);
    of_name = (struct siphash_key){ siphash(&key, name, strlen(name)), key.k1 };
    for (size_t i = 0; i < r->n; i++) {
        const struct auth_principal *p = &r->principals[i];
        const uint64_t rank = siphash(&of_name, p->name, strlen(p->name));
        if (p->scram && (!like || rank > best)) {
            like = p->scram;
            best = rank;
        }
    }
    return like;
}
