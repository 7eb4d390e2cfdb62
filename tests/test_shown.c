#include "server/base/shown.h"

#include <math.h>

#include "tests/table.h"

static const struct row {
    const char *name; /* what is shown */
    double v;
    int digits;
} rows[] = {
    { "5e-9", 5e-9, 3 },         { "5.01e-9", 5.012e-9, 3 },
    { "1e-10", 1e-10, 2 },       { "1e6", 1e6, 3 },
    { "-2.5e100", -2.5e100, 4 }, { "0.0001", 0.0001, 3 },
    { "123456", 123456, 6 },     { "0", 0, 1 },
    { "0.107", 0.1069, 3 },      { "-1e-5", -1e-5, 15 },
    { "inf", INFINITY, 3 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    assert_string_equal(shown_of(row->v, row->digits).s, row->name);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
