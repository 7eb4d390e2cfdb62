#ifndef TESTS_CRASH_DISK_H
#define TESTS_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/crash/trace.h"

/*
 * A disk whose power can go: what a trace did to it, what of that a sync has
 * carried, and the files that could be there after a crash.
 *
 * A file's contents are durable when it was synced, its name when its folder
 * was.  What was not synced may arrive or not: whole writes in any combination,
 * or sectors of them; of the changes of names those up to some point, as a
 * journal keeps them.  A sync that failed leaves what it was to carry unsynced
 * for ever, as Linux does.
 */
enum disk_keep {
    DISK_NOTHING, /* of what no sync carried */
    DISK_ALL,     /* the process died, the machine did not */
    DISK_WRITES,  /* some, whole */
    DISK_SECTORS, /* some sectors of some */
    DISK_KEEPS
};
extern const char *const DISK_KEEP_NAMES[DISK_KEEPS];

struct disk;

/* `syncs_lie`: they carry nothing. */
struct disk *disk_new(bool syncs_lie);
void disk_free(struct disk *d);

/* A file that is there, durable. */
void disk_hold(struct disk *d, const char *path);

/* The next event of the trace, with its bytes. */
void disk_apply(struct disk *d, const struct trace_event *e, const void *data);

/* Make the files as a crash now leaves them.  The folders exist and are
 * empty.  Contents that only a later sync would carry are chosen by `seed`. */
void disk_crash(const struct disk *d, enum disk_keep keep, uint64_t seed);

/* Events that changed something, or synced it, so far. */
uint64_t disk_count(const struct disk *d);

#endif
