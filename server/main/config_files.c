#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/main/config_parts.h"

enum { POLICIES_MAX = 1000 };

/* --- policies --- */

static int is_policy(const struct dirent *e)
{
    const size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 5 &&
           strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static void add_policy(struct loader *l, struct config *c, const char *path)
{
    if (!path)
        l->full = true;
    else if (c->n_policies < POLICIES_MAX)
        c->policies[c->n_policies++] = path;
}

static void add_folder(struct loader *l, struct config *c, const char *folder,
                       struct yaml_place at)
{
    struct dirent **found;
    const int n = scandir(folder, &found, is_policy, alphasort);
    for (int i = 0; i < n; i++) {
        add_policy(l, c, arena_printf(l->a, "%s/%s", folder, found[i]->d_name));
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    if (n <= 0)
        loader_mistake(l, at,
                       arena_printf(l->a, "the folder '%s' holds no *.yaml",
                                    loader_quote(l, folder)),
                       "put a policy there: 'halftone policy draft' writes a "
                       "first one");
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* A file named by itself and by its folder is one policy. */
static void sort_unique(struct config *c)
{
    size_t n = 0;
    if (c->n_policies > 1)
        qsort(c->policies, c->n_policies, sizeof *c->policies, by_text);
    for (size_t i = 0; i < c->n_policies; i++)
        if (n == 0 || strcmp(c->policies[n - 1], c->policies[i]) != 0)
            c->policies[n++] = c->policies[i];
    c->n_policies = n;
}

void config_list_policies(struct loader *l, struct config_text *t)
{
    struct config *c = &t->c;
    c->policies = loader_alloc(l, POLICIES_MAX, sizeof *c->policies);
    c->n_policies = 0;
    for (size_t i = 0; c->policies && i < t->policies.n; i++) {
        const char *path = t->policies.text[i];
        struct stat st;
        if (stat(path, &st) != 0)
            loader_mistake(l, t->policies.at[i],
                           arena_printf(l->a, "cannot read '%s': %s",
                                        loader_quote(l, path), strerror(errno)),
                           "name a policy file or a folder of them");
        else if (S_ISDIR(st.st_mode))
            add_folder(l, c, path, t->policies.at[i]);
        else
            add_policy(l, c, path);
    }
    if (c->policies)
        sort_unique(c);
}

/* --- secret --- */

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* Make the file whole or not at all: written aside, then linked, so that a
 * crash leaves no short secret and the loser of a race keeps the winner's. */
static bool make_secret(const char *path, char *aside)
{
    uint8_t fresh[sizeof(((struct config *)0)->secret)];
    if (RAND_priv_bytes(fresh, sizeof fresh) != 1)
        return false;
    AUTO_CLOSE int fd = mkostemp(aside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return false;
    const bool made = write_all(fd, fresh, sizeof fresh) &&
                      (link(aside, path) == 0 || errno == EEXIST);
    const int cause = errno;
    (void)unlink(aside);
    OPENSSL_cleanse(fresh, sizeof fresh);
    errno = cause;
    return made;
}

/* NULL when the secret was read; else what is wrong with its file. */
static const char *read_secret(int fd, uint8_t *secret, size_t len)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return "is no regular file";
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return "can be read or written by others";
    if (st.st_uid != geteuid())
        return "belongs to another user";
    if (st.st_size != (off_t)len || read(fd, secret, len) != (ssize_t)len)
        return "does not hold exactly 32 bytes";
    return NULL;
}

void config_open_secret(struct loader *l, struct config_text *t)
{
    const struct yaml_place at =
        yaml_place_of(yaml_tree_find(t->root, "secret"));
    char *aside = arena_printf(l->a, "%s.XXXXXX", t->secret);
    if (!aside) {
        l->full = true;
        return;
    }
    bool made = true;
    if (access(t->secret, F_OK) != 0)
        made = make_secret(t->secret, aside);
    AUTO_CLOSE int fd =
        made ? open(t->secret, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0) {
        loader_mistake(
            l, at,
            arena_printf(l->a, "cannot %s '%s': %s", made ? "read" : "make",
                         loader_quote(l, t->secret), strerror(errno)),
            "name a file in a folder that the server may write");
        return;
    }
    const char *wrong = read_secret(fd, t->c.secret, sizeof t->c.secret);
    if (wrong)
        loader_mistake(l, at,
                       arena_printf(l->a, "the secret '%s' %s",
                                    loader_quote(l, t->secret), wrong),
                       "chmod 600 and chown it to the server's user, or remove "
                       "it: a new one is made");
}
