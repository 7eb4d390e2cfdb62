#include "tests/crash/disk.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 256, NAMES = 256, SLOTS = 4096, SECTOR = 512, NAME_CAP = 256 };

const char *const DISK_KEEP_NAMES[DISK_KEEPS] = { "nothing", "all", "writes",
                                                  "sectors" };

struct image {
    uint8_t *data;
    size_t len, cap;
};

/* What no sync has carried yet; data NULL = cut to `offset` bytes. */
struct change {
    struct change *next;
    uint8_t *data; /* owned */
    size_t offset, len;
};

struct file {
    struct image held; /* durable contents */
    struct change *first, **last;
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

static void forget_changes(struct file *f)
{
    while (f->first) {
        struct change *c = f->first;
        f->first = c->next;
        free(c->data);
        free(c);
    }
    f->last = &f->first;
}

void disk_free(struct disk *d)
{
    for (size_t i = 0; i < d->n_files; i++) {
        forget_changes(&d->files[i]);
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

/* ---- contents ---- */

static void image_write(struct image *i, size_t offset, const void *data,
                        size_t len)
{
    if (offset + len > i->cap) {
        i->cap = 2 * (offset + len);
        i->data = realloc(i->data, i->cap);
        assert(i->data);
    }
    if (offset > i->len)
        memset(i->data + i->len, 0, offset - i->len);
    if (len)
        memcpy(i->data + offset, data, len);
    if (offset + len > i->len)
        i->len = offset + len;
}

static void image_cut(struct image *i, size_t len)
{
    if (len <= i->len)
        i->len = len;
    else
        image_write(i, len, NULL, 0); /* grows by zeros */
}

static void change_apply(struct image *i, const struct change *c)
{
    if (c->data)
        image_write(i, c->offset, c->data, c->len);
    else
        image_cut(i, c->offset);
}

static void change_add(struct file *f, size_t offset, const void *data,
                       size_t len)
{
    struct change *c = calloc(1, sizeof *c);
    assert(c);
    *c = (struct change){ .offset = offset, .len = len };
    if (data) {
        c->data = malloc(len ? len : 1);
        assert(c->data);
        memcpy(c->data, data, len);
    }
    *f->last = c;
    f->last = &c->next;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *s)
{
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void apply_sectors(struct image *i, const struct change *c,
                          uint64_t *seed)
{
    for (size_t at = 0; at < c->len;) {
        const size_t room = SECTOR - (c->offset + at) % SECTOR;
        const size_t n = c->len - at < room ? c->len - at : room;
        if (next_random(seed) & 1)
            image_write(i, c->offset + at, c->data + at, n);
        at += n;
    }
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
    struct file *f = &d->files[d->n_files];
    f->last = &f->first;
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
        image_write(&d->files[file].held, at, bytes, (size_t)n);
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
        change_add(&d->files[d->slot[e->slot]], 0, NULL, 0);
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
    for (const struct change *c = f->first; !failed && c; c = c->next)
        change_apply(&f->held, c);
    forget_changes(f);
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
        change_add(&d->files[d->slot[e->slot]], e->offset, data, e->len);
        break;
    case TRACE_TRUNCATE:
        change_add(&d->files[d->slot[e->slot]], e->offset, NULL, 0);
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
    struct image i = { 0 };
    image_write(&i, 0, f->held.data, f->held.len);
    for (const struct change *c = f->first; c; c = c->next) {
        if (keep == DISK_ALL ||
            ((keep == DISK_WRITES || !c->data) && keep != DISK_NOTHING &&
             next_random(&seed) & 1))
            change_apply(&i, c);
        else if (keep == DISK_SECTORS && c->data)
            apply_sectors(&i, c, &seed);
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
        kept = next_random(&seed) % (n + 1);
    for (const struct naming *c = d->first; c && kept; c = c->next, kept--)
        name_of(&names, c->path)->file = c->file;
    for (size_t i = 0; i < names.n; i++)
        if (names.name[i].file >= 0)
            make_file(d, &names.name[i], keep,
                      seed + (uint64_t)names.name[i].file);
}
