#ifndef POLICY_REPORT_H
#define POLICY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * The mistakes of a file of settings: what is wrong, where, and a way out.
 * Loaders collect all of them, so that a steward fixes a file in one go.
 *
 * Texts live in the arena given to report_add.  A zeroed report is empty.
 */
enum { REPORT_MAX = 100 };

struct policy_report {
    struct policy_mistake {
        unsigned line, col; /* from 1 */
        const char *msg, *fix;
        const char *path; /* of another file than the one being loaded, or
                             NULL */
    } * mistakes;         /* in file order once report_sort ran */
    size_t n;
    size_t cap;
};

/*
 * Add a mistake; past REPORT_MAX it is dropped.  False when the arena is full,
 * also when msg or fix is NULL because it was full before.
 */
bool report_add(struct policy_report *r, struct arena *a,
                struct policy_mistake mistake) MUST_CHECK;

/* By line and column; equal places keep their order. */
void report_sort(struct policy_report *r);

/*
 * Record the first mistake and their number as ERR_INVALID, with its place and
 * its fix as the hint.  Requires n > 0.
 */
enum err_code report_err(const struct policy_report *r, const char *path,
                         struct err *err);

/* "path:line:col: message" and "  fix: ..." for each; nothing when empty. */
void policy_report_print(FILE *out, const struct policy_report *r,
                         const char *path);

#endif
