#include "server/engine/engine.h"

#include "server/engine/duckdb.h"
#include "server/engine/fake.h"
#include "server/engine/postgres.h"
#include "server/engine/swap.h"

enum err_code engine_open(struct engine **out, const struct policy *policy,
                          const struct engine_options *options, struct err *err)
{
    switch (policy->source) {
    case SOURCE_FILES:
    case SOURCE_DUCKDB:
        return engine_swap_open(out, policy, options, err);
    case SOURCE_POSTGRESQL:
        return engine_postgres_open(out, policy, options, err);
    case SOURCE_FAKE:
        *out = engine_fake_new(NULL);
        return *out ? ERR_OK : err_set(err, ERR_LIMIT, "out of memory");
    }
    return err_set(err, ERR_INTERNAL, "no such kind of source");
}
