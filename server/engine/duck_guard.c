#include "server/engine/duck_guard.h"

#include <math.h>

#include "server/plan/guard.h"

/* Is there a value at x?  Then *y is it. */
typedef bool value_fn(double *y, double x);

#define TEST(id, name, test, value)                                            \
    static bool of_##id(double *y, double x)                                   \
    {                                                                          \
        *y = value;                                                            \
        return test;                                                           \
    }
GUARDS(TEST)
#undef TEST

static const struct guard {
    const char *name;
    value_fn *value;
} TABLE[GUARD_COUNT] = {
#define ROW(id, name, test, value) { name, of_##id },
    GUARDS(ROW)
#undef ROW
};

static void rows(duckdb_function_info info, duckdb_data_chunk chunk,
                 duckdb_vector out)
{
    const struct guard *g = duckdb_scalar_function_get_extra_info(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    duckdb_vector in = duckdb_data_chunk_get_vector(chunk, 0);
    uint64_t *there = duckdb_vector_get_validity(in);
    const double *x = duckdb_vector_get_data(in);
    double *y = duckdb_vector_get_data(out);
    uint64_t *valid = NULL;
    for (idx_t i = 0; i < n; i++) {
        if (g->value(&y[i], x[i]) &&
            (!there || duckdb_validity_row_is_valid(there, i)))
            continue;
        if (!valid) {
            duckdb_vector_ensure_validity_writable(out);
            valid = duckdb_vector_get_validity(out);
        }
        duckdb_validity_set_row_invalid(valid, i);
    }
}

static bool add(duckdb_connection con, const struct guard *g)
{
    duckdb_scalar_function fn = duckdb_create_scalar_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
    duckdb_scalar_function_set_name(fn, g->name);
    duckdb_scalar_function_add_parameter(fn, number);
    duckdb_scalar_function_set_return_type(fn, number);
    duckdb_scalar_function_set_special_handling(fn);
    duckdb_scalar_function_set_extra_info(fn, (void *)(uintptr_t)g, NULL);
    duckdb_scalar_function_set_function(fn, rows);
    const bool ok = duckdb_register_scalar_function(con, fn) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&fn);
    duckdb_destroy_logical_type(&number);
    return ok;
}

enum err_code duck_guard_register(struct duck *d, struct err *err)
{
    for (size_t i = 0; i < GUARD_COUNT; i++)
        if (!add(d->con, &TABLE[i]))
            return err_set(err, ERR_INTERNAL,
                           "DuckDB does not take the function %s",
                           TABLE[i].name);
    return ERR_OK;
}
