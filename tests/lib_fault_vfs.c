#include "tests/lib_fault_vfs.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <sqlite3.h>

#include "tests/lib_torn.h"

enum { NAME_CAP = 256, SHM_REGIONS = 8, FILES_MAX = 16 };

struct disk_file {
    char name[NAME_CAP];
    bool exists;
    struct torn_image seen, held; /* what readers see, what the disk holds */
    struct torn_changes changes;
    void *shm[SHM_REGIONS];
    int opens;
};

struct open_file {
    sqlite3_file base;
    struct disk_file *file;
};

static struct {
    pthread_mutex_t lock; /* of everything here */
    sqlite3_vfs vfs, *real;
    struct disk_file files[FILES_MAX];
    size_t n_files;
    struct fault_plan plan;
    uint64_t count;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* True when the operation that begins now must fail. */
static bool strikes(bool is_sync)
{
    disk.count++;
    switch (disk.plan.kind) {
    case FAULT_NONE:
        return false;
    case FAULT_EIO:
        return disk.count == disk.plan.at;
    case FAULT_ENOSPC:
        return disk.count >= disk.plan.at && !is_sync;
    case FAULT_CRASH:
        return disk.count >= disk.plan.at;
    }
    return false;
}

static struct disk_file *find(const char *name, bool create)
{
    for (size_t i = 0; i < disk.n_files; i++)
        if (strcmp(disk.files[i].name, name) == 0)
            return &disk.files[i];
    if (!create)
        return NULL;
    assert(disk.n_files < FILES_MAX && strlen(name) < NAME_CAP);
    struct disk_file *f = &disk.files[disk.n_files++];
    (void)snprintf(f->name, sizeof f->name, "%s", name);
    torn_clear(&f->changes);
    return f;
}

static struct disk_file *of(sqlite3_file *file)
{
    return ((struct open_file *)file)->file;
}

static int io_close(sqlite3_file *file)
{
    (void)pthread_mutex_lock(&disk.lock);
    struct disk_file *f = of(file);
    if (--f->opens == 0)
        for (int i = 0; i < SHM_REGIONS; i++) {
            free(f->shm[i]);
            f->shm[i] = NULL;
        }
    (void)pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int io_read(sqlite3_file *file, void *out, int n, sqlite3_int64 offset)
{
    (void)pthread_mutex_lock(&disk.lock);
    const struct torn_image *i = &of(file)->seen;
    const size_t at = (size_t)offset, want = (size_t)n;
    const size_t have = at >= i->len         ? 0
                        : i->len - at < want ? i->len - at
                                             : want;
    if (have)
        memcpy(out, i->data + at, have);
    memset((uint8_t *)out + have, 0, want - have);
    (void)pthread_mutex_unlock(&disk.lock);
    return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int change(sqlite3_file *file, const void *data, size_t len,
                  size_t offset, int failure)
{
    (void)pthread_mutex_lock(&disk.lock);
    const bool fails = strikes(false);
    if (!fails)
        torn_apply(&of(file)->seen,
                   torn_add(&of(file)->changes, offset, data, len));
    (void)pthread_mutex_unlock(&disk.lock);
    if (!fails)
        return SQLITE_OK;
    return disk.plan.kind == FAULT_ENOSPC ? SQLITE_FULL : failure;
}

static int io_write(sqlite3_file *file, const void *data, int n,
                    sqlite3_int64 offset)
{
    return change(file, data, (size_t)n, (size_t)offset, SQLITE_IOERR_WRITE);
}

static int io_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return change(file, NULL, 0, (size_t)size, SQLITE_IOERR_TRUNCATE);
}

static int io_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    (void)pthread_mutex_lock(&disk.lock);
    struct disk_file *f = of(file);
    const bool fails = strikes(true);
    if (!fails && !disk.plan.syncs_lie)
        torn_apply_all(&f->held, &f->changes);
    /* Off, nothing is forgotten: the crash decides what arrived. */
    if (!disk.plan.syncs_lie && !(fails && disk.plan.kind == FAULT_CRASH))
        torn_clear(&f->changes);
    (void)pthread_mutex_unlock(&disk.lock);
    return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int io_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)of(file)->seen.len;
    return SQLITE_OK;
}

static int io_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int io_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int io_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int io_sector(sqlite3_file *file)
{
    (void)file;
    return TORN_SECTOR;
}

static int io_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int io_shm_map(sqlite3_file *file, int region, int size, int extend,
                      void volatile **out)
{
    assert(region < SHM_REGIONS);
    struct disk_file *f = of(file);
    if (!f->shm[region] && extend)
        f->shm[region] = calloc(1, (size_t)size);
    *out = f->shm[region];
    return SQLITE_OK;
}

