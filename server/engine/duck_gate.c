#include "server/engine/duck_gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_bits.h"
#include "server/engine/duck_row_bits.h"
#include "server/engine/views.h"
#include "server/plan/gate.h"

/* The newest bits of a purpose. */
struct kept {
    char purpose[POLICY_NAME_MAX + 1];
    struct duck_bits *bits;     /* a reference; or NULL */
    struct duck_row_bits *rows; /* likewise */
};

enum { KEPT = 64 }; /* a population has no more purposes */

struct duck_gate {
    const struct gate *gate; /* or NULL */
    pthread_mutex_t lock;    /* guards pins, keys and rows */
    struct duck_pin *pins;
    struct duck_keys *keys;    /* a reference; or NULL */
    struct duck_rows *rows;    /* of keys: a reference; or NULL */
    pthread_mutex_t keep_lock; /* guards what follows; before `lock` */
    struct kept kept[KEPT];
    size_t n_kept;
};

/* Of one registered function. */
struct function {
    struct duck_gate *gate;
    bool is_text;
    bool by_subject; /* not by a key of the data */
};

/* ---- statements ---- */

/* A pin belongs to its run, which outlives the statement. */
static void *same(void *pin)
{
    return pin;
}

void duck_gate_bind(duckdb_bind_info info, const struct duck_gate *g)
{
    duckdb_client_context context = NULL;
    duckdb_scalar_function_get_client_context(info, &context);
    const idx_t connection = duckdb_client_context_get_connection_id(context);
    duckdb_destroy_client_context(&context);
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&g->lock;
    (void)pthread_mutex_lock(lock);
    struct duck_pin *pin = g->pins;
    while (pin && pin->connection != connection)
        pin = pin->next;
    (void)pthread_mutex_unlock(lock);
    if (!pin)
        return;
    duckdb_scalar_function_set_bind_data(info, pin, NULL);
    duckdb_scalar_function_set_bind_data_copy(info, same);
}

static void bind(duckdb_bind_info info)
{
    const struct function *f = duckdb_scalar_function_bind_get_extra_info(info);
    duck_gate_bind(info, f->gate);
}

