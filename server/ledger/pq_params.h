#ifndef LEDGER_PQ_PARAMS_H
#define LEDGER_PQ_PARAMS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Parameters of a statement as PostgreSQL takes them: binary, typed.
 *
 * Text and bytes are borrowed; numbers are kept in network order here.
 * Source: PostgreSQL 15, "Message Formats" and libpq's PQsendQueryPrepared.
 */
enum {
    PQ_PARAMS_MAX = 24,
    PQ_TEXT_CAP = 2048, /* the longest statement */
    PQ_BOOL = 16,       /* type numbers, from pg_type.dat */
    PQ_BYTEA = 17,
    PQ_INT8 = 20,
    PQ_INT4 = 23,
    PQ_TEXT = 25,
    PQ_BYTEAS = 1001, /* arrays of them */
    PQ_TEXTS = 1009,
    PQ_INT8S = 1016
};

struct pq_params {
    int n;
    unsigned types[PQ_PARAMS_MAX];
    const char *values[PQ_PARAMS_MAX];
    int lengths[PQ_PARAMS_MAX], formats[PQ_PARAMS_MAX];
    uint8_t numbers[PQ_PARAMS_MAX][8];
};

/* By the letters of store.h; false when a number is too large. */
bool pq_params_of(struct pq_params *out, const char *types, va_list *ap);
void pq_params_add(struct pq_params *p, unsigned type, const void *data,
                   size_t len);

/* The type of arrays of it. */
unsigned pq_array_of(unsigned type);

void pq_params_number(struct pq_params *p, int64_t v);

struct store_value;
void pq_params_value(struct pq_params *p, const struct store_value *v);

/* A statement with ? and ?N, with $N; false when it is too long. */
bool pq_text_of(char out[PQ_TEXT_CAP], const char *text);

#endif
