#include "server/policy/odds.h"

#include <math.h>

#include "dp/convert.h"

struct odds odds_of(enum dp_notion notion, struct dp_price price, double delta)
{
    if (notion == DP_PURE)
        return (struct odds){
            .percent = 100 / (1 + exp(-(double)price.eps_nano * DP_NANO))
        };
    return (struct odds){
        .percent =
            100 * dp_odds_of_rho((double)price.rho_pico * DP_PICO, delta),
        .chance = delta + (double)price.delta_atto * DP_ATTO,
    };
}

/* One decimal, or as many as leave two digits of what lacks to certainty. */
static void print_percent(struct writer *w, double percent)
{
    enum { DECIMALS_MAX = 12 };
    const double rest = 100 - percent;
    int decimals = rest > 0 ? 1 - (int)floor(log10(rest)) : DECIMALS_MAX + 1;
    if (decimals > DECIMALS_MAX) {
        writer_str(w, "certainty");
        return;
    }
    decimals = decimals < 1 ? 1 : decimals;
    const double step = pow(10, decimals);
    const double up = ceil(percent * step) / step;
    writer_printf(w, "%.*f:%.*f", decimals, up, decimals, 100 - up);
}

/* The number of which one is meant, down to three digits: "199 million". */
static void print_number(struct writer *w, double n)
{
    static const struct {
        double from;
        const char *name;
    } names[] = { { 1e12, " trillion" },
                  { 1e9, " billion" },
                  { 1e6, " million" },
                  { 1, "" } };
    size_t i = 0;
    n *=
        1 + 1e-12; /* 1e-8 is one in 100 million, whatever doubles make of it */
    while (i + 1 < sizeof names / sizeof names[0] && n < names[i].from)
        i++;
    const double in_unit = n / names[i].from;
    const double step = pow(10, floor(log10(in_unit)) - 2);
    const double down = floor(in_unit / step) * step;
    writer_printf(w, "%.15g%s", down, names[i].name);
}

void odds_print(struct writer *w, struct odds odds)
{
    writer_str(w, "someone who believed 50:50 about a person could come to "
                  "believe at most ");
    print_percent(w, odds.percent);
    if (odds.chance > 0 && odds.chance < 1) {
        writer_str(w, ", save for a chance of one in ");
        print_number(w, 1 / odds.chance);
    }
    writer_str(w, ".");
}
