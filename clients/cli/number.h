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

/* The same rounded to `digits` significant ones: a price up, a rest down. */
struct number_text number_scaled_up(uint64_t units, unsigned decimals,
                                    unsigned digits);
struct number_text number_scaled_down(uint64_t units, unsigned decimals,
                                      unsigned digits);

/* Shortest text that reads back as the same double; "nan", "inf", "-inf". */
struct number_text number_shortest(double d);

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
