#include "tests/crash/disk.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib_torn.h"

enum { FILES = 256, NAMES = 256, SLOTS = 4096, NAME_CAP = 256 };

const char *const DISK_KEEP_NAMES[DISK_KEEPS] = { "nothing", "all", "writes",
                                                  "sectors" };

struct file {
    struct torn_image held; /* durable contents */
    struct torn_changes changes;
};

/* A name of a file, in what processes see or in what is durable. */
struct name {
    char path[NAME_CAP];
    int file; /* -1 = no such name */
};
struct names {
    struct name name[NAMES];
    size_t n;
};

/* A change of a name that no sync of its folder has carried. */
struct naming {
    struct naming *next;
    char path[NAME_CAP];
    int file;
};

struct disk {
    bool syncs_lie;
    uint64_t count;
    struct file files[FILES];
    size_t n_files;
    struct names seen, held;
    struct naming *first, **last;
    int slot[SLOTS]; /* file of it; -1 = a folder */
    char folder[SLOTS][NAME_CAP];
};

struct disk *disk_new(bool syncs_lie)
{
    struct disk *d = calloc(1, sizeof *d);
    assert(d);
    d->syncs_lie = syncs_lie;
    d->last = &d->first;
    return d;
}

void disk_free(struct disk *d)
{
    for (size_t i = 0; i < d->n_files; i++) {
        torn_clear(&d->files[i].changes);
        free(d->files[i].held.data);
    }
    while (d->first) {
        struct naming *n = d->first;
        d->first = n->next;
        free(n);
    }
    free(d);
}

uint64_t disk_count(const struct disk *d)
{
    return d->count;
}

/* ---- names ---- */

static struct name *name_of(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->name[i].path, path) == 0)
            return &names->name[i];
    assert(names->n < NAMES && strlen(path) < NAME_CAP);
    struct name *n = &names->name[names->n++];
    *n = (struct name){ .file = -1 };
    memcpy(n->path, path, strlen(path) + 1);
    return n;
}

static void rename_to(struct disk *d, const char *path, int file)
{
    struct naming *n = calloc(1, sizeof *n);
    assert(n && strlen(path) < NAME_CAP);
    memcpy(n->path, path, strlen(path) + 1);
    n->file = file;
    *d->last = n;
    d->last = &n->next;
    name_of(&d->seen, path)->file = file;
}

static int new_file(struct disk *d)
{
    assert(d->n_files < FILES);
    torn_clear(&d->files[d->n_files].changes);
    return (int)d->n_files++;
}

static bool is_in(const char *path, const char *folder)
{
    const size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/' &&
           !strchr(path + n + 1, '/');
}

void disk_hold(struct disk *d, const char *path)
{
    const int fd = open(path, O_RDONLY), file = new_file(d);
    uint8_t bytes[1 << 16];
    ssize_t n;
    assert(fd >= 0);
    for (size_t at = 0; (n = read(fd, bytes, sizeof bytes)) > 0;
         at += (size_t)n)
        torn_write(&d->files[file].held, at, bytes, (size_t)n);
    (void)close(fd);
    name_of(&d->seen, path)->file = name_of(&d->held, path)->file = file;
}

/* ---- events ---- */

static void opened(struct disk *d, const struct trace_event *e,
                   const char *path)
{
    assert(e->slot < SLOTS && strlen(path) < NAME_CAP);
    if (e->offset & TRACE_MADE)
        rename_to(d, path, new_file(d));
    d->slot[e->slot] = name_of(&d->seen, path)->file;
    memcpy(d->folder[e->slot], path, strlen(path) + 1);
    if (e->offset & TRACE_CUT)
        (void)torn_add(&d->files[d->slot[e->slot]].changes, 0, NULL, 0);
    d->count += e->offset != 0;
}

static void sync_folder(struct disk *d, const char *folder)
{
    for (struct naming **at = &d->first; *at;) {
        struct naming *n = *at;
        if (!is_in(n->path, folder)) {
            at = &n->next;
            continue;
        }
        name_of(&d->held, n->path)->file = n->file;
        *at = n->next;
        free(n);
    }
    d->last = &d->first;
    while (*d->last)
        d->last = &(*d->last)->next;
}

static void synced(struct disk *d, uint32_t slot, bool failed)
{
    const int file = d->slot[slot];
    if (d->syncs_lie)
        return;
    if (file < 0) {
        if (!failed)
            sync_folder(d, d->folder[slot]);
        return;
    }
    struct file *f = &d->files[file];
    if (!failed)
        torn_apply_all(&f->held, &f->changes);
    torn_clear(&f->changes);
}

void disk_apply(struct disk *d, const struct trace_event *e, const void *data)
{
    const char *path = data;
    const char *to = e->kind == TRACE_RENAME || e->kind == TRACE_LINK
                         ? path + strlen(path) + 1
                         : NULL;
    d->count += e->kind != TRACE_OPEN && e->kind != TRACE_SENT;
    switch ((enum trace_kind)e->kind) {
    case TRACE_OPEN:
        opened(d, e, path);
        break;
    case TRACE_WRITE:
        (void)torn_add(&d->files[d->slot[e->slot]].changes, e->offset, data,
                       e->len);
        break;
    case TRACE_TRUNCATE:
        (void)torn_add(&d->files[d->slot[e->slot]].changes, e->offset, NULL, 0);
        break;
    case TRACE_SYNC:
    case TRACE_SYNC_FAILED:
        synced(d, e->slot, e->kind == TRACE_SYNC_FAILED);
        break;
    case TRACE_RENAME:
        rename_to(d, to, name_of(&d->seen, path)->file);
        rename_to(d, path, -1);
        break;
    case TRACE_LINK:
        rename_to(d, to, name_of(&d->seen, path)->file);
        break;
    case TRACE_UNLINK:
        rename_to(d, path, -1);
        break;
    case TRACE_SENT:
        break;
    }
}

/* ---- the crash ---- */

static void make_file(const struct disk *d, const struct name *name,
                      enum disk_keep keep, uint64_t seed)
{
    const struct file *f = &d->files[name->file];
    struct torn_image i = { 0 };
    torn_write(&i, 0, f->held.data, f->held.len);
    for (const struct torn_change *c = f->changes.first; c; c = c->next) {
        if (keep == DISK_ALL || (keep == DISK_WRITES && torn_random(&seed) & 1))
            torn_apply(&i, c);
        else if (keep == DISK_SECTORS)
            torn_apply_some(&i, c, &seed);
    }
    const int fd = open(name->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert(fd >= 0);
    const ssize_t n = write(fd, i.data, i.len);
    assert(n == (ssize_t)i.len);
    (void)close(fd);
    free(i.data);
}

void disk_crash(const struct disk *d, enum disk_keep keep, uint64_t seed)
{
    struct names names = d->held;
    size_t n = 0, kept = 0;
    for (const struct naming *c = d->first; c; c = c->next)
        n++;
    if (keep == DISK_ALL)
        kept = n;
    else if (keep != DISK_NOTHING)
        kept = torn_random(&seed) % (n + 1);
    for (const struct naming *c = d->first; c && kept; c = c->next, kept--)
        name_of(&names, c->path)->file = c->file;
    for (size_t i = 0; i < names.n; i++)
        if (names.name[i].file >= 0)
            make_file(d, &names.name[i], keep,
                      seed + (uint64_t)names.name[i].file);
}
