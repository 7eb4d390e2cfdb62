#ifndef BASE_DURABLE_H
#define BASE_DURABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Files that must be there after the power went.
 *
 * A file's contents are durable once it is synced, its name once its folder is:
 * a new file needs both.  False: errno says why.
 */

/* The name at `path`, whoever made it: its folder is synced. */
bool durable_name(const char *path);

/* All bytes to fd, then synced. */
bool durable_put(int fd, const void *data, size_t len);

/* The file at `path` becomes these bytes, with this mode: whole or not at all,
 * whatever happens meanwhile, by way of PATH.new.  A symbolic link stays one:
 * the file that it leads to is written, which has to be there. */
bool durable_write(const char *path, const void *data, size_t len,
                   unsigned mode);

/*
 * The contents of the file at `path`, as they are read, whatever became of them
 * before: after a sync that failed the system shows what the disk may lack, and
 * another sync carries none of it, so they are written over themselves.  A file
 * that is not there is fine.  Nobody else writes it.
 */
bool durable_again(const char *path);

#endif
