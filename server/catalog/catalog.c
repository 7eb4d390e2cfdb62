#include "server/catalog/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "server/catalog/names.h"
#include "server/catalog/publish.h"
#include "server/catalog/script.h"
#include "server/engine/scratch.h"
#include "server/sql/rewrite.h"

enum { NAMES_MAX = 1 << 20, COLUMNS_MAX = 1664, TYPE_TEXT = 25 };

static const char version[] =
    "PostgreSQL 15.0 (Halftone; noisy answers about people, none about one)";

/* The type of a published table's rows. */
struct row_type {
    const char *schema, *name;
    uint32_t oid;
};

struct catalog {
    struct scratch *scratch;
    struct row_type *rows;
    size_t n_rows;
    struct names names;
    struct arena arena;
};

static bool note_rows(struct catalog *c, const struct policy *const *policies,
                      size_t n)
{
    size_t room = 0;
    for (size_t i = 0; i < n; i++)
        room += policies[i]->n_tables;
    c->rows = ARENA_NEW_N(&c->arena, room + 1, struct row_type);
    for (size_t i = 0; c->rows && i < n; i++)
        for (size_t k = 0; k < policies[i]->n_tables; k++) {
            const struct policy_table *t = &policies[i]->tables[k];
            c->rows[c->n_rows++] = (struct row_type){
                arena_strdup(&c->arena, policies[i]->name),
                arena_strdup(&c->arena, t->name),
                publish_row_type(policies[i], t),
            };
        }
    return c->rows != NULL;
}

/* A user is told from others by his name; two alike share a bound. */
static uint64_t owner_of(const char *user)
{
    return catalog_oid(user);
}

static enum err_code build(struct catalog *c, struct scratch_pool *pool,
                           const struct script_of *s, struct err *err)
{
    char *text = script_text(s);
    if (text)
        c->scratch = scratch_new(pool, owner_of(s->user), text);
    return c->scratch ? ERR_OK
                      : err_set(err, ERR_LIMIT, "no memory for the catalog");
}

enum err_code catalog_open(struct catalog **out, struct scratch_pool *pool,
                           const struct policy *const *policies, size_t n,
                           const char *user, const char *database,
                           struct err *err)
{
    struct catalog *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_LIMIT, "no memory for the catalog");
    arena_init(&c->arena, NAMES_MAX);
    enum err_code code = ERR_LIMIT;
    if (names_read(&c->names, &c->arena) && note_rows(c, policies, n)) {
        const struct script_of s = { &c->names, policies, n, user, database };
        code = build(c, pool, &s, err);
    }
    if (code != ERR_OK) {
        catalog_close(c);
        return code;
    }
    *out = c;
    return ERR_OK;
}

void catalog_close(struct catalog *c)
{
    if (!c)
        return;
    scratch_free(c->scratch);
    arena_fini(&c->arena);
    free(c);
}

/* One statement: the catalog and the session, behind rewrite.h's names. */
struct asking {
    const struct catalog *catalog;
    const struct catalog_session *session;
    const char *const *params;
    size_t n_params;
};

static const struct rewrite_relation *
relation(const void *ctx, const char *schema, const char *name)
{
    const struct asking *q = ctx;
    return names_relation(&q->catalog->names, schema, name);
}

static const struct rewrite_function *function(const void *ctx,
                                               const char *name)
{
    (void)ctx;
    return names_function(name);
}

static uint32_t type(const void *ctx, const char *schema, const char *name)
{
    const struct asking *q = ctx;
    const struct catalog *c = q->catalog;
    if (!*schema)
        return names_type(&c->names, name);
    for (size_t i = 0; i < c->n_rows; i++)
        if (strcmp(c->rows[i].schema, schema) == 0 &&
            strcmp(c->rows[i].name, name) == 0)
            return c->rows[i].oid;
    return 0;
}

static const char *setting(const void *ctx, const char *name)
{
    const struct asking *q = ctx;
    return q->session->setting ? q->session->setting(q->session->ctx, name)
                               : NULL;
}

