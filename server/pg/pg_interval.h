#ifndef PG_PG_INTERVAL_H
#define PG_PG_INTERVAL_H

#include "server/base/writer.h"
#include "server/pg/pg_out.h"

/*
 * Intervals ("1 year 2 mons 3 days 04:05:06.5") and times of a day
 * ("04:05:06.5"), which are texts in the waist, in their binary forms:
 * microseconds, days and months; microseconds. Source: PostgreSQL 15,
 * interval_send(), EncodeInterval() in its style "postgres", time_send().
 */

/* False, and nothing is written: the text is none.  Of an interval words of
 * amount and unit ("90 minutes") are read as well. */
bool pg_interval_send(struct pg_out *o, const char *text, size_t len);
bool pg_time_send(struct pg_out *o, const char *text, size_t len);

/* The text, NUL-terminated; false: the bytes are none, or it does not fit. */
bool pg_interval_recv(struct writer *w, const uint8_t *data, size_t len);
bool pg_time_recv(struct writer *w, const uint8_t *data, size_t len);

#endif
