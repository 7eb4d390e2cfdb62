#ifndef ENGINE_SCRATCH_LIMITS_H
#define ENGINE_SCRATCH_LIMITS_H

/*
 * What a statement about the catalog may take, and its process with it.  Each
 * is enforced twice: first by DuckDB, politely, then by the kernel or by the
 * server, which ends the process.
 */
enum {
    SCRATCH_WAIT_MS = 5000,     /* a statement, planning counted */
    SCRATCH_GRACE_MS = 500,     /* until the process is ended */
    SCRATCH_BUILD_MS = 5000,    /* a database, or the start of a process */
    SCRATCH_MEMORY = 640 << 20, /* bytes of address space */
    SCRATCH_STACK = 64 << 20,
    SCRATCH_ARENA = 96 << 20, /* the call, the answer, its bytes */
    SCRATCH_PROCESSES = 4,
};

#endif
