#include "server/engine/duck_found.h"

#include <stdlib.h>
#include <string.h>

#include "server/engine/views.h"

enum { STATEMENT_MAX = 1 << 20 };

/* Two columns of text: the key of her rows, and what the gate calls her. */
static void print_statement(struct writer *w, const struct policy *p)
{
    bool any = false;
    if (p->map.source) {
        writer_str(w, "SELECT DISTINCT CAST(k AS VARCHAR), subject FROM "
                      "" VIEWS_MAP " WHERE subject IS NOT NULL AND "
                      "" DUCK_GATE_ERASED "(subject)");
        return;
    }
    writer_str(w, "SELECT DISTINCT s, s FROM (");
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        if (!t->owned)
            continue;
        writer_str(w, any ? " UNION ALL SELECT CAST(" : "SELECT CAST(");
        duck_ident(w, t->columns[t->key].name);
        writer_str(w, " AS VARCHAR) AS s FROM src.");
        duck_ident(w, t->name);
        any = true;
    }
    writer_str(w, any ? ") WHERE s IS NOT NULL AND " DUCK_GATE_ERASED "(s)"
                      : "SELECT NULL AS s) WHERE false");
}

/* True: *out is the value, NULL when it is. */
static bool text_at(const char **out, duckdb_data_chunk chunk, idx_t column,
                    idx_t row, struct arena *a)
{
    duckdb_vector v = duckdb_data_chunk_get_vector(chunk, column);
    uint64_t *valid = duckdb_vector_get_validity(v);
    *out = NULL;
    if (valid && !duckdb_validity_row_is_valid(valid, row))
        return true;
    duckdb_string_t *s = (duckdb_string_t *)duckdb_vector_get_data(v) + row;
    *out =
        arena_strndup(a, duckdb_string_t_data(s), duckdb_string_t_length(*s));
    return *out != NULL;
}

static bool add(struct engine_erased *out, size_t *cap, duckdb_data_chunk chunk,
                idx_t row, struct arena *a)
{
    if (out->n == *cap) {
        const size_t more = *cap ? 2 * *cap : 64;
        struct engine_found *v = ARENA_NEW_N(a, more, struct engine_found);
        if (!v)
            return false;
        if (out->n)
            memcpy(v, out->v, out->n * sizeof *v);
        out->v = v;
        *cap = more;
    }
    struct engine_found *f = &out->v[out->n];
    if (!text_at(&f->key, chunk, 0, row, a) ||
        !text_at(&f->subject, chunk, 1, row, a))
        return false;
    out->n++;
    return true;
}

static bool collect(struct engine_erased *out, duckdb_result result,
                    struct arena *a)
{
    duckdb_data_chunk chunk;
    size_t cap = 0;
    bool ok = true;
    while ((chunk = duckdb_fetch_chunk(result))) {
        const idx_t n = duckdb_data_chunk_get_size(chunk);
        for (idx_t row = 0; ok && row < n; row++)
            ok = add(out, &cap, chunk, row, a);
        duckdb_destroy_data_chunk(&chunk);
    }
    return ok;
}

static enum err_code run(struct engine_erased *out, duckdb_connection con,
                         const char *sql, struct arena *a, struct err *err)
{
    duckdb_result result = { 0 };
    const bool read = duckdb_query(con, sql, &result) == DuckDBSuccess;
    const bool ok = read && collect(out, result, a);
    duckdb_destroy_result(&result);
    if (!read)
        return err_set(err, ERR_UNAVAILABLE,
                       "the data could not be searched for those who were "
                       "erased");
    return ok ? ERR_OK
              : err_set(err, ERR_LIMIT,
                        "too many erased people are in the "
                        "data for one go");
}

enum err_code duck_found_list(struct engine_erased *out, struct duck *d,
                              struct duck_gate *g, const struct policy *p,
                              struct arena *a, struct err *err)
{
    duckdb_connection con = NULL;
    struct duck_pin pin;
    char *sql = malloc(STATEMENT_MAX);
    *out = (struct engine_erased){ .n = 0 };
    if (!sql)
        return err_set(err, ERR_LIMIT, "out of memory");
    struct writer w = writer_of(sql, STATEMENT_MAX);
    print_statement(&w, p);
    enum err_code code = ERR_LIMIT;
    if (!writer_cstr(&w) || duckdb_connect(d->db, &con) != DuckDBSuccess) {
        (void)err_set(err, ERR_LIMIT, "out of memory");
    } else {
        duck_gate_pin(&pin, g, con, NULL, false);
        code = run(out, con, sql, a, err);
        duck_gate_unpin(&pin, g);
    }
    duckdb_disconnect(&con);
    free(sql);
    return code;
}
