#include "server/ledger/log_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/base/durable.h"

/* SQLite's own xWrite takes less than 128 KiB at a time. */
enum { PIECE = 64 * 1024 };

/* The real file follows in the same block: SQLite allots szOsFile bytes. */
struct log_file {
    sqlite3_file base;
    uint8_t *data;        /* owned: not written yet */
    int len;              /* bytes of it */
    sqlite3_int64 offset; /* where it belongs in the file */
    const char *name;     /* SQLite's, until it is closed; NULL: durable */
    sqlite3_int64 real[]; /* SQLite aligns to 8 bytes */
};

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return (sqlite3_file *)log_of(file)->real;
}

/* On failure the bytes are gone: whoever wrote them is told, and rolls back. */
static int flush(sqlite3_file *file)
{
    struct log_file *f = log_of(file);
    sqlite3_file *real = real_of(file);
    const int len = f->len;
    int rc = SQLITE_OK;
    f->len = 0;
    for (int at = 0; at < len && rc == SQLITE_OK; at += PIECE) {
        const int n = len - at < PIECE ? len - at : PIECE;
        rc = real->pMethods->xWrite(real, f->data + at, n, f->offset + at);
    }
    return rc;
}

static int log_close(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    (void)flush(file); /* never synced, so nobody was promised it */
    sqlite3_free(log_of(file)->data);
    return real->pMethods->xClose(real);
}

static int log_read(sqlite3_file *file, void *out, int n, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    const int rc = flush(file);
    return rc ? rc : real->pMethods->xRead(real, out, n, offset);
}

static int log_write(sqlite3_file *file, const void *data, int n,
                     sqlite3_int64 offset)
{
    struct log_file *f = log_of(file);
    if (offset != f->offset + f->len || n > LOG_BUFFER - f->len) {
        const int rc = flush(file);
        if (rc)
            return rc;
        f->offset = offset;
    }
    if (n > LOG_BUFFER) {
        sqlite3_file *real = real_of(file);
        return real->pMethods->xWrite(real, data, n, offset);
    }
    memcpy(f->data + f->len, data, (size_t)n);
    f->len += n;
    return SQLITE_OK;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *real = real_of(file);
    const int rc = flush(file);
    return rc ? rc : real->pMethods->xTruncate(real, size);
}

/* With the first sync its name is durable.  SQLite syncs the folder, too, and
 * does not look whether that failed: then the whole log would be lost. */
static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *f = log_of(file);
    sqlite3_file *real = real_of(file);
    int rc = flush(file);
    if (rc == SQLITE_OK)
        rc = real->pMethods->xSync(real, flags);
    if (rc == SQLITE_OK && f->name && !durable_name(f->name))
        rc = SQLITE_IOERR_DIR_FSYNC;
    if (rc == SQLITE_OK)
        f->name = NULL;
    return rc;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *real = real_of(file);
    const int rc = flush(file);
    return rc ? rc : real->pMethods->xFileSize(real, size);
}

/* A log is never locked by itself; the rest passes through. */
static int log_lock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xLock(real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xUnlock(real, level);
}

static int log_reserved(sqlite3_file *file, int *out)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xCheckReservedLock(real, out);
}

static int log_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xFileControl(real, op, arg);
}

static int log_sector(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xSectorSize(real);
}

static int log_traits(sqlite3_file *file)
{
    sqlite3_file *real = real_of(file);
    return real->pMethods->xDeviceCharacteristics(real);
}

static const sqlite3_io_methods LOG_METHODS = {
    .iVersion = 1, /* shared memory is the main file's affair */
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_traits,
};

static int log_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
                    int flags, int *out_flags)
{
    sqlite3_vfs *real_vfs = vfs->pAppData;
    if (!(flags & SQLITE_OPEN_WAL))
        return real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
    struct log_file *f = log_of(file);
    sqlite3_file *real = real_of(file);
    *f = (struct log_file){ .data = sqlite3_malloc(LOG_BUFFER), .name = name };
    if (!f->data)
        return SQLITE_NOMEM;
    const int rc = real_vfs->xOpen(real_vfs, name, real, flags, out_flags);
    if (real->pMethods)
        f->base.pMethods = &LOG_METHODS; /* then SQLite closes it */
    else
        sqlite3_free(f->data);
    return rc;
}

/* Before SQLite is first used: no statistics of its memory, which nobody reads
 * and for which each allocation takes a lock that all share.  Later it refuses,
 * and is slower. */
static void set_up(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* SQLite's default may change between ledgers (tests do): wrap today's. */
const char *log_vfs_name(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static sqlite3_vfs log_vfs;
    (void)pthread_once(&once, set_up);
    (void)pthread_mutex_lock(&lock);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    int rc = real ? SQLITE_OK : SQLITE_ERROR;
    if (real && log_vfs.pAppData != real) {
        if (log_vfs.pAppData)
            (void)sqlite3_vfs_unregister(&log_vfs);
        log_vfs = *real;
        log_vfs.zName = "halftone-log";
        log_vfs.szOsFile = real->szOsFile + (int)sizeof(struct log_file);
        log_vfs.pAppData = real;
        log_vfs.pNext = NULL;
        log_vfs.xOpen = log_open;
        rc = sqlite3_vfs_register(&log_vfs, 0);
    }
    (void)pthread_mutex_unlock(&lock);
    return rc == SQLITE_OK ? log_vfs.zName : NULL;
}

enum err_code log_vfs_mend(const char *path, struct err *err)
{
    char log[4096];
    if (snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log)
        return err_set(err, ERR_NOT_FOUND, "the path %.200s is too long", path);
    return durable_again(log)
               ? ERR_OK
               : err_set(err, ERR_INTERNAL, "cannot write %s: %s", log,
                         strerror(errno));
}
