#ifndef TESTS_CRASH_TRACE_H
#define TESTS_CRASH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a process did to the files of one folder, in order, and what it sent to
 * sockets between: written by shim.c, read by disk.c.
 *
 * An event is this head and `len` bytes.  Names are whole paths.  A file is
 * named by its slot from TRACE_OPEN on, a new one for each opening.
 */
enum trace_kind {
    TRACE_OPEN = 1,    /* name; the file was there or is made, see `offset` */
    TRACE_WRITE,       /* bytes at `offset` */
    TRACE_TRUNCATE,    /* to `offset` bytes */
    TRACE_SYNC,        /* of the slot's file, or folder */
    TRACE_SYNC_FAILED, /* what was not durable never will be by itself */
    TRACE_RENAME,      /* two names, each with its NUL */
    TRACE_LINK,        /* likewise */
    TRACE_UNLINK,      /* name */
    TRACE_SENT,        /* bytes that left for a socket */
};
enum { TRACE_MADE = 1, TRACE_CUT = 2 }; /* in offset of TRACE_OPEN */

struct trace_event {
    uint32_t kind, slot;
    uint64_t offset, len;
};

/* A whole one, read by trace_next from *at = 0 on; the caller frees `bytes`. */
struct trace {
    uint8_t *bytes;
    size_t len;
};
struct trace trace_read(const char *path);
bool trace_next(const struct trace *t, size_t *at, struct trace_event *e,
                const uint8_t **data);

#endif
