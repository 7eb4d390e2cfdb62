#include "server/engine/pgsql_erase.h"

#include <stdlib.h>
#include <string.h>

#include "server/plan/dialect_pg.h"

enum { SQL_MAX = 80 * 1024 };

/* ---- who ---- */

struct found {
    const struct pgsql_erase *e;
    struct engine_erased *out;
    size_t cap;
    struct arena *a;
    struct gate_view view; /* of who was erased */
};

static bool add(struct found *f, const char *key)
{
    if (f->out->n == f->cap) {
        const size_t more = f->cap ? 2 * f->cap : 64;
        struct engine_found *v = ARENA_NEW_N(f->a, more, struct engine_found);
        if (!v)
            return false;
        if (f->out->n)
            memcpy(v, f->out->v, f->out->n * sizeof *v);
        f->out->v = v;
        f->cap = more;
    }
    const char *copy = arena_strdup(f->a, key);
    f->out->v[f->out->n++] = (struct engine_found){ copy, copy };
    return copy != NULL;
}

static bool look(struct found *f, const PGresult *r)
{
    const struct gate *gate = f->e->gate;
    bool ok = true;
    for (int i = 0; ok && i < PQntuples(r); i++) {
        const char *key = PQgetvalue(r, i, 0);
        const uint32_t number =
            gate->number(gate->ctx, key, strlen(key), false);
        if (number != GATE_NOBODY && gate_counts(&f->view, number))
            ok = add(f, key);
    }
    return ok;
}

enum err_code pgsql_erase_find(const struct pgsql_erase *e,
                               struct engine_erased *out, struct arena *a,
                               struct err *err)
{
    struct found f = { .e = e, .out = out, .a = a };
    *out = (struct engine_erased){ .n = 0 };
    bool fits = true, read = PQsendQuery(e->writer, e->keys) == 1 &&
                             PQsetSingleRowMode(e->writer) == 1;
    PGresult *r;
    e->gate->pin(e->gate->ctx, &f.view, NULL);
    while ((r = PQgetResult(e->writer))) {
        const ExecStatusType status = PQresultStatus(r);
        read =
            read && (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK);
        fits = fits && (!read || look(&f, r));
        PQclear(r);
    }
    e->gate->unpin(e->gate->ctx, &f.view);
    if (!read)
        return err_set(err, ERR_UNAVAILABLE,
                       "the data could not be searched for those who were "
                       "erased");
    return fits ? ERR_OK
                : err_set(err, ERR_LIMIT,
                          "too many erased people are in the data for one go");
}

/* ---- their rows ---- */

/* {"a","b"}: a TEXT[] as text. */
static char *array_of(const struct engine_erased *whom)
{
    size_t cap = 3;
    for (size_t i = 0; i < whom->n; i++)
        cap += whom->v[i].key ? 2 * strlen(whom->v[i].key) + 3 : 0;
    char *text = malloc(cap);
    if (!text)
        return NULL;
    struct writer w = writer_of(text, cap);
    const char *between = "{\"";
    for (size_t i = 0; i < whom->n; i++) {
        if (!whom->v[i].key)
            continue;
        writer_str(&w, between);
        for (const char *c = whom->v[i].key; *c; c++) {
            if (*c == '"' || *c == '\\')
                writer_u8(&w, '\\');
            writer_u8(&w, (uint8_t)*c);
        }
        writer_u8(&w, '"');
        between = ",\"";
    }
    writer_str(&w, w.len ? "}" : "{}");
    if (writer_cstr(&w))
        return text;
    free(text);
    return NULL;
}

static bool delete_from(const struct pgsql_erase *e,
                        const struct policy_table *t, const char *keys)
{
    char sql[1024];
    const struct policy_column *key = &t->columns[t->key];
    struct writer w = writer_of(sql, sizeof sql);
    const char *type = key->type == POLICY_INT ? "BIGINT" : "TEXT";
    writer_str(&w, "DELETE FROM ");
    pg_table_name(&w, t->source);
    writer_str(&w, " WHERE ");
    pg_key(&w, key);
    writer_printf(&w, " = ANY (CAST($1 AS %s[]))", type);
    if (!writer_cstr(&w))
        return false;
    PGresult *r = PQexecParams(e->writer, sql, 1, NULL, &keys, NULL, NULL, 0);
    const bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
    PQclear(r);
    return ok;
}

enum err_code pgsql_erase_run(const struct pgsql_erase *e,
                              const struct engine_erased *whom, struct err *err)
{
    char *keys = array_of(whom);
    if (!keys)
        return err_set(err, ERR_LIMIT, "out of memory");
    bool ok = pgsql_do(e->writer, "BEGIN");
    for (size_t i = 0; ok && i < e->policy->n_tables; i++)
        if (e->policy->tables[i].owned)
            ok = delete_from(e, &e->policy->tables[i], keys);
    ok = ok && pgsql_do(e->writer, "COMMIT");
    if (!ok)
        (void)pgsql_do(e->writer, "ROLLBACK");
    free(keys);
    return ok ? ERR_OK
              : err_set(err, ERR_UNAVAILABLE,
                        "the database did not delete the rows of those who "
                        "were erased");
}

bool pgsql_erase_can(const struct pgsql_erase *e)
{
    bool can = e->policy->erasure.executes;
    for (size_t i = 0; can && i < e->policy->n_tables; i++) {
        char sql[1024], answer[8];
        struct writer w = writer_of(sql, sizeof sql);
        if (!e->policy->tables[i].owned)
            continue;
        writer_str(&w, "SELECT has_table_privilege('");
        pg_table_name(&w, e->policy->tables[i].source);
        writer_str(&w, "', 'DELETE')");
        can = !strchr(e->policy->tables[i].source, '\'') && writer_cstr(&w) &&
              pgsql_text(answer, sizeof answer, e->writer, sql) &&
              answer[0] == 't';
    }
    return can;
}
