#include "server/engine/duck_keep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_bound.h"

enum {
    ARG_PERSON,
    ARG_CODE,
    ARG_SUMS,   /* first of them */
    AHEAD = 16, /* rows whose states are fetched early */
    LINES_EARLY = 5,
    LINE = 64, /* bytes of a cache line */
};

__extension__ typedef __int128 wide;

/* Of one registered function: sizes, from its name. */
struct shape {
    const struct duck_keep_key *key;
    bool person_text; /* else an integer */
    unsigned l0, sums;
};

/*
 * A person's kept groups, in no order; `worst` is the one of the greatest place
 * once there are l0.  Laid out as
 *   uint64_t place[l0]; uint64_t code[l0]; wide sum[l0][sums];
 * so that a row of a group that was let in long ago touches two cache lines.
 */
struct state {
    uint32_t n, worst;
    struct duck_line line; /* once n > 0 */
    uint64_t word[];
};

static uint64_t *places(struct state *s)
{
    return s->word;
}

static uint64_t *codes(struct state *s, const struct shape *f)
{
    return s->word + f->l0;
}

/* DuckDB aligns states to 8 bytes: sums are copied in and out. */
static unsigned char *sums_of(struct state *s, const struct shape *f, size_t i)
{
    return (unsigned char *)(s->word + 2 * f->l0) + i * f->sums * sizeof(wide);
}

static void add(unsigned char *at, wide v)
{
    wide sum;
    memcpy(&sum, at, sizeof sum);
    sum += v; /* at most 2^63 a row: 2^64 rows fit */
    memcpy(at, &sum, sizeof sum);
}

static idx_t size_of(duckdb_function_info info)
{
    const struct shape *f = duckdb_aggregate_function_get_extra_info(info);
    _Static_assert(sizeof(struct state) == 24 && sizeof(wide) == 16,
                   "what keep_bytes() counts");
    return keep_bytes(f->l0, f->sums);
}

static void init(duckdb_function_info info, duckdb_aggregate_state s)
{
    (void)info;
    *(struct state *)s = (struct state){ .n = 0 };
}

static size_t find(struct state *s, const struct shape *f, uint64_t code)
{
    size_t i = 0;
    while (i < s->n && codes(s, f)[i] != code)
        i++;
    return i;
}

static uint32_t find_worst(struct state *s)
{
    uint32_t worst = 0;
    for (uint32_t i = 1; i < s->n; i++)
        if (places(s)[i] > places(s)[worst])
            worst = i;
    return worst;
}

/*
 * Room for a group at this place, its sums zero; NULL when l0 better ones
 * stand.  Equal places (one in 2^61) keep who came first.
 */
static unsigned char *let_in(struct state *s, const struct shape *f,
                             uint64_t code)
{
    const uint64_t place = duck_order_place(&s->line, code);
    if (s->n == f->l0 && place >= places(s)[s->worst])
        return NULL;
    const uint32_t i = s->n == f->l0 ? s->worst : s->n++;
    places(s)[i] = place;
    codes(s, f)[i] = code;
    memset(sums_of(s, f, i), 0, f->sums * sizeof(wide));
    if (s->n == f->l0)
        s->worst = find_worst(s);
    return sums_of(s, f, i);
}

/* States lie anywhere in memory: waiting for them is most of the work. */
static void fetch_early(const void *state, size_t size)
{
    for (size_t at = 0; at < size && at < LINES_EARLY * LINE; at += LINE)
        __builtin_prefetch((const char *)state + at, 1);
}

/* ---- one chunk of rows ---- */

struct rows {
    const struct shape *f;
    struct duck_order order;
    struct duck_column col[ARG_SUMS + KEEP_SUMS_MAX];
};

static void rows_of(struct rows *r, const struct shape *f,
                    duckdb_data_chunk chunk)
{
    r->f = f;
    for (unsigned i = 0; i < ARG_SUMS + f->sums; i++)
        r->col[i] = duck_column_of(chunk, i);
    duck_order_init(&r->order, f->key);
}

