#include "clients/cli/answer.h"

#include "clients/cli/number.h"
#include "server/query/value.h"

/* Digits of a price or a rest that a person compares. */
enum { SHOWN_DIGITS = 4 };

enum { RHO_DECIMALS = 12, EPS_DECIMALS = 9 };

const char *answer_time(int64_t us, struct arena *a)
{
    static const int64_t US_PER_SECOND = 1000000, US_PER_DAY = 86400000000;
    const int64_t in_day = ((us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
    const int64_t second = in_day / US_PER_SECOND;
    const unsigned fraction = (unsigned)(in_day % US_PER_SECOND);
    int year, month, day;
    value_civil_of_days((us - in_day) / US_PER_DAY, &year, &month, &day);
    const char *date = arena_printf(
        a, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
        (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
    if (!date)
        return NULL;
    return fraction ? arena_printf(a, "%s.%06uZ", date, fraction)
                    : arena_printf(a, "%sZ", date);
}

static const char *price(const Halftone__V1__Receipt *r, struct arena *a)
{
    if (r->pure)
        return arena_printf(
            a, "epsilon %s",
            number_scaled_up(r->epsilon_nano, EPS_DECIMALS, SHOWN_DIGITS).s);
    return arena_printf(
        a, "rho %s (epsilon %s at delta %s)",
        number_scaled_up(r->rho_pico, RHO_DECIMALS, SHOWN_DIGITS).s,
        number_people(r->epsilon, SHOWN_DIGITS - 1).s,
        number_people(r->delta, SHOWN_DIGITS - 1).s);
}

const char *answer_receipt(const Halftone__V1__Receipt *r, struct arena *a)
{
    const struct number_text left =
        r->pure ? number_scaled_down(r->remaining_epsilon_nano, EPS_DECIMALS,
                                     SHOWN_DIGITS)
                : number_scaled_down(r->remaining_rho_pico, RHO_DECIMALS,
                                     SHOWN_DIGITS);
    if (*r->query_id == '\0') /* a plan: nothing was asked of the data */
        return "nothing was charged";
    const char *cost = price(r, a);
    const char *when = answer_time(r->as_of_us, a);
    if (!cost || !when)
        return NULL;
    const bool is_free = r->rho_pico == 0 && r->epsilon_nano == 0;
    if (r->cached && is_free)
        return arena_printf(a,
                            "from the store, nothing charged; %s %s left; "
                            "query %s",
                            r->pure ? "epsilon" : "rho", left.s, r->query_id);
    return arena_printf(
        a, "%s %s; %s %s left; query %s",
        r->cached ? "from the store, nothing charged; first cost" : "cost",
        cost, r->pure ? "epsilon" : "rho", left.s, r->query_id);
}
