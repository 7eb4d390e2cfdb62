#include "server/metrics/metrics.h"

#include <inttypes.h>

struct metrics metrics;

void metrics_print(const struct metrics *m, FILE *out)
{
#define METRIC(name, type, help)                                               \
    fprintf(out,                                                               \
            "# HELP halftone_" #name " " help "\n# TYPE halftone_" #name       \
            " " #type "\nhalftone_" #name " %" PRIu64 "\n",                    \
            atomic_load_explicit(&m->name, memory_order_relaxed));
#include "server/metrics/metrics.def"
#undef METRIC
}
