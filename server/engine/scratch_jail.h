#ifndef ENGINE_SCRATCH_JAIL_H
#define ENGINE_SCRATCH_JAIL_H

#include <stddef.h>

/*
 * What a process of the catalog may do (scratch_worker.h), set once, from
 * inside, and never taken back: compute in memory of its own and talk over the
 * socket it has.  No file, socket, process, thread, signal to others, core dump
 * or new privilege; so much address space and stack, and no more.
 *
 * Source: setrlimit(2), seccomp(2).  Where the kernel has no seccomp the rest
 * holds.  Under sanitizers, whose shadow takes terabytes of address space and
 * whose runtime reads files, the limits of memory and of calls are left out.
 */

/* Before anything big is loaded; every file but `fd` is closed.  Nonzero: a
 * limit cannot be set. */
int scratch_jail_enter(int fd, size_t memory_max, size_t stack_max);

/* Nonzero: memory is not limited here (a build with sanitizers). */
int scratch_jail_is_open(void);

#endif
