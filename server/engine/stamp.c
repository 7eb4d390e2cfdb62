#include "server/engine/stamp.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

enum { FOLDERS_MAX = 256, COARSE_S = 3 };
#define NO_FOLDER SIZE_MAX

struct folder {
    char *path;    /* owned */
    size_t parent; /* its place; NO_FOLDER: it is the root */
};

struct stamp_paths {
    size_t n, n_folders;
    char **files; /* owned, each too */
    struct folder folders[FOLDERS_MAX];
};

struct stamp_look {
    struct timespec at;
    const struct stamp_paths *paths;
    struct stat v[]; /* of the files, then of the folders */
};

/* ---- paths ---- */

/* Source: statfs(2), the kernel's include/uapi/linux/magic.h.  Of these rename,
 * link, unlink and write set the inode's time of change. */
static bool is_known(const char *path)
{
    static const uint32_t known[] = {
        0xef53,     /* ext2, ext3, ext4 */
        0x58465342, /* XFS */
        0x9123683e, /* Btrfs */
        0x01021994, /* tmpfs */
        0x794c7630, /* overlayfs */
        0xf2f52010, /* F2FS */
    };
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if ((uint32_t)fs.f_type == known[i])
            return true;
    return false;
}

/* The folder's place, its parents' before it; NO_FOLDER: there is no room. */
static size_t add_folder(struct stamp_paths *p, const char *path)
{
    char each[PATH_MAX];
    size_t parent = NO_FOLDER;
    const size_t len = strlen(path);
    if (len == 0 || len >= sizeof each || path[0] != '/')
        return NO_FOLDER;
    for (size_t end = 1; end <= len; end++) {
        if (end > 1 && end < len && path[end] != '/')
            continue;
        if (end == len && end > 1 && path[end - 1] == '/')
            break;
        memcpy(each, path, end);
        each[end] = '\0';
        size_t i = 0;
        while (i < p->n_folders && strcmp(p->folders[i].path, each) != 0)
            i++;
        if (i == FOLDERS_MAX)
            return NO_FOLDER;
        if (i == p->n_folders) {
            p->folders[i] = (struct folder){ strdup(each), parent };
            if (!p->folders[i].path)
                return NO_FOLDER;
            p->n_folders++;
        }
        parent = i;
    }
    return parent;
}

static bool add_file(struct stamp_paths *p, const char *file)
{
    char folder[PATH_MAX];
    if (strlen(file) >= sizeof folder || !is_known(file))
        return false;
    p->files[p->n] = strdup(file);
    if (!p->files[p->n])
        return false;
    p->n++;
    strcpy(folder, file);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return false;
    slash[slash == folder] = '\0';
    return add_folder(p, folder) != NO_FOLDER;
}

struct stamp_paths *stamp_paths_of(const char *const *files, size_t n)
{
    if (n == 0 || n > STAMP_FILES_MAX)
        return NULL;
    struct stamp_paths *p = calloc(1, sizeof *p);
    bool ok = p && (p->files = calloc(n, sizeof *p->files));
    for (size_t i = 0; ok && i < n; i++)
        ok = add_file(p, files[i]);
    if (ok)
        return p;
    stamp_paths_free(p);
    return NULL;
}

void stamp_paths_free(struct stamp_paths *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->files[i]);
    for (size_t i = 0; i < p->n_folders; i++)
        free(p->folders[i].path);
    free(p->files);
    free(p);
}

/* ---- looks ---- */

struct stamp_look *stamp_look(const struct stamp_paths *p)
{
    const size_t n = p->n + p->n_folders;
    struct stamp_look *l = malloc(sizeof *l + n * sizeof l->v[0]);
    if (!l)
        return NULL;
    l->paths = p;
    (void)clock_gettime(CLOCK_REALTIME, &l->at);
    for (size_t i = 0; i < n; i++) {
        const char *path = i < p->n ? p->files[i] : p->folders[i - p->n].path;
        if (lstat(path, &l->v[i]) != 0 || S_ISLNK(l->v[i].st_mode)) {
            free(l);
            return NULL;
        }
    }
    return l;
}

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec < b.tv_sec ||
           (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static bool is_old(const struct stamp_look *l, size_t i)
{
    struct timespec t = l->v[i].st_ctim;
    if (t.tv_nsec == 0) {
        t.tv_sec += COARSE_S;
    } else {
        t.tv_nsec += STAMP_YOUNG_MS * 1000000L;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
    }
    return is_before(t, l->at);
}

bool stamp_is_old(const struct stamp_look *l)
{
    for (size_t i = 0; i < l->paths->n; i++)
        if (!is_old(l, i))
            return false;
    return true;
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool stamp_is_same(const struct stamp_look *a, const struct stamp_look *b)
{
    if (a->paths != b->paths)
        return false;
    for (size_t i = 0; i < a->paths->n; i++)
        if (a->v[i].st_dev != b->v[i].st_dev ||
            a->v[i].st_ino != b->v[i].st_ino ||
            a->v[i].st_size != b->v[i].st_size ||
            !is_same_time(a->v[i].st_mtim, b->v[i].st_mtim) ||
            !is_same_time(a->v[i].st_ctim, b->v[i].st_ctim))
            return false;
    return true;
}

/* Is it certain that nothing came into or left the folder between? */
static bool is_quiet(const struct stamp_look *a, const struct stamp_look *b,
                     size_t i)
{
    return is_old(a, i) &&
           (!b || is_same_time(a->v[i].st_ctim, b->v[i].st_ctim));
}

bool stamp_is_steady(const struct stamp_look *a, const struct stamp_look *b)
{
    const struct stamp_paths *p = a->paths;
    for (size_t i = 0; i < p->n_folders; i++) {
        const size_t parent = p->folders[i].parent;
        if (b && (a->v[p->n + i].st_dev != b->v[p->n + i].st_dev ||
                  a->v[p->n + i].st_ino != b->v[p->n + i].st_ino))
            return false;
        if (parent != NO_FOLDER && !is_quiet(a, b, p->n + i) &&
            !is_quiet(a, b, p->n + parent))
            return false;
    }
    return true;
}
