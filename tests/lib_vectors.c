#include "tests/lib_vectors.h"

#include <stdio.h>
#include <string.h>

bool vectors_each(const char *file, vector_row_fn *row)
{
    char path[256], line[512];
    snprintf(path, sizeof path, "../shared/vectors/%s", file);
    FILE *f = fopen(path, "r");
    if (!f) {
        printf("skipped: no %s\n", path);
        return false;
    }
    for (bool header = true; fgets(line, sizeof line, f); header = false) {
        if (header)
            continue;
        line[strcspn(line, "\r\n")] = 0;
        char *field[VECTOR_FIELDS], *rest = line;
        for (size_t i = 0; i < VECTOR_FIELDS; i++) {
            char *next = strsep(&rest, ",");
            field[i] = next ? next : line + strlen(line);
        }
        row(field);
    }
    fclose(f);
    return true;
}
