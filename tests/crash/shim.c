/*
 * Preloaded into a server: watches what it does to the files of one folder and
 * fails one operation of them.
 *
 *   CRASH_DIR    the folder, a whole path; files that end in -shm or -lock hold
 *                nothing that outlives a process and are passed over
 *   CRASH_TRACE  the file that events are appended to (trace.h)
 *   CRASH_FAULT  kill    the process ends before the operation
 *                eio     the operation fails, once
 *                enospc  from it on nothing can be made or grow; the write it
 *                        strikes is cut in half, as a disk that fills does
 *   CRASH_LATER_S  the wall clock is so much later
 *   CRASH_AT     number of the operation, from 1; counted are those that change
 *                something or sync it
 *
 * Nothing is really synced: what a crash would have kept is worked out from the
 * trace (disk.h).  An operation and its event are one step under a lock, so
 * that the trace is what happened.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/trace.h"

enum { FILES = 1024 };
enum fault { NO_FAULT, KILL, EIO_ONCE, NO_SPACE };

static struct {
    pthread_mutex_t lock; /* of everything here */
    const char *dir;
    size_t dir_len;
    int trace;
    enum fault fault;
    uint64_t at, count;
    time_t later_s;
    uint32_t slots, slot[FILES]; /* of descriptors; 0 = not watched */
} shim = { .lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP, .trace = -1 };

/* dlsym gives an object pointer where a function's is wanted. */
#define REAL(name)                                                             \
    __extension__({                                                            \
        static __typeof__(&name) real_;                                        \
        if (!real_)                                                            \
            *(void **)&real_ = dlsym(RTLD_NEXT, #name);                        \
        real_;                                                                 \
    })

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("CRASH_FAULT"), *at = getenv("CRASH_AT"),
               *trace = getenv("CRASH_TRACE");
    const char *later = getenv("CRASH_LATER_S");
    shim.later_s = later ? strtol(later, NULL, 10) : 0;
    shim.dir = getenv("CRASH_DIR");
    if (!shim.dir)
        return;
    shim.dir_len = strlen(shim.dir);
    if (trace)
        shim.trace =
            REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fault)
        shim.fault = strcmp(fault, "kill") == 0     ? KILL
                     : strcmp(fault, "eio") == 0    ? EIO_ONCE
                     : strcmp(fault, "enospc") == 0 ? NO_SPACE
                                                    : NO_FAULT;
    shim.at = at ? strtoull(at, NULL, 10) : 0;
}

static bool ends(const char *path, const char *with)
{
    const size_t n = strlen(path), m = strlen(with);
    return n >= m && strcmp(path + n - m, with) == 0;
}

static bool watched(const char *path)
{
    return shim.dir && strncmp(path, shim.dir, shim.dir_len) == 0 &&
           !ends(path, "-shm") && !ends(path, "-lock");
}

static void tell(enum trace_kind kind, uint32_t slot, uint64_t offset,
                 const void *data, size_t len)
{
    const struct trace_event e = { (uint32_t)kind, slot, offset, len };
    const struct iovec parts[] = { { (void *)(uintptr_t)&e, sizeof e },
                                   { (void *)(uintptr_t)data, len } };
    if (shim.trace >= 0 &&
        REAL(writev)(shim.trace, parts, 2) != (ssize_t)(sizeof e + len))
        abort(); /* a trace with a hole proves nothing */
}

/* Does the operation that begins now fail?  Then errno says how. */
enum grows { GROWS, SHRINKS };
static bool strikes(enum grows how)
{
    shim.count++;
    if (shim.fault == KILL && shim.count == shim.at)
        (void)raise(SIGKILL);
    if (shim.fault == EIO_ONCE && shim.count == shim.at) {
        errno = EIO;
        return true;
    }
    if (shim.fault == NO_SPACE && shim.count >= shim.at && how == GROWS) {
        errno = ENOSPC;
        return true;
    }
    return false;
}

static uint32_t slot_of(int fd)
{
    return fd >= 0 && fd < FILES ? shim.slot[fd] : 0;
}

#define LOCKED                                                                 \
    __attribute__((cleanup(unlock), unused)) const int locked_ = lock()
static int lock(void)
{
    return pthread_mutex_lock(&shim.lock);
}
static void unlock(const int *unused)
{
    (void)unused;
    (void)pthread_mutex_unlock(&shim.lock);
}

/* ---- names ---- */

static int note_opened(int fd, const char *path, uint64_t how)
{
    if (fd < 0 || fd >= FILES)
        return fd;
    shim.slot[fd] = ++shim.slots;
    tell(TRACE_OPEN, shim.slot[fd], how, path, strlen(path) + 1);
    return fd;
}

static int open_any(const char *path, int flags, mode_t mode)
{
    struct stat st;
    if (!watched(path))
        return REAL(open)(path, flags, mode);
    LOCKED;
    const bool there = stat(path, &st) == 0;
    const uint64_t how = (!there && flags & O_CREAT ? TRACE_MADE : 0U) |
                         (there && flags & O_TRUNC ? TRACE_CUT : 0U);
    if (how && strikes(how & TRACE_MADE ? GROWS : SHRINKS))
        return -1;
    return note_opened(REAL(open)(path, flags, mode), path, how);
}

