#ifndef TESTS_LIB_FAULT_VFS_H
#define TESTS_LIB_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A file system in memory for SQLite that fails when it is told to.
 *
 * Each file has what readers see and what the disk holds.  A write changes the
 * first and is remembered; a sync carries what is remembered to the second.  A
 * sync that fails forgets it, as Linux does: the pages look clean afterwards
 * and are never written again.  A crash leaves what the disk holds plus some of
 * what was not synced yet, in pieces of a sector.
 *
 * Operations that change files are counted from 1; the `at`-th one fails.
 */
enum fault_kind {
    FAULT_NONE,
    FAULT_EIO,    /* that operation alone */
    FAULT_ENOSPC, /* every write from there on; syncs work */
    FAULT_CRASH   /* everything from there on: the machine is off */
};
enum fault_keep { KEEP_NOTHING, KEEP_SOME, KEEP_ALL }; /* of unsynced writes */

struct fault_plan {
    enum fault_kind kind;
    uint64_t at;
    bool syncs_lie; /* say yes and carry nothing: a disk that cheats */
};

/* Become SQLite's default file system, empty. */
void fault_vfs_install(void);
/* Forget every file and give SQLite its own file system back. */
void fault_vfs_remove(void);

/* From now on; the count begins anew. */
void fault_vfs_plan(struct fault_plan plan);
uint64_t fault_vfs_count(void);

/* Cut the power: no file may be open.  The plan ends. */
void fault_vfs_crash(enum fault_keep keep, uint64_t seed);

#endif
