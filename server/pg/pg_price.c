#include "server/pg/pg_price.h"

/* The unit of the fourth digit. */
static uint64_t step_of(uint64_t units)
{
    enum { FIFTH_DIGIT = 10000 };
    uint64_t step = 1;
    while (units / step >= FIFTH_DIGIT)
        step *= 10;
    return step;
}

double pg_price_up(uint64_t units, double per)
{
    const uint64_t step = step_of(units);
    const uint64_t steps = units / step + (units % step > 0);
    return (double)steps * (double)step / per;
}

double pg_price_down(uint64_t units, double per)
{
    const uint64_t step = step_of(units);
    return (double)(units / step) * (double)step / per;
}
