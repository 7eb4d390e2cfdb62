#include "server/engine/scratch_db.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "server/engine/duck.h"
#include "server/engine/scratch_text.h"

enum { ROWS_MAX = 100000, COLUMNS_MAX = 1664, MEMORY_MAX = 256 << 20 };

struct scratch_db {
    struct duck duck;
};

static struct scratch_reply failed(const char *why, struct arena *a)
{
    const char *message = arena_strdup(a, why ? why : "");
    return (struct scratch_reply){ .status = SCRATCH_FAILED,
                                   .message = message ? message : "" };
}

/* ---- the database ---- */

static struct scratch_reply run(struct scratch_db *s, const char *script,
                                struct arena *a)
{
    duckdb_result result;
    struct scratch_reply reply = { .status = SCRATCH_ROWS };
    if (duckdb_query(s->duck.con, script, &result) != DuckDBSuccess)
        reply = failed(duckdb_result_error(&result), a);
    duckdb_destroy_result(&result);
    return reply;
}

static struct scratch_reply build(struct scratch_db *s, const char *script,
                                  struct arena *a)
{
    static const char settings[] =
        "SET GLOBAL default_null_order = 'NULLS_LAST_ON_ASC_FIRST_ON_DESC';"
        "SET GLOBAL integer_division = true;"
        "SET GLOBAL preserve_insertion_order = true";
    const struct engine_options options = { .memory_limit = MEMORY_MAX,
                                            .threads = 1 };
    struct err err = { 0 };
    if (duck_open(&s->duck, &options, &err) != ERR_OK)
        return failed(err.msg, a);
    struct scratch_reply reply = run(s, settings, a);
    if (reply.status == SCRATCH_ROWS)
        reply = run(s, script, a);
    if (reply.status == SCRATCH_ROWS &&
        duck_lock_down(&s->duck, NULL, 0, a, &err) != ERR_OK)
        reply = failed(err.msg, a);
    return reply;
}

struct scratch_reply scratch_db_open(struct scratch_db **out,
                                     const char *script, struct arena *a)
{
    struct scratch_db *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return failed("Out of Memory Error", a);
    const struct scratch_reply reply = build(s, script, a);
    if (reply.status == SCRATCH_ROWS)
        *out = s;
    else
        scratch_db_close(s);
    return reply;
}

void scratch_db_close(struct scratch_db *s)
{
    if (!s)
        return;
    duck_close(&s->duck);
    free(s);
}

/* ---- the time of a statement ---- */

/* What the alarm ends; this process has one thread. */
static volatile duckdb_connection running;

/* DuckDB's interrupt is the store of a flag. */
static void on_alarm(int signal)
{
    (void)signal;
    if (running)
        duckdb_interrupt(running);
}

/* Again every tenth of a second: a flag that is set while DuckDB plans is lost
 * when it begins to run. */
