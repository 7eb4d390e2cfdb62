#ifndef MAIN_FILES_H
#define MAIN_FILES_H

#include "server/base/err.h"

/*
 * How many files the process may open, shared out before it serves.
 *
 * An engine that cannot open its file fails after the charge, and a crowd of
 * connections must not be able to bring that about.  So a share is kept for
 * workers and the ledger, and connections get what is left.
 */

/*
 * Raise the process's limit as far as needed and allowed, then lower *max_conns
 * to what fits.  ERR_LIMIT: not even a few connections do; the message says
 * what is needed.
 */
enum err_code files_share(unsigned *max_conns, unsigned n_workers,
                          struct err *err) MUST_CHECK;

#endif
