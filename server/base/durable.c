#include "server/base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"

enum { PATH_CAP = 4096 };

bool durable_name(const char *path)
{
    char folder[PATH_CAP];
    if (strlen(path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, strlen(path) + 1);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    AUTO_CLOSE int fd =
        open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

bool durable_put(int fd, const void *data, size_t len)
{
    const char *bytes = data;
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

bool durable_write(const char *path, const void *data, size_t len,
                   unsigned mode)
{
    char aside[PATH_CAP], real[PATH_CAP];
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        path = realpath(path, real);
        if (!path)
            return false;
    }
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside) {
        errno = ENAMETOOLONG;
        return false;
    }
    AUTO_CLOSE int fd =
        open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    return fd >= 0 && durable_put(fd, data, len) && rename(aside, path) == 0 &&
           durable_name(path);
}

bool durable_again(const char *path)
{
    char block[1 << 16];
    ssize_t n;
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    for (off_t at = 0; (n = pread(fd, block, sizeof block, at)) != 0;) {
        const ssize_t put = n < 0 ? n : pwrite(fd, block, (size_t)n, at);
        if (put > 0)
            at += put;
        else if (errno != EINTR)
            return false;
    }
    return fsync(fd) == 0;
}
