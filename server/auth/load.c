#include <stdlib.h>
#include <string.h>

#include "server/auth/auth.h"
#include "server/policy/fields.h"
#include "server/policy/scalar.h"

/* A principal while it is read. */
struct principal_text {
    struct auth_principal p;
    struct field_texts datasets, purposes, dashboards;
    bool has_hash;
};

static bool hex_value(char c, unsigned *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    if (!at)
        return false;
    *out = (unsigned)(at - digits);
    return true;
}

static void read_hash(struct loader *l, const struct field *f,
                      const struct yaml_node *node, void *out)
{
    struct principal_text *t = out;
    const char *text = loader_scalar(l, f, node);
    const size_t n = sizeof t->p.token_hash;
    if (!text)
        return;
    t->has_hash = node->len == 2 * n;
    for (size_t i = 0; t->has_hash && i < n; i++) {
        unsigned high = 0, low = 0;
        t->has_hash =
            hex_value(text[2 * i], &high) && hex_value(text[2 * i + 1], &low);
        t->p.token_hash[i] = (uint8_t)(high << 4 | low);
    }
    /* What stands here may be a token by mistake: it is not repeated. */
    if (!t->has_hash)
        loader_mistake(l, yaml_place_of(node),
                       "'token_sha256' must be 64 lower-case hex digits",
                       "'halftone principals add' prints an entry with the "
                       "hash of a new token");
}

static void read_scram(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    struct principal_text *t = out;
    const char *text = loader_scalar(l, f, node);
    if (!text)
        return;
    t->p.scram = loader_alloc(l, 1, sizeof *t->p.scram);
    /* As above, it may be a password by mistake. */
    if (t->p.scram && !scram_parse(t->p.scram, text, node->len))
        loader_mistake(l, yaml_place_of(node),
                       "'scram_sha256' must be a verifier, "
                       "SCRAM-SHA-256$...",
                       "'halftone principals password' makes one");
}

#define AT(member) offsetof(struct principal_text, member)
static const char *const ROLE_WORDS[] = { "steward", "analyst",
                                          "auditor", "subject_service",
                                          "sender",  "operator",
                                          NULL };
static const struct field PRINCIPAL[] = {
    { .key = "role",
      .kind = FIELD_WORD,
      .required = true,
      .at = AT(p.role),
      .words = ROLE_WORDS,
      .help = "What it may do; the table of roles tells." },
    { .key = "team",
      .kind = FIELD_ID,
      .at = AT(p.team),
      .absent = "none",
      .help = "The team it belongs to, for quotas that a team shares." },
    { .key = "datasets",
      .kind = FIELD_TEXTS,
      .at = AT(datasets),
      .absent = "none",
      .help = "The datasets it sees, or \"*\" for all; another looks as if it "
              "did not exist." },
    { .key = "purposes",
      .kind = FIELD_TEXTS,
      .at = AT(purposes),
      .absent = "none",
      .help = "The purposes it may ask for, or \"*\" for all." },
    { .key = "dashboards",
      .kind = FIELD_TEXTS,
      .at = AT(dashboards),
      .absent = "none",
      .help = "The dashboards it asks for, whose quotas pay for its questions; "
              "of several each question names one." },
    { .key = "token_sha256",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = read_hash,
      .form = "64 hex digits",
      .help = "SHA-256 of the token's 64 hex digits, never the token itself." },
    { .key = "scram_sha256",
      .kind = FIELD_CUSTOM,
      .read = read_scram,
      .form = "SCRAM-SHA-256$...",
      .absent = "it cannot use the PostgreSQL port",
      .help = "Verifier of its password there, in PostgreSQL's format; "
              "'principals add' makes one of the token, so that the token is "
              "the password." },
};
static const struct field_set PRINCIPAL_FIELDS =
    FIELD_SET("a principal", "principals.NAME", PRINCIPAL);

/* With a star whoever asks could make up a dashboard, and its quota. */
static void check_no_star(struct loader *l, const struct field_texts *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->text[i], "*") == 0)
            loader_mistake(l, list->at[i], "'dashboards' must be named",
                           "list those it asks for: [weekly, campaigns]");
}

static void check_entries(struct loader *l, const struct field_texts *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->text[i], "*") != 0 && !scalar_is_id(list->text[i]))
            loader_mistake(l, list->at[i],
                           arena_printf(l->a, "'%s' is no name",
                                        loader_quote(l, list->text[i])),
                           "names are lower-case letters, digits and '_-.@', "
                           "or \"*\" for all");
}

