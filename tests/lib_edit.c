#include "tests/lib_edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *edit_text(const char *base, const char *find, const char *put)
{
    const char *at = strstr(base, find);
    char *out = NULL;
    if (!at || asprintf(&out, "%.*s%s%s", (int)(at - base), base, put,
                        at + strlen(find)) < 0) {
        fprintf(stderr, "edit_text: no '%s' in the text\n", find);
        abort();
    }
    return out;
}
