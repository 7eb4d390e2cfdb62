#ifndef PG_PG_VALUE_H
#define PG_PG_VALUE_H

#include "server/pg/pg_out.h"
#include "server/pg/pg_type.h"

/*
 * Values on the wire, in both formats, there and back.
 *
 * What a column's type says decides the form, not what the value happens to be:
 * an integer in a numeric column goes out as numeric.  Arrays, intervals and
 * other types that the waist has no value for are texts in PostgreSQL's own
 * notation, and are turned into the binary form from there.
 */
enum { PG_FORMAT_TEXT = 0, PG_FORMAT_BINARY = 1 };

/* The bytes of a value that is not NULL, without their length. */
void pg_value_text(struct pg_out *o, uint32_t oid, const struct value *v);
void pg_value_binary(struct pg_out *o, uint32_t oid, const struct value *v);

/* A truth as PostgreSQL reads it: t, true, yes, on, 1, ...; false: none. */
bool pg_read_bool(bool *out, const char *text);

/*
 * A text as PostgreSQL would write the value of that type that it is: of
 * intervals, times of a day, uuids, arrays and numerics; of other types it
 * stays.  ERR_INVALID, without a message: it is none.
 */
enum err_code pg_value_tidy(struct value *v, uint32_t oid, struct arena *a,
                            struct err *err) MUST_CHECK;

/* One cell of a DataRow, length first; NULL is a length of -1. */
void pg_value_cell(struct pg_out *o, uint32_t oid, uint16_t format,
                   const struct value *v);

/*
 * A parameter: `len` bytes in a format, of the type the client named (0: none).
 * `want` is what the question takes there: a text of no type becomes one, an
 * integer a double.  Texts move to `a`.
 *
 * ERR_INVALID  the bytes are no such value; the message names parameter `n`
 * ERR_REFUSED  no value of that type can be taken
 * ERR_LIMIT    the arena is full
 */
struct pg_param {
    const uint8_t *data;
    size_t len;
    uint16_t format;
    uint32_t oid;
    enum value_type want;
    unsigned n; /* from 1 */
};
enum err_code pg_param_read(struct value *out, const struct pg_param *p,
                            struct arena *a, struct err *err) MUST_CHECK;

#endif
