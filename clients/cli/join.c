#include "clients/cli/join.h"

#include <string.h>

const char *join(char *const *texts, size_t n, const char *between,
                 struct arena *a)
{
    size_t room = 1;
    for (size_t i = 0; i < n; i++)
        room += strlen(texts[i]) + strlen(between);
    char *out = arena_alloc(a, room, 1);
    char *end = out;
    for (size_t i = 0; out && i < n; i++) {
        end = stpcpy(end, i > 0 ? between : "");
        end = stpcpy(end, texts[i]);
    }
    return out;
}
