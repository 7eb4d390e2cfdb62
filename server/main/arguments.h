#ifndef MAIN_ARGUMENTS_H
#define MAIN_ARGUMENTS_H

#include <stdbool.h>
#include <stdio.h>

#include "server/base/err.h"
#include "server/base/writer.h"

/*
 * The words after halftoned.  One table holds the options: the help, the
 * manual page and the reader come from it.
 */
struct arguments {
    const char *config; /* borrowed from argv */
    bool check, version, help;
};

/* ERR_INVALID: an unknown option, one without its value, or no --config where
 * one is needed. */
enum err_code arguments_read(struct arguments *out, int argc,
                             const char *const *argv,
                             struct err *err) MUST_CHECK;

void arguments_help(FILE *out);

/* halftoned(8), in the language of man(7). */
void arguments_man(struct writer *w);

#endif
