#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/policy/fields.h"
#include "server/policy/scalar.h"

struct loader loader_of(const char *path, struct policy_report *report,
                        struct arena *a)
{
    struct loader l = { .a = a, .report = report, .path = path };
    const char *slash = strrchr(path, '/');
    if (!slash)
        l.folder = ".";
    else if (slash == path)
        l.folder = "/";
    else
        l.folder = arena_strndup(a, path, (size_t)(slash - path));
    l.full = !l.folder;
    return l;
}

static enum err_code is_full(const struct loader *l, struct err *err)
{
    (void)err_set(err, ERR_LIMIT, "%s needs too much memory to load", l->path);
    return err_hint(err, "shorten its lists");
}

static enum err_code cannot_read(const struct loader *l, struct err *err)
{
    (void)err_set(err, ERR_NOT_FOUND, "cannot read %s: %s", l->path,
                  strerror(errno));
    return err_hint(err, "check the path and the file's permissions");
}

/* Fill buf up to `cap`, also from a pipe; the length, or -1. */
static ssize_t read_up_to(int fd, uint8_t *buf, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        const ssize_t got = read(fd, buf + len, cap - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

enum err_code loader_open_file(struct loader *l, const struct yaml_node **root,
                               const uint8_t **bytes, size_t *len,
                               struct err *err)
{
    AUTO_CLOSE int fd = open(l->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot_read(l, err);
    /* One byte more tells a file that is too long or that is growing. */
    struct stat st;
    if (fstat(fd, &st) != 0)
        return cannot_read(l, err);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return cannot_read(l, err);
    }
    const bool sized = S_ISREG(st.st_mode) && st.st_size <= YAML_BYTES_MAX;
    const size_t cap = (sized ? (size_t)st.st_size : YAML_BYTES_MAX) + 1;
    uint8_t *buf = arena_alloc(l->a, cap, 1);
    if (!buf)
        return is_full(l, err);
    const ssize_t got = read_up_to(fd, buf, cap);
    if (got < 0)
        return cannot_read(l, err);
    if (sized && (size_t)got == cap) {
        (void)err_set(err, ERR_NOT_FOUND, "%s changed while it was read",
                      l->path);
        return err_hint(err, "try again once it is written");
    }
    *bytes = buf;
    *len = (size_t)got;
    return loader_open_bytes(l, root, buf, *len, err);
}

enum err_code loader_open_bytes(struct loader *l, const struct yaml_node **root,
                                const void *bytes, size_t len, struct err *err)
{
    struct yaml_node *tree;
    struct err cause;
    const enum err_code code = yaml_tree_parse(&tree, bytes, len, l->a, &cause);
    if (code == ERR_OK) {
        *root = tree;
        return ERR_OK;
    }
    *err = cause;
    if (code != ERR_INVALID)
        return code;
    const struct yaml_place at = { cause.line, cause.col };
    loader_mistake(l, at, arena_strdup(l->a, cause.msg),
                   arena_strdup(l->a, cause.hint));
    return loader_close(l, err);
}

enum err_code loader_close(struct loader *l, struct err *err)
{
    if (l->full)
        return is_full(l, err);
    if (l->report->n == 0)
        return ERR_OK;
    report_sort(l->report);
    return report_err(l->report, l->path, err);
}

void loader_mistake(struct loader *l, struct yaml_place at, const char *msg,
                    const char *fix)
{
    const struct policy_mistake m = {
        .line = at.line, .col = at.col, .msg = msg, .fix = fix
    };
    if (!report_add(l->report, l->a, m))
        l->full = true;
}

void *loader_alloc(struct loader *l, size_t n, size_t size)
{
    void *p = arena_alloc(l->a, n, size);
    if (!p)
        l->full = true;
    return p;
}

const char *loader_quote(struct loader *l, const char *text)
{
    enum { QUOTE_MAX = 60 };
    size_t len = strlen(text);
    const bool cut = len > QUOTE_MAX;
    if (cut) {
        len = QUOTE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    if (!cut && scalar_is_printable(text, len) && !strchr(text, '\n'))
        return text;
    char *copy = arena_printf(l->a, "%.*s%s", (int)len, text, cut ? "..." : "");
    if (!copy) {
        l->full = true;
        return "";
    }
    const bool raw = !scalar_is_printable(copy, strlen(copy));
    for (char *p = copy; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f ||
            (raw && (unsigned char)*p >= 0x80))
            *p = '?';
    return copy;
}

const char *loader_resolve(struct loader *l, const char *path)
{
    const bool as_is =
        path[0] == '/' || strstr(path, "://") || strcmp(l->folder, ".") == 0;
    const char *out = as_is ? arena_strdup(l->a, path)
                            : arena_printf(l->a, "%s/%s", l->folder, path);
    if (!out)
        l->full = true;
    return out;
}
