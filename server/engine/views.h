#ifndef ENGINE_VIEWS_H
#define ENGINE_VIEWS_H

#include "server/engine/source.h"

/*
 * Make each table of the policy a view src."TABLE" that shows exactly the
 * policy's columns under the policy's names and types, after checking that the
 * source has them.  *files, *n_files: every file the views read.
 *
 * ERR_INVALID    a table or column is missing or cannot be what the policy
 *                says; message and hint name both sides, the place is the line
 *                of the policy
 * ERR_NOT_FOUND  a file cannot be opened
 * ERR_LIMIT      the arena is full
 */
/* Where the map of subjects is shown, if there is one: duck_gate.c reads it, and
 * no plan's statement names it. */
#define VIEWS_MAP "main.halftone_map"

enum err_code views_create(const char *const **files, size_t *n_files,
                           struct duck *d, const struct policy *policy,
                           struct arena *a, struct err *err) MUST_CHECK;

#endif
