#include "server/engine/duck_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_keys.h"
#include "server/engine/duck_row_bits.h"
#include "server/engine/views.h"

enum { NAME_MAX_ = 48, STATEMENT_MAX = 1024, CHUNK_MAX = 2048 };

/* Of one registered function. */
struct function {
    struct duck_gate *gate;
    size_t table;
    bool by_file, is_text;
};

/* ---- functions ---- */

static void bind(duckdb_bind_info info)
{
    const struct function *f = duckdb_scalar_function_bind_get_extra_info(info);
    duck_gate_bind(info, f->gate);
}

static void by_row(duckdb_function_info info, duckdb_data_chunk chunk,
                   duckdb_vector out)
{
    const struct duck_pin *pin = duckdb_scalar_function_get_bind_data(info);
    bool *is = duckdb_vector_get_data(out);
    memset(is, pin && pin->rows && !pin->by_key,
           duckdb_data_chunk_get_size(chunk) * sizeof *is);
}

static void row(duckdb_function_info info, duckdb_data_chunk chunk,
                duckdb_vector out)
{
    const struct function *f = duckdb_scalar_function_get_extra_info(info);
    struct duck_pin *pin = duckdb_scalar_function_get_bind_data(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const struct duck_column first = duck_column_of(chunk, 0);
    const int64_t *files = f->by_file ? first.data : NULL;
    const int64_t *rows =
        f->by_file ? duck_column_of(chunk, 1).data : first.data;
    uint8_t *counts = duckdb_vector_get_data(out);
    if (pin && pin->rows &&
        duck_row_bits_count(counts, pin->rows, f->table, files, rows, n))
        return;
    memset(counts, 0, n);
    if (pin)
        atomic_store(&pin->is_off, true);
}

/* 1 for each row that was noted. */
static void note_rows(duckdb_function_info info, duckdb_data_chunk chunk,
                      duckdb_vector out)
{
    const struct function *f = duckdb_scalar_function_get_extra_info(info);
    struct duck_pin *pin = duckdb_scalar_function_get_bind_data(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const struct duck_column files = duck_column_of(chunk, 0);
    const struct duck_column rows = duck_column_of(chunk, 1);
    const struct duck_column key = duck_column_of(chunk, 2);
    uint8_t *noted = duckdb_vector_get_data(out);
    uint32_t numbers[CHUNK_MAX];
    memset(noted, 0, n);
    if (!pin || !pin->making || n > CHUNK_MAX ||
        !duck_keys_numbers(numbers, pin->keys, &key, f->is_text, n,
                           duck_gate_of(f->gate)))
        return;
    for (idx_t i = 0; i < n; i++)
        noted[i] = duck_rows_note(pin->making, f->table,
                                  ((const int64_t *)files.data)[i],
                                  ((const int64_t *)rows.data)[i], numbers[i]);
}

/* ---- registering ---- */

static bool add(struct duck *d, const struct function *f, const char *name,
                duckdb_scalar_function_t body, const duckdb_type *in, size_t n,
                duckdb_type to)
{
    struct function *own = malloc(sizeof *own);
    if (!own)
        return false;
    *own = *f;
    duckdb_scalar_function fn = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(fn, name);
    for (size_t i = 0; i < n; i++) {
        duckdb_logical_type t = duckdb_create_logical_type(in[i]);
        duckdb_scalar_function_add_parameter(fn, t);
        duckdb_destroy_logical_type(&t);
    }
    duckdb_logical_type t = duckdb_create_logical_type(to);
    duckdb_scalar_function_set_return_type(fn, t);
    duckdb_destroy_logical_type(&t);
    duckdb_scalar_function_set_special_handling(fn);
    duckdb_scalar_function_set_extra_info(fn, own, free);
    duckdb_scalar_function_set_bind(fn, bind);
    duckdb_scalar_function_set_function(fn, body);
    const bool ok =
        duckdb_register_scalar_function(d->con, fn) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&fn);
    return ok;
}

static bool add_table(struct duck *d, struct duck_gate *g, size_t i,
                      bool is_text)
{
    const duckdb_type in[] = { DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BIGINT,
                               is_text ? DUCKDB_TYPE_VARCHAR
                                       : DUCKDB_TYPE_BIGINT };
    const struct {
        const char *name;
        duckdb_scalar_function_t body;
        size_t n;
    } each[] = { { DUCK_ROW, row, 1 },
                 { DUCK_PLACE, row, 2 },
                 { DUCK_NOTE, note_rows, 3 } };
    bool ok = true;
    for (size_t k = 0; ok && k < sizeof each / sizeof each[0]; k++) {
        const struct function f = { g, i, each[k].n > 1, is_text };
        char name[NAME_MAX_];
        struct writer w = writer_of(name, sizeof name);
        writer_printf(&w, "%s%zu", each[k].name, i);
        ok = writer_cstr(&w) && add(d, &f, name, each[k].body, in, each[k].n,
                                    DUCKDB_TYPE_UTINYINT);
    }
    return ok;
}

enum err_code duck_row_register(struct duck *d, struct duck_gate *g,
                                const struct policy *policy, struct err *err)
{
    const struct function f = { .gate = g };
    bool ok =
        add(d, &f, "halftone_by_row", by_row, NULL, 0, DUCKDB_TYPE_BOOLEAN);
    for (size_t i = 0; ok && i < policy->n_tables; i++) {
        const struct policy_table *t = &policy->tables[i];
        if (t->owned)
            ok = add_table(d, g, i, t->columns[t->key].type != POLICY_INT);
    }
    return ok ? ERR_OK
              : err_set(err, ERR_INTERNAL,
                        "DuckDB does not take the functions that say whose "
                        "row it is");
}

/* ---- mapping ---- */

/* Files that have rows, in order, and what each has; those between have none.
 */
static bool add_files(struct duck_rows *r, size_t table, duckdb_result *result)
{
    const idx_t n = duckdb_row_count(result);
    int64_t next = 0;
    for (idx_t i = 0; i < n; i++, next++) {
        const int64_t file = duckdb_value_int64(result, 0, i);
        if (file < 0 || file >= STAMP_FILES_MAX)
            return false;
        for (; next < file; next++)
            if (!duck_rows_add_file(r, table, 0))
                return false;
        if (!duck_rows_add_file(r, table,
                                (uint64_t)duckdb_value_int64(result, 1, i)))
            return false;
    }
    return true;
}

static bool read_shape(struct duck_rows *r, duckdb_connection con, size_t table)
{
    char sql[STATEMENT_MAX];
    duckdb_result result = { 0 };
    struct writer w = writer_of(sql, sizeof sql);
    writer_printf(&w,
                  "SELECT halftone_file, max(halftone_row) + 1 FROM " VIEWS_ROWS
                  " GROUP BY halftone_file ORDER BY halftone_file",
                  table);
    const bool ok = writer_cstr(&w) &&
                    duckdb_query(con, sql, &result) == DuckDBSuccess &&
                    add_files(r, table, &result);
    duckdb_destroy_result(&result);
    return ok;
}

/* Every row was noted, or it is no map. */
static bool read_rows(duckdb_connection con, size_t table, const char *key)
{
    char sql[STATEMENT_MAX];
    duckdb_result result = { 0 };
    struct writer w = writer_of(sql, sizeof sql);
    writer_printf(&w,
                  "SELECT coalesce(sum(" DUCK_NOTE
                  "%zu(halftone_file, halftone_row, ",
                  table);
    duck_ident(&w, key);
    writer_printf(&w, ")), 0) = count(*) FROM " VIEWS_ROWS, table);
    const bool ok = writer_cstr(&w) &&
                    duckdb_query(con, sql, &result) == DuckDBSuccess &&
                    duckdb_value_boolean(&result, 0, 0);
    duckdb_destroy_result(&result);
    return ok;
}

static bool read_all(struct duck_rows *r, const struct duck_row_mapping *m)
{
    const struct policy *p = m->policy;
    for (size_t i = 0; i < p->n_tables; i++)
        if (p->tables[i].owned && !read_shape(r, m->con, i))
            return false;
    if (!duck_rows_begin(r, m->most))
        return false;
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        if (t->owned && !read_rows(m->con, i, t->columns[t->key].name))
            return false;
    }
    return true;
}

