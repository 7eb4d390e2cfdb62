#ifndef CLI_ESTIMATE_H
#define CLI_ESTIMATE_H

#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/cli.h"

/* What one question would cost, in the format asked for. */
enum err_code estimate_print(struct cli *cli,
                             const Halftone__V1__EstimateReply *m,
                             struct err *err) MUST_CHECK;

/* "would cost ...; nothing was charged", a line. */
void estimate_print_price(const Halftone__V1__EstimateReply *m, FILE *out);

#endif
