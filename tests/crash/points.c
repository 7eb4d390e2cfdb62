#include "tests/crash/points.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t points_number(const char *name, uint64_t absent)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : absent;
}

bool points_has(uint64_t i)
{
    const char *text = getenv("CRASH_PART");
    unsigned part, parts;
    char end;
    if (!text)
        return true;
    if (sscanf(text, "%u/%u%c", &part, &parts, &end) != 2 || part < 1 ||
        part > parts) {
        (void)fprintf(stderr, "CRASH_PART is K/N, from 1/N to N/N, not %s\n",
                      text);
        exit(EXIT_FAILURE);
    }
    return i % parts == part - 1;
}
