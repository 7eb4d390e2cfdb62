#ifndef PG_PG_ARRAY_H
#define PG_PG_ARRAY_H

#include "server/pg/pg_out.h"
#include "server/pg/pg_type.h"

/*
 * The binary forms of types that are texts in the waist: arrays ("{a,NULL}",
 * and the vectors "1 2 3" of PostgreSQL's catalog), intervals ("1 year 2 mons
 * 3 days 04:05:06.7"), uuid.  False, and nothing is written, for any other OID
 * and for a text that is none.
 * Source: PostgreSQL 15, array_send(), interval_send().
 */
bool pg_array_send(struct pg_out *o, uint32_t oid, const char *text,
                   size_t len);

#endif