static void rows(duckdb_function_info info, duckdb_data_chunk chunk,
                 duckdb_vector out)
{
    const struct function *f = duckdb_scalar_function_get_extra_info(info);
    const struct duck_pin *pin = duckdb_scalar_function_get_bind_data(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const struct duck_column c = duck_column_of(chunk, 0);
    bool *counts = duckdb_vector_get_data(out); /* or bytes, 0 and 1 */
    const bool nobody = pin && pin->view.n == 0 && !pin->view.inverts;
    if (!pin || !f->gate->gate || nobody) {
        memset(counts, 0, n * sizeof *counts);
        return;
    }
    if (f->by_subject)
        duck_keys_count(counts, NULL, &c, f->is_text, n, f->gate->gate,
                        &pin->view);
    else if (!pin->bits || f->is_text ||
             !duck_bits_count(counts, pin->bits, &c, n))
        duck_keys_count(counts, pin->keys, &c, f->is_text, n, f->gate->gate,
                        &pin->view);
}

/* ---- pins ---- */

/* The purpose's place among the kept; NULL: there is no room. */
static struct kept *place_of(struct duck_gate *g, const char *purpose)
{
    size_t i = 0;
    while (i < g->n_kept && strcmp(g->kept[i].purpose, purpose) != 0)
        i++;
    if (i == KEPT || strlen(purpose) >= sizeof g->kept[i].purpose)
        return NULL;
    if (i == g->n_kept) {
        strcpy(g->kept[i].purpose, purpose);
        g->n_kept++;
    }
    return &g->kept[i];
}

/* The places of rows, if they are those of the files that are there now. */
static struct duck_rows *find_rows(struct duck_pin *pin, struct duck_gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    struct duck_rows *r = duck_rows_keep(g->rows);
    (void)pthread_mutex_unlock(&g->lock);
    if (!r)
        return NULL;
    pin->before = stamp_look(duck_rows_paths(r));
    if (pin->before && stamp_is_same(duck_rows_look(r), pin->before) &&
        stamp_is_steady(pin->before, NULL))
        return r;
    duck_rows_drop(r);
    return NULL;
}

static void pin_rows(struct duck_pin *pin, const struct duck_gate *g,
                     struct duck_rows *r, struct kept *kept)
{
    if (kept->rows && duck_row_bits_is_of(kept->rows, r, &pin->view)) {
        g->gate->unpin(g->gate->ctx, &pin->view);
        pin->rows = duck_row_bits_keep(kept->rows);
    } else {
        pin->rows = duck_row_bits_of(r, g->gate, &pin->view, kept->rows);
        if (pin->rows) {
            duck_row_bits_drop(kept->rows);
            kept->rows = duck_row_bits_keep(pin->rows);
        }
    }
    if (pin->rows)
        pin->view = *duck_row_bits_view(pin->rows);
}

static void pin_bits(struct duck_pin *pin, const struct duck_gate *g,
                     struct kept *kept)
{
    if (kept->bits && duck_bits_is_of(kept->bits, pin->keys, &pin->view)) {
        g->gate->unpin(g->gate->ctx, &pin->view);
        pin->bits = duck_bits_keep(kept->bits);
    } else {
        pin->bits = duck_bits_of(pin->keys, g->gate, &pin->view, kept->bits);
        if (pin->bits) {
            duck_bits_drop(kept->bits);
            kept->bits = duck_bits_keep(pin->bits);
        }
    }
    if (pin->bits)
        pin->view = *duck_bits_view(pin->bits);
}

/*
 * The newest view (of no purpose: as the gate says), and bits of it by row, or
 * by key where keys suit: those that are kept, or new ones, which are kept
 * instead.  One run at a time makes them, so that nobody makes twice what takes
 * a while.
 */
static void pin_view(struct duck_pin *pin, struct duck_gate *g,
                     const struct policy_purpose *purpose, bool by_row)
{
    struct duck_dense dense;
    struct duck_rows *r = purpose && by_row ? find_rows(pin, g) : NULL;
    (void)pthread_mutex_lock(&g->keep_lock);
    g->gate->pin(g->gate->ctx, &pin->view, purpose);
    struct kept *kept = purpose ? place_of(g, purpose->id) : NULL;
    if (kept && r)
        pin_rows(pin, g, r, kept);
    if (kept && !pin->rows && duck_keys_dense(&dense, pin->keys))
        pin_bits(pin, g, kept);
    (void)pthread_mutex_unlock(&g->keep_lock);
    duck_rows_drop(r);
}

/* From now on statements that are bound on the connection find it. */
static void show(struct duck_pin *pin, struct duck_gate *g,
                 duckdb_connection con)
{
    duckdb_client_context context = NULL;
    duckdb_connection_get_client_context(con, &context);
    pin->connection = duckdb_client_context_get_connection_id(context);
    duckdb_destroy_client_context(&context);
    (void)pthread_mutex_lock(&g->lock);
    pin->next = g->pins;
    g->pins = pin;
    (void)pthread_mutex_unlock(&g->lock);
}

void duck_gate_pin(struct duck_pin *pin, struct duck_gate *g,
                   duckdb_connection con, const struct policy_purpose *purpose,
                   bool by_row)
{
    *pin = (struct duck_pin){ .gate = g };
    atomic_init(&pin->is_off, false);
    if (!g->gate)
        return;
    pin->keys = duck_gate_keys(g);
    pin_view(pin, g, purpose, by_row);
    show(pin, g, con);
}

void duck_gate_pin_making(struct duck_pin *pin, struct duck_gate *g,
                          duckdb_connection con, struct duck_rows *making,
                          struct duck_keys *keys)
{
    *pin = (struct duck_pin){ .gate = g,
                              .making = making,
                              .keys = duck_keys_keep(keys) };
    atomic_init(&pin->is_off, false);
    show(pin, g, con);
}

bool duck_gate_holds(struct duck_pin *pin)
{
    if (!pin->rows || pin->by_key)
        return true;
    const struct duck_rows *r = duck_row_bits_rows(pin->rows);
    struct stamp_look *after = stamp_look(duck_rows_paths(r));
    const bool holds = !atomic_load(&pin->is_off) && after &&
                       stamp_is_same(pin->before, after) &&
                       stamp_is_steady(pin->before, after);
    free(after);
    pin->by_key = !holds;
    return holds;
}

void duck_gate_unpin(struct duck_pin *pin, struct duck_gate *g)
{
    if (!g->gate)
        return;
    (void)pthread_mutex_lock(&g->lock);
    struct duck_pin **at = &g->pins;
    while (*at != pin)
        at = &(*at)->next;
    *at = pin->next;
    (void)pthread_mutex_unlock(&g->lock);
    duck_keys_drop(pin->keys);
    free(pin->before);
    if (pin->rows)
        duck_row_bits_drop(pin->rows);
    else if (pin->bits)
        duck_bits_drop(pin->bits);
    else if (!pin->making)
        g->gate->unpin(g->gate->ctx, &pin->view);
}

const struct gate *duck_gate_of(const struct duck_gate *g)
{
    return g->gate;
}

/* ---- keys ---- */

enum { STATEMENT_MAX = 1 << 20 };

static const struct policy_column *print_keys(struct writer *w,
                                              const struct policy *p)
{
    const struct policy_column *key = NULL;
    /* A key of two people is nobody's. */
    if (p->map.source)
        writer_str(w, "SELECT k, min(subject) AS subject FROM " VIEWS_MAP
                      " WHERE k IS NOT NULL AND subject IS NOT NULL GROUP BY k "
                      "HAVING min(subject) = max(subject) AND k IN (");
    writer_str(w, "SELECT DISTINCT k FROM (");
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        if (!t->owned)
            continue;
        writer_str(w, key ? " UNION ALL SELECT " : "SELECT ");
        key = &t->columns[t->key];
        duck_ident(w, key->name);
        writer_str(w, " AS k FROM src.");
        duck_ident(w, t->name);
    }
    writer_str(w, p->map.source ? "))" : ")");
    return key;
}

