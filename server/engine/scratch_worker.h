#ifndef ENGINE_SCRATCH_WORKER_H
#define ENGINE_SCRATCH_WORKER_H

#include <stdbool.h>

/*
 * A process of the catalog, from within.  scratch_pool.h starts it: the
 * server's own program, told by its one argument, with a socket as standard
 * input and nothing else of the server's: no memory, no file, no environment.
 *
 *   start -> jail -> read a call -> answer it -> read ...    (one thread)
 *                       end of input: the server has gone, and so does it
 *
 * It keeps the SCRATCH_KEPT databases that were asked last.  It goes by itself,
 * behind its answer, when DuckDB fails in a way that may last or when a
 * statement took so much memory that the next one might lack it.
 */
#define SCRATCH_WORKER_ARG "--catalog-worker"
enum { SCRATCH_KEPT = 8 };

/* For main(), before anything else: is this such a process?  Then serve. */
bool scratch_worker_is(int argc, char **argv);
int scratch_worker_main(void);

#endif