#define OPEN(name)                                                             \
    int name(const char *path, int flags, ...)                                 \
    {                                                                          \
        va_list ap;                                                            \
        va_start(ap, flags);                                                   \
        const mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;          \
        va_end(ap);                                                            \
        return open_any(path, flags, mode);                                    \
    }
OPEN(open)
OPEN(open64)

int mkostemp(char *path, int flags)
{
    if (!watched(path))
        return REAL(mkostemp)(path, flags);
    LOCKED;
    if (strikes(GROWS))
        return -1;
    return note_opened(REAL(mkostemp)(path, flags), path, TRACE_MADE);
}
int mkostemp64(char *path, int flags)
{
    return mkostemp(path, flags);
}

int close(int fd)
{
    LOCKED;
    if (fd >= 0 && fd < FILES)
        shim.slot[fd] = 0;
    return REAL(close)(fd);
}

static void tell_names(enum trace_kind kind, const char *from, const char *to)
{
    char both[8192];
    const size_t n = strlen(from) + 1, m = strlen(to) + 1;
    if (n + m > sizeof both)
        abort();
    memcpy(both, from, n);
    memcpy(both + n, to, m);
    tell(kind, 0, 0, both, n + m);
}

int rename(const char *from, const char *to)
{
    if (!watched(to))
        return REAL(rename)(from, to);
    LOCKED;
    if (strikes(SHRINKS))
        return -1;
    const int rc = REAL(rename)(from, to);
    if (rc == 0)
        tell_names(TRACE_RENAME, from, to);
    return rc;
}

int link(const char *from, const char *to)
{
    if (!watched(to))
        return REAL(link)(from, to);
    LOCKED;
    if (strikes(GROWS))
        return -1;
    const int rc = REAL(link)(from, to);
    if (rc == 0)
        tell_names(TRACE_LINK, from, to);
    return rc;
}

int unlink(const char *path)
{
    if (!watched(path))
        return REAL(unlink)(path);
    LOCKED;
    if (strikes(SHRINKS))
        return -1;
    const int rc = REAL(unlink)(path);
    if (rc == 0)
        tell(TRACE_UNLINK, 0, 0, path, strlen(path) + 1);
    return rc;
}

/* libc's own does not pass through unlink. */
int remove(const char *path)
{
    return watched(path) ? unlink(path) : REAL(remove)(path);
}

/* ---- contents ---- */

static ssize_t write_at(int fd, const void *data, size_t len, off_t at)
{
    if (strikes(GROWS)) {
        /* Half of it still fits, the first time. */
        if (errno != ENOSPC || shim.count != shim.at || len < 2)
            return -1;
        len /= 2;
    }
    const ssize_t n = REAL(pwrite)(fd, data, len, at);
    if (n > 0)
        tell(TRACE_WRITE, slot_of(fd), (uint64_t)at, data, (size_t)n);
    return n;
}

static ssize_t pwrite_any(int fd, const void *data, size_t len, off_t at)
{
    LOCKED;
    return slot_of(fd) ? write_at(fd, data, len, at)
                       : REAL(pwrite)(fd, data, len, at);
}
ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    return pwrite_any(fd, data, len, at);
}
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return pwrite_any(fd, data, len, at);
}

/* To a watched file, or (unwatched) anywhere: then a lock would order what
 * need not be. */
ssize_t write(int fd, const void *data, size_t len)
{
    if (!slot_of(fd))
        return REAL(write)(fd, data, len);
    LOCKED;
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t n = write_at(fd, data, len, at);
    if (n > 0)
        (void)lseek(fd, at + n, SEEK_SET);
    return n;
}

static int truncate_any(int fd, off_t len)
{
    LOCKED;
    if (!slot_of(fd))
        return REAL(ftruncate)(fd, len);
    if (strikes(SHRINKS))
        return -1;
    const int rc = REAL(ftruncate)(fd, len);
    if (rc == 0)
        tell(TRACE_TRUNCATE, slot_of(fd), (uint64_t)len, NULL, 0);
    return rc;
}
int ftruncate(int fd, off_t len)
{
    return truncate_any(fd, len);
}
int ftruncate64(int fd, off64_t len)
{
    return truncate_any(fd, len);
}

static int sync_any(int fd)
{
    LOCKED;
    if (!slot_of(fd))
        return 0;
    const bool fails = strikes(SHRINKS);
    tell(fails ? TRACE_SYNC_FAILED : TRACE_SYNC, slot_of(fd), 0, NULL, 0);
    return fails ? -1 : 0;
}
int fsync(int fd)
{
    return sync_any(fd);
}
int fdatasync(int fd)
{
    return sync_any(fd);
}

/* ---- what left ---- */

/* ---- time ---- */

int clock_gettime(clockid_t which, struct timespec *out)
{
    const int rc = REAL(clock_gettime)(which, out);
    if (rc == 0 && which == CLOCK_REALTIME)
        out->tv_sec += shim.later_s;
    return rc;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    if (shim.trace < 0)
        return REAL(send)(fd, data, len, flags);
    LOCKED;
    const ssize_t n = REAL(send)(fd, data, len, flags);
    if (n > 0)
        tell(TRACE_SENT, 0, 0, data, (size_t)n);
    return n;
}