bool duck_gate_map(struct duck_gate *g, struct duck *d, const struct policy *p)
{
    if (!g->gate)
        return true;
    char *sql = malloc(STATEMENT_MAX);
    if (!sql)
        return false;
    struct writer w = writer_of(sql, STATEMENT_MAX);
    const struct policy_column *key = print_keys(&w, p);
    duckdb_connection con = NULL;
    duckdb_result result = { 0 };
    struct duck_keys *keys = NULL;
    if (key && writer_cstr(&w) &&
        duckdb_connect(d->db, &con) == DuckDBSuccess &&
        duckdb_query(con, sql, &result) == DuckDBSuccess)
        keys = duck_keys_of(result, key->type != POLICY_INT,
                            p->map.source != NULL, g->gate);
    duckdb_destroy_result(&result);
    duckdb_disconnect(&con);
    free(sql);
    if (!keys)
        return !key;
    (void)pthread_mutex_lock(&g->lock);
    struct duck_keys *old = g->keys;
    struct duck_rows *rows = g->rows;
    g->keys = keys;
    g->rows = NULL;
    (void)pthread_mutex_unlock(&g->lock);
    duck_keys_drop(old);
    duck_rows_drop(rows);
    return true;
}

struct duck_keys *duck_gate_keys(struct duck_gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    struct duck_keys *keys = duck_keys_keep(g->keys);
    (void)pthread_mutex_unlock(&g->lock);
    return keys;
}

bool duck_gate_take_rows(struct duck_gate *g, struct duck_rows *rows,
                         const struct duck_keys *keys)
{
    (void)pthread_mutex_lock(&g->lock);
    const bool is_of = g->keys == keys;
    struct duck_rows *old = is_of ? g->rows : NULL;
    if (is_of)
        g->rows = duck_rows_keep(rows);
    (void)pthread_mutex_unlock(&g->lock);
    duck_rows_drop(old);
    return is_of;
}

/* ---- life ---- */

static bool add(struct duck_gate *g, struct duck *d, const char *name,
                bool is_text, bool by_subject)
{
    struct function *own = malloc(sizeof *own);
    if (!own)
        return false;
    *own = (struct function){ g, is_text, by_subject };
    duckdb_scalar_function fn = duckdb_create_scalar_function();
    duckdb_logical_type in = duckdb_create_logical_type(
        is_text ? DUCKDB_TYPE_VARCHAR : DUCKDB_TYPE_BIGINT);
    duckdb_logical_type to = duckdb_create_logical_type(
        by_subject ? DUCKDB_TYPE_BOOLEAN : DUCKDB_TYPE_UTINYINT);
    duckdb_scalar_function_set_name(fn, name);
    duckdb_scalar_function_add_parameter(fn, in);
    duckdb_scalar_function_set_return_type(fn, to);
    duckdb_scalar_function_set_special_handling(fn);
    duckdb_scalar_function_set_extra_info(fn, own, free);
    duckdb_scalar_function_set_bind(fn, bind);
    duckdb_scalar_function_set_function(fn, rows);
    const bool ok =
        duckdb_register_scalar_function(d->con, fn) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&fn);
    duckdb_destroy_logical_type(&in);
    duckdb_destroy_logical_type(&to);
    return ok;
}

enum err_code duck_gate_open(struct duck_gate **out, struct duck *d,
                             const struct gate *gate, struct err *err)
{
    struct duck_gate *g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, ERR_LIMIT, "out of memory");
    g->gate = gate;
    const int locks = pthread_mutex_init(&g->lock, NULL) |
                      pthread_mutex_init(&g->keep_lock, NULL);
    assert(locks == 0);
    *out = g;
    if (add(g, d, "halftone_key_i", false, false) &&
        add(g, d, "halftone_key_t", true, false) &&
        add(g, d, DUCK_GATE_ERASED, true, true) &&
        duck_exec(d, "CREATE MACRO halftone_counts_i(k) AS "
                     "halftone_key_i(k) <> 0;"
                     "CREATE MACRO halftone_counts_t(k) AS "
                     "halftone_key_t(k) <> 0;"
                     "SELECT halftone_counts_i(0), halftone_counts_t('')"))
        return ERR_OK;
    return err_set(err, ERR_INTERNAL,
                   "DuckDB does not take the functions that say who counts");
}

void duck_gate_close(struct duck_gate *g)
{
    if (!g)
        return;
    assert(!g->pins);
    for (size_t i = 0; i < g->n_kept; i++) {
        duck_bits_drop(g->kept[i].bits);
        duck_row_bits_drop(g->kept[i].rows);
    }
    duck_keys_drop(g->keys);
    duck_rows_drop(g->rows);
    (void)pthread_mutex_destroy(&g->keep_lock);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}