static void take_row(struct state *s, const struct rows *r, idx_t row)
{
    const struct shape *f = r->f;
    const uint64_t code = ((const uint64_t *)r->col[ARG_CODE].data)[row];
    if (s->n == 0)
        s->line = duck_order_line(&r->order, &r->col[ARG_PERSON],
                                  f->person_text, row);
    const size_t at = find(s, f, code);
    unsigned char *sums = at < s->n ? sums_of(s, f, at) : let_in(s, f, code);
    if (!sums)
        return;
    for (unsigned j = 0; j < f->sums; j++) {
        const struct duck_column *c = &r->col[ARG_SUMS + j];
        if (!duck_is_null(c, row))
            add(sums + j * sizeof(wide), ((const int64_t *)c->data)[row]);
    }
}

static void update(duckdb_function_info info, duckdb_data_chunk chunk,
                   duckdb_aggregate_state *states)
{
    const struct shape *f = duckdb_aggregate_function_get_extra_info(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const size_t size = size_of(info);
    struct rows r;
    if (n == 0)
        return;
    rows_of(&r, f, chunk);
    for (idx_t row = 0; row < n; row++) {
        if (row + AHEAD < n)
            fetch_early(states[row + AHEAD], size);
        if (!duck_is_null(&r.col[ARG_PERSON], row) &&
            !duck_is_null(&r.col[ARG_CODE], row))
            take_row((struct state *)states[row], &r, row);
    }
}

static void combine(duckdb_function_info info, duckdb_aggregate_state *from,
                    duckdb_aggregate_state *into, idx_t n)
{
    const struct shape *f = duckdb_aggregate_function_get_extra_info(info);
    const size_t size = size_of(info);
    for (idx_t i = 0; i < n; i++) {
        struct state *a = (struct state *)from[i], *b = (struct state *)into[i];
        if (i + AHEAD < n) {
            fetch_early(from[i + AHEAD], size);
            fetch_early(into[i + AHEAD], size);
        }
        if (b->n == 0)
            b->line = a->line;
        for (size_t g = 0; g < a->n; g++) {
            const uint64_t code = codes(a, f)[g];
            const size_t at = find(b, f, code);
            unsigned char *sums =
                at < b->n ? sums_of(b, f, at) : let_in(b, f, code);
            for (unsigned j = 0; sums && j < f->sums; j++) {
                wide v;
                memcpy(&v, sums_of(a, f, g) + j * sizeof v, sizeof v);
                add(sums + j * sizeof v, v);
            }
        }
    }
}

/* Room in the list vector for all groups of these states, from *start on. */
static bool grow(idx_t *start, duckdb_aggregate_state *states,
                 duckdb_vector out, idx_t n)
{
    *start = duckdb_list_vector_get_size(out);
    idx_t end = *start;
    for (idx_t i = 0; i < n; i++)
        end += ((struct state *)states[i])->n;
    return duckdb_list_vector_reserve(out, end) == DuckDBSuccess &&
           duckdb_list_vector_set_size(out, end) == DuckDBSuccess;
}

static void finalize(duckdb_function_info info, duckdb_aggregate_state *states,
                     duckdb_vector out, idx_t n, idx_t offset)
{
    const struct shape *f = duckdb_aggregate_function_get_extra_info(info);
    idx_t at;
    if (!grow(&at, states, out, n)) {
        duckdb_aggregate_function_set_error(info, "out of memory");
        return;
    }
    duckdb_vector item = duckdb_list_vector_get_child(out);
    uint64_t *code =
        duckdb_vector_get_data(duckdb_struct_vector_get_child(item, 0));
    unsigned char *sum[KEEP_SUMS_MAX];
    for (unsigned j = 0; j < f->sums; j++)
        sum[j] =
            duckdb_vector_get_data(duckdb_struct_vector_get_child(item, j + 1));
    duckdb_list_entry *entry = duckdb_vector_get_data(out);
    for (idx_t i = 0; i < n; i++) {
        struct state *s = (struct state *)states[i];
        entry[offset + i] = (duckdb_list_entry){ .offset = at, .length = s->n };
        for (size_t g = 0; g < s->n; g++, at++) {
            code[at] = codes(s, f)[g];
            for (unsigned j = 0; j < f->sums; j++)
                memcpy(sum[j] + at * sizeof(wide),
                       sums_of(s, f, g) + j * sizeof(wide), sizeof(wide));
        }
    }
}

/* ---- registration ---- */

static duckdb_logical_type group_list(unsigned sums)
{
    static const char *const names[] = { "code", "a0", "a1", "a2",
                                         "a3",   "a4", "a5" };
    duckdb_logical_type types[1 + KEEP_SUMS_MAX];
    types[0] = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    for (unsigned j = 1; j <= sums; j++)
        types[j] = duckdb_create_logical_type(DUCKDB_TYPE_HUGEINT);
    duckdb_logical_type item = duckdb_create_struct_type(
        types, (const char **)(uintptr_t)names, sums + 1);
    duckdb_logical_type list = duckdb_create_list_type(item);
    duckdb_destroy_logical_type(&item);
    for (unsigned j = 0; j <= sums; j++)
        duckdb_destroy_logical_type(&types[j]);
    return list;
}

static void add_parameter(duckdb_aggregate_function fn, duckdb_type type)
{
    duckdb_logical_type t = duckdb_create_logical_type(type);
    duckdb_aggregate_function_add_parameter(fn, t);
    duckdb_destroy_logical_type(&t);
}

static bool add_function(duckdb_connection con, const char *name,
                         const struct shape *f)
{
    struct shape *own = malloc(sizeof *own);
    if (!own)
        return false;
    *own = *f;
    duckdb_aggregate_function fn = duckdb_create_aggregate_function();
    duckdb_aggregate_function_set_name(fn, name);
    add_parameter(fn,
                  f->person_text ? DUCKDB_TYPE_VARCHAR : DUCKDB_TYPE_BIGINT);
    add_parameter(fn, DUCKDB_TYPE_UBIGINT);
    for (unsigned j = 0; j < f->sums; j++)
        add_parameter(fn, DUCKDB_TYPE_BIGINT);
    duckdb_logical_type list = group_list(f->sums);
    duckdb_aggregate_function_set_return_type(fn, list);
    duckdb_destroy_logical_type(&list);
    duckdb_aggregate_function_set_extra_info(fn, own, free);
    duckdb_aggregate_function_set_special_handling(fn);
    duckdb_aggregate_function_set_functions(fn, size_of, init, update, combine,
                                            finalize);
    const bool ok =
        duckdb_register_aggregate_function(con, fn) == DuckDBSuccess;
    duckdb_destroy_aggregate_function(&fn);
    return ok;
}

static bool answers(struct duck *d, const char *name, const struct shape *f)
{
    char sql[512];
    struct writer w = writer_of(sql, sizeof sql);
    writer_printf(&w, "SELECT %s(CAST(1 AS %s), CAST(1 AS UBIGINT)", name,
                  f->person_text ? "VARCHAR" : "BIGINT");
    for (unsigned j = 0; j < f->sums; j++)
        writer_str(&w, ", CAST(1 AS BIGINT)");
    writer_str(&w, ")");
    return writer_cstr(&w) && duck_exec(d, sql);
}

enum err_code duck_keep_register(struct duck *d,
                                 const struct duck_keep_key *key,
                                 struct duck_heap *heap, struct err *err)
{
    char name[KEEP_NAME_MAX];
    TRY(duck_order_register(d, key, err));
    TRY(duck_bound_register(d, key, heap, err));
    for (unsigned text = 0; text < 2; text++)
        for (unsigned l0 = 1; l0 <= KEEP_L0_MAX; l0++)
            for (unsigned sums = 0; sums <= KEEP_SUMS_MAX; sums++) {
                const struct shape f = {
                    .key = key, .person_text = text, .l0 = l0, .sums = sums
                };
                keep_name(name, f.person_text, l0, sums);
                if (!add_function(d->con, name, &f))
                    return err_set(err, ERR_INTERNAL,
                                   "DuckDB does not take the function %s",
                                   name);
                /* What was registered is there, or none of it is. */
                if (l0 == KEEP_L0_MAX && sums == KEEP_SUMS_MAX &&
                    !answers(d, name, &f))
                    return err_set(err, ERR_INTERNAL,
                                   "DuckDB has lost the function %s", name);
            }
    return ERR_OK;
}
