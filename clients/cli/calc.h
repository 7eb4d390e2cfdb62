#ifndef CLI_CALC_H
#define CLI_CALC_H

#include "clients/cli/cli.h"
#include "dp/status.h"

/*
 * What the sub-commands of `halftone calc` share.  They print one number of 12
 * significant digits, rounded against privacy's loss: epsilons, deltas, scales
 * and thresholds up, budgets and chances down.
 */

enum calc_rounding { CALC_UP, CALC_DOWN };

/* Print it and a line break; returns the exit code. */
int calc_print(struct cli *cli, double x, enum calc_rounding rounding);

/* A flag that must have been given: false after printing what is missing. */
bool calc_has(struct cli *cli, enum flag_id id);

/* Print the mistake and a way out, exit code 2. */
int calc_refuse(struct cli *cli, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* `what` could not be computed: the mistake that `status` stands for. */
int calc_failed(struct cli *cli, enum dp_status status, const char *what);

#endif
