#include "server/main/cap.h"

#include <stdio.h>
#include <string.h>

#include "server/plan/segment.h"
#include "server/query/refusal.h"

static void count(struct cap *c, const struct segment *s)
{
    size_t i = 0;
    while (i < c->n && memcmp(c->segments[i].hash, s->hash, SEGMENT_LEN) != 0)
        i++;
    if (i == c->n) {
        memcpy(c->segments[i].hash, s->hash, SEGMENT_LEN);
        c->what[i] = s->what;
        c->n++;
    }
    c->segments[i].n++;
}

enum err_code cap_charge(struct ledger_charge_args *args, struct cap *out,
                         const struct segments *const *questions, size_t n,
                         const struct service_call *call,
                         const struct policy *policy, struct arena *a,
                         struct err *err)
{
    const char *team = call->who->team;
    size_t most = 1;
    _Static_assert(sizeof out->segments[0].hash == SEGMENT_LEN, "one hash");
    for (size_t i = 0; i < n; i++)
        most += questions[i] ? questions[i]->n : 0;
    *out =
        (struct cap){ .segments = ARENA_NEW_N(a, most, struct ledger_segment),
                      .what = ARENA_NEW_N(a, most, const char *) };
    args->asker = team ? arena_printf(a, "team/%s", team)
                       : arena_printf(a, "principal/%s", call->who->name);
    if (!out->segments || !out->what || !args->asker)
        return err_set(err, ERR_LIMIT, "the request needs too much memory");
    memset(out->segments, 0, most * sizeof *out->segments);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; questions[i] && k < questions[i]->n; k++)
            count(out, &questions[i]->v[k]);
    args->segments = out->segments;
    args->n_segments = out->n;
    args->max_segment_day = policy->max_segment_day;
    return ERR_OK;
}

enum err_code cap_refuse(const struct cap *cap, const struct ledger_run *charge,
                         const struct policy *policy, struct err *err)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", policy->max_segment_day);
    return refuse(err, REFUSAL_SEGMENT_DAY, REFUSAL_NOWHERE,
                  cap->what[charge->capped], number);
}
