#ifndef PG_PG_NUMERIC_H
#define PG_PG_NUMERIC_H

#include "server/base/reader.h"
#include "server/base/writer.h"
#include "server/pg/pg_out.h"

/*
 * numeric: decimal digits, as text and in PostgreSQL's binary form (a sign, a
 * weight, a scale, and digits to base 10000).
 * Source: PostgreSQL 15, src/backend/utils/adt/numeric.c, numeric_send().
 */

/* A double in plain digits, no exponent, as few as give it back; NaN and
 * Infinity by name. */
void pg_numeric_print(struct writer *w, double d);

enum { PG_NUMERIC_TEXT_MAX = 400 }; /* of any double */

/* The binary form of such a text; of its digits, if it is malformed, none. */
void pg_numeric_send(struct pg_out *o, const char *text);

/* The text of a binary form; false: it is none, or does not fit. */
bool pg_numeric_recv(struct writer *w, const uint8_t *data, size_t len);

#endif
