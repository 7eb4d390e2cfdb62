#include "tests/crash/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct trace trace_read(const char *path)
{
    struct stat st;
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    struct trace t = { .bytes = malloc((size_t)st.st_size + 1),
                       .len = (size_t)st.st_size };
    for (size_t at = 0; t.bytes && at < t.len;) {
        const ssize_t n = read(fd, t.bytes + at, t.len - at);
        if (n <= 0)
            abort();
        at += (size_t)n;
    }
    (void)close(fd);
    return t;
}

bool trace_next(const struct trace *t, size_t *at, struct trace_event *e,
                const uint8_t **data)
{
    if (*at == t->len)
        return false;
    memcpy(e, t->bytes + *at, sizeof *e);
    *data = t->bytes + *at + sizeof *e;
    *at += sizeof *e + e->len;
    return true;
}
