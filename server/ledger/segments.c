/* How often somebody asked about a segment today.  book.h. */
#include "server/ledger/book.h"

#define DAY_US ((int64_t)86400 * 1000000)

static uint64_t asked(struct book *b, const struct ledger_charge_args *args,
                      int64_t day, const struct ledger_segment *s)
{
    if (!store_find(b->store, SQL_SEGMENT_ASKED, "ittb", day, args->dataset,
                    args->asker, s->hash, sizeof s->hash))
        return 0;
    const uint64_t n = store_amount(b->store, SQL_SEGMENT_ASKED, 0);
    store_end(b->store, SQL_SEGMENT_ASKED);
    return n;
}

bool segments_fit(struct book *b, struct ledger_run *out,
                  const struct ledger_charge_args *args, int64_t now_us)
{
    for (size_t i = 0; i < args->n_segments; i++) {
        const struct ledger_segment *s = &args->segments[i];
        if (asked(b, args, now_us / DAY_US, s) + s->n <= args->max_segment_day)
            continue;
        out->verdict = LEDGER_CAPPED;
        out->capped = i;
        return false;
    }
    return true;
}

void segments_count(struct book *b, const struct ledger_charge_args *args,
                    int64_t now_us)
{
    enum { PRUNE_AT_ONCE = 16 };
    const int64_t day = now_us / DAY_US;
    for (size_t i = 0; i < args->n_segments; i++)
        store_run(b->store, SQL_SEGMENT_ASK, "ittbi", day, args->dataset,
                  args->asker, args->segments[i].hash,
                  sizeof args->segments[i].hash, (int64_t)args->segments[i].n);
    if (args->n_segments > 0)
        store_run(b->store, SQL_SEGMENT_PRUNE, "ii", day,
                  (int64_t)PRUNE_AT_ONCE);
}
