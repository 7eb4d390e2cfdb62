/* What the picks of percentiles cost, or how far each may miss; draft.h. */
#include <math.h>

#include "dp/notion.h"
#include "server/plan/draft.h"
#include "server/query/refusal.h"

static void print_percentile(struct writer *w, const void *what)
{
    writer_str(w, "a percentile of ");
    writer_str(w, what);
}

enum err_code draft_buy_picks(struct draft *d, uint64_t part, struct err *err)
{
    struct plan *p = d->plan;
    const enum dp_notion notion = d->policy->notion;
    for (size_t i = 0; i < p->n_picks; i++) {
        struct plan_pick *pick = &p->picks[i];
        const uint64_t one = part / p->l0; /* a pick in each group */
        const struct dp_price limit = dp_notion_price(notion, one);
        if (!one || dp_quantile_choice(&pick->choice, &pick->q, p->linf, limit,
                                       notion) != DP_OK) {
            const char *what =
                draft_print(d, print_percentile, p->hists[pick->hist].of.what);
            return what ? refuse(err, REFUSAL_PRICE_SMALL, d->tree->at, what,
                                 NULL)
                        : draft_memory(err);
        }
    }
    return ERR_OK;
}

enum err_code draft_reach_picks(struct draft *d, double rows, struct err *err)
{
    struct plan *p = d->plan;
    for (size_t i = 0; i < p->n_picks; i++) {
        struct plan_pick *pick = &p->picks[i];
        const double reach = floor(rows * pick->q.den);
        if (reach >= 1 && reach < 0x1p62 &&
            dp_quantile_choice_of_reach(
                &pick->choice, &pick->q, p->linf, (uint64_t)reach,
                p->hists[pick->hist].n_buckets, 1 - p->level,
                d->policy->notion) == DP_OK)
            continue;
        return refuse(err, REFUSAL_ACCURACY_RANK, d->tree->at,
                      p->hists[pick->hist].of.what, NULL);
    }
    return ERR_OK;
}

enum err_code draft_aim_ends(struct draft *d, struct err *err)
{
    struct plan *p = d->plan;
    for (size_t i = 0; d->wants_intervals && i + 2 < p->n_picks; i += 3) {
        const struct plan_pick *pick = &p->picks[i];
        uint64_t reach;
        if (dp_quantile_reach(&reach, &pick->choice,
                              p->hists[pick->hist].n_buckets,
                              (1 - p->level) / 2) != DP_OK)
            return err_set(err, ERR_INTERNAL, "a percentile has no interval");
        p->picks[i + 1].q = dp_quantile_low(pick->q, reach);
        p->picks[i + 2].q = dp_quantile_high(pick->q, reach);
    }
    return ERR_OK;
}
