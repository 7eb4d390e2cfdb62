#ifndef CLI_NUMBER_H
#define CLI_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Numbers as people and programs read them.  Locale is never consulted: the
 * decimal mark is a point.
 */
struct number_text {
    char s[80];
};

/* units * 10^-decimals, exactly, without trailing zeros: (1500, 3) is "1.5". */
struct number_text number_scaled(uint64_t units, unsigned decimals);

/* The same for people, rounded to `digits` significant ones, a price up and a
 * rest down; below 0.0001 as 5.01e-12. */
struct number_text number_scaled_up(uint64_t units, unsigned decimals,
                                    unsigned digits);
struct number_text number_scaled_down(uint64_t units, unsigned decimals,
                                      unsigned digits);

/* Shortest text that reads back as the same double; "nan", "inf", "-inf". */
struct number_text number_shortest(double d);

/* d for people: rounded up to `digits` significant ones (1 to 9), but for the
 * error of a double; below 0.0001 as 5.01e-9.  d is finite and not negative. */
struct number_text number_people(double d, unsigned digits);

/* `decimals` digits after the point; shortest when |d| >= 10^15. */
struct number_text number_fixed(double d, unsigned decimals);

/* Thousands separators in the integer part: "-1234567.5" is "-1,234,567.5".
 * Text that is no plain decimal number comes back as it is. */
struct number_text number_grouped(const char *plain);

/*
 * The whole text as a finite decimal number ("100", "-0.5", "1e-3"); no spaces,
 * no hexadecimal.  False leaves *out alone.
 */
bool number_parse(double *out, const char *text, size_t len);

#endif
