#ifndef ENGINE_STAMP_H
#define ENGINE_STAMP_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Are these files the bytes they were?  For whoever keeps something about a
 * file's rows and lets another library read the file by its path.
 *
 *   look a ... something reads the paths ... look b
 *
 *   stamp_is_same(a, b)     each path named one inode at both times, and nobody
 *                           wrote to it, renamed, linked or removed it between:
 *                           device, inode, size, time of data and of change
 *   stamp_is_steady(a, b)   nor was a folder above it put in another's place
 *                           and back: such a rename changes the time of the
 *                           folder and that of the folder it is in, and never
 *                           did both change
 *
 * Both: whatever was read by these paths between the looks was those bytes.
 * The time of change (ctime) is the system's to set, and says so when a file
 * was swapped away and back, or written and its time of data put back.
 *
 * A change within one tick of the system's clock after another gives one
 * time.  So nothing is concluded from a file that changed less than
 * STAMP_YOUNG_MS before the look (stamp_is_old), or 3 s on a file system whose
 * times are whole seconds, nor from folders that did.
 *
 * Only on local file systems that are known to keep these times; not against
 * whoever mounts another file system over a folder and takes it away while a
 * statement runs, nor against somebody who writes through a mapping that was
 * made before: that is the operator (DESIGN.md section 1).
 */
enum { STAMP_YOUNG_MS = 100, STAMP_FILES_MAX = 1024 };

/* Paths: absolute, links resolved. */
struct stamp_paths;
struct stamp_look;

/* The paths are copied.  NULL: none, too many, no memory, or not on a file
 * system that is known. */
struct stamp_paths *stamp_paths_of(const char *const *files, size_t n);
void stamp_paths_free(struct stamp_paths *p); /* NULL is allowed */

/* As of now; freed by free().  NULL: a file is not there, no memory, or a link
 * came where the path had none: where it leads can change and change back
 * without a trace on the file or its folder. */
struct stamp_look *stamp_look(const struct stamp_paths *p);

/* What happens to the files after the look will show. */
bool stamp_is_old(const struct stamp_look *l);
bool stamp_is_same(const struct stamp_look *a, const struct stamp_look *b);
/* `a` the earlier one.  With b NULL: may it still turn out to be so? */
bool stamp_is_steady(const struct stamp_look *a, const struct stamp_look *b);

#endif
