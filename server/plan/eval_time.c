#include <string.h>

#include "server/plan/eval.h"

static const char *const names[UNIT_COUNT] = {
    [UNIT_HOUR] = "hour",   [UNIT_DAY] = "day",         [UNIT_WEEK] = "week",
    [UNIT_MONTH] = "month", [UNIT_QUARTER] = "quarter", [UNIT_YEAR] = "year",
    [UNIT_DOW] = "dow",
};

const char *time_unit_name(enum time_unit unit)
{
    return names[unit];
}

enum time_unit time_unit_of(const struct value *name)
{
    for (enum time_unit u = 0; name->type == VALUE_TEXT && u < UNIT_COUNT; u++)
        if (strcmp(names[u], name->text.s) == 0)
            return u;
    return UNIT_COUNT;
}

/* Day 0 was a Thursday; weeks begin on Monday. */
static int64_t days_since_monday(int64_t days)
{
    const int64_t r = (days + 3) % 7;
    return r < 0 ? r + 7 : r;
}

static int first_month(int month, enum time_unit unit)
{
    if (unit == UNIT_YEAR)
        return 1;
    return unit == UNIT_QUARTER ? (month - 1) / 3 * 3 + 1 : month;
}

int64_t time_trunc(int64_t us, enum time_unit unit)
{
    const int64_t days = time_floor_div(us, US_PER_DAY);
    const int64_t hour_us = US_PER_DAY / 24;
    int year, month, day;

    if (unit == UNIT_HOUR)
        return time_floor_div(us, hour_us) * hour_us;
    if (unit == UNIT_DAY)
        return days * US_PER_DAY;
    if (unit == UNIT_WEEK)
        return (days - days_since_monday(days)) * US_PER_DAY;
    value_civil_of_days(days, &year, &month, &day);
    return value_days_of_civil(year, first_month(month, unit), 1) * US_PER_DAY;
}

int64_t time_next(int64_t us, enum time_unit unit)
{
    /* Past the next boundary, short of the one after it. */
    static const int64_t days[] = {
        [UNIT_HOUR] = 0,   [UNIT_DAY] = 1,      [UNIT_WEEK] = 7,
        [UNIT_MONTH] = 31, [UNIT_QUARTER] = 92, [UNIT_YEAR] = 366,
    };
    const int64_t from = time_trunc(us, unit);
    if (unit == UNIT_HOUR)
        return from + US_PER_DAY / 24;
    return time_trunc(from + days[unit] * US_PER_DAY, unit);
}

/* ISO 8601: the week belongs to the year of its Thursday. */
static int64_t iso_week(int64_t days)
{
    const int64_t thursday = days - days_since_monday(days) + 3;
    int year, month, day;
    value_civil_of_days(thursday, &year, &month, &day);
    return (thursday - value_days_of_civil(year, 1, 1)) / 7 + 1;
}

int64_t time_extract(int64_t us, enum time_unit unit)
{
    const int64_t days = time_floor_div(us, US_PER_DAY);
    int year, month, day;

    value_civil_of_days(days, &year, &month, &day);
    switch (unit) {
    case UNIT_HOUR:
        return (us - days * US_PER_DAY) / (US_PER_DAY / 24);
    case UNIT_DAY:
        return day;
    case UNIT_WEEK:
        return iso_week(days);
    case UNIT_MONTH:
        return month;
    case UNIT_QUARTER:
        return (month - 1) / 3 + 1;
    case UNIT_YEAR:
        return year;
    case UNIT_DOW:
        return (days_since_monday(days) + 1) % 7;
    case UNIT_COUNT:
        break;
    }
    return 0;
}
