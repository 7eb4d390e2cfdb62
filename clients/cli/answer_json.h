#ifndef CLI_ANSWER_JSON_H
#define CLI_ANSWER_JSON_H

#include "clients/cli/answer.h"

/* The fixed JSON form of answer.h, without a new line behind it; rows and
 * receipt were checked before. */
void answer_print_json(const Halftone__V1__QueryReply *m, FILE *out,
                       struct arena *a);

/* The receipt of a batch, as an object. */
void answer_print_receipt(const Halftone__V1__Receipt *r, FILE *out,
                          struct arena *a);

static inline const Halftone__V1__Interval *
answer_interval_at(const Halftone__V1__QueryReply *m, size_t row, size_t col)
{
    const Halftone__V1__Row *r = m->rows[row];
    return r->n_intervals > col ? r->intervals[col] : NULL;
}

static inline bool answer_is_bounded(const Halftone__V1__Interval *i)
{
    return i && i->kind == HALFTONE__V1__INTERVAL__KIND__BOUNDED;
}

static inline bool answer_is_unbounded(const Halftone__V1__Interval *i)
{
    return i && i->kind == HALFTONE__V1__INTERVAL__KIND__UNBOUNDED;
}

#endif
