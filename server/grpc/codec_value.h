#ifndef GRPC_CODEC_VALUE_H
#define GRPC_CODEC_VALUE_H

#include <halftone/v1/halftone.pb-c.h>

#include "server/query/tree.h"

/* One public value, both ways.  Texts are borrowed. */
enum err_code codec_value_get(struct value *out, const Halftone__V1__Value *m,
                              struct err *err) MUST_CHECK;
void codec_value_put(Halftone__V1__Value *m, const struct value *v);
Halftone__V1__ValueType codec_type_put(enum value_type type);

/* What one person may add, in `a`; NULL: it is full. */
Halftone__V1__Bounds *codec_bounds_put(uint32_t groups, uint32_t rows,
                                       struct arena *a);

/*
 * A structured query as the relational tree.  ERR_INVALID names the field;
 * expressions nest at most CODEC_DEPTH_MAX deep.
 */
enum { CODEC_DEPTH_MAX = 64 };
enum err_code codec_tree_get(struct select **out,
                             const Halftone__V1__StructuredQuery *m,
                             struct arena *a, struct err *err) MUST_CHECK;

#endif
