#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/grid.h"

/*
 * The answer to a query in one of three forms.
 *
 *   table  each noisy number beside its interval, then notices and receipt
 *   csv    name, name_low, name_high; notices and receipt on stderr
 *   json   {"columns":[{"name","type"}], "rows":[[...]],
 *           "intervals":[[[lo,hi]|null]], "receipt":{...}}; an interval that
 *          bounds nothing is [null,null]
 *
 * ERR_INTERNAL  the reply contradicts itself (rows of another width)
 * ERR_LIMIT     the arena is full
 */
enum err_code answer_print(const Halftone__V1__QueryReply *reply,
                           enum output_format format, struct terminal *t,
                           struct arena *a, struct err *err) MUST_CHECK;

/* ERR_INTERNAL: the reply contradicts itself, or has no receipt. */
enum err_code answer_check(const Halftone__V1__QueryReply *reply,
                           struct err *err) MUST_CHECK;

/* "±56", "[1,178 … 1,290]", "unbounded" or "" beside `value`, with as many
 * decimals as the column shows; in `a`, NULL when that is full. */
const char *answer_interval(double value, const Halftone__V1__Interval *i,
                            unsigned decimals, struct arena *a);

/* Decimals that show a half width with two significant digits. */
unsigned answer_decimals(double half_width);

/* One line: what it cost, what is left, cached or not, which query. */
const char *answer_receipt(const Halftone__V1__Receipt *r, struct arena *a);

/* "2011-03-01T12:00:00Z" with microseconds when there are any. */
const char *answer_time(int64_t us, struct arena *a);

#endif
