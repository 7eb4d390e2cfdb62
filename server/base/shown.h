#ifndef BASE_SHOWN_H
#define BASE_SHOWN_H

/*
 * A number for people, inside a sentence: `digits` significant ones, and an
 * exponent as short as it goes, 5e-9 and 1e6, where printf writes 5e-09 and
 * 1e+06.  What programs read keeps the form of its own format.
 */
struct shown {
    char s[40];
};

/* digits: 1 to 17. */
struct shown shown_of(double v, int digits);

#endif
