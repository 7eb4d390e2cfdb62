/* The calendar of date_trunc, extract and intervals; eval.h. */
#include <string.h>

#include "server/plan/eval.h"

#define US_PER_S INT64_C(1000000)

static const struct {
    const char *name; /* DuckDB's and PostgreSQL's */
    const char *also;
    int64_t us; /* 0: a number of months */
    int months; /* 0: extract only */
} units[UNIT_COUNT] = {
    [UNIT_MICROSECOND] = { "microseconds", "microsecond", 1, 0 },
    [UNIT_MILLISECOND] = { "milliseconds", "millisecond", 1000, 0 },
    [UNIT_SECOND] = { "second", "seconds", US_PER_S, 0 },
    [UNIT_MINUTE] = { "minute", "minutes", 60 * US_PER_S, 0 },
    [UNIT_HOUR] = { "hour", "hours", 3600 * US_PER_S, 0 },
    [UNIT_DAY] = { "day", "days", US_PER_DAY, 0 },
    [UNIT_WEEK] = { "week", "weeks", 7 * US_PER_DAY, 0 },
    [UNIT_MONTH] = { "month", "months", 0, 1 },
    [UNIT_QUARTER] = { "quarter", "quarters", 0, 3 },
    [UNIT_YEAR] = { "year", "years", 0, 12 },
    [UNIT_DECADE] = { "decade", "decades", 0, 120 },
    [UNIT_CENTURY] = { "century", "centuries", 0, 1200 },
    [UNIT_MILLENNIUM] = { "millennium", "millennia", 0, 12000 },
    [UNIT_EPOCH] = { "epoch", "epoch", 0, 0 },
    [UNIT_DOW] = { "dow", "dow", 0, 0 },
    [UNIT_ISODOW] = { "isodow", "isodow", 0, 0 },
    [UNIT_DOY] = { "doy", "doy", 0, 0 },
    [UNIT_ISOYEAR] = { "isoyear", "isoyear", 0, 0 },
};

const char *time_unit_name(enum time_unit unit)
{
    return units[unit].name;
}

enum time_unit time_unit_of(const struct value *name)
{
    for (enum time_unit u = 0; name->type == VALUE_TEXT && u < UNIT_COUNT; u++)
        if (strcmp(units[u].name, name->text.s) == 0 ||
            strcmp(units[u].also, name->text.s) == 0)
            return u;
    return UNIT_COUNT;
}

/* Day 0 was a Thursday; weeks begin on Monday. */
static int64_t days_since_monday(int64_t days)
{
    const int64_t r = (days + 3) % 7;
    return r < 0 ? r + 7 : r;
}

/* Months since January of the year 0; centuries and millennia begin with the
 * year 1 of theirs. */
static int64_t first_month(int64_t month, enum time_unit unit)
{
    const int64_t shift = unit >= UNIT_CENTURY ? 12 : 0;
    const int64_t step = units[unit].months;
    return time_floor_div(month - shift, step) * step + shift;
}

static int64_t us_of_month(int64_t month)
{
    const int64_t year = time_floor_div(month, 12);
    return value_days_of_civil((int)year, (int)(month - 12 * year) + 1, 1) *
           US_PER_DAY;
}

static int64_t month_of(int64_t us)
{
    int year, month, day;
    value_civil_of_days(time_floor_div(us, US_PER_DAY), &year, &month, &day);
    return (int64_t)year * 12 + month - 1;
}

int64_t time_trunc(int64_t us, enum time_unit unit)
{
    const int64_t days = time_floor_div(us, US_PER_DAY);
    if (unit == UNIT_WEEK)
        return (days - days_since_monday(days)) * US_PER_DAY;
    if (units[unit].us > 0)
        return time_floor_div(us, units[unit].us) * units[unit].us;
    return us_of_month(first_month(month_of(us), unit));
}

int64_t time_next(int64_t us, enum time_unit unit)
{
    const int64_t from = time_trunc(us, unit);
    if (units[unit].us > 0)
        return from + units[unit].us;
    return us_of_month(month_of(from) + units[unit].months);
}

int64_t time_shift(int64_t us, int64_t months, int64_t add_us)
{
    int year, month, day;
    const int64_t days = time_floor_div(us, US_PER_DAY);
    if (months == 0)
        return us + add_us;
    value_civil_of_days(days, &year, &month, &day);
    const int64_t to = month_of(us) + months;
    const int64_t first = us_of_month(to), next = us_of_month(to + 1);
    const int64_t last_day = (next - first) / US_PER_DAY;
    const int64_t day_us = ((day < last_day ? day : last_day) - 1) * US_PER_DAY;
    return first + day_us + (us - days * US_PER_DAY) + add_us;
}

/* ISO 8601: the week belongs to the year of its Thursday. */
static int64_t iso_week(int64_t days, int *iso_year)
{
    const int64_t thursday = days - days_since_monday(days) + 3;
    int month, day;
    value_civil_of_days(thursday, iso_year, &month, &day);
    return (thursday - value_days_of_civil(*iso_year, 1, 1)) / 7 + 1;
}

static int64_t whole_field(int64_t us, enum time_unit unit)
{
    const int64_t days = time_floor_div(us, US_PER_DAY);
    const int64_t in_day = us - days * US_PER_DAY;
    int year, month, day, iso_year;
    value_civil_of_days(days, &year, &month, &day);
    const int64_t week = iso_week(days, &iso_year);
    switch ((int)unit) {
    case UNIT_MICROSECOND:
        return in_day % (60 * US_PER_S);
    case UNIT_MINUTE:
        return in_day / (60 * US_PER_S) % 60;
    case UNIT_HOUR:
        return in_day / (3600 * US_PER_S);
    case UNIT_DAY:
        return day;
    case UNIT_WEEK:
        return week;
    case UNIT_MONTH:
        return month;
    case UNIT_QUARTER:
        return (month - 1) / 3 + 1;
    case UNIT_DECADE:
        return time_floor_div(year, 10);
    case UNIT_CENTURY:
        return time_floor_div(year + 99, 100);
    case UNIT_MILLENNIUM:
        return time_floor_div(year + 999, 1000);
    case UNIT_DOW:
        return (days_since_monday(days) + 1) % 7;
    case UNIT_ISODOW:
        return days_since_monday(days) + 1;
    case UNIT_DOY:
        return days - value_days_of_civil(year, 1, 1) + 1;
    case UNIT_ISOYEAR:
        return iso_year;
    default:
        return year;
    }
}

double time_extract(int64_t us, enum time_unit unit)
{
    const double in_minute = (double)whole_field(us, UNIT_MICROSECOND);
    if (unit == UNIT_EPOCH)
        return (double)us / 1000000;
    if (unit == UNIT_SECOND)
        return in_minute / 1000000;
    if (unit == UNIT_MILLISECOND)
        return in_minute / 1000;
    return (double)whole_field(us, unit);
}
