#ifndef LEDGER_PQ_BULK_H
#define LEDGER_PQ_BULK_H

#include "server/ledger/pq_params.h"

/*
 * Rows of one INSERT or UPDATE that wait to be sent as one statement.
 *
 *   INSERT INTO t (a, b, c) VALUES (?, 0, ?)
 *   INSERT INTO t (a, b, c) SELECT v1, 0, v2
 *                           FROM unnest($1, $2) WITH ORDINALITY AS t(v1, v2, i)
 *
 *   UPDATE t SET a = ? WHERE b = ?
 *   UPDATE t SET a = v1 FROM unnest($1, $2) ... WHERE b = v2
 *
 *   INSERT INTO t (a, b) SELECT x, y FROM (SELECT ? AS x, ? AS y FROM ROWS) ...
 *   INSERT INTO t (a, b) SELECT x, y FROM (SELECT v1 AS x, v2 AS y FROM unnest(
 *                                                             $1, $2) ...) ...
 *
 * The first is what sql.def says; the second writes as many rows as the arrays
 * are long, for the price of one statement: libpq and the server spend more on
 * a statement than on a row.  This is so of texts and bytes; all numbers are in
 * one array $1, where those of row i stand together.  No row is updated twice
 * by one.
 */
struct pq_column {
    uint8_t *data; /* owned; the array as it is sent, but for its length */
    size_t len, cap;
};
struct pq_bulk {
    struct pq_column numbers, columns[PQ_PARAMS_MAX]; /* ... of the others */
    unsigned types[PQ_PARAMS_MAX];                    /* of one value */
    int n_columns, n;                                 /* rows */
};

/* The second text from the first, whose parameters have these types; false when
 * it is too long, or neither. */
bool pq_bulk_text(char out[PQ_TEXT_CAP], const char *text,
                  const unsigned *types, int n);

/* Does a row that waits have this last value, by which an UPDATE finds it? */
bool pq_bulk_has(const struct pq_bulk *b, const struct pq_params *row);

/* One more row; false without memory.  Values are copied. */
bool pq_bulk_add(struct pq_bulk *b, const struct pq_params *row);

/* The arrays, borrowed until the next row. */
void pq_bulk_params(struct pq_bulk *b, struct pq_params *out);

void pq_bulk_forget(struct pq_bulk *b);
void pq_bulk_fini(struct pq_bulk *b);

#endif
