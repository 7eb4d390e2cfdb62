#include "tests/lib_example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 256 * 1024 };

static _Noreturn void fail(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    abort();
}

char *example_of(const char *path)
{
    static const char open[] = "```yaml\n";
    static char page[PAGE_MAX + 1];
    FILE *f = fopen(path, "r");
    if (!f)
        fail(path, "cannot be read");
    page[fread(page, 1, PAGE_MAX, f)] = '\0';
    (void)fclose(f);
    const char *from = strstr(page, open);
    const char *to = from ? strstr(from, "\n```\n") : NULL;
    if (!to)
        fail(path, "holds no example");
    from += sizeof open - 1;
    char *example = strndup(from, (size_t)(to - from) + 1);
    if (!example)
        fail(path, "needs more memory");
    return example;
}
