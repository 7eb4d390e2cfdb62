#include "server/policy/often.h"

#include "tests/table.h"

static const struct row {
    const char *name, *text;
    bool ok;
    uint32_t n, period_s;
} rows[] = {
    { "a number a week", "3 per week", true, 3, 7 * 86400 },
    { "a month is thirty days", "2 per month", true, 2, 30 * 86400 },
    { "a year is 365 days", "1 per year", true, 1, 365 * 86400 },
    { "the most there is", "10000 per day", true, 10000, 86400 },
    { "never", "never", true, 0, 0 },
    { "as often as the policy allows", "any", true, 1, 0 },
    { "too often", "10001 per day", false, 0, 0 },
    { "more than any integer", "99999999999999999999 per day", false, 0, 0 },
    { "none a day is written never", "0 per day", false, 0, 0 },
    { "a leading zero", "02 per day", false, 0, 0 },
    { "a sign", "+2 per day", false, 0, 0 },
    { "another unit", "2 per hour", false, 0, 0 },
    { "units in the plural", "2 per weeks", false, 0, 0 },
    { "no unit", "2", false, 0, 0 },
    { "two spaces", "2  per day", false, 0, 0 },
    { "a space behind", "2 per day ", false, 0, 0 },
    { "capitals", "Never", false, 0, 0 },
    { "nothing", "", false, 0, 0 },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct often o = { 77, 77 };
    char text[OFTEN_TEXT];
    assert_int_equal(often_parse(&o, row->text), row->ok);
    assert_int_equal(o.n, row->ok ? row->n : 77);
    assert_int_equal(o.period_s, row->ok ? row->period_s : 77);
    assert_int_equal(often_print(text, o), row->ok);
    if (row->ok)
        assert_string_equal(text, row->text);
}

int main(void)
{
    return RUN_ROWS(rows, check);
}
