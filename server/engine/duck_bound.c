#include "server/engine/duck_bound.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARG_PERSON,
    ARG_L0,
    ARG_MOST,
    ARG_CODE,
    ARG_KIND,   /* first of the kind's own */
    AHEAD = 16, /* rows whose states are fetched early */
    LINE = 64,  /* bytes of a cache line */
};

/* Of one registered function. */
struct function {
    const struct duck_keep_key *key;
    struct duck_bound_kind kind;
    struct duck_groups_kind groups;
    bool person_text; /* else an integer */
};

static const struct function *function_of(duckdb_function_info info)
{
    return duckdb_aggregate_function_get_extra_info(info);
}

static idx_t size_of(duckdb_function_info info)
{
    return sizeof(struct duck_groups) + function_of(info)->kind.bytes;
}

static void init(duckdb_function_info info, duckdb_aggregate_state s)
{
    *(struct duck_groups *)s =
        (struct duck_groups){ .kind = &function_of(info)->groups };
}

static void destroy(duckdb_aggregate_state *states, idx_t n)
{
    for (idx_t i = 0; i < n; i++)
        duck_groups_drop((struct duck_groups *)states[i]);
}

static void is_full(duckdb_function_info info)
{
    duckdb_aggregate_function_set_error(info, DUCK_BOUND_FULL);
}

/* States lie anywhere in memory.  (Their groups on the heap too: to look ahead
 * for these costs more than it saves.) */
static void fetch_early(duckdb_aggregate_state *states, idx_t i, idx_t n)
{
    if (i + AHEAD >= n)
        return;
    __builtin_prefetch(states[i + AHEAD], 1);
    __builtin_prefetch((const char *)states[i + AHEAD] + LINE, 1);
}

/* ---- rows ---- */

struct rows {
    const struct function *f;
    struct duck_order order;
    struct duck_column col[ARG_KIND + DUCK_BOUND_COLUMNS];
};

static void rows_of(struct rows *r, const struct function *f,
                    duckdb_data_chunk chunk)
{
    r->f = f;
    for (unsigned i = 0; i < ARG_KIND + f->kind.n_in; i++)
        r->col[i] = duck_column_of(chunk, i);
    duck_order_init(&r->order, f->key);
}

static bool take_row(struct duck_groups *g, const struct rows *r, idx_t row)
{
    const uint64_t code = ((const uint64_t *)r->col[ARG_CODE].data)[row];
    void *group;
    if (g->l0 == 0) {
        g->l0 = (uint32_t)((const int32_t *)r->col[ARG_L0].data)[row];
        g->most = (uint32_t)((const int32_t *)r->col[ARG_MOST].data)[row];
        g->line = duck_order_line(&r->order, &r->col[ARG_PERSON],
                                  r->f->person_text, row);
        assert(g->l0 > 0);
    }
    if (!duck_groups_enter(&group, g, code))
        return false;
    return !group ||
           r->f->kind.add(group, g, r->col + ARG_KIND, r->f->kind.n_in, row);
}

