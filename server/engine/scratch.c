#include "server/engine/scratch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine/duck.h"
#include "server/engine/scratch_text.h"

enum { ROWS_MAX = 100000, SECONDS_MAX = 5, COLUMNS_MAX = 1664 };

struct scratch {
    struct duck duck;
};

static enum err_code run(struct scratch *s, const char *script, struct err *err)
{
    duckdb_result result;
    const bool ok = duckdb_query(s->duck.con, script, &result) == DuckDBSuccess;
    if (!ok)
        (void)err_set(err, ERR_INTERNAL, "the catalog cannot be built: %s",
                      duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return ok ? ERR_OK : ERR_INTERNAL;
}

static enum err_code open(struct scratch *s, const char *script,
                          struct err *err)
{
    const struct engine_options options = { .memory_limit = 512u << 20,
                                            .threads = 1 };
    struct arena a;
    TRY(duck_open(&s->duck, &options, err));
    TRY(run(s,
            "SET GLOBAL default_null_order = "
            "'NULLS_LAST_ON_ASC_FIRST_ON_DESC';"
            "SET GLOBAL integer_division = true;"
            "SET GLOBAL preserve_insertion_order = true",
            err));
    TRY(run(s, script, err));
    arena_init(&a, 4096);
    const enum err_code code = duck_lock_down(&s->duck, NULL, 0, &a, err);
    arena_fini(&a);
    return code;
}

enum err_code scratch_open(struct scratch **out, const char *script,
                           struct err *err)
{
    struct scratch *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_LIMIT, "no memory for the catalog");
    const enum err_code code = open(s, script, err);
    if (code != ERR_OK) {
        scratch_close(s);
        return code;
    }
    *out = s;
    return ERR_OK;
}

void scratch_close(struct scratch *s)
{
    if (!s)
        return;
    duck_close(&s->duck);
    free(s);
}

/* One run of one statement, and the thread that ends it when it is late. */
struct asking {
    duckdb_connection con;
    duckdb_prepared_statement st;
    duckdb_result result;
    bool has_result;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

static void *watch(void *arg)
{
    struct asking *q = arg;
    struct timespec at;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += SECONDS_MAX;
    pthread_mutex_lock(&q->lock);
    while (!q->is_done)
        if (pthread_cond_timedwait(&q->done, &q->lock, &at) == ETIMEDOUT) {
            duckdb_interrupt(q->con);
            at.tv_sec++;
        }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static enum err_code execute(struct asking *q, struct err *err)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, watch, q) != 0)
        return err_set(err, ERR_LIMIT, "no thread for the catalog");
    const bool ok = duckdb_execute_prepared(q->st, &q->result) == DuckDBSuccess;
    q->has_result = true;
    pthread_mutex_lock(&q->lock);
    q->is_done = true;
    pthread_cond_signal(&q->done);
    pthread_mutex_unlock(&q->lock);
    pthread_join(thread, NULL);
    if (ok)
        return ERR_OK;
    const bool late =
        duckdb_result_error_type(&q->result) == DUCKDB_ERROR_INTERRUPT;
    if (late)
        return err_set(err, ERR_LIMIT, "the catalog takes too long to answer");
    return err_set(err, ERR_REFUSED, "the catalog cannot answer this: %s",
                   duckdb_result_error(&q->result));
}

static enum err_code bind(struct asking *q, const struct scratch_ask *ask,
                          struct err *err)
{
    for (idx_t i = 1; i <= ask->n_params; i++) {
        const char *name = duckdb_parameter_name(q->st, i);
        const bool is_used = name != NULL;
        duckdb_free((void *)(uintptr_t)name);
        if (!is_used)
            continue;
        const duckdb_state state =
            ask->params[i - 1]
                ? duckdb_bind_varchar(q->st, i, ask->params[i - 1])
                : duckdb_bind_null(q->st, i);
        if (state != DuckDBSuccess)
            return err_set(err, ERR_INVALID, "parameter %d does not fit",
                           (int)i);
    }
    return ERR_OK;
}

static enum err_code prepare(struct asking *q, const char *sql, struct err *err)
{
    if (duckdb_prepare(q->con, sql, &q->st) == DuckDBSuccess &&
        duckdb_prepared_statement_type(q->st) == DUCKDB_STATEMENT_TYPE_SELECT)
        return ERR_OK;
    const char *why = duckdb_prepare_error(q->st);
    return err_set(err, ERR_REFUSED, "the catalog cannot answer this: %.*s",
                   why ? (int)strcspn(why, "\n") : 0, why ? why : "");
}

/* Of the result, or, before there is one, of the statement; with parameters
 * DuckDB does not know a statement's columns. */
static enum err_code columns(struct scratch_rows *out, struct asking *q,
                             bool *is_odd, bool *any_odd, struct arena *a,
                             struct err *err)
{
    const idx_t n = q->has_result ? duckdb_column_count(&q->result)
                    : duckdb_nparams(q->st)
                        ? 0
                        : duckdb_prepared_statement_column_count(q->st);
    uint32_t *types = ARENA_NEW_N(a, n + 1, uint32_t);
    *any_odd = false;
    if (!types || n > COLUMNS_MAX)
        return err_set(err, ERR_LIMIT, "the catalog's answer is too large");
    for (idx_t i = 0; i < n; i++) {
        duckdb_logical_type t =
            q->has_result
                ? duckdb_column_logical_type(&q->result, i)
                : duckdb_prepared_statement_column_logical_type(q->st, i);
        types[i] = scratch_type(t);
        duckdb_destroy_logical_type(&t);
        is_odd[i] = types[i] == 0;
        if (is_odd[i]) {
            types[i] = 25;
            *any_odd = true;
        }
    }
    out->types = types;
    out->n_columns = n;
    return ERR_OK;
}

