#ifndef QUERY_ACCURACY_H
#define QUERY_ACCURACY_H

#include <stdbool.h>

#include "server/base/err.h"

/*
 * How wrong an answer may be, as people write it:
 *
 *   accuracy = [ "±" | "+-" | "+/-" ] number [ "%" ] [ "@" level ]
 *   level    = number "%" | number below 1
 *
 * "±100@95%": each aggregate within 100 of the true value in 95 of 100 cases.
 * "5%": within 5 percent of a size that is public.
 */
struct accuracy {
    double half_width; /* > 0; units of the column, or a fraction */
    bool relative;     /* half_width is a fraction of a public size */
    double level;      /* 0 < level < 1; 0 = not given */
};

/* ERR_INVALID names what is wrong with the text; *out is then untouched. */
enum err_code accuracy_parse(struct accuracy *out, const char *text,
                             struct err *err) MUST_CHECK;

/* "95%", "0.95": 0 < level < 1.  ERR_INVALID as above. */
enum err_code accuracy_parse_level(double *out, const char *text,
                                   struct err *err) MUST_CHECK;

#endif