static bool map(struct duck_rows **out, const struct duck_row_mapping *m,
                struct stamp_look *before)
{
    struct duck_pin pin;
    struct duck_rows *r = duck_rows_new(m->policy->n_tables, m->paths, before);
    if (!r)
        return false;
    duck_gate_pin_making(&pin, m->gate, m->con, r, m->keys);
    bool ok = read_all(r, m);
    duck_gate_unpin(&pin, m->gate);
    struct stamp_look *after = ok ? stamp_look(m->paths) : NULL;
    ok = after && stamp_is_same(before, after) &&
         stamp_is_steady(before, after) && duck_rows_end(r, m->most);
    free(after);
    if (ok)
        *out = r;
    else
        duck_rows_drop(r);
    return ok;
}

enum duck_row_mapped duck_row_map(struct duck_rows **out,
                                  const struct duck_row_mapping *m)
{
    struct stamp_look *before = stamp_look(m->paths);
    const bool is_theirs =
        before && (!m->attached || stamp_is_same(m->attached, before));
    if (is_theirs && stamp_is_old(before) && stamp_is_steady(before, NULL))
        return map(out, m, before) ? DUCK_ROW_MAPPED : DUCK_ROW_NOT;
    free(before);
    return is_theirs ? DUCK_ROW_YOUNG : DUCK_ROW_NOT;
}
