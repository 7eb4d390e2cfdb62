#ifndef CLI_STRUCTURED_H
#define CLI_STRUCTURED_H

#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/options.h"

/*
 * A question without SQL: --table with --by, --where and aggregates.
 * ERR_INVALID: no aggregate, or a filter that does not read.
 */
enum err_code structured_of(Halftone__V1__StructuredQuery **out,
                            const struct options *o, struct arena *a,
                            struct err *err) MUST_CHECK;

/*
 * A filter, "COLUMN OP VALUE" with =, <>, !=, <, <=, >, >=; the value is read
 * by cell_parse.  ERR_INVALID.
 */
enum err_code structured_filter(Halftone__V1__Expression **out,
                                const char *text, struct arena *a,
                                struct err *err) MUST_CHECK;

#endif