static void update(duckdb_function_info info, duckdb_data_chunk chunk,
                   duckdb_aggregate_state *states)
{
    const struct function *f = function_of(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    struct rows r;
    if (n == 0)
        return;
    rows_of(&r, f, chunk);
    for (idx_t row = 0; row < n; row++) {
        fetch_early(states, row, n);
        if (duck_is_null(&r.col[ARG_PERSON], row) ||
            duck_is_null(&r.col[ARG_CODE], row))
            continue;
        if (!take_row((struct duck_groups *)states[row], &r, row)) {
            is_full(info);
            return;
        }
    }
}

/* ---- states that meet ---- */

static bool unite(struct duck_groups *to, struct duck_groups *from,
                  const struct duck_bound_kind *kind)
{
    if (to->n == 0) {
        duck_groups_move(to, from);
        return true;
    }
    for (size_t i = 0; i < from->n; i++) {
        const struct duck_group *other = duck_groups_at(from, i);
        void *group;
        if (!duck_groups_enter(&group, to, other->code))
            return false;
        if (!group) /* nor do those behind it stand before l0 others */
            return true;
        if (!kind->merge(group, other, to, kind->n_in))
            return false;
    }
    return true;
}

static void combine(duckdb_function_info info, duckdb_aggregate_state *from,
                    duckdb_aggregate_state *into, idx_t n)
{
    const struct function *f = function_of(info);
    for (idx_t i = 0; i < n; i++) {
        fetch_early(from, i, n);
        fetch_early(into, i, n);
        if (!unite((struct duck_groups *)into[i], (struct duck_groups *)from[i],
                   &f->kind)) {
            is_full(info);
            return;
        }
    }
}

/* ---- what comes of them ---- */

static size_t length_of(struct duck_groups *g, const struct function *f)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        n += f->kind.count(g, duck_groups_at(g, i));
    return n;
}

/* Room in the list vector for all that these states become, from *start on. */
static bool grow(idx_t *start, duckdb_aggregate_state *states,
                 duckdb_vector out, idx_t n, const struct function *f)
{
    *start = duckdb_list_vector_get_size(out);
    idx_t end = *start;
    for (idx_t i = 0; i < n; i++)
        end += length_of((struct duck_groups *)states[i], f);
    return duckdb_list_vector_reserve(out, end) == DuckDBSuccess &&
           duckdb_list_vector_set_size(out, end) == DuckDBSuccess;
}

static size_t put(uint64_t *code, const struct duck_bound_out *to, size_t at,
                  struct duck_groups *g, const struct function *f)
{
    for (size_t i = 0; i < g->n; i++) {
        struct duck_group *group = duck_groups_at(g, i);
        const size_t n = f->kind.count(g, group);
        for (size_t j = 0; j < n; j++)
            code[at + j] = group->code;
        f->kind.put(to, at, g, group, f->kind.n_out);
        at += n;
    }
    return at;
}

static void finalize(duckdb_function_info info, duckdb_aggregate_state *states,
                     duckdb_vector out, idx_t n, idx_t offset)
{
    const struct function *f = function_of(info);
    idx_t at;
    if (!grow(&at, states, out, n, f)) {
        is_full(info);
        return;
    }
    duckdb_vector item = duckdb_list_vector_get_child(out);
    uint64_t *code =
        duckdb_vector_get_data(duckdb_struct_vector_get_child(item, 0));
    struct duck_bound_out to[DUCK_BOUND_COLUMNS];
    for (unsigned j = 0; j < f->kind.n_out; j++) {
        duckdb_vector v = duckdb_struct_vector_get_child(item, j + 1);
        to[j] = (struct duck_bound_out){ duckdb_vector_get_data(v), v };
    }
    duckdb_list_entry *entry = duckdb_vector_get_data(out);
    for (idx_t i = 0; i < n; i++) {
        const size_t end =
            put(code, to, at, (struct duck_groups *)states[i], f);
        entry[offset + i] =
            (duckdb_list_entry){ .offset = at, .length = end - at };
        at = end;
    }
}

/* ---- registration ---- */

static duckdb_logical_type list_of(const struct duck_bound_kind *k)
{
    char names[1 + DUCK_BOUND_COLUMNS][16] = { "code" };
    const char *name[1 + DUCK_BOUND_COLUMNS] = { names[0] };
    duckdb_logical_type types[1 + DUCK_BOUND_COLUMNS];
    types[0] = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    for (unsigned j = 0; j < k->n_out; j++) {
        (void)snprintf(names[j + 1], sizeof names[0], "a%u", j);
        name[j + 1] = names[j + 1];
        types[j + 1] = duckdb_create_logical_type(k->out[j]);
    }
    duckdb_logical_type item =
        duckdb_create_struct_type(types, name, k->n_out + 1);
    duckdb_logical_type list = duckdb_create_list_type(item);
    duckdb_destroy_logical_type(&item);
    for (unsigned j = 0; j <= k->n_out; j++)
        duckdb_destroy_logical_type(&types[j]);
    return list;
}

