#ifndef PG_PG_ARRAY_H
#define PG_PG_ARRAY_H

#include "server/pg/pg_value.h"

/*
 * Arrays, which are texts in the waist ("{a,NULL}", and the vectors "1 2 3" of
 * PostgreSQL's catalog), in their binary form.
 * Source: PostgreSQL 15, array_send(), array_recv(), array_out().
 */

/* False, and nothing is written: the OID is none of an array, or the text is
 * none. */
bool pg_array_send(struct pg_out *o, uint32_t oid, const char *text,
                   size_t len);

/* The text of an array of one dimension in binary, as PostgreSQL writes it.
 * ERR_INVALID, and the message is general: it is none.  ERR_LIMIT. */
enum err_code pg_array_recv(struct value *out, const struct pg_param *p,
                            struct arena *a, struct err *err) MUST_CHECK;

#endif
