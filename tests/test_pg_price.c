#include "server/pg/pg_price.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/table.h"

static const struct row {
    const char *name;
    uint64_t pico;
    const char *up, *down;
} rows[] = {
    { "nothing is nothing", 0, "0", "0" },
    { "four digits stay as they are", 223700000000, "0.2237", "0.2237" },
    { "a price is told up and a rest down", 224020271, "0.0002241",
      "0.000224" },
    { "of a rest just below the next digit too", 223796259568, "0.2238",
      "0.2237" },
    { "a price may gain a digit", 999999999999, "1", "0.9999" },
    { "the least one is told whole", 1, "1e-12", "1e-12" },
    { "the greatest one does not wrap", UINT64_MAX, "1.845e+07", "1.844e+07" },
};

static void check_row(void **state)
{
    static const double PICO = 1e12;
    const struct row *row = *state;
    char text[32];
    (void)snprintf(text, sizeof text, "%.4g", pg_price_up(row->pico, PICO));
    assert_string_equal(text, row->up);
    (void)snprintf(text, sizeof text, "%.4g", pg_price_down(row->pico, PICO));
    assert_string_equal(text, row->down);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