static void add_parameter(duckdb_aggregate_function fn, duckdb_type type)
{
    duckdb_logical_type t = duckdb_create_logical_type(type);
    duckdb_aggregate_function_add_parameter(fn, t);
    duckdb_destroy_logical_type(&t);
}

/* As halftone_many_i_2, halftone_values_t. */
static void name_of(char out[KEEP_NAME_MAX], const struct function *f)
{
    keep_bound_name(out, f->kind.name, f->person_text);
}

static bool add_function(duckdb_connection con, const struct function *f)
{
    static const duckdb_type first[ARG_KIND] = {
        [ARG_L0] = DUCKDB_TYPE_INTEGER,
        [ARG_MOST] = DUCKDB_TYPE_INTEGER,
        [ARG_CODE] = DUCKDB_TYPE_UBIGINT,
    };
    char name[KEEP_NAME_MAX];
    struct function *own = malloc(sizeof *own);
    if (!own)
        return false;
    *own = *f;
    name_of(name, f);
    duckdb_aggregate_function fn = duckdb_create_aggregate_function();
    duckdb_aggregate_function_set_name(fn, name);
    add_parameter(fn,
                  f->person_text ? DUCKDB_TYPE_VARCHAR : DUCKDB_TYPE_BIGINT);
    for (unsigned i = ARG_L0; i < ARG_KIND; i++)
        add_parameter(fn, first[i]);
    for (unsigned i = 0; i < f->kind.n_in; i++)
        add_parameter(fn, f->kind.in[i]);
    duckdb_logical_type list = list_of(&f->kind);
    duckdb_aggregate_function_set_return_type(fn, list);
    duckdb_destroy_logical_type(&list);
    duckdb_aggregate_function_set_extra_info(fn, own, free);
    duckdb_aggregate_function_set_special_handling(fn);
    duckdb_aggregate_function_set_functions(fn, size_of, init, update, combine,
                                            finalize);
    duckdb_aggregate_function_set_destructor(fn, destroy);
    const bool ok =
        duckdb_register_aggregate_function(con, fn) == DuckDBSuccess;
    duckdb_destroy_aggregate_function(&fn);
    return ok;
}

static enum err_code register_kind(struct duck *d, struct function *f,
                                   const struct duck_bound_kind *kind,
                                   struct err *err)
{
    char name[KEEP_NAME_MAX];
    f->kind = *kind;
    f->groups.bytes = kind->bytes;
    f->groups.drop = kind->drop;
    for (unsigned text = 0; text < 2; text++) {
        f->person_text = text;
        name_of(name, f);
        if (!add_function(d->con, f))
            return err_set(err, ERR_INTERNAL,
                           "DuckDB does not take the function %s", name);
    }
    return ERR_OK;
}

enum err_code duck_bound_register(struct duck *d,
                                  const struct duck_keep_key *key,
                                  struct duck_heap *heap, struct err *err)
{
    struct function f = { .key = key, .groups.heap = heap };
    for (unsigned n = 0; n <= KEEP_MANY_MAX; n++) {
        const struct duck_bound_kind sums = duck_sums_kind(n);
        TRY(register_kind(d, &f, &sums, err));
    }
    TRY(register_kind(d, &f, &duck_values_kind, err));
    TRY(register_kind(d, &f, &duck_evenly_kind, err));
    /* What was registered is there, or none of it is. */
    if (duck_exec(d, "SELECT halftone_evenly_t('', 1, 1, CAST(1 AS UBIGINT), "
                     "CAST(1 AS BIGINT), CAST(1 AS UBIGINT))"))
        return ERR_OK;
    return err_set(err, ERR_INTERNAL,
                   "DuckDB has lost the functions that bound people");
}
