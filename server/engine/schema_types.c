#include "server/engine/schema_types.h"

static const char *const targets[POLICY_TYPE_COUNT] = {
    [POLICY_BOOL] = "BOOLEAN",  [POLICY_INT] = "BIGINT",
    [POLICY_DOUBLE] = "DOUBLE", [POLICY_TEXT] = "VARCHAR",
    [POLICY_DATE] = "DATE",     [POLICY_TIMESTAMP] = "TIMESTAMP",
    [POLICY_UUID] = "VARCHAR",
};

/* The declarations each stored type allows; `best` is what a draft proposes. */
static const struct row {
    duckdb_type stored;
    enum policy_type best;
    const char *name;
    enum fit fits[POLICY_TYPE_COUNT];
} rows[] = {
#define INTEGER(type, fit_int)                                                 \
    {                                                                          \
        DUCKDB_TYPE_##type, POLICY_INT, #type,                                 \
        {                                                                      \
            [POLICY_INT] = fit_int, [POLICY_DOUBLE] = FIT_WIDER                \
        }                                                                      \
    }
    INTEGER(TINYINT, FIT_WIDER),
    INTEGER(SMALLINT, FIT_WIDER),
    INTEGER(INTEGER, FIT_WIDER),
    INTEGER(BIGINT, FIT_SAME),
    INTEGER(UTINYINT, FIT_WIDER),
    INTEGER(USMALLINT, FIT_WIDER),
    INTEGER(UINTEGER, FIT_WIDER),
    INTEGER(UBIGINT, FIT_TRY),
    INTEGER(HUGEINT, FIT_TRY),
    INTEGER(UHUGEINT, FIT_TRY),
#undef INTEGER
    { DUCKDB_TYPE_BOOLEAN,
      POLICY_BOOL,
      "BOOLEAN",
      { [POLICY_BOOL] = FIT_SAME } },
    { DUCKDB_TYPE_FLOAT,
      POLICY_DOUBLE,
      "FLOAT",
      { [POLICY_DOUBLE] = FIT_WIDER } },
    { DUCKDB_TYPE_DOUBLE,
      POLICY_DOUBLE,
      "DOUBLE",
      { [POLICY_DOUBLE] = FIT_SAME } },
    { DUCKDB_TYPE_DECIMAL,
      POLICY_DOUBLE,
      "DECIMAL",
      { [POLICY_DOUBLE] = FIT_TRY } },
    { DUCKDB_TYPE_VARCHAR,
      POLICY_TEXT,
      "VARCHAR",
      { [POLICY_TEXT] = FIT_SAME, [POLICY_UUID] = FIT_SAME } },
    { DUCKDB_TYPE_ENUM, POLICY_TEXT, "ENUM", { [POLICY_TEXT] = FIT_WIDER } },
    { DUCKDB_TYPE_UUID,
      POLICY_UUID,
      "UUID",
      { [POLICY_UUID] = FIT_WIDER, [POLICY_TEXT] = FIT_WIDER } },
    { DUCKDB_TYPE_DATE,
      POLICY_DATE,
      "DATE",
      { [POLICY_DATE] = FIT_SAME, [POLICY_TIMESTAMP] = FIT_TRY } },
#define TIME(type, fit, shown)                                                 \
    {                                                                          \
        DUCKDB_TYPE_##type, POLICY_TIMESTAMP, shown,                           \
        {                                                                      \
            [POLICY_TIMESTAMP] = fit, [POLICY_DATE] = FIT_TRY                  \
        }                                                                      \
    }
    TIME(TIMESTAMP, FIT_SAME, "TIMESTAMP"),
    TIME(TIMESTAMP_S, FIT_TRY, "TIMESTAMP_S"),
    TIME(TIMESTAMP_MS, FIT_TRY, "TIMESTAMP_MS"),
    TIME(TIMESTAMP_NS, FIT_TRY, "TIMESTAMP_NS"),
    TIME(TIMESTAMP_TZ, FIT_TRY, "TIMESTAMP WITH TIME ZONE"),
#undef TIME
};

static const struct row *find(duckdb_type stored)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].stored == stored)
            return &rows[i];
    return NULL;
}

enum fit schema_fit(duckdb_type stored, enum policy_type declared)
{
    const struct row *row = find(stored);
    return row ? row->fits[declared] : FIT_NONE;
}

const char *schema_stored_name(duckdb_type stored)
{
    const struct row *row = find(stored);
    return row ? row->name : "a type that cannot be used";
}

const char *schema_target_name(enum policy_type declared)
{
    return targets[declared];
}

bool schema_best(enum policy_type *out, duckdb_type stored)
{
    const struct row *row = find(stored);
    if (row)
        *out = row->best;
    return row != NULL;
}
