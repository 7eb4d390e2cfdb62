#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "clients/cli/options.h"

/*
 * Defaults from the environment and from a YAML file whose keys are the names
 * of flags:
 *
 *   target: stats.example.org:7443
 *   token-file: /home/me/.halftone-token
 *   purpose: reporting
 *
 * The file is --config, else $XDG_CONFIG_HOME/halftone.yaml, else
 * ~/.config/halftone.yaml; only a file that was named must exist.
 */
typedef const char *config_getenv_fn(const char *name);

/*
 * Complete *o, keeping what the command line says.  *warning is one sentence
 * for the user or NULL: a file that holds a token others can read.
 *
 * ERR_INVALID    a variable or a key has a value that its flag refuses, or a
 *                key is unknown; says which, and where in the file
 * ERR_NOT_FOUND  --config names a file that cannot be read
 */
enum err_code config_apply(struct options *o, config_getenv_fn *env,
                           const char **warning, struct arena *a,
                           struct err *err) MUST_CHECK;

#endif