static int io_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    (void)file;
    (void)offset;
    (void)n;
    (void)flags;
    return SQLITE_OK;
}

static void io_shm_barrier(sqlite3_file *file)
{
    (void)file;
}

static int io_shm_unmap(sqlite3_file *file, int is_deleted)
{
    (void)file;
    (void)is_deleted;
    return SQLITE_OK;
}

static const sqlite3_io_methods IO = {
    .iVersion = 2,
    .xClose = io_close,
    .xRead = io_read,
    .xWrite = io_write,
    .xTruncate = io_truncate,
    .xSync = io_sync,
    .xFileSize = io_size,
    .xLock = io_lock,
    .xUnlock = io_lock,
    .xCheckReservedLock = io_reserved,
    .xFileControl = io_control,
    .xSectorSize = io_sector,
    .xDeviceCharacteristics = io_traits,
    .xShmMap = io_shm_map,
    .xShmLock = io_shm_lock,
    .xShmBarrier = io_shm_barrier,
    .xShmUnmap = io_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *out,
                    int flags, int *out_flags)
{
    (void)vfs;
    (void)pthread_mutex_lock(&disk.lock);
    struct disk_file *f = find(name ? name : "temporary", true);
    f->exists = true;
    f->opens++;
    *(struct open_file *)out = (struct open_file){ { &IO }, f };
    if (out_flags)
        *out_flags = flags;
    (void)pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    (void)sync_dir;
    (void)pthread_mutex_lock(&disk.lock);
    struct disk_file *f = find(name, false);
    const bool fails = strikes(false);
    if (f && !fails) {
        f->exists = false;
        f->seen.len = f->held.len = 0;
        torn_clear(&f->changes);
    }
    (void)pthread_mutex_unlock(&disk.lock);
    return fails ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    (void)flags;
    (void)pthread_mutex_lock(&disk.lock);
    const struct disk_file *f = find(name, false);
    *out = f && f->exists && (flags != SQLITE_ACCESS_EXISTS || f->seen.len > 0);
    (void)pthread_mutex_unlock(&disk.lock);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    (void)vfs;
    (void)snprintf(out, (size_t)n, "%s", name);
    return SQLITE_OK;
}

void fault_vfs_install(void)
{
    if (!disk.real) {
        disk.real = sqlite3_vfs_find(NULL);
        disk.vfs = *disk.real;
        disk.vfs.szOsFile = sizeof(struct open_file);
        disk.vfs.zName = "fault";
        disk.vfs.xOpen = vfs_open;
        disk.vfs.xDelete = vfs_delete;
        disk.vfs.xAccess = vfs_access;
        disk.vfs.xFullPathname = vfs_full_path;
    }
    const int rc = sqlite3_vfs_register(&disk.vfs, 1);
    assert(rc == SQLITE_OK);
}

void fault_vfs_remove(void)
{
    for (size_t i = 0; i < disk.n_files; i++) {
        struct disk_file *f = &disk.files[i];
        assert(f->opens == 0);
        torn_clear(&f->changes);
        free(f->seen.data);
        free(f->held.data);
        *f = (struct disk_file){ 0 };
    }
    disk.n_files = 0;
    disk.plan = (struct fault_plan){ 0 };
    const int rc = sqlite3_vfs_register(disk.real, 1);
    assert(rc == SQLITE_OK);
}

void fault_vfs_plan(struct fault_plan plan)
{
    (void)pthread_mutex_lock(&disk.lock);
    disk.plan = plan;
    disk.count = 0;
    (void)pthread_mutex_unlock(&disk.lock);
}

uint64_t fault_vfs_count(void)
{
    (void)pthread_mutex_lock(&disk.lock);
    const uint64_t count = disk.count;
    (void)pthread_mutex_unlock(&disk.lock);
    return count;
}

void fault_vfs_crash(enum fault_keep keep, uint64_t seed)
{
    for (size_t i = 0; i < disk.n_files; i++) {
        struct disk_file *f = &disk.files[i];
        assert(f->opens == 0);
        if (keep == KEEP_ALL)
            torn_apply_all(&f->held, &f->changes);
        for (const struct torn_change *c = f->changes.first;
             keep == KEEP_SOME && c; c = c->next)
            torn_apply_some(&f->held, c, &seed);
        torn_clear(&f->changes);
        f->seen.len = 0;
        if (f->held.len)
            torn_write(&f->seen, 0, f->held.data, f->held.len);
    }
    disk.plan = (struct fault_plan){ 0 };
}
