#ifndef ENGINE_PGSQL_RESULT_H
#define ENGINE_PGSQL_RESULT_H

#include <libpq-fe.h>

#include "server/engine/engine.h"

/*
 * From PostgreSQL's rows, in binary, to exact integers and keys.
 *
 * Source: PostgreSQL 15, src/backend/utils/adt (the _send function of each
 * type); pg_type.dat.
 */

/* Has it the plan's columns: k0.. of the keys' types, then m0.. of integers? */
bool pgsql_fits(const PGresult *r, const struct plan *plan);

/* All rows into `a`; false when it is full, or a number is none of ours. */
bool pgsql_decode(struct engine_result *out, const PGresult *r,
                  const struct plan *plan, struct arena *a);

/* A result in pages (engine_pages): the one being filled. */
struct pgsql_page {
    struct engine_result rows; /* .pages is set */
    size_t cap, text;          /* room for rows; bytes of their texts so far */
};

/* One more set of rows, few; a full page is handed over before.  An error is
 * that of `take`; *fits as pgsql_decode. */
enum err_code pgsql_page_add(bool *fits, struct pgsql_page *p,
                             const PGresult *r, const struct plan *plan,
                             struct err *err) MUST_CHECK;

/* A whole number as NUMERIC's bytes; false when it is none of 128 bits. */
bool pgsql_numeric(dp_int *out, const uint8_t *bytes, size_t len);

#endif
