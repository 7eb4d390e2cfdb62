#ifndef TESTS_LIB_CHART_H
#define TESTS_LIB_CHART_H

#include "server/base/writer.h"
#include "server/query/reply.h"

/*
 * An answer as a picture: SVG, small enough to read in a diff, drawn from the
 * noisy table alone.  Every number shows its interval: a whisker, a band, or,
 * where it is unbounded, a line with an open end and the word.
 */
enum chart_kind {
    CHART_BARS,  /* a bar for each row (of keys) and column drawn */
    CHART_CELLS, /* a bar for each column of a single row */
    CHART_LINE,  /* the first column drawn over the first key, in row order */
    CHART_HEAT,  /* a table: first key down, second across, shaded */
};

struct chart {
    enum chart_kind kind;
    const char *title, *text; /* what is asked; what the picture shows */
    const char
        *columns;       /* drawn, by name: "reach,contacts"; "" = all numbers */
    const char *labels; /* instead of the first key's values, in order of key:
                           "known,contacted"; or "" */
};

void chart_print(struct writer *w, const struct chart *c,
                 const struct reply_table *t);

#endif