/* Types that are not written here (times, decimals) are made texts. */
static enum err_code odd_as_text(struct asking *q, const char *sql,
                                 const bool *is_odd, size_t n, struct arena *a,
                                 struct err *err)
{
    const size_t cap = strlen(sql) + n * 32 + 64;
    char *text = arena_alloc(a, cap, 1);
    if (!text)
        return err_set(err, ERR_LIMIT, "the catalog's answer is too large");
    struct writer w = writer_of(text, cap);
    writer_str(&w, "SELECT ");
    for (size_t i = 0; i < n; i++)
        writer_printf(&w, "%s#%zu%s", i ? ", " : "", i + 1,
                      is_odd[i] ? "::VARCHAR" : "");
    writer_printf(&w, " FROM (%s) t__", sql);
    if (!writer_cstr(&w))
        return err_set(err, ERR_LIMIT, "the catalog's answer is too large");
    duckdb_destroy_prepare(&q->st);
    return prepare(q, text, err);
}

static enum err_code take_chunk(struct scratch_rows *out, duckdb_data_chunk c,
                                const struct scratch_ask *ask, size_t cap,
                                struct arena *a)
{
    bool full = false;
    const idx_t rows = duckdb_data_chunk_get_size(c);
    if (out->n_rows + rows > cap)
        return ERR_LIMIT;
    for (size_t k = 0; k < out->n_columns; k++) {
        duckdb_vector v = duckdb_data_chunk_get_vector(c, k);
        const bool is_vector = k < ask->n_vectors && ask->is_vector[k];
        for (idx_t i = 0; i < rows && !full; i++)
            out->cells[(out->n_rows + i) * out->n_columns + k] =
                scratch_text(v, i, is_vector, a, &full);
    }
    out->n_rows += rows;
    return full ? ERR_LIMIT : ERR_OK;
}

static enum err_code take(struct scratch_rows *out, struct asking *q,
                          const struct scratch_ask *ask, struct arena *a,
                          struct err *err)
{
    const idx_t n = duckdb_row_count(&q->result);
    enum err_code code = n <= ROWS_MAX ? ERR_OK : ERR_LIMIT;
    if (code == ERR_OK)
        out->cells = ARENA_NEW_N(a, n * out->n_columns + 1, const char *);
    if (!out->cells)
        code = ERR_LIMIT;
    for (duckdb_data_chunk c;
         code == ERR_OK && (c = duckdb_fetch_chunk(q->result)) != NULL;) {
        code = take_chunk(out, c, ask, n, a);
        duckdb_destroy_data_chunk(&c);
    }
    return code == ERR_OK
               ? ERR_OK
               : err_set(err, code, "the catalog's answer is too large");
}

static enum err_code asked(struct scratch_rows *out, struct asking *q,
                           const struct scratch_ask *ask, bool runs,
                           struct arena *a, struct err *err)
{
    bool is_odd[COLUMNS_MAX], any_odd;
    TRY(prepare(q, ask->sql, err));
    if (!runs)
        return columns(out, q, is_odd, &any_odd, a, err);
    TRY(bind(q, ask, err));
    TRY(execute(q, err));
    TRY(columns(out, q, is_odd, &any_odd, a, err));
    if (any_odd) {
        duckdb_destroy_result(&q->result);
        q->has_result = q->is_done = false;
        TRY(odd_as_text(q, ask->sql, is_odd, out->n_columns, a, err));
        TRY(bind(q, ask, err));
        TRY(execute(q, err));
    }
    return take(out, q, ask, a, err);
}

static enum err_code ask_on(struct scratch_rows *out, struct scratch *s,
                            const struct scratch_ask *ask, bool runs,
                            struct arena *a, struct err *err)
{
    struct asking q = { .lock = PTHREAD_MUTEX_INITIALIZER,
                        .done = PTHREAD_COND_INITIALIZER };
    *out = (struct scratch_rows){ 0 };
    if (duckdb_connect(s->duck.db, &q.con) != DuckDBSuccess)
        return err_set(err, ERR_LIMIT, "no memory for the catalog");
    const enum err_code code = asked(out, &q, ask, runs, a, err);
    if (q.has_result)
        duckdb_destroy_result(&q.result);
    duckdb_destroy_prepare(&q.st);
    duckdb_disconnect(&q.con);
    pthread_mutex_destroy(&q.lock);
    pthread_cond_destroy(&q.done);
    return code;
}

enum err_code scratch_ask(struct scratch_rows *out, struct scratch *s,
                          const struct scratch_ask *ask, struct arena *a,
                          struct err *err)
{
    return ask_on(out, s, ask, true, a, err);
}

enum err_code scratch_describe(struct scratch_rows *out, struct scratch *s,
                               const struct scratch_ask *ask, struct arena *a,
                               struct err *err)
{
    return ask_on(out, s, ask, false, a, err);
}