static void read_principal(struct loader *l, const struct yaml_node *node,
                           struct auth_registry *r)
{
    static const struct field name = {
        .key = "principal",
        .kind = FIELD_ID,
        .help = "The name of a principal appears in the ledger."
    };
    struct principal_text t = {
        .p = { .name = "", .role = ROLE_COUNT, .line = node->key_line }
    };
    fields_read_key(l, &name, node, &t.p.name);
    fields_read(l, &PRINCIPAL_FIELDS, node, &t);
    check_entries(l, &t.datasets);
    check_entries(l, &t.purposes);
    check_entries(l, &t.dashboards);
    check_no_star(l, &t.dashboards);
    t.p.datasets = t.datasets.text;
    t.p.n_datasets = t.datasets.n;
    t.p.purposes = t.purposes.text;
    t.p.n_purposes = t.purposes.n;
    t.p.dashboards = t.dashboards.text;
    t.p.n_dashboards = t.dashboards.n;
    if (t.has_hash)
        r->principals[r->n++] = t.p;
}

static void read_principals(struct loader *l, const struct field *f,
                            const struct yaml_node *node, void *out)
{
    struct auth_registry *r = out;
    (void)f;
    if (node->kind != YAML_MAP || node->n == 0) {
        loader_mistake(l, yaml_place_of_key(node),
                       "'principals' must be a map of at least one principal",
                       "'halftone principals add NAME --role ROLE' prints an "
                       "entry");
        return;
    }
    r->principals = loader_alloc(l, node->n, sizeof *r->principals);
    if (!r->principals)
        return;
    for (const struct yaml_node *c = node->first; c; c = c->next)
        read_principal(l, c, r);
}

static const struct field FILE_FIELDS[] = {
    { .key = "principals",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = read_principals,
      .inner = &PRINCIPAL_FIELDS,
      .form = "map",
      .help = "Who may call the server, by name." },
};
static const struct field_set PRINCIPALS_FIELDS =
    FIELD_SET("the principals file", "", FILE_FIELDS);

void auth_keys_print(struct writer *w)
{
    static const struct field_set *const sets[] = { &PRINCIPALS_FIELDS,
                                                    &PRINCIPAL_FIELDS };
    fields_print(w, sets, sizeof sets / sizeof sets[0]);
}

static int by_hash(const void *x, const void *y)
{
    const struct auth_principal *a = x, *b = y;
    const int order =
        memcmp(a->token_hash, b->token_hash, sizeof a->token_hash);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* One token is one principal: two with the same could be told apart by none. */
static void sort_by_hash(struct loader *l, struct auth_registry *r)
{
    struct auth_principal *p = r->principals;
    if (r->n > 1)
        qsort(p, r->n, sizeof *p, by_hash);
    for (size_t i = 1; i < r->n; i++)
        if (memcmp(p[i].token_hash, p[i - 1].token_hash,
                   sizeof p->token_hash) == 0)
            loader_mistake(l, (struct yaml_place){ p[i].line, 1 },
                           arena_printf(l->a, "'%s' has the token of '%s'",
                                        p[i].name, p[i - 1].name),
                           "issue a token of its own with 'halftone "
                           "principals add'");
}

static enum err_code finish(struct auth_registry **out, struct loader *l,
                            const struct yaml_node *root, struct err *err)
{
    struct auth_registry *r = loader_alloc(l, 1, sizeof *r);
    if (r) {
        fields_read(l, &PRINCIPALS_FIELDS, root, r);
        sort_by_hash(l, r);
    }
    TRY(loader_close(l, err));
    *out = r;
    return ERR_OK;
}

enum err_code auth_load(struct auth_registry **out, const char *path,
                        struct policy_report *report, struct arena *a,
                        struct err *err)
{
    struct loader l = loader_of(path, report, a);
    const struct yaml_node *root;
    const uint8_t *bytes;
    size_t len;
    if (l.full)
        return loader_close(&l, err);
    TRY(loader_open_file(&l, &root, &bytes, &len, err));
    return finish(out, &l, root, err);
}

enum err_code auth_load_bytes(struct auth_registry **out, const void *bytes,
                              size_t len, const char *path,
                              struct policy_report *report, struct arena *a,
                              struct err *err)
{
    struct loader l = loader_of(path, report, a);
    const struct yaml_node *root;
    if (l.full)
        return loader_close(&l, err);
    TRY(loader_open_bytes(&l, &root, bytes, len, err));
    return finish(out, &l, root, err);
}