static void begin_time(duckdb_connection con, unsigned wait_ms)
{
    const struct sigaction action = { .sa_handler = on_alarm,
                                      .sa_flags = SA_RESTART };
    const struct itimerval timer = {
        .it_value = { .tv_sec = wait_ms / 1000,
                      .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000 },
        .it_interval = { .tv_usec = 100000 },
    };
    running = con;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void end_time(void)
{
    const struct itimerval none = { 0 };
    (void)setitimer(ITIMER_REAL, &none, NULL);
    running = NULL;
}

/* ---- one run of one statement ---- */

struct asking {
    duckdb_connection con;
    duckdb_prepared_statement st;
    duckdb_result result;
    bool has_result;
    const struct scratch_ask *ask;
    struct scratch_reply *reply;
    struct arena *a;
};

static bool fail(struct asking *q, enum scratch_status status)
{
    q->reply->status = status;
    return false;
}

static bool fail_as(struct asking *q, const char *why)
{
    *q->reply = failed(why, q->a);
    return false;
}

static bool execute(struct asking *q)
{
    const bool ok = duckdb_execute_prepared(q->st, &q->result) == DuckDBSuccess;
    q->has_result = true;
    if (ok)
        return true;
    if (duckdb_result_error_type(&q->result) == DUCKDB_ERROR_INTERRUPT)
        return fail(q, SCRATCH_LATE);
    return fail_as(q, duckdb_result_error(&q->result));
}

static bool bind(struct asking *q)
{
    for (idx_t i = 1; i <= q->ask->n_params; i++) {
        const char *name = duckdb_parameter_name(q->st, i);
        const bool is_used = name != NULL;
        const char *value = q->ask->params[i - 1];
        duckdb_free((void *)(uintptr_t)name);
        if (is_used && (value ? duckdb_bind_varchar(q->st, i, value)
                              : duckdb_bind_null(q->st, i)) != DuckDBSuccess)
            return fail_as(q, "Invalid Input Error: a parameter does not fit");
    }
    return true;
}

static bool prepare(struct asking *q, const char *sql)
{
    if (duckdb_prepare(q->con, sql, &q->st) == DuckDBSuccess &&
        duckdb_prepared_statement_type(q->st) == DUCKDB_STATEMENT_TYPE_SELECT)
        return true;
    return fail_as(q, duckdb_prepare_error(q->st));
}

/* Of the result, or, before there is one, of the statement; with parameters
 * DuckDB does not know a statement's columns. */
static bool columns(struct asking *q, bool *is_odd, bool *any_odd)
{
    const idx_t n = q->has_result ? duckdb_column_count(&q->result)
                    : duckdb_nparams(q->st)
                        ? 0
                        : duckdb_prepared_statement_column_count(q->st);
    uint32_t *types = ARENA_NEW_N(q->a, n + 1, uint32_t);
    *any_odd = false;
    if (!types || n > COLUMNS_MAX)
        return fail(q, SCRATCH_LARGE);
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
    q->reply->rows.types = types;
    q->reply->rows.n_columns = n;
    return true;
}

/* Types that are not written here (times, decimals) are made texts. */
static bool odd_as_text(struct asking *q, const bool *is_odd)
{
    const size_t n = q->reply->rows.n_columns;
    const size_t cap = strlen(q->ask->sql) + n * 32 + 64;
    char *text = arena_alloc(q->a, cap, 1);
    if (!text)
        return fail(q, SCRATCH_LARGE);
    struct writer w = writer_of(text, cap);
    writer_str(&w, "SELECT ");
    for (size_t i = 0; i < n; i++)
        writer_printf(&w, "%s#%zu%s", i ? ", " : "", i + 1,
                      is_odd[i] ? "::VARCHAR" : "");
    writer_printf(&w, " FROM (%s) t__", q->ask->sql);
    if (!writer_cstr(&w))
        return fail(q, SCRATCH_LARGE);
    duckdb_destroy_result(&q->result);
    q->has_result = false;
    duckdb_destroy_prepare(&q->st);
    return prepare(q, text);
}

static bool take_chunk(struct asking *q, duckdb_data_chunk c, size_t cap)
{
    struct scratch_rows *out = &q->reply->rows;
    bool full = false;
    const idx_t rows = duckdb_data_chunk_get_size(c);
    if (out->n_rows + rows > cap)
        return false;
    for (size_t k = 0; k < out->n_columns; k++) {
        duckdb_vector v = duckdb_data_chunk_get_vector(c, k);
        const bool is_vector = k < q->ask->n_vectors && q->ask->is_vector[k];
        for (idx_t i = 0; i < rows && !full; i++)
            out->cells[(out->n_rows + i) * out->n_columns + k] =
                scratch_text(v, i, is_vector, q->a, &full);
    }
    out->n_rows += rows;
    return !full;
}

static bool take(struct asking *q)
{
    struct scratch_rows *out = &q->reply->rows;
    const idx_t n = duckdb_row_count(&q->result);
    bool ok = n <= ROWS_MAX;
    if (ok)
        out->cells = ARENA_NEW_N(q->a, n * out->n_columns + 1, const char *);
    ok = ok && out->cells;
    for (duckdb_data_chunk c;
         ok && (c = duckdb_fetch_chunk(q->result)) != NULL;) {
        ok = take_chunk(q, c, n);
        duckdb_destroy_data_chunk(&c);
    }
    return ok ? true : fail(q, SCRATCH_LARGE);
}

static bool asked(struct asking *q, bool runs)
{
    bool is_odd[COLUMNS_MAX], any_odd;
    if (!prepare(q, q->ask->sql))
        return false;
    if (!runs)
        return columns(q, is_odd, &any_odd);
    if (!bind(q) || !execute(q) || !columns(q, is_odd, &any_odd))
        return false;
    if (any_odd && !(odd_as_text(q, is_odd) && bind(q) && execute(q)))
        return false;
    return take(q);
}

struct scratch_reply scratch_db_ask(struct scratch_db *s,
                                    const struct scratch_db_ask *ask,
                                    struct arena *a)
{
    struct scratch_reply reply = { .status = SCRATCH_ROWS };
    struct asking q = { .ask = ask->ask, .reply = &reply, .a = a };
    if (duckdb_connect(s->duck.db, &q.con) != DuckDBSuccess)
        return failed("Out of Memory Error", a);
    begin_time(q.con, ask->wait_ms);
    (void)asked(&q, ask->runs);
    end_time();
    if (q.has_result)
        duckdb_destroy_result(&q.result);
    duckdb_destroy_prepare(&q.st);
    duckdb_disconnect(&q.con);
    return reply;
}
