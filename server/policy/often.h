#ifndef POLICY_OFTEN_H
#define POLICY_OFTEN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How often: "2 per month", "1 per week", "never", "any".
 *
 *   N per UNIT   at most N times in any stretch of that length, which ends now:
 *                a day, a week, a month of 30 days, a year of 365; N from 1 to
 *                OFTEN_MAX
 *   never        not once
 *   any          no limit
 *
 * One way to write each: what is printed is what is read.
 */
enum { OFTEN_MAX = 10000, OFTEN_TEXT = 24 };

struct often {
    uint32_t n;        /* 0: never */
    uint32_t period_s; /* 0 with n > 0: any; with n = 0: never */
};

static inline bool often_is_any(struct often o)
{
    return o.n > 0 && o.period_s == 0;
}

/* False: it is none of these; *out is untouched. */
bool often_parse(struct often *out, const char *text);

/* What often_parse reads.  False: it is no value of often_parse's. */
bool often_print(char out[OFTEN_TEXT], struct often o);

/* One that often_parse could have read. */
bool often_is_valid(struct often o);

#endif
