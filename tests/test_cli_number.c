#include "clients/cli/number.h"

#include <string.h>

#include "tests/table.h"

/* What a person reads: units of 10^-12, four digits. */
static const struct scaled_row {
    const char *name;
    uint64_t units;
    unsigned decimals;
    const char *exact, *up, *down;
} scaled_rows[] = {
    { "nothing", 0, 12, "0", "0", "0" },
    { "a whole number", 2000000000000, 12, "2", "2", "2" },
    { "few digits stay", 190200000, 12, "0.0001902", "0.0001902", "0.0001902" },
    { "a price goes up, a rest down", 224020279846, 12, "0.224020279846",
      "0.2241", "0.224" },
    { "the least that is plain", 100000000, 12, "0.0001", "0.0001", "0.0001" },
    { "below it, an exponent", 99999999, 12, "0.000099999999", "0.0001",
      "9.999e-5" },
    { "a delta", 5001000, 18, "0.000000000005001", "5.001e-12", "5.001e-12" },
    { "a delta with many digits", 5005000001, 18, "0.000000005005000001",
      "5.006e-9", "5.005e-9" },
    { "one unit", 1, 18, "0.000000000000000001", "1e-18", "1e-18" },
    { "no decimals at all", 12345, 0, "12345", "12350", "12340" },
    { "the largest", UINT64_MAX, 12, "18446744.073709551615",
      "18446744.073709551615", "18440000" },
};

static void check_scaled(void **state)
{
    const struct scaled_row *row = *state;
    assert_string_equal(number_scaled(row->units, row->decimals).s, row->exact);
    assert_string_equal(number_scaled_up(row->units, row->decimals, 4).s,
                        row->up);
    assert_string_equal(number_scaled_down(row->units, row->decimals, 4).s,
                        row->down);
}

static const struct people_row {
    const char *name;
    double d;
    const char *want;
} people_rows[] = {
    { "zero", 0, "0" },
    { "a decimal that no double holds", 0.3, "0.3" },
    { "a delta", 5e-9, "5e-9" },
    { "a delta is rounded up", 5.005000001e-9, "5.01e-9" },
    { "a carry", 9.999e-9, "1e-8" },
    { "a carry into the whole", 0.9999, "1" },
    { "an epsilon", 0.09785, "0.0979" },
    { "above a thousand", 1234.5, "1240" },
    { "the least that is plain", 1e-4, "0.0001" },
    { "below it", 9.99e-5, "9.99e-5" },
    { "very small", 1.2345e-300, "1.24e-300" },
};

static void check_people(void **state)
{
    const struct people_row *row = *state;
    assert_string_equal(number_people(row->d, 3).s, row->want);
}

static const struct grouped_row {
    const char *name, *plain, *want;
} grouped_rows[] = {
    { "three digits", "999", "999" },
    { "four", "-1000", "-1,000" },
    { "a fraction keeps its digits", "1234567.1234", "1,234,567.1234" },
    { "an exponent is left alone", "1234e5", "1234e5" },
    { "no number is left alone", "2024-01-02", "2024-01-02" },
};

static void check_grouped(void **state)
{
    const struct grouped_row *row = *state;
    assert_string_equal(number_grouped(row->plain).s, row->want);
}

static const struct parse_row {
    const char *name, *text;
    bool good;
    double want;
} parse_rows[] = {
    { "a number", "100", true, 100 },     { "an exponent", "1e-3", true, 1e-3 },
    { "a sign", "-0.5", true, -0.5 },     { "nothing", "", false, 0 },
    { "a blank before", " 1", false, 0 }, { "hexadecimal", "0x10", false, 0 },
    { "infinity", "inf", false, 0 },      { "too large", "1e999", false, 0 },
    { "a word after", "1x", false, 0 },   { "two points", "1.2.3", false, 0 },
};

static void check_parse(void **state)
{
    const struct parse_row *row = *state;
    double d = 7;
    assert_int_equal(number_parse(&d, row->text, strlen(row->text)), row->good);
    const double want = row->good ? row->want : 7;
    assert_true(d >= want && d <= want);
}

int main(void)
{
    return RUN_ROWS(scaled_rows, check_scaled) +
           RUN_ROWS(people_rows, check_people) +
           RUN_ROWS(grouped_rows, check_grouped) +
           RUN_ROWS(parse_rows, check_parse);
}