static enum err_code rewritten(struct rewrite *out, const struct asking *q,
                               const char *text, size_t len, struct arena *a,
                               struct err *err)
{
    const struct rewrite_names names = {
        .ctx = q,
        .relation = relation,
        .function = function,
        .setting = setting,
        .type = type,
        .user = q->session->user,
        .database = q->session->database,
        .version = version,
        .schemas = q->session->schemas,
        .n_schemas = q->session->n_schemas,
        .params = q->params,
        .n_params = q->n_params,
    };
    return rewrite_catalog(out, text, len, &names, a, err);
}

/* Names by PostgreSQL's rules, types where they are known, else DuckDB's. */
static enum err_code fields(struct catalog_reply *out, const struct rewrite *r,
                            const struct scratch_rows *rows, struct arena *a,
                            struct err *err)
{
    const size_t n = rows->n_columns ? rows->n_columns : r->n_fields;
    struct catalog_field *f = ARENA_NEW_N(a, n + 1, struct catalog_field);
    if (!f)
        return err_set(err, ERR_LIMIT, "the catalog's answer is too large");
    for (size_t i = 0; i < n; i++) {
        const bool known = r->n_fields == n;
        f[i].name = known ? r->fields[i].name : "?column?";
        f[i].type = known && r->fields[i].type ? r->fields[i].type
                    : rows->n_columns          ? rows->types[i]
                                               : TYPE_TEXT;
    }
    out->fields = f;
    out->n_fields = n;
    out->params = r->params;
    out->n_params = r->n_params;
    out->cells = rows->cells;
    out->n_rows = rows->n_rows;
    return ERR_OK;
}

static enum err_code ask(struct catalog_reply *out, struct catalog *c,
                         const struct rewrite *r, const char *const *params,
                         size_t n_params, bool runs, struct arena *a,
                         struct err *err)
{
    bool is_vector[COLUMNS_MAX] = { false };
    struct scratch_rows rows;
    for (size_t i = 0; i < r->n_fields && i < COLUMNS_MAX; i++)
        is_vector[i] = r->fields[i].type == 22 || r->fields[i].type == 30;
    const struct scratch_ask q = { r->sql, params, n_params, is_vector,
                                   r->n_fields < COLUMNS_MAX ? r->n_fields
                                                             : COLUMNS_MAX };
    TRY(runs ? scratch_ask(&rows, c->scratch, &q, a, err)
             : scratch_describe(&rows, c->scratch, &q, a, err));
    return fields(out, r, &rows, a, err);
}

/* Parameters that are arrays, {1,2}, as DuckDB reads lists: [1,2]. */
static enum err_code lists(const char *const **params, const struct catalog *c,
                           const struct rewrite *r, size_t n, struct arena *a,
                           struct err *err)
{
    const char **out = ARENA_NEW_N(a, n + 1, const char *);
    for (size_t i = 0; out && i < n; i++) {
        const char *p = (*params)[i];
        const uint32_t oid = i < r->n_params ? r->params[i] : 0;
        const struct names_type *t = oid ? names_type_of(&c->names, oid) : NULL;
        out[i] = p;
        if (!p || p[0] != '{' || !t || t->oid == oid)
            continue;
        char *list = arena_strdup(a, p);
        if (!list)
            return err_set(err, ERR_LIMIT, "the parameters are too long");
        list[0] = '[';
        list[strlen(list) - 1] = ']';
        out[i] = list;
    }
    if (!out)
        return err_set(err, ERR_LIMIT, "the parameters are too many");
    *params = out;
    return ERR_OK;
}

enum err_code catalog_ask(struct catalog_reply *out, struct catalog *c,
                          const struct catalog_session *s, const char *text,
                          size_t len, const char *const *params,
                          size_t n_params, struct arena *a, struct err *err)
{
    const struct asking q = { c, s, params, n_params };
    struct rewrite r;
    *out = (struct catalog_reply){ 0 };
    TRY(rewritten(&r, &q, text, len, a, err));
    TRY(lists(&params, c, &r, n_params, a, err));
    return ask(out, c, &r, params, n_params, true, a, err);
}

enum err_code catalog_describe(struct catalog_reply *out, struct catalog *c,
                               const struct catalog_session *s,
                               const char *text, size_t len, struct arena *a,
                               struct err *err)
{
    const struct asking q = { .catalog = c, .session = s };
    struct rewrite r;
    *out = (struct catalog_reply){ 0 };
    TRY(rewritten(&r, &q, text, len, a, err));
    return ask(out, c, &r, NULL, 0, false, a, err);
}
