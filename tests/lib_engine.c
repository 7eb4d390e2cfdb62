#include "tests/lib_engine.h"

#include <assert.h>
#include <duckdb.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *lib_files_path(const struct lib_files *f, const char *text)
{
    static char buffers[4][4096];
    static unsigned turn;
    char *out = buffers[turn++ % 4];
    struct writer w = writer_of(out, sizeof buffers[0]);
    for (const char *at; (at = strstr(text, "@/")); text = at + 1) {
        writer_bytes(&w, text, (size_t)(at - text));
        writer_str(&w, f->dir);
    }
    writer_str(&w, text);
    const bool fits = writer_cstr(&w);
    assert(fits);
    return out;
}

void lib_files_make(struct lib_files *f, const char *const *sql, size_t n)
{
    duckdb_database db;
    duckdb_connection con;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/halftone-test-XXXXXX");
    const char *made = mkdtemp(f->dir);
    const duckdb_state opened = duckdb_open(NULL, &db);
    const duckdb_state connected = duckdb_connect(db, &con);
    assert(made && !opened && !connected);
    for (size_t i = 0; i < n; i++) {
        duckdb_result r;
        if (duckdb_query(con, lib_files_path(f, sql[i]), &r)) {
            (void)fprintf(stderr, "%s\n", duckdb_result_error(&r));
            abort();
        }
        duckdb_destroy_result(&r);
    }
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void lib_files_remove(const struct lib_files *f)
{
    (void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct plan lib_plan(const char *sql, const char *key_types, size_t n_measures)
{
    static struct plan_key keys[PLAN_KEYS_MAX];
    static const enum value_type of[128] = {
        ['b'] = VALUE_BOOL, ['i'] = VALUE_INT,  ['d'] = VALUE_DOUBLE,
        ['t'] = VALUE_TEXT, ['D'] = VALUE_DATE, ['T'] = VALUE_TIMESTAMP,
    };
    struct plan p = { .sql = sql, .keys = keys };
    for (; key_types[p.n_keys]; p.n_keys++)
        keys[p.n_keys].type = of[(unsigned char)key_types[p.n_keys]];
    p.n_measures = n_measures;
    return p;
}
