#ifndef CLI_CELL_H
#define CLI_CELL_H

#include <halftone/v1/halftone.pb-c.h>

#include "server/query/value.h"

/* Values of the contract as ours, and back. */

/* Text is borrowed.  A value of a kind unknown here reads as NULL. */
struct value cell_value(const Halftone__V1__Value *v);

/* ISO text of the value, NULL for NULL or when the arena is full. */
const char *cell_text(const Halftone__V1__Value *v, struct arena *a);

enum value_type cell_type(Halftone__V1__ValueType type);

/*
 * A constant as typed: "TYPE:TEXT" with one of value.h's type names, else what
 * it looks like (NULL, true, 12, 0.5, 2011-03-01), else text.
 * ERR_INVALID: it does not parse as the type that was named.
 */
enum err_code cell_parse(struct value *out, const char *text,
                         struct err *err) MUST_CHECK;

/* NULL when the arena is full; text is borrowed. */
Halftone__V1__Value *cell_message(const struct value *v, struct arena *a);

#endif
