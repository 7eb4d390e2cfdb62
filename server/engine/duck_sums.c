/* Sums of a person's rows in each group: duck_bound.h. */
#include <assert.h>
#include <string.h>

#include "server/engine/duck_bound.h"

__extension__ typedef __int128 wide;

struct sums {
    struct duck_group head;
    unsigned char sum[]; /* n of them; DuckDB aligns states to 8 bytes */
};

/* At most 2^63 a row: 2^64 rows fit. */
static void plus(unsigned char *at, wide v)
{
    wide sum;
    memcpy(&sum, at, sizeof sum);
    sum += v;
    memcpy(at, &sum, sizeof sum);
}

static bool add(void *group, struct duck_groups *g,
                const struct duck_column *in, unsigned n, idx_t row)
{
    struct sums *s = group;
    (void)g;
    for (unsigned j = 0; j < n; j++)
        if (!duck_is_null(&in[j], row))
            plus(s->sum + j * sizeof(wide), ((const int64_t *)in[j].data)[row]);
    return true;
}

static bool merge(void *group, const void *other, struct duck_groups *g,
                  unsigned n)
{
    struct sums *s = group;
    const struct sums *o = other;
    (void)g;
    for (unsigned j = 0; j < n; j++) {
        wide v;
        memcpy(&v, o->sum + j * sizeof v, sizeof v);
        plus(s->sum + j * sizeof v, v);
    }
    return true;
}

static size_t count(const struct duck_groups *g, const void *group)
{
    (void)g, (void)group;
    return 1;
}

static void put(const struct duck_bound_out *out, size_t at,
                const struct duck_groups *g, void *group, unsigned n)
{
    const struct sums *s = group;
    (void)g;
    for (unsigned j = 0; j < n; j++)
        memcpy((unsigned char *)out[j].data + at * sizeof(wide),
               s->sum + j * sizeof(wide), sizeof(wide));
}

struct duck_bound_kind duck_sums_kind(unsigned n)
{
    static const char *const names[KEEP_MANY_MAX + 1] = {
#define NAME(i) [i] = "halftone_many" #i
        NAME(0),  NAME(1),  NAME(2),  NAME(3),  NAME(4),  NAME(5),
        NAME(6),  NAME(7),  NAME(8),  NAME(9),  NAME(10), NAME(11),
        NAME(12), NAME(13), NAME(14), NAME(15), NAME(16),
#undef NAME
    };
    assert(n <= KEEP_MANY_MAX);
    struct duck_bound_kind k = { .name = names[n],
                                 .n_in = n,
                                 .n_out = n,
                                 .bytes =
                                     sizeof(struct sums) + n * sizeof(wide),
                                 .add = add,
                                 .merge = merge,
                                 .count = count,
                                 .put = put };
    for (unsigned j = 0; j < n; j++) {
        k.in[j] = DUCKDB_TYPE_BIGINT;
        k.out[j] = DUCKDB_TYPE_HUGEINT;
    }
    return k;
}
